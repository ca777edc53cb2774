//! Messages about the agent itself, for people who read the group and not the log.

use jiff::Timestamp;

use super::{Fact, Kind, Language, Line, Message, Style, time};

/// The bound of a problem, so that the message stays one part.
const MAX_PROBLEM_CHARS: usize = 160;

/// A reload was refused: `problem` is the first problem of the configuration on disk, with its place.
pub fn configuration_refused(problem: &str, style: &Style, now: Timestamp) -> Message {
    let (title, advice) = match style.language {
        Language::Chinese => ("⚠️ VPS 监控配置无效", "ℹ️ 原配置继续生效，直到下次重启；请在此之前改正"),
        Language::English => (
            "⚠️ VPS Monitor: configuration not valid",
            "ℹ️ The previous one stays in force until the next restart. Correct the file before that",
        ),
    };
    let problem = Line::from("❌ ") + Line::foreign(problem).first_chars(MAX_PROBLEM_CHARS);
    let mut message = style.message(Kind::Notice, title, vec![problem.clone(), advice.into()], now);
    message.facts = vec![Fact::other(problem, now)];
    message
}

/// The remains of a damaged state.
#[derive(Clone, Copy, Debug)]
pub struct LostState<'a> {
    /// The name under which the file was kept.
    pub kept_as: Option<&'a str>,
    pub saved: Option<Timestamp>,
    /// The titles of the messages that waited in it, as far as they can be read.
    pub titles: &'a [String],
    pub messages: usize,
}

/// The number of lost messages whose titles are shown.
const MAX_TITLES: usize = 5;
const MAX_TITLE_CHARS: usize = 60;

/// The state was damaged, and its content is lost: `messages` waited, of which `titles` are the first.
pub fn state_lost(lost: LostState<'_>, style: &Style, now: Timestamp) -> Message {
    let saved = lost.saved.map(|saved| time(saved, &style.zone));
    let kept = |lost_words: &'static str, kept_words: &'static str| match lost.kept_as {
        None => Line::from(lost_words),
        Some(name) => Line::from(kept_words) + Line::foreign(name),
    };
    let (title, what, advice) = match style.language {
        Language::Chinese => (
            "⚠️ VPS 监控状态丢失",
            kept("❌ 状态文件已损坏，且无法另存", "❌ 状态文件已损坏，另存为 "),
            "ℹ️ 仍存在的问题会重新告警",
        ),
        Language::English => (
            "⚠️ VPS Monitor: state lost",
            kept("❌ The state file is damaged and could not be kept", "❌ The state file is damaged, kept as "),
            "ℹ️ What is still wrong is alerted again",
        ),
    };
    let mut lines = vec![what.clone()];
    lines.extend(saved.map(|saved| match style.language {
        Language::Chinese => format!("🕒 上次保存: {saved}").into(),
        Language::English => format!("🕒 Last saved: {saved}").into(),
    }));
    if lost.messages > 0 {
        let count = match style.language {
            Language::Chinese => format!("📭 未送达的消息: {} 条", lost.messages),
            Language::English => format!("📭 Undelivered messages: {}", lost.messages),
        };
        lines.push(count.into());
    }
    let title_of = |title: &String| Line::from("  • ") + Line::foreign(title).first_chars(MAX_TITLE_CHARS);
    lines.extend(lost.titles.iter().take(MAX_TITLES).map(title_of));
    lines.push(advice.into());
    let mut message = style.message(Kind::Notice, title, lines, now);
    message.facts = vec![Fact::other(what, now)];
    message
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::message::Escape;

    #[test]
    fn it_names_the_place_and_how_long_the_previous_one_stays() {
        let problem = "/etc/vps-monitor/config.yaml:2:3: error: general: unknown key `chek_interval`";
        for (language, title, advice) in [
            (Language::Chinese, "⚠️ VPS 监控配置无效 [web-1]", "直到下次重启"),
            (Language::English, "⚠️ VPS Monitor: configuration not valid [web-1]", "until the next restart"),
        ] {
            let style = Style { language, host: "web-1".to_owned(), zone: TimeZone::UTC };
            let message = configuration_refused(problem, &style, Timestamp::UNIX_EPOCH);
            assert_eq!(message.title, title);
            assert!(message.lines[0].plain().contains("config.yaml:2:3: error: general: unknown key"), "{message:?}");
            assert!(message.lines[1].plain().contains(advice), "{message:?}");
        }
    }

    #[test]
    fn a_hostile_file_makes_a_short_message_of_four_lines() {
        let style = Style { language: Language::Chinese, host: "web-1".to_owned(), zone: TimeZone::UTC };
        let problem = format!("config.yaml:1:1: error: <@all>\n{}", "错".repeat(1000));
        let text = configuration_refused(&problem, &style, Timestamp::UNIX_EPOCH).text(&Escape::NONE);
        assert!(text.lines().count() == 5 && text.len() < 1000, "{text}");
    }
}
