//! Takes out of a text whatever looks like a secret, whoever owns it.

use super::without;

const NAMES: [&str; 16] = [
    "key",
    "token",
    "secret",
    "password",
    "passwd",
    "pass",
    "pwd",
    "sign",
    "signature",
    "cookie",
    "session",
    "密钥",
    "密码",
    "口令",
    "令牌",
    "签名",
];

/// The longest of these names, in bytes.
const MAX_NAME: usize = 9;

/// `text` without anything that looks like a secret: values behind a secret's name, and runs of letters and digits that
/// are no word.
pub fn without_tokens(text: &str) -> String {
    let is_of_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let mut secret = Vec::new();
    let mut runs = Vec::new();
    let mut begin = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (begin, is_of_token(c)) {
            (None, true) => begin = Some(at),
            (Some(from), false) => {
                runs.push(from..at);
                begin = None;
            }
            _ => {}
        }
    }
    for run in runs {
        if is_called_secret(&text[..run.start]) || looks_random(&text[run.clone()]) {
            secret.push(run);
        }
    }
    without(text, secret)
}

/// Whether the text before a value says that it is secret: `token=`, `"sendKey": "`, `密码：`.
fn is_called_secret(before: &str) -> bool {
    const ASSIGNS: [char; 4] = ['=', ':', '：', '＝'];
    let name = before.trim_end_matches(|c| ASSIGNS.contains(&c) || " \"'\\".contains(c));
    let assigns = before[name.len()..].contains(ASSIGNS);
    let end = name.len() - name.bytes().rev().take(MAX_NAME).count();
    let end = (end..name.len()).find(|at| name.is_char_boundary(*at)).unwrap_or(end);
    let name = name[end..].to_ascii_lowercase();
    assigns && NAMES.iter().any(|secret| name.ends_with(secret))
}

/// Whether no word, and no name made of words, looks like this.
fn looks_random(run: &str) -> bool {
    let is_long = |part: &str| part.len() >= 20;
    let mixes = run.bytes().any(|byte| byte.is_ascii_digit()) && run.bytes().any(|byte| byte.is_ascii_alphabetic());
    (run.len() >= 16 && mixes) || run.split(['-', '_']).any(is_long)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_token_is_nobodys_business() {
        for (text, told) in [
            ("hint: [1629783954_220_7f6f212507f5dcbb5b45f3aed5a9fc80], from", "hint: […], from"),
            ("hint: [1755605200056773468916791]", "hint: […]"),
            ("key 0f9e8d7c-6b5a-4c3d-9e2f-1a0b9c8d7e6f", "key …"),
            ("access_token=abc&x=1", "access_token=…&x=1"),
            ("{\"token\": \"s3\", \"id\": \"s3\"}", "{\"token\": \"…\", \"id\": \"s3\"}"),
            ("password: hunter2", "password: …"),
            ("{\\\"SendKey\\\": \\\"s3\\\"}", "{\\\"SendKey\\\": \\\"…\\\"}"),
            ("密码：hunter2，令牌=abc", "密码：…，令牌=…"),
            ("no key, no token s3", "no key, no token s3"),
            ("abcdefghijklmnopqrstuvwxyz", "…"),
            ("exceed max length 4096, invalid-parameter-error", "exceed max length 4096, invalid-parameter-error"),
            ("api freq out of limit", "api freq out of limit"),
        ] {
            assert_eq!(without_tokens(text), told);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_tokens_or_none(text in "\\PC{0,80}") {
            let _ = without_tokens(&text);
        }
    }
}
