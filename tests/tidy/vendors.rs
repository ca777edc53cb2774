//! A fence on words: the names of vendors, their markup, limits and answers stand in `notify` alone; and the work that
//! `notify` leaves to others.

use super::{fail_on, lines_with, sources};

/// The names of vendors, and words of their interfaces: keys, fields, markup and its escapes.
const WORDS: [&str; 29] = [
    "wecom",
    "wechat",
    "weixin",
    "企业微信",
    "dingtalk",
    "钉钉",
    "feishu",
    "飞书",
    "larksuite",
    "telegram",
    "slack",
    "discord",
    "ntfy",
    "gotify",
    "pushover",
    "serverchan",
    "pushplus",
    "mattermost",
    "errcode",
    "msgtype",
    "parse_mode",
    "markdown",
    "webhook_url",
    "qyapi",
    "mentioned_list",
    "&lt;",
    "＠",
    "＜",
    "＿",
];

/// The exceptions, each with its reason.
const EXCEPTIONS: [(&str, &str); 2] = [
    ("src/settings/mask.rs", "a file that cannot be parsed holds the secret of that key, too"),
    ("src/cli/options.rs", "its comments are the help and the man page, which say what the program is for"),
];

/// A file without its tests, which have real configurations and answers.
fn without_tests<'a>(path: &str, text: &'a str) -> &'a str {
    if path.ends_with("/tests.rs") || path.contains("/tests/") {
        return "";
    }
    text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default()
}

#[test]
fn no_vendor_is_named_outside_of_notify() {
    let mut complaints = Vec::new();
    let mut needed = Vec::new();
    for file in sources().iter().filter(|file| file.top() != "notify") {
        for (number, line) in without_tests(&file.path, &file.text).lines().enumerate() {
            let line = line.to_lowercase();
            // `WeChat Work` is one vendor's name however it is written.
            let squeezed = line.replace([' ', '-', '_'], "");
            let Some(word) = WORDS.iter().find(|word| line.contains(**word) || squeezed.contains(**word)) else {
                continue;
            };
            match EXCEPTIONS.iter().find(|(path, _)| *path == file.path) {
                Some((path, _)) => needed.push(*path),
                None => complaints.push(format!("{}:{}: `{word}` belongs into notify", file.path, number + 1)),
            }
        }
    }
    for (path, why) in EXCEPTIONS {
        if !needed.contains(&path) {
            complaints.push(format!("{path} is no exception any more ({why})"));
        }
    }
    fail_on(&complaints);
}

/// Whoever makes a channel's budget or length outside of `notify` knows a vendor's.
#[test]
fn no_vendors_limit_stands_outside_of_notify() {
    const LIMITS: [&[&str]; 2] = [&["Budget", "{", "attempts", ":"], &["PartLimit", "::"]];
    let mut complaints = Vec::new();
    for file in sources().iter().filter(|file| file.top() != "notify") {
        let last_line = without_tests(&file.path, &file.text).lines().count();
        for limit in LIMITS {
            let lines = lines_with(file, limit).into_iter().filter(|line| *line <= last_line);
            complaints
                .extend(lines.map(|line| format!("{}:{line}: `{}` is a vendor's limit", file.path, limit.concat())));
        }
    }
    fail_on(&complaints);
}

/// A channel gives the orders, and a worker carries them out.
#[test]
fn no_channel_does_any_io() {
    let mut complaints = Vec::new();
    for file in sources().iter().filter(|file| file.top() == "notify") {
        for does in [&["fs"][..], &["net"], &["process"], &["env", "::"], &["io", "::"], &["http", "::", "post"]] {
            for line in lines_with(file, does) {
                complaints.push(format!("{}:{line}: `{}` has no place in a channel", file.path, does.concat()));
            }
        }
    }
    fail_on(&complaints);
}
