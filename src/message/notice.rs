//! Messages about the agent itself, for those who read the group and not the log.

use jiff::Timestamp;

use super::format::name;
use super::{Fact, Kind, Language, Message, Style};

/// A problem is cut here, so that the message stays one part.
const MAX_PROBLEM_CHARS: usize = 160;

/// A reload was refused: `problem` is the first problem of the configuration on disk, with its place.
pub fn configuration_refused(problem: &str, style: &Style, now: Timestamp) -> Message {
    let (title, advice) = match style.language {
        Language::Chinese => ("⚠️ VPS 监控配置无效", "ℹ️ 原配置继续生效；改正之前请勿重启服务，否则将无法启动"),
        Language::English => (
            "⚠️ VPS Monitor: configuration not valid",
            "ℹ️ The previous one stays in force. Correct it before a restart: the service would not start",
        ),
    };
    let problem: String = problem.chars().take(MAX_PROBLEM_CHARS).collect();
    let problem = format!("❌ {}", name(&problem));
    let mut message = style.message(Kind::Notice, title, vec![problem.clone(), advice.to_owned()], now);
    message.facts = vec![Fact::other(&problem, now)];
    message
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn it_names_the_place_and_what_a_restart_would_do() {
        let problem = "/etc/vps-monitor/config.yaml:2:3: error: general: unknown key `chek_interval`";
        for (language, title, advice) in [
            (Language::Chinese, "⚠️ VPS 监控配置无效 [web-1]", "否则将无法启动"),
            (Language::English, "⚠️ VPS Monitor: configuration not valid [web-1]", "would not start"),
        ] {
            let style = Style { language, host: "web-1".to_owned(), zone: TimeZone::UTC };
            let message = configuration_refused(problem, &style, Timestamp::UNIX_EPOCH);
            assert_eq!(message.title, title);
            assert!(message.lines[0].contains("config.yaml:2:3: error: general: unknown key"), "{message:?}");
            assert!(message.lines[1].contains(advice), "{message:?}");
        }
    }

    #[test]
    fn a_hostile_file_makes_a_short_message_of_four_lines() {
        let style = Style { language: Language::Chinese, host: "web-1".to_owned(), zone: TimeZone::UTC };
        let problem = format!("config.yaml:1:1: error: <@all>\n{}", "错".repeat(1000));
        let text = configuration_refused(&problem, &style, Timestamp::UNIX_EPOCH).text();
        assert!(text.lines().count() == 5 && text.len() < 1000 && !text.contains('<'), "{text}");
    }
}
