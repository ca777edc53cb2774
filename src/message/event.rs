//! Things that happened once: one message for those of one moment.

use super::alert::label;
use super::episode::Wording;
use super::format::size;
use super::{Fact, Language, Line, Words};
use crate::alert::Transition;
use crate::snapshot::{EventDetail, Part, Value};

/// `💥 内存不足(mysql.service): 内核结束了进程 (共 3 次，10:15–10:22)`
pub(super) fn event_lines(transitions: &[&Transition], wording: Wording<'_>) -> Vec<Line> {
    transitions.iter().map(|transition| line(transition, wording)).collect()
}

pub(super) fn fact(transition: &Transition, wording: Wording<'_>) -> Fact {
    Fact::of_event(transition, line(transition, wording))
}

fn line(transition: &Transition, wording: Wording<'_>) -> Line {
    let words = wording.words;
    let label = label(transition, words);
    let Value::Event(detail) = &transition.value else { return label };
    let text = text(detail, words, |time| wording.time_of_day(time));
    let line = if text.is_empty() { label } else { label + ": " + text };
    let times = (detail.times > 1).then(|| words.times(detail.times));
    let facts: Vec<String> = times.into_iter().chain(when(transition, detail, wording)).collect();
    if facts.is_empty() { line } else { line + " (" + facts.join(words.comma) + ")" }
}

/// Its time, or that of the first and of the last one: `10:15`, `10:15–10:22`. `None`: its text has it, or the message.
fn when(transition: &Transition, detail: &EventDetail, wording: Wording<'_>) -> Option<String> {
    let (first, last) = (transition.since, transition.episode.well_since.unwrap_or(transition.since));
    let [from, to] = [first, last].map(|time| wording.time_of_day(time));
    if detail.times > 1 && from != to {
        return Some(from + "–" + &to);
    }
    let is_told = detail.parts.iter().any(|part| matches!(part, Part::At(_)));
    (!is_told && wording.is_late(last)).then_some(to)
}

/// Its text, in which `time` words an instant.
pub(super) fn text(detail: &EventDetail, words: &Words, time: impl Fn(jiff::Timestamp) -> String) -> Line {
    let part = |part: &Part| match part {
        Part::Own { zh, en } => Line::from(match words.language {
            Language::Chinese => zh.to_string(),
            Language::English => en.to_string(),
        }),
        Part::Foreign(text) => Line::foreign(text),
        Part::Bytes(bytes) => size(*bytes).into(),
        Part::Seconds(seconds) => words.duration(*seconds).into(),
        Part::At(at) => time(*at).into(),
    };
    detail.parts.iter().map(part).fold(Line::default(), |text, part| text + part)
}

/// The text in English without its markup, for the log.
pub fn event_in_log(detail: &EventDetail) -> String {
    text(detail, Language::English.words(), |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()).plain().to_owned()
}

#[cfg(test)]
mod tests {
    use jiff::tz::{self, TimeZone};

    use super::*;
    use crate::alert::{Episode, News};
    use crate::message::{Escape, Kind, Style, alerts, digest};
    use crate::metric;
    use crate::rule::{Level, Limit};
    use crate::snapshot::Key;

    fn happened(is_critical: bool) -> Transition {
        let at = "2026-02-04T02:10:00+08:00".parse().unwrap();
        let parts = vec![
            Part::own("停机约 ", "down for "),
            Part::Seconds(240),
            Part::own(" (", " ("),
            Part::At(at),
            Part::own("), 未恢复: ", "), not back: "),
            Part::counted(2, "个容器", "container"),
            Part::own(" ", " "),
            Part::foreign("we`b\n@all"),
        ];
        let detail = if is_critical { EventDetail::critical(parts) } else { EventDetail::new(parts) };
        let level = if is_critical { Level::Critical } else { Level::Warning };
        Transition {
            key: Key::new(metric::MEMORY, "x"),
            news: News::Happened,
            value: Value::Event(Box::new(detail)),
            limit: Limit::None,
            since: at,
            episode: Episode { level, ..Episode::default() },
        }
    }

    fn told(transition: Transition, language: Language) -> Vec<String> {
        let style = Style { language, host: "web-1".to_owned(), zone: TimeZone::fixed(tz::offset(8)) };
        let messages = alerts(&[transition], &style, "2026-02-05T09:00:00+08:00".parse().unwrap());
        assert!(messages.len() == 1 && messages[0].kind == Kind::Event);
        let folded = digest(messages.clone(), &style, "2026-02-05T09:30:00+08:00".parse().unwrap());
        let line = |text: String, place: usize| text.lines().nth(place).unwrap().to_owned();
        let text = messages[0].text(&Escape::NONE);
        vec![line(text.clone(), 0), line(text, 2), line(folded[0].text(&Escape::NONE), 3)]
    }

    #[test]
    fn it_is_worded_in_both_languages_and_a_digest_gives_its_time() {
        let chinese = "📊 内存使用率(x): 停机约 4 分钟 (02-04 02:10), 未恢复: 2 个容器 we`b @all";
        assert_eq!(
            told(happened(false), Language::Chinese),
            ["🔔 VPS 事件 [web-1]".to_owned(), chinese.to_owned(), format!("✉️ 2026-02-04 02:10:00: {chinese}")]
        );
        let english = "📊 Memory usage(x): down for 4 min (02-04 02:10), not back: 2 containers we`b @all";
        assert_eq!(told(happened(true), Language::English)[..2], ["🚨 VPS Critical Event [web-1]", english]);
    }

    #[test]
    fn what_is_told_later_has_its_time_and_several_have_that_of_the_first_and_the_last() {
        let at = |time: &str| -> jiff::Timestamp { format!("2026-02-04T{time}+08:00").parse().unwrap() };
        let told = |times: u64, [first, last, now]: [&str; 3], parts: &[Part]| {
            let detail = EventDetail { times, ..EventDetail::new(parts.to_vec()) };
            let episode = Episode { well_since: Some(at(last)), ..Episode::default() };
            let transition =
                Transition { since: at(first), episode, value: Value::Event(Box::new(detail)), ..happened(false) };
            let style =
                Style { language: Language::English, host: String::new(), zone: TimeZone::fixed(tz::offset(8)) };
            let wording = Wording::new(&style, at(now));
            let text =
                |wording| line(&transition, wording).plain().trim_start_matches("📊 Memory usage(x): ").to_owned();
            [text(wording), text(wording.without_past())]
        };
        let killed = [Part::own("killed", "killed")];
        let once = |last, now| told(1, [last, last, now], &killed);
        assert_eq!(once("10:15:00", "10:15:59"), ["killed"; 2], "the message has it");
        assert_eq!(once("10:15:00", "10:16:00"), ["killed (10:15)", "killed"], "a digest has it");
        assert_eq!(told(2, ["10:15:00", "10:15:20", "10:15:30"], &killed), ["killed (2 times)"; 2]);
        assert_eq!(told(2, ["10:15:00", "10:15:20", "10:25:00"], &killed)[0], "killed (2 times, 10:15)");
        assert_eq!(told(3, ["10:15:00", "10:22:00", "10:25:00"], &killed), ["killed (3 times, 10:15–10:22)"; 2]);
        let login = [Part::At(at("10:22:00"))];
        assert_eq!(told(1, ["10:22:00", "10:22:00", "10:25:00"], &login), ["10:22"; 2]);
        assert_eq!(told(3, ["10:15:00", "10:22:00", "10:25:00"], &login), ["10:22 (3 times, 10:15–10:22)"; 2]);
    }

    #[test]
    fn the_log_has_it_in_one_line() {
        let logged = |value: &Value| {
            matches!(value, Value::Event(detail)
            if event_in_log(detail) == "down for 4 min (2026-02-03T18:10:00Z), not back: 2 containers we`b @all")
        };
        assert!(logged(&happened(false).value));
    }
}
