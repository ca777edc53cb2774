//! Cuts a message into parts that a channel takes. Nothing is dropped: a message over the limit would be lost whole.
//!
//! The cut is between lines; each part has the title, with its number, and the time line. A line that fits into no part
//! is wrapped between two characters.

use crate::message::Message;

/// Kept free in each part for what a late delivery adds to the title.
pub const LATENESS_ROOM_BYTES: usize = 192;

/// Kept free for ` (999999/999999)`.
const PART_NUMBER_BYTES: usize = 16;

/// A title or time line that is longer goes on among the lines, so that there is always room for these.
const MAX_FRAME_LINE_BYTES: usize = 1024;

/// As many `━` as stay within [`MAX_FRAME_LINE_BYTES`].
const MAX_RULE_WIDTH: usize = MAX_FRAME_LINE_BYTES / '━'.len_utf8();

/// The least that a channel's limit may be, so that a part has room for lines between its title and its time.
pub const MIN_PART_BYTES: usize = 3 * MAX_FRAME_LINE_BYTES + LATENESS_ROOM_BYTES + PART_NUMBER_BYTES + 64;

/// `message` in parts of at most `part_bytes` less [`LATENESS_ROOM_BYTES`] each, in order; one that fits is left as it is.
pub fn split(message: Message, part_bytes: usize) -> Vec<Message> {
    let part_bytes = part_bytes.max(MIN_PART_BYTES);
    if message.text().len() <= part_bytes - LATENESS_ROOM_BYTES {
        return vec![message];
    }
    let (mut frame, lines) = take_apart(message);
    let (mut facts, mut folded) = (std::mem::take(&mut frame.facts), std::mem::take(&mut frame.folded));
    let pages = paginate(lines, room_for_lines(&frame, part_bytes));
    let of = pages.len();
    let part = |(index, lines)| Message {
        lines,
        part: Some((index + 1, of)),
        facts: std::mem::take(&mut facts),
        folded: std::mem::take(&mut folded),
        ..frame.clone()
    };
    pages.into_iter().enumerate().map(part).collect()
}

/// The message without its lines, which every part repeats, and the lines.
fn take_apart(mut message: Message) -> (Message, Vec<String>) {
    let mut lines = std::mem::take(&mut message.lines);
    message.rule_width = message.rule_width.min(MAX_RULE_WIDTH);
    if message.title.len() > MAX_FRAME_LINE_BYTES {
        let end = boundary_before(&message.title, MAX_FRAME_LINE_BYTES);
        lines.insert(0, message.title.split_off(end));
    }
    if message.footer.len() > MAX_FRAME_LINE_BYTES {
        lines.push(std::mem::take(&mut message.footer));
    }
    (message, lines)
}

/// How many bytes of a part are left for lines, the line feed before each counted with it.
fn room_for_lines(frame: &Message, part_bytes: usize) -> usize {
    let frame_bytes = Message { part: None, ..frame.clone() }.text().len();
    part_bytes - LATENESS_ROOM_BYTES - PART_NUMBER_BYTES - frame_bytes
}

/// Fills pages of `room` bytes with lines, in order.
fn paginate(lines: Vec<String>, room: usize) -> Vec<Vec<String>> {
    let mut pages = vec![Vec::new()];
    let mut left = room;
    for line in lines.iter().flat_map(|line| wrap(line, room - 1)) {
        if line.len() + 1 > left {
            pages.push(Vec::new());
            left = room;
        }
        left -= line.len() + 1;
        pages.last_mut().into_iter().for_each(|page| page.push(line.to_owned()));
    }
    pages
}

/// `line` in pieces of at most `limit` bytes, cut between characters.
fn wrap(mut line: &str, limit: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    while line.len() > limit {
        let (piece, rest) = line.split_at(boundary_before(line, limit));
        pieces.push(piece);
        line = rest;
    }
    pieces.push(line);
    pieces
}

/// The last place at or before `limit` where a character begins: at most three bytes before it.
fn boundary_before(text: &str, limit: usize) -> usize {
    (0..=limit).rev().find(|&index| text.is_char_boundary(index)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{self, Kind, Language};
    use proptest::prelude::*;

    const PART_BYTES: usize = 4096;
    const LIMIT_BYTES: usize = PART_BYTES - LATENESS_ROOM_BYTES;

    fn split(message: Message) -> Vec<Message> {
        super::split(message, PART_BYTES)
    }

    fn message(lines: Vec<String>) -> Message {
        Message {
            kind: Kind::Report,
            title: "📊 VPS 状态报告 [web-1]".to_owned(),
            rule_width: 22,
            lines,
            footer: "⏰ 报告时间: 2026-02-04 09:00:00".to_owned(),
            created: jiff::Timestamp::UNIX_EPOCH,
            part: None,
            facts: Vec::new(),
            folded: 0,
        }
    }

    #[test]
    fn a_message_that_just_fits_is_left_as_it_is() {
        let room = LIMIT_BYTES - message(vec![String::new()]).text().len();
        let fits = message(vec!["x".repeat(room)]);
        assert_eq!(fits.text().len(), LIMIT_BYTES);
        assert_eq!(split(fits.clone()), [fits]);
        assert_eq!(split(message(vec!["x".repeat(room + 1)])).len(), 2);
    }

    #[test]
    fn a_long_message_is_cut_between_lines_and_each_part_has_title_and_time() {
        let lines: Vec<String> = (0..300).map(|number| format!("  • app-{number}: ✅ running (healthy)")).collect();
        let parts = split(message(lines.clone()));
        assert_eq!(parts.len(), 3);
        for (index, part) in parts.iter().enumerate() {
            assert!(part.text().len() <= LIMIT_BYTES);
            let start = format!("📊 VPS 状态报告 [web-1] ({}/3)\n", index + 1);
            assert!(part.text().starts_with(&start) && part.text().ends_with("\n⏰ 报告时间: 2026-02-04 09:00:00"));
        }
        let cut: Vec<String> = parts.into_iter().flat_map(|part| part.lines).collect();
        assert_eq!(cut, lines);
    }

    #[test]
    fn an_overlong_line_is_wrapped_between_characters() {
        let line = "长".repeat(3000);
        let parts = split(message(vec!["first".to_owned(), line.clone(), "last".to_owned()]));
        let text: String = parts.iter().flat_map(|part| part.lines.clone()).collect();
        assert_eq!(text, format!("first{line}last"));
        assert!(parts.iter().all(|part| part.text().len() <= LIMIT_BYTES));
    }

    #[test]
    fn an_overlong_title_and_time_line_leave_room_for_the_lines() {
        let frame = Message { title: "t".repeat(9000), rule_width: 9000, ..message(vec!["middle".to_owned()]) };
        let parts = split(Message { footer: "f".repeat(9000), ..frame });
        let text: String = parts.iter().flat_map(|part| part.lines.clone()).collect();
        assert_eq!(text, format!("{}middle{}", "t".repeat(9000 - 1024), "f".repeat(9000)));
        assert!(parts.iter().all(|part| part.text().len() <= LIMIT_BYTES));
    }

    #[test]
    fn there_is_room_for_the_longest_mark_of_lateness_and_for_word_of_what_was_set_aside() {
        let whole = message(Vec::new());
        let longest = std::time::Duration::from_micros(u64::MAX);
        for language in [Language::Chinese, Language::English] {
            let late = message::as_told_now(&whole, longest, u32::MAX, language);
            assert!(late.text().len() - whole.text().len() <= LATENESS_ROOM_BYTES, "{}", late.title);
        }
    }

    proptest! {
        #[test]
        fn parts_are_within_the_limit_and_lose_nothing(
            title in "\\PC{0,2000}",
            footer in "\\PC{0,2000}",
            lines in prop::collection::vec("\\PC{0,1000}", 0..20),
            rule_width in 0..2000usize,
        ) {
            let whole = Message { title: title.clone(), rule_width, footer: footer.clone(), ..message(lines.clone()) };
            let parts = split(whole);
            prop_assert!(parts.iter().all(|part| part.text().len() <= LIMIT_BYTES));
            let told: String = parts.iter().flat_map(|part| part.lines.clone()).collect();
            prop_assert!(title.starts_with(&parts[0].title));
            let mut expected = title[parts[0].title.len()..].to_owned() + &lines.concat();
            expected.push_str(&footer[..footer.len() - parts[0].footer.len()]);
            prop_assert_eq!(told, expected);
        }
    }
}
