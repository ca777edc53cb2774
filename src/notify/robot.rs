//! The parts that the robots of Chinese work chats share: their keys, a keyword that each message must have, and a signature.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::address::{self, Expected};
use super::{full_width, secret_key};
use crate::http;
use crate::message::{Escape, Message};
use crate::secret::{Secret, hmac_sha256};
use crate::settings::{Complaint, Doc, Section, Written, doc};

/// For texts without a way to escape: foreign text has twins of the characters that clients take for a mention or a
/// style.
pub const ESCAPE: Escape = Escape { own, foreign };

fn own(c: char, into: &mut String) {
    if c == '\n' || !c.is_control() {
        into.push(c);
    }
}

fn foreign(c: char, into: &mut String) {
    own(if c == '@' { '＠' } else { full_width(c) }, into);
}

const MAX_KEYWORD_BYTES: usize = 60;

/// The room that a keyword takes, with the blank before it.
pub const KEYWORD_ROOM_BYTES: usize = MAX_KEYWORD_BYTES + 1;

const KEYWORD: Doc = doc(
    "机器人安全设置为“自定义关键词”时，填其中一个；没有该词的消息会加在标题后",
    "one of the robot's keywords, if it has any; a message without it has it behind the title",
);

/// A robot as the configuration has it. `Display` shows its masked address and its keyword.
#[derive(Debug)]
pub struct Robot {
    pub url: Secret,
    /// Of the signature.
    pub secret: Option<Secret>,
    /// Empty: none.
    pub keyword: String,
}

impl Robot {
    /// Reads `url`, `secret` and `keyword`.
    pub fn read(
        section: &mut Section<'_>,
        [url_doc, secret_doc]: [Doc; 2],
        webhook: fn(&str) -> Result<Option<Secret>, Complaint>,
        expected: Expected,
    ) -> Option<Robot> {
        let url = secret_key(section, "url", "webhook", url_doc, webhook, http::masked);
        let secret = secret_key(section, "secret", "key", secret_doc, signing_key, Secret::to_string);
        let keyword = keyword(section);
        let url = url?;
        address::warn_of_unusual(section, "url", &url, expected);
        Some(Robot { url, secret, keyword })
    }

    pub fn secrets(&self) -> Vec<&Secret> {
        [Some(&self.url), self.secret.as_ref()].into_iter().flatten().collect()
    }

    /// The text of `message`, with the keyword in it.
    pub fn text(&self, message: &Message) -> String {
        let (text, keyword) = (message.text(&ESCAPE), &*self.keyword);
        if keyword.is_empty() || text.contains(keyword) {
            return text;
        }
        let (title, rest) = text.split_once('\n').unwrap_or((&text, ""));
        format!("{title} {keyword}\n{rest}")
    }
}

impl fmt::Display for Robot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&http::masked(&self.url))?;
        if self.keyword.is_empty() { Ok(()) } else { write!(f, " with the keyword {}", self.keyword) }
    }
}

/// Reads the key for a keyword of the robot; empty: it has none.
fn keyword(section: &mut Section<'_>) -> String {
    let keyword = section.parse("keyword", KEYWORD, |text| {
        let text = text.trim();
        if text.len() > MAX_KEYWORD_BYTES || text.contains(char::is_control) {
            return Err(Complaint::new("is no keyword of a robot").expected("one word, 60 bytes of UTF-8 at most"));
        }
        Ok(text.to_owned())
    });
    section.holds("keyword", Written::Text(keyword.clone()));
    keyword
}

/// Reads a key of the robot's settings, which is a secret.
fn signing_key(text: &str) -> Result<Option<Secret>, Complaint> {
    match text.trim() {
        "" => Ok(None),
        key if key.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(Some(Secret::new(key))),
        _ => {
            Err(Complaint::new("is no signing key").expected("the key that the robot's settings show, without blanks"))
        }
    }
}

/// HMAC-SHA256 in base64.
pub fn signature(key: &str, text: &str) -> String {
    BASE64_STANDARD.encode(hmac_sha256(key, text))
}
