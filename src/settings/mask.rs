//! Hides secrets in what is shown of a configuration file.
//!
//! It works on lines of text, not on the tree: a file that is not valid YAML, or whose key is misspelt, holds its
//! secrets all the same. Each character of a secret becomes one `*`, so that columns stay what they were.

use super::nearest::nearest;

/// What the template has where the key goes. It is shown, so that the error about it can be understood.
const PLACEHOLDER: &str = "YOUR_KEY";

/// The key whose value is secret, for those who misspell it, and what else such a key may be called.
const SECRET_KEY: &str = "webhook_url";
const SECRET_WORDS: [&str; 4] = ["hook", "secret", "token", "passw"];

/// The groups of a UUID: a WeChat Work robot's key has this shape, though not all its digits need be hexadecimal.
const UUID_GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
const UUID_LENGTH: usize = 36;

/// How many lines up the key of a value that goes on over several lines is looked for.
const MAX_LINES_UP: usize = 64;

/// `text` with what follows a `key=` and what has the shape of a UUID hidden.
pub(super) fn mask(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut shown = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        if starts_with_ignoring_case(rest, "key=") {
            let length = rest.iter().position(|c| ends_value(*c)).unwrap_or(rest.len());
            shown.extend(&rest[..4]);
            shown.push_str(&stars(&rest[4..length]));
            at += length;
        } else if is_uuid(rest) {
            shown.push_str(&stars(&rest[..UUID_LENGTH]));
            at += UUID_LENGTH;
        } else {
            shown.push(chars[at]);
            at += 1;
        }
    }
    shown
}

/// [`mask`] for a line of the file, where the value of a secret's key is hidden too.
pub(super) fn mask_line(line: &str) -> String {
    match after_secret_key(line) {
        Some(at) => mask(&line[..at]) + &mask_value(&line[at..]),
        None => mask(line),
    }
}

/// A secret key's value with its secret hidden: of a URL what follows the `?`, of anything else all; comments are
/// shown.
pub(super) fn mask_value(value: &str) -> String {
    let (value, comment) = value.split_at(value.find(" #").unwrap_or(value.len()));
    let open =
        value.find("://").map_or(0, |scheme| value[scheme..].find('?').map_or(value.len(), |at| scheme + at + 1));
    let (open, secret) = value.split_at(open);
    let hidden = if starts_with_ignoring_case(&secret.chars().take(4).collect::<Vec<_>>(), "key=") {
        mask(secret)
    } else {
        secret.split_inclusive(ends_value).map(|word| stars(&word.chars().collect::<Vec<_>>())).collect()
    };
    mask(open) + &hidden + &mask(comment)
}

/// Whether the first of `lines`, which go up from it, belongs to the value of a secret's key further up: it is
/// indented below that key, or follows one that has no value.
pub(super) fn is_in_secret_value<'t>(lines: impl Iterator<Item = &'t str>) -> bool {
    let mut lines = lines.take(MAX_LINES_UP).filter(|line| !line.trim().is_empty());
    let Some(first) = lines.next() else { return false };
    let mut indentation = indentation_of(first);
    for (index, line) in lines.enumerate() {
        let key_end = after_secret_key(line);
        let has_no_value = key_end.is_some_and(|at| line[at..].trim().is_empty());
        if index == 0 && has_no_value && !first.contains(':') {
            return true;
        }
        if indentation_of(line) < indentation {
            if key_end.is_some() {
                return true;
            }
            indentation = indentation_of(line);
        }
    }
    false
}

/// Where the value of a secret's key begins in `line`, after the colon (a full-width one, too) or equals sign.
fn after_secret_key(line: &str) -> Option<usize> {
    line.match_indices([':', '：', '=']).find_map(|(at, separator)| {
        let before = line[..at].trim_end_matches(['"', '\'', ' ']);
        let word = before.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or(before).to_lowercase();
        let is_secret = word == "key"
            || word.ends_with("_key")
            || SECRET_WORDS.iter().any(|secret| word.contains(secret))
            || nearest(&word, [SECRET_KEY]).is_some();
        is_secret.then_some(at + separator.len())
    })
}

/// As many stars as there are characters, spaces and quotes kept; the placeholder and what is masked already stay.
fn stars(chars: &[char]) -> String {
    let text: String = chars.iter().collect();
    if text.trim_end_matches(ends_value) == PLACEHOLDER || text.starts_with('…') {
        return text;
    }
    chars.iter().map(|c| if ends_value(*c) { *c } else { '*' }).collect()
}

fn ends_value(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '`')
}

fn is_uuid(chars: &[char]) -> bool {
    let mut groups = chars.iter().take(UUID_LENGTH).collect::<String>();
    groups.retain(|c| c.is_ascii_alphanumeric() || c == '-');
    groups.split('-').map(str::len).eq(UUID_GROUPS)
}

fn starts_with_ignoring_case(chars: &[char], word: &str) -> bool {
    chars.len() >= word.len() && chars.iter().zip(word.chars()).all(|(c, of_word)| c.eq_ignore_ascii_case(&of_word))
}

fn indentation_of(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_is_hidden_wherever_it_is() {
        assert_eq!(mask("x?key=abc\" y"), "x?key=***\" y");
        assert_eq!(mask("# 693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa!"), format!("# {}!", "*".repeat(36)));
        assert_eq!(mask("no secret: at-all"), "no secret: at-all");
        assert_eq!(mask("the URL (https://h/send?key=…)"), "the URL (https://h/send?key=…)");
    }

    #[test]
    fn a_secret_keys_value_is_hidden_however_the_key_is_spelt() {
        for line in ["webhook_url: abc-1", "webhok_url: abc-1", "Webhookurl： abc-1", "{a: 1, \"webhook_url\": abc-1"]
        {
            let masked = mask_line(line);
            assert!(masked.ends_with(" *****"), "{masked}");
        }
        assert_eq!(mask_line("webhook_url: 'abc' # mine"), "webhook_url: '***' # mine");
    }

    #[test]
    fn the_path_of_a_url_and_the_placeholder_are_shown() {
        assert_eq!(mask_line("webhook_url: http://h/p?kye=a"), "webhook_url: http://h/p?*****");
        let template = "webhook_url: \"https://h/send?key=YOUR_KEY\"";
        assert_eq!(mask_line(template), template);
    }

    #[test]
    fn a_value_is_found_below_its_key() {
        let below = ["      part", "    \"other", "  webhook_url:", "wechat:"];
        assert!(is_in_secret_value(below.into_iter()));
        assert!(is_in_secret_value(["  abc", "  webhook_url: "].into_iter()));
        assert!(!is_in_secret_value(["  other: abc", "  webhook_url: x", "wechat:"].into_iter()));
        assert!(!is_in_secret_value(["system:", "  webhook_url: x"].into_iter()));
    }

    proptest! {
        #[test]
        fn masking_keeps_every_column(line in "(key=|webhook_url: |[a-f0-9-]{36}|://|\\?|\\PC){0,9}") {
            for masked in [mask(&line), mask_line(&line), mask_value(&line)] {
                prop_assert_eq!(masked.chars().count(), line.chars().count());
            }
        }
    }
}
