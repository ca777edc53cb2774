//! Cuts a message into parts that a channel takes. Nothing is dropped: a message over the limit would be lost whole.
//!
//! The cut is between lines; each part has the title, with its number, and the time line. A line that fits into no part
//! is wrapped between two characters. Bytes are counted as the channel writes them.

use super::PartLimit;
use crate::message::{Escape, LATENESS_BYTES, Line, Message};

/// Room in each part for the mark of a late delivery, which a channel may write longer.
const LATENESS_ROOM_BYTES: usize = LATENESS_BYTES + LATENESS_BYTES / 5;

/// Room for ` (999999/999999)`.
const PART_NUMBER_BYTES: usize = 16;

/// A title, a rule or a time line that is longer than this, or than a quarter of the part, is cut or continues among
/// the lines, so that there is always room for lines.
const MAX_FRAME_LINE_BYTES: usize = 1024;

/// The least that a channel's limit may be.
pub const MIN_PART_BYTES: usize = 512;

/// How a channel writes text, and counts it.
#[derive(Clone, Copy)]
struct Ruler<'a> {
    escape: &'a Escape,
    count: fn(&str) -> usize,
}

impl Ruler<'_> {
    fn message(self, message: &Message) -> usize {
        (self.count)(&message.text(self.escape))
    }

    fn line(self, line: &Line) -> usize {
        (self.count)(&line.escaped(self.escape))
    }

    /// Splits off the rest that does not fit.
    fn split_off(self, line: &mut Line, limit: usize) -> Line {
        line.split_off(line.fitting(self.escape, limit, self.count))
    }
}

/// `message` in parts within `limit` less [`LATENESS_ROOM_BYTES`] each, in order; one that fits is left as it is.
pub fn split(message: Message, limit: PartLimit, escape: &Escape) -> Vec<Message> {
    let (most, count): (usize, fn(&str) -> usize) = match limit {
        PartLimit::Bytes(most) => (most, str::len),
        PartLimit::Chars(most) => (most, |text| text.chars().count()),
    };
    let ruler = Ruler { escape, count };
    let room = most.max(MIN_PART_BYTES) - LATENESS_ROOM_BYTES;
    if ruler.message(&message) <= room {
        return vec![message];
    }
    let room = room - PART_NUMBER_BYTES;
    let whole = message.whole();
    let (mut frame, lines) = take_apart(message, MAX_FRAME_LINE_BYTES.min(room / 4), ruler);
    let (mut facts, mut folded) = (std::mem::take(&mut frame.facts), std::mem::take(&mut frame.folded));
    let of_frame = ruler.message(&Message { part: None, ..frame.clone() });
    let pages = paginate(lines, room - of_frame, ruler);
    let of = pages.len();
    let part = |(index, lines)| Message {
        lines,
        part: Some((index + 1, of)),
        facts: std::mem::take(&mut facts),
        folded: std::mem::take(&mut folded),
        whole: (index > 0).then_some(whole),
        ..frame.clone()
    };
    pages.into_iter().enumerate().map(part).collect()
}

/// The message without its lines, for every part, with no line over `limit`; and the lines.
fn take_apart(mut message: Message, limit: usize, ruler: Ruler<'_>) -> (Message, Vec<Line>) {
    let mut lines = std::mem::take(&mut message.lines);
    message.rule_width = message.rule_width.min(limit / '━'.len_utf8());
    let rest = ruler.split_off(&mut message.title, limit);
    if !rest.is_empty() {
        lines.insert(0, rest);
    }
    let footer = Line::from(message.footer.clone());
    if ruler.line(&footer) > limit {
        message.footer.clear();
        lines.push(footer);
    }
    (message, lines)
}

/// Fills pages of `room` with lines, each with its line feed, in order.
fn paginate(lines: Vec<Line>, room: usize, ruler: Ruler<'_>) -> Vec<Vec<Line>> {
    let mut pages = vec![Vec::new()];
    let mut left = room;
    for line in lines.into_iter().flat_map(|line| wrap(line, room - 1, ruler)) {
        let length = ruler.line(&line) + 1;
        if length > left {
            pages.push(Vec::new());
            left = room;
        }
        left -= length;
        pages.last_mut().into_iter().for_each(|page| page.push(line.clone()));
    }
    pages
}

/// `line` in pieces within `limit`, cut between characters.
fn wrap(mut line: Line, limit: usize, ruler: Ruler<'_>) -> Vec<Line> {
    let mut pieces = Vec::new();
    loop {
        let rest = ruler.split_off(&mut line, limit);
        pieces.push(std::mem::replace(&mut line, rest));
        if line.is_empty() {
            return pieces;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{self, Kind, Language};
    use proptest::prelude::*;

    /// As a channel that takes HTML writes.
    const HTML: Escape = Escape { own: entity, foreign: entity };

    fn entity(c: char, into: &mut String) {
        match c {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            c => into.push(c),
        }
    }

    const PART_BYTES: usize = 4096;
    const LIMIT_BYTES: usize = PART_BYTES - LATENESS_ROOM_BYTES;

    fn split(message: Message) -> Vec<Message> {
        super::split(message, PartLimit::Bytes(PART_BYTES), &Escape::NONE)
    }

    fn bytes(message: &Message) -> usize {
        message.text(&Escape::NONE).len()
    }

    fn told(parts: &[Message]) -> String {
        parts.iter().flat_map(|part| &part.lines).map(Line::plain).collect()
    }

    fn message(lines: Vec<String>) -> Message {
        Message {
            rule_width: 22,
            footer: "⏰ 报告时间: 2026-02-04 09:00:00".to_owned(),
            ..Message::sample(Kind::Report, "📊 VPS 状态报告 [web-1]", lines.into_iter().map(Line::from).collect())
        }
    }

    #[test]
    fn a_message_that_just_fits_is_left_as_it_is() {
        let room = LIMIT_BYTES - bytes(&message(vec![String::new()]));
        let fits = message(vec!["x".repeat(room)]);
        assert_eq!(bytes(&fits), LIMIT_BYTES);
        assert_eq!(split(fits.clone()), [fits]);
        assert_eq!(split(message(vec!["x".repeat(room + 1)])).len(), 2);
    }

    #[test]
    fn a_long_message_is_cut_between_lines_and_each_part_has_title_and_time() {
        let lines: Vec<String> = (0..300).map(|number| format!("  • app-{number}: ✅ running (healthy)")).collect();
        let whole = message(lines);
        let parts = split(whole.clone());
        assert_eq!(parts.len(), 3);
        for (index, part) in parts.iter().enumerate() {
            let text = part.text(&Escape::NONE);
            assert!(text.len() <= LIMIT_BYTES);
            let start = format!("📊 VPS 状态报告 [web-1] ({}/3)\n", index + 1);
            assert!(text.starts_with(&start) && text.ends_with("\n⏰ 报告时间: 2026-02-04 09:00:00"));
        }
        let same = |part: &Message| (part.id(), part.severity()) == (whole.id(), whole.severity());
        assert!(parts.iter().all(same), "each is a part of one message");
        let cut: Vec<Line> = parts.into_iter().flat_map(|part| part.lines).collect();
        assert_eq!(cut, whole.lines);
    }

    #[test]
    fn an_overlong_line_is_wrapped_between_characters() {
        let line = "长".repeat(3000);
        let parts = split(message(vec!["first".to_owned(), line.clone(), "last".to_owned()]));
        assert_eq!(told(&parts), format!("first{line}last"));
        assert!(parts.iter().all(|part| bytes(part) <= LIMIT_BYTES));
    }

    #[test]
    fn an_overlong_title_and_time_line_leave_room_for_the_lines() {
        let frame = Message { title: "t".repeat(9000).into(), rule_width: 9000, ..message(vec!["middle".to_owned()]) };
        let parts = split(Message { footer: "f".repeat(9000), ..frame });
        let kept = parts[0].title.len();
        assert!((900..=MAX_FRAME_LINE_BYTES).contains(&kept), "{kept}");
        assert_eq!(told(&parts), format!("{}middle{}", "t".repeat(9000 - kept), "f".repeat(9000)));
        assert!(parts.iter().all(|part| bytes(part) <= LIMIT_BYTES));
    }

    #[test]
    fn there_is_room_for_the_longest_mark_of_lateness_and_for_word_of_what_was_set_aside() {
        let whole = message(Vec::new());
        let longest = std::time::Duration::from_micros(u64::MAX);
        for language in [Language::Chinese, Language::English] {
            let late = message::as_told_now(&whole, longest, u32::MAX, language);
            for escape in [&Escape::NONE, &HTML] {
                let longer = late.text(escape).len() - whole.text(escape).len();
                assert!(longer <= LATENESS_ROOM_BYTES, "{late:?}");
            }
        }
    }

    fn line() -> impl Strategy<Value = Line> {
        let foreign = "[\\PC<&]{0,300}".prop_map(|text| Line::foreign(&text));
        ("\\PC{0,700}", foreign).prop_map(|(own, foreign)| Line::from(own) + foreign)
    }

    proptest! {
        #[test]
        fn parts_are_within_the_limit_and_lose_nothing(
            title in line(),
            footer in "\\PC{0,2000}",
            lines in prop::collection::vec(line(), 0..20),
            rule_width in 0..2000usize,
            limit in MIN_PART_BYTES..PART_BYTES,
            has_markup: bool,
            counts_chars: bool,
        ) {
            let escape = if has_markup { &HTML } else { &Escape::NONE };
            let mut expected = title.clone();
            expected = lines.iter().cloned().fold(expected, |expected, line| expected + line);
            let whole = Message { title, rule_width, footer: footer.clone(), lines, ..message(Vec::new()) };
            let part_limit = if counts_chars { PartLimit::Chars(limit) } else { PartLimit::Bytes(limit) };
            let count = |text: String| if counts_chars { text.chars().count() } else { text.len() };
            let parts = super::split(whole, part_limit, escape);
            prop_assert!(parts.iter().all(|part| count(part.text(escape)) <= limit - LATENESS_ROOM_BYTES));
            let told = parts.iter().flat_map(|part| part.lines.clone());
            let told = told.fold(parts[0].title.clone(), |told, line| told + line);
            if parts[0].footer.is_empty() {
                expected = expected + footer;
            }
            prop_assert_eq!(told.escaped(escape), expected.escaped(escape));
        }
    }
}
