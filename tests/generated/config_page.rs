//! vps-monitor-config(5), made from the template: each key with its default and the template's English words for it.

use super::roff;

const HEAD: &str = include_str!("vps-monitor-config.5.head");
const TAIL: &str = include_str!("vps-monitor-config.5.tail");

/// The whole page. A line of the template is `key: default  # 中文 / English`; words that belong to a key and are too
/// long for its line stand above or below it, and are in the page's hand-written parts.
pub fn page(template: &str) -> String {
    let mut page = HEAD.to_owned();
    let mut path: Vec<&str> = Vec::new();
    for line in template.lines() {
        let text = line.trim_start();
        let depth = (line.len() - text.len()) / 2;
        let Some((key, rest)) = text.split_once(':').filter(|(key, _)| is_key(key)) else { continue };
        path.truncate(depth);
        path.push(key);
        let (default, words) = rest.split_once("  #").unwrap_or((rest, ""));
        if depth == 0 {
            page.push_str(&format!(".SS {}\n", roff(key)));
        } else if !(default.trim().is_empty() && words.is_empty()) {
            page.push_str(&entry(&path.join("."), default.trim(), words));
        }
    }
    page + TAIL
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

fn entry(path: &str, default: &str, words: &str) -> String {
    let english = words.rsplit_once(" / ").map_or("", |(_, english)| english).trim();
    let english = match (english, path.rsplit('.').next()) {
        ("", Some("enabled")) => "true or false",
        ("", Some("webhook_url")) => "the robot's webhook: see THE WEBHOOK below",
        ("", Some("socket")) => "the Docker Engine's Unix socket",
        (english, _) => english,
    };
    let default = if default.is_empty() { String::new() } else { format!(" (default: \\fB{}\\fR)", roff(default)) };
    format!(".TP\n\\fB{}\\fR{default}\n{}\n", roff(path), roff(english))
}
