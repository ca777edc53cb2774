//! Hides secrets in the shown parts of a configuration file.
//!
//! It works on lines of text, not on the tree: a file that is not valid YAML, or whose key is misspelt, holds its
//! secrets all the same. A line with the value of a secret's key is not shown at all; elsewhere each character of a
//! likely secret becomes one `*`, so that columns stay the same.

use super::nearest::nearest;

/// The template's placeholder for the key. It is shown, so that the error about it can be understood.
const PLACEHOLDER: &str = "YOUR_KEY";

/// The key whose value is secret, its misspellings, and other names for such a key.
const SECRET_KEY: &str = "webhook_url";
const SECRET_WORDS: [&str; 4] = ["hook", "secret", "token", "passw"];

/// A value that names the place of a secret, and is not one itself.
const PLACES: [&str; 3] = ["credential:", "file:", "env:"];

/// The groups of a UUID: a robot's key has this shape, though not all its digits need be hexadecimal.
const UUID_GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
const UUID_LENGTH: usize = 36;

/// The shortest run of letters and digits that is taken for a key.
const MIN_KEY_CHARS: usize = 12;

/// The number of lines above a value of several lines in which its key is looked for.
const MAX_LINES_UP: usize = 64;

/// `text` with `*` for anything that may be a secret: the value of a `key=`, text in the shape of a UUID or of another
/// key, and everything in a URL but its host.
pub(super) fn mask(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut shown = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        let length = rest.iter().position(|c| ends_value(*c)).unwrap_or(rest.len());
        if rest.starts_with(&[':', '/', '/']) && !shown.ends_with("unix") {
            shown.push_str(&masked_url(&rest[..length]));
            at += length;
        } else if starts_with_ignoring_case(rest, "key=") {
            shown.extend(&rest[..4]);
            shown.push_str(&stars(&rest[4..length]));
            at += length;
        } else if is_uuid(rest) {
            shown.push_str(&stars(&rest[..UUID_LENGTH]));
            at += UUID_LENGTH;
        } else if let Some(length) = key_length(&chars[..at], rest) {
            shown.push_str(&stars(&rest[..length]));
            at += length;
        } else {
            shown.push(chars[at]);
            at += 1;
        }
    }
    shown
}

/// A URL from its `://` on: a user's name and password are secret, and so is everything behind the host.
fn masked_url(url: &[char]) -> String {
    let authority_end = url.iter().skip(3).position(|c| matches!(c, '/' | '?' | '#')).map_or(url.len(), |at| at + 3);
    let (authority, rest) = url.split_at(authority_end);
    let host = authority.iter().rposition(|c| *c == '@').unwrap_or(2) + 1;
    // The slash alone reveals nothing.
    let (slash, rest) = rest.split_at(rest.len().min(1));
    let mut shown = "://".to_owned() + &stars(&authority[3..host.max(3)]);
    shown.extend(authority[host.max(3)..].iter().chain(slash));
    shown + &stars(rest)
}

/// Whether the first of `lines`, which go up from it, holds a secret: the value of a secret's key, or a part of one
/// that began further up, because it is indented below that key or follows one without a value.
pub(super) fn holds_secret<'t>(lines: impl Iterator<Item = &'t str>) -> bool {
    let mut lines = lines.take(MAX_LINES_UP).filter(|line| !line.trim().is_empty());
    let Some(first) = lines.next() else { return false };
    if let Some(value) = after_secret_key(first) {
        return is_secret(value);
    }
    let mut indentation = indentation_of(first);
    for (index, line) in lines.enumerate() {
        let value = after_secret_key(line);
        // Its value is below it, or continues there without indentation: an editor broke the line.
        if index == 0 && value.is_some() && !first.contains(':') {
            return true;
        }
        if indentation_of(line) < indentation {
            if value.is_some() {
                return true;
            }
            indentation = indentation_of(line);
        }
    }
    false
}

/// Whether the text behind a secret's key is a secret: neither empty, nor the template's placeholder, nor the name of a
/// place.
fn is_secret(value: &str) -> bool {
    let value = value.split(" #").next().unwrap_or(value).trim_matches(ends_value);
    let is_placeholder = value.split_once(PLACEHOLDER).is_some_and(|(_, rest)| rest.is_empty());
    !(value.is_empty() || is_placeholder || PLACES.iter().any(|place| value.starts_with(place)))
}

/// The value of a secret's key in `line`, after the colon (a full-width one, too) or equals sign.
fn after_secret_key(line: &str) -> Option<&str> {
    line.match_indices([':', '：', '=']).find_map(|(at, separator)| {
        let before = line[..at].trim_end_matches(['"', '\'', ' ']);
        let word = before.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or(before).to_lowercase();
        let is_secret = matches!(&*word, "key" | "url")
            || word.ends_with("_key")
            || SECRET_WORDS.iter().any(|secret| word.contains(secret))
            || nearest(&word, [SECRET_KEY]).is_some();
        is_secret.then(|| &line[at + separator.len()..])
    })
}

/// A star for each character; the placeholder at the end stays.
fn stars(chars: &[char]) -> String {
    let text: String = chars.iter().collect();
    let shown = if text.ends_with(PLACEHOLDER) { PLACEHOLDER } else { "" };
    "*".repeat(chars.len() - shown.len()) + shown
}

fn ends_value(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '`')
}

fn is_uuid(chars: &[char]) -> bool {
    let mut groups = chars.iter().take(UUID_LENGTH).collect::<String>();
    groups.retain(|c| c.is_ascii_alphanumeric() || c == '-');
    groups.split('-').map(str::len).eq(UUID_GROUPS)
}

/// The length of the beginning of `rest` that looks like a key: no word mixes so many letters and digits.
fn key_length(before: &[char], rest: &[char]) -> Option<usize> {
    let is_of_key = |c: &char| c.is_ascii_alphanumeric();
    if before.last().is_some_and(is_of_key) {
        return None;
    }
    let length = rest.iter().take_while(|c| is_of_key(c)).count();
    let run = &rest[..length];
    let mixes = run.iter().any(char::is_ascii_digit) && run.iter().any(char::is_ascii_alphabetic);
    (length >= MIN_KEY_CHARS && mixes).then_some(length)
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
        assert_eq!(mask("- relay/Zk7qWm3xRt9pLv2.send"), "- relay/***************.send");
        for text in [
            "no secret: at-all",
            "249662c60a0_shop-web-container-1",
            "1234567890123456",
            "abcdefghijklmnop",
            "aa11\u{e4}22bb33cc",
        ] {
            assert_eq!(mask(text), text);
        }
    }

    #[test]
    fn of_a_url_the_host_alone_is_shown() {
        for (url, masked) in [
            ("http://h.example/p?kye=a", "http://h.example/*******"),
            ("a: \"https://u:p@h.example:8/hook/abc\" # c", "a: \"https://****h.example:8/********\" # c"),
            ("https://h.example", "https://h.example"),
            ("https://h.example?token=a", "https://h.example?*******"),
            ("unix:///var/run/docker.sock", "unix:///var/run/docker.sock"),
            ("https://h.example/send?key=YOUR_KEY", "https://h.example/*********YOUR_KEY"),
            ("https://a@b@h.example/", "https://****h.example/"),
            ("://", "://"),
        ] {
            assert_eq!(mask(url), masked);
        }
    }

    #[test]
    fn a_line_with_a_secret_is_known_however_its_key_is_spelt() {
        let is_secret = |line: &str| holds_secret([line].into_iter());
        for line in [
            "webhook_url: abc-1",
            "webhok_url: abc-1",
            "Webhookurl： abc-1",
            "{a: 1, \"webhook_url\": abc-1",
            "webhook_url:abc-1",
            "  token = \"abc\"",
            "  url: abc",
            "webhook_url: \"https://relay.example.com/hook/abc\" # mine",
        ] {
            assert!(is_secret(line), "{line}");
        }
        for line in [
            "webhook_url:",
            "webhook_url: \"\" # none",
            "webhook_url: \"https://h.example/send?key=YOUR_KEY\"",
            "webhook_url: credential:webhook",
            "webhook_url: env:WEBHOOK",
            "hostname: web-1",
        ] {
            assert!(!is_secret(line), "{line}");
        }
    }

    #[test]
    fn a_value_is_found_below_its_key() {
        let below = ["      part", "    \"other", "  webhook_url:", "wechat:"];
        assert!(holds_secret(below.into_iter()));
        assert!(holds_secret(["  abc", "  webhook_url: "].into_iter()));
        assert!(holds_secret(["abc\"", "  webhook_url: \"https://relay.exampl"].into_iter()));
        assert!(!holds_secret(["  other: abc", "  webhook_url: x", "wechat:"].into_iter()));
        assert!(!holds_secret(["system:", "  webhook_url: x"].into_iter()));
    }

    proptest! {
        #[test]
        fn masking_keeps_every_column(line in "(key=|webhook_url: |[a-f0-9-]{36}|://|@|/|\\?|YOUR_KEY|\\PC){0,9}") {
            prop_assert_eq!(mask(&line).chars().count(), line.chars().count());
        }

        #[test]
        fn no_part_of_a_url_but_its_host_is_shown(path in "[a-zA-Z0-9/?=&._-]{0,30}", user in "([a-z]{1,5}:[a-z]{3,9}@)?") {
            let secret = format!("/{path}S3CR3T");
            let masked = mask(&format!("x: 'https://{user}relay.example.com{secret}'"));
            prop_assert!(masked.contains("relay.example.com/") && !masked.contains("S3CR3T"), "{}", masked);
            prop_assert!(user.is_empty() || !masked.contains(&user), "{}", masked);
        }
    }
}
