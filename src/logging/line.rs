//! One log line: a head, and a message in which nothing can start another line.
//!
//! Messages quote what came from outside (container names, health output, replies), so here is where line ends, escape
//! sequences and sheer length stop. What the head says is the caller's.

use std::fmt::{self, Arguments, Write};

/// The longest line in bytes. rsyslogd cuts at 8 KiB unless told otherwise (its `$MaxMessageSize`).
pub const LINE_BYTES_MAX: usize = 8 * 1024;

/// Shown at the end of a line that was cut.
const CUT: char = '…';

/// The head followed by the message: one line without its end, of at most [`LINE_BYTES_MAX`] bytes.
pub fn compose(head: &str, message: Arguments) -> String {
    let mut line = Line { text: head.to_owned() };
    // An error means that the line is full and cut, or that a Display gave up: what there is of it is the line.
    let _ = line.write_fmt(message);
    line.text.truncate(line.text.trim_end().len());
    line.text
}

struct Line {
    text: String,
}

impl fmt::Write for Line {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        for character in part.chars() {
            if self.text.len() + character.len_utf8() + CUT.len_utf8() > LINE_BYTES_MAX {
                self.text.push(CUT);
                return Err(fmt::Error);
            }
            self.text.push(if ends_a_line(character) { ' ' } else { character });
        }
        Ok(())
    }
}

/// Control characters, and the two separators that Unicode has for lines and paragraphs.
fn ends_a_line(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn control_characters_become_spaces() {
        let message = "one\ntwo\r\nthree\u{1b}[31m\u{0}\u{85}\u{2028}four\n\n";
        assert_eq!(compose("head: ", format_args!("{message}")), "head: one two  three [31m   four");
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
        assert_eq!(line.matches(CUT).count(), 1);
        assert!(line.len() <= LINE_BYTES_MAX);
    }

    proptest! {
        #[test]
        fn any_message_makes_one_bounded_line(message in ".{0,200}", repeat in 0_usize..100) {
            let line = compose("head: ", format_args!("{}", message.repeat(repeat)));
            prop_assert!(line.len() <= LINE_BYTES_MAX);
            prop_assert!(!line.contains(ends_a_line));
            prop_assert!(line.starts_with("head:"));
        }
    }
}
