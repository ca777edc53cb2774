//! A mail's text: its header, and a message as plain text and as HTML (RFC 2045 to 2047).
//!
//! All of it is ASCII with lines of at most 76 characters, which every server takes. No value of a header can hold a line's
//! end: the addresses are checked, and foreign text stands in encoded words alone.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;

use super::PLAIN;
use crate::message::{Escape, Message, Severity};

/// RFC 2045 section 6.8: 76 characters a line.
const LINE_BYTES: usize = 57;

/// RFC 2047 section 2: a line with encoded words has 76 characters at most, the name of the header included.
const WORD_BYTES: usize = 39;

const HTML: Escape = Escape { own: entity, foreign: entity };

fn entity(c: char, into: &mut String) {
    match c {
        '&' => into.push_str("&amp;"),
        '<' => into.push_str("&lt;"),
        '>' => into.push_str("&gt;"),
        '"' => into.push_str("&quot;"),
        c => (PLAIN.own)(c, into),
    }
}

pub fn mail(message: &Message, from: &str, to: &[String], now: Timestamp) -> String {
    let domain = from.rsplit('@').next().unwrap_or_default();
    let thread = format!("<{:016x}@{domain}>", message.id());
    // The same if the mail is sent again, so that a reader who has it twice sees it once.
    let part = message.part.map_or(0, |(number, _)| number);
    let created = message.created.as_microsecond();
    let number = format!("{:016x}.{created}.{}.{part}", message.id(), message.kind.name());
    let boundary = format!("=_{:016x}_{created}", message.id());
    let date = rfc2822::to_string(&now.to_zoned(TimeZone::UTC)).unwrap_or_default();
    let (text, html) = (message.text(&PLAIN), html(message));
    let mut mail = String::new();
    let mut line = |text: &str| {
        mail.push_str(text);
        mail.push_str("\r\n");
    };
    line(&format!("Date: {date}"));
    line(&format!("From: {from}"));
    line(&format!("To: {}", to.join(",\r\n ")));
    line(&format!("Subject: {}", encoded_words(&message.title_text(&PLAIN))));
    line(&format!("Message-ID: <{number}@{domain}>"));
    // News of the same alerts are one conversation, whose first mail nobody has to have.
    line(&format!("In-Reply-To: {thread}"));
    line(&format!("References: {thread}"));
    line("Auto-Submitted: auto-generated");
    line("X-Auto-Response-Suppress: All");
    if message.severity() == Severity::Critical {
        line("Importance: high");
    }
    line("MIME-Version: 1.0");
    line(&format!("Content-Type: multipart/alternative;\r\n boundary=\"{boundary}\""));
    for (kind, content) in [("plain", &text), ("html", &html)] {
        line("");
        line(&format!("--{boundary}"));
        line(&format!("Content-Type: text/{kind}; charset=utf-8"));
        line("Content-Transfer-Encoding: base64");
        line("");
        content
            .replace('\n', "\r\n")
            .as_bytes()
            .chunks(LINE_BYTES)
            .for_each(|chunk| line(&BASE64_STANDARD.encode(chunk)));
    }
    line("");
    line(&format!("--{boundary}--"));
    mail
}

fn html(message: &Message) -> String {
    let (title, text) = (message.title_text(&HTML), message.body_text(&HTML));
    let color = match message.severity() {
        Severity::Good => "#2ea043",
        Severity::Info => "#5b6b7b",
        Severity::Warning => "#d29922",
        Severity::Critical => "#d1242f",
    };
    format!(
        "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"></head>\n\
         <body style=\"font-family:sans-serif;font-size:15px;line-height:1.5\">\n\
         <p style=\"border-left:4px solid {color};padding-left:8px\"><b>{title}</b></p>\n\
         <div style=\"white-space:pre-wrap\">{text}</div>\n</body></html>\n"
    )
}

/// A header's text in words of base64, one a line.
fn encoded_words(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for c in text.chars().map(|c| if c == '\n' { ' ' } else { c }) {
        if word.len() + c.len_utf8() > WORD_BYTES {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    words.push(word);
    let encoded: Vec<String> =
        words.iter().map(|word| format!("=?utf-8?B?{}?=", BASE64_STANDARD.encode(word))).collect();
    encoded.join("\r\n ")
}
