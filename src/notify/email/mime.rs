//! A mail's text: its header, and a message as plain text and as HTML (RFC 2045 to 2047).
//!
//! All of it is ASCII with lines of at most 76 characters, which every server takes, but for addresses that are not (RFC 6532).
//! No value of a header can hold a line's end: the addresses are checked, and foreign text stands in encoded words alone.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;

use super::PLAIN;
use crate::http::{self, BodyPart};
use crate::message::{Escape, Message, Severity};
use crate::notify::PICTURE_NAME;

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

/// A mail without a picture.
pub fn mail(message: &Message, from: &str, to: &[String], now: Timestamp) -> String {
    write(message, from, to, now, false).concat()
}

/// A mail whose HTML has the picture in it (RFC 2387, RFC 2392).
pub fn illustrated(message: &Message, from: &str, to: &[String], now: Timestamp) -> Vec<BodyPart> {
    let [before, after] = write(message, from, to, now, true);
    vec![BodyPart::Text(before), BodyPart::Base64Lines, BodyPart::Text(after)]
}

/// The mail before the picture's data, and behind it.
fn write(message: &Message, from: &str, to: &[String], now: Timestamp, has_picture: bool) -> [String; 2] {
    let domain = from.rsplit('@').next().unwrap_or_default();
    let thread = format!("<{:016x}@{domain}>", message.id());
    // The same if the mail is sent again, so that a reader who has it twice sees it once.
    let place = message.part.map_or(0, |(number, _)| number);
    let created = message.created.as_microsecond();
    let number = format!("{:016x}.{created}.{}.{place}", message.id(), message.kind.name());
    let boundary = format!("=_{:016x}_{created}", message.id());
    let date = rfc2822::to_string(&now.to_zoned(TimeZone::UTC)).unwrap_or_default();
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
    let picture = has_picture.then(|| format!("picture.{number}@vps-monitor"));
    let (text, html) = (message.text(&PLAIN), html(message, picture.as_deref()));
    mail += &part(&boundary, TEXT, &text_lines(&text));
    let Some(picture) = picture else {
        mail += &part(&boundary, HTML_TEXT, &text_lines(&html));
        return [mail, format!("\r\n--{boundary}--\r\n")];
    };
    let inner = format!("{boundary}_r");
    let related = format!("Content-Type: multipart/related; type=\"text/html\";\r\n boundary=\"{inner}\"\r\n");
    mail += &part(&boundary, &related, "");
    mail += &part(&inner, HTML_TEXT, &text_lines(&html));
    let of_picture = format!(
        "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <{picture}>\r\n\
         Content-Disposition: inline; filename=\"{PICTURE_NAME}\"\r\n"
    );
    mail += &part(&inner, &of_picture, "");
    [mail, format!("\r\n--{inner}--\r\n\r\n--{boundary}--\r\n")]
}

const TEXT: &str = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n";
const HTML_TEXT: &str = "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n";

/// A part of a mail (RFC 2046), whose lines all end.
fn part(boundary: &str, headers: &str, content: &str) -> String {
    format!("\r\n--{boundary}\r\n{headers}\r\n{content}")
}

fn text_lines(text: &str) -> String {
    http::base64_lines(text.replace('\n', "\r\n").as_bytes())
}

/// `picture` is the picture's Content-ID.
fn html(message: &Message, picture: Option<&str>) -> String {
    let (title, text) = (message.title_text(&HTML), message.body_text(&HTML));
    let color = match message.severity() {
        Severity::Good => "#2ea043",
        Severity::Info => "#5b6b7b",
        Severity::Warning => "#d29922",
        Severity::Critical => "#d1242f",
    };
    let image = picture
        .map_or_else(String::new, |id| format!("<p><img src=\"cid:{id}\" alt=\"\" style=\"max-width:100%\"></p>\n"));
    format!(
        "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"></head>\n\
         <body style=\"font-family:sans-serif;font-size:15px;line-height:1.5\">\n\
         <p style=\"border-left:4px solid {color};padding-left:8px\"><b>{title}</b></p>\n\
         <div style=\"white-space:pre-wrap\">{text}</div>\n{image}</body></html>\n"
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
