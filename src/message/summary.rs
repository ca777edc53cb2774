//! An alert in one line of plain text, for those who lay out messages by themselves.

use super::format::short;
use super::{Language, event};
use crate::rule::Limit;
use crate::snapshot::{Key, Value};

/// `内存使用率: 85.2% (阈值: 80%)`, `Container shop-web-1: State: exited (expected: running)`
pub fn summary(key: &Key, value: &Value, limit: &Limit, language: Language) -> String {
    let words = language.words();
    let label = without_emoji(words.label(&key.metric.alert_label));
    let target = crate::text::harmless(&key.target, crate::text::MAX_BYTES);
    let subject = match &*target {
        "" => label.to_owned(),
        target if key.metric.is_of_docker() => format!("{} {target}: {label}", without_emoji(words.container)),
        target => format!("{label}({target})"),
    };
    if let Value::Event(detail) = value {
        let text = event::text(detail, words, |time| format!("{time:.0}"));
        return if text.is_empty() { subject } else { format!("{subject}: {}", text.plain()) };
    }
    let beside = match (value, limit) {
        (Value::Forecast(forecast), _) => Some(words.growth(forecast)),
        (_, Limit::Threshold(limit)) => Some(format!("{}: {}", words.threshold, key.metric.unit.show_limit(*limit))),
        (_, Limit::LeftBytes(least)) => Some(words.left(value.left_bytes(), *least)),
        (_, Limit::Expected(word)) => Some(format!("{}: {word}", words.expected)),
        (_, Limit::None) => None,
    };
    let beside = beside.map(|beside| format!(" ({beside})")).unwrap_or_default();
    format!("{subject}: {}{beside}", short(key.metric, value, words).plain())
}

/// A label without the emoji before it.
pub fn without_emoji(label: &str) -> &str {
    label.trim_start_matches(|c: char| !c.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric;
    use crate::snapshot::ContainerWord;

    #[test]
    fn it_is_one_plain_line_in_the_language_of_the_messages() {
        let memory = Value::Usage { percent: 85.25, used_bytes: 1, total_bytes: 2 };
        let exited = Value::from(ContainerWord::new("exited", "running"));
        let web = Key::new(metric::CONTAINER_STATE, "shop-web\n1");
        for (key, value, limit, zh, en) in [
            (
                Key::whole(metric::MEMORY),
                memory,
                Limit::Threshold(80.0),
                "内存使用率: 85.2% (阈值: 80%)",
                "Memory usage: 85.2% (threshold: 80%)",
            ),
            (
                web,
                exited,
                Limit::Expected("running".into()),
                "容器 shop-web 1: 状态: exited (期望: running)",
                "Container shop-web 1: State: exited (expected: running)",
            ),
            (
                Key::new(metric::INODES, "/data"),
                Value::Number(93.0),
                Limit::None,
                "inode 使用率(/data): 93.0%",
                "Inode usage(/data): 93.0%",
            ),
        ] {
            assert_eq!(summary(&key, &value, &limit, Language::Chinese), zh);
            assert_eq!(summary(&key, &value, &limit, Language::English), en);
        }
    }
}
