//! A message as a person reads it.

use super::host::WATCHED;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Alert {
        is_critical: bool,
    },
    Recovery,
    /// The end of a hold.
    Held {
        is_critical: bool,
    },
    Report,
    Digest,
    /// The agent's state was lost.
    Loss,
    /// About the agent itself, or of something that happened.
    Notice,
}

/// In the title of a message that says so.
pub const LOSS: &str = "VPS 监控状态丢失";

/// A message in its parts.
pub struct Message<'a> {
    pub kind: Kind,
    /// How long it waited, where its title says so.
    pub late: Option<&'a str>,
    /// When it was made, as it says.
    pub created: &'a str,
    pub lines: Vec<&'a str>,
}

impl<'a> Message<'a> {
    pub fn read(content: &'a str) -> Message<'a> {
        let title = content.lines().next().unwrap_or_default();
        let kind = [
            ("静默期间的严重告警", Kind::Held { is_critical: true }),
            ("静默期间的告警", Kind::Held { is_critical: false }),
            ("严重告警", Kind::Alert { is_critical: true }),
            ("告警", Kind::Alert { is_critical: false }),
            (LOSS, Kind::Loss),
            ("VPS 恢复", Kind::Recovery),
            ("VPS 状态报告", Kind::Report),
            ("VPS 积压摘要", Kind::Digest),
        ];
        let kind = kind.iter().find(|(word, _)| title.contains(word)).map_or(Kind::Notice, |(_, kind)| *kind);
        let time = |line: &'a str| line.strip_prefix("⏰ 报告时间: ").or_else(|| line.strip_prefix("⏰ 时间: "));
        Message {
            kind,
            late: title.split_once(" (延迟 ").and_then(|(_, rest)| Some(rest.split_once(')')?.0)),
            created: content.lines().rev().find_map(time).unwrap_or_default(),
            lines: content.lines().skip(2).collect(),
        }
    }

    /// Each line about the host with its quantity, and the line behind it.
    pub fn of_host(&self) -> impl Iterator<Item = (usize, &'a str, Option<&'a str>)> {
        let behind = |number: usize| self.lines.get(number + 1).copied();
        self.lines.iter().enumerate().filter_map(move |(number, line)| Some((about(line)?, *line, behind(number))))
    }
}

/// The quantity that a line of the host is about.
pub fn about(line: &str) -> Option<usize> {
    // A unit's has a mark before its name.
    let line = ["❌ ", "✅ "].iter().find_map(|mark| line.strip_prefix(mark)).unwrap_or(line);
    WATCHED.iter().position(|quantity| line.strip_prefix(quantity.label).is_some_and(|rest| rest.starts_with(": ")))
}

/// An alert's past, as the line behind it tells it, without the words: it came back so many times, or the number that was
/// told last, or that it lasts, and its worst number.
pub fn past(line: &str) -> Option<String> {
    let last = || match about_minutes(line) {
        Some(minutes) => format!("{minutes}m"),
        None => line.rsplit([' ']).next().unwrap_or_default().trim_end_matches(')').to_owned(),
    };
    // A state has no number that could be the worst.
    let has_number = ["最高 ", "最短", "at most ", "at worst "].iter().any(|words| line.contains(words));
    if line.contains("🔁") {
        let digits = line.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit);
        Some(format!("🔁 {}", digits.collect::<String>()))
    } else if line.contains("📈") {
        Some(format!("📈 {}", last()))
    } else if line.contains("⏳") {
        Some(if has_number { format!("⏳ {}", last()) } else { "⏳".to_owned() })
    } else {
        None
    }
}

/// The minutes of `约 7 小时` at the end of a line.
fn about_minutes(line: &str) -> Option<i64> {
    let (_, hours) = line.rsplit_once("约 ").or_else(|| line.rsplit_once("about "))?;
    Some(seconds(hours.trim_end_matches(')'))? / 60)
}

/// A line of a digest.
pub struct Digested<'a> {
    /// When it began.
    pub began: &'a str,
    pub is_over: bool,
    /// When it ended, and of how many it is the last.
    pub ended: &'a str,
    pub times: u64,
    pub line: &'a str,
}

impl<'a> Digested<'a> {
    /// `🔴 2026-02-04 15:30:00 起: …`, `🟢 2026-02-04 15:30:00 → 2026-02-04 15:45:00 (15 分钟): …`
    pub fn read(line: &'a str) -> Option<Digested<'a>> {
        if let Some(rest) = line.strip_prefix("🔴 ") {
            let (began, line) = rest.split_once(" 起: ").or_else(|| rest.strip_prefix("since ")?.split_once(": "))?;
            return Some(Digested { began, is_over: false, ended: "", times: 1, line });
        }
        let (began, rest) = line.strip_prefix("🟢 ")?.split_once(" → ")?;
        let (times, line) = rest.split_once("): ")?;
        let (ended, lasted) = times.split_once(" (")?;
        let count = lasted.strip_prefix("共 ").and_then(|rest| rest.strip_suffix(" 次"));
        let times = count.map_or(Some(1), |count| count.parse().ok())?;
        Some(Digested { began, is_over: true, ended, times, line })
    }
}

/// So many seconds, as `2 小时 5 分` or `2 h 5 min` says.
pub fn seconds(duration: &str) -> Option<i64> {
    let mut total = 0;
    let mut words = duration.split(' ');
    while let (Some(number), Some(unit)) = (words.next(), words.next()) {
        let in_seconds = match unit {
            "秒" | "s" => 1,
            "分钟" | "分" | "min" => 60,
            "小时" | "h" => 3600,
            "天" | "d" | "day" | "days" => 86_400,
            _ => return None,
        };
        total += number.parse::<i64>().ok()? * in_seconds;
    }
    Some(total)
}
