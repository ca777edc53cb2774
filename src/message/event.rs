//! Things that happened once: one message for those of one moment.

use super::alert::label;
use super::episode::Wording;
use super::format::size;
use super::{Fact, Language, Line, Words};
use crate::alert::Transition;
use crate::snapshot::{EventDetail, Part, Value};

/// `💥 内存不足(mysql.service): 内核结束了 1 个进程 (共 3 次)`
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
    if detail.times > 1 { line + " (" + words.times(detail.times) + ")" } else { line }
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
    fn the_log_has_it_in_one_line() {
        let logged = |value: &Value| {
            matches!(value, Value::Event(detail)
            if event_in_log(detail) == "down for 4 min (2026-02-03T18:10:00Z), not back: 2 containers we`b @all")
        };
        assert!(logged(&happened(false).value));
    }
}
