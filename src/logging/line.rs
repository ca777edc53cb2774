//! One log line: a head, and a message in which nothing can start another line.
//!
//! Messages quote texts from outside (container names, health output, replies). The caller that logs such a text quotes
//! it ([`crate::text::quoted`]). Hidden characters and excessive length end here at the latest. The head is up to the
//! caller.

use std::fmt::{self, Arguments, Write};

use crate::text;

/// The longest line in bytes. rsyslogd cuts at 8 KiB unless told otherwise (its `$MaxMessageSize`).
pub const LINE_BYTES_MAX: usize = 8 * 1024;

const _: () = assert!(2 * text::MAX_BYTES < LINE_BYTES_MAX, "a line holds a name and an error");

/// The head followed by the message: one line without its end, of at most [`LINE_BYTES_MAX`] bytes.
pub fn compose(head: &str, message: Arguments) -> String {
    let mut raw = Raw { text: String::new() };
    // An error means that the text does not fit, or that a Display gave up: the line holds the part so far.
    let _ = raw.write_fmt(message);
    let line = format!("{head}{}", text::shown_within(raw.text.trim_end(), LINE_BYTES_MAX - head.len()));
    line.trim_end().to_owned()
}

/// The part of the message that can fit: no character becomes shorter on its way into the line.
struct Raw {
    text: String,
}

impl fmt::Write for Raw {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        self.text.push_str(text::beginning(part, LINE_BYTES_MAX + 4 - self.text.len()));
        if self.text.len() > LINE_BYTES_MAX { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_hidden_is_shown_and_line_ends_behind_it_are_dropped() {
        let message = "one\ntwo\u{1b}[31m\u{85}\u{2028}\u{202e}three\r\n\n";
        let line = "head: one\\u{a}two\\u{1b}[31m\\u{85}\\u{2028}\\u{202e}three";
        assert_eq!(compose("head: ", format_args!("{message}")), line);
        assert_eq!(compose("head: ", format_args!("{line}")), format!("head: {line}"));
    }

    #[test]
    fn a_long_message_is_cut_between_characters_and_shows_it() {
        let line = compose("head: ", format_args!("{}", "内".repeat(LINE_BYTES_MAX)));
        assert!(line.len() <= LINE_BYTES_MAX && line.len() > LINE_BYTES_MAX - 6, "{} bytes", line.len());
        assert!(line.ends_with("内…"));
    }

    #[test]
    fn a_message_that_is_formatted_in_many_parts_is_cut_once() {
        let line = compose("", format_args!("{0}{0}{0}", "x".repeat(LINE_BYTES_MAX / 2)));
        assert_eq!(line.matches('…').count(), 1);
        assert!(line.len() <= LINE_BYTES_MAX);
    }

    proptest! {
        #[test]
        fn any_message_makes_one_bounded_line(message in ".{0,200}", repeat in 0_usize..100) {
            let line = compose("head: ", format_args!("{}", message.repeat(repeat)));
            prop_assert!(line.len() <= LINE_BYTES_MAX);
            prop_assert_eq!(&line, &text::shown_within(&line, LINE_BYTES_MAX));
            prop_assert!(line.starts_with("head:"));
        }
    }
}
