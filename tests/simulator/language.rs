//! The oracle reads Chinese: messages in another language, from the time of another configuration, are translated.

use super::host::{UNITS, WATCHED};
use super::message::seconds;

const WORDS: [(&str, &str); 29] = [
    ("Disk forecast", "磁盘预测"),
    ("VPS Critical Event", "VPS 严重事件"),
    ("VPS Event", "VPS 事件"),
    ("VPS Monitor: state lost", "VPS 监控状态丢失"),
    ("VPS Critical, Held Back", "VPS 静默期间的严重告警"),
    ("VPS Alerts Held Back", "VPS 静默期间的告警"),
    ("VPS Critical", "VPS 严重告警"),
    ("Docker Critical", "Docker 严重告警"),
    ("VPS Alert", "VPS 告警"),
    ("Docker Alert", "Docker 告警"),
    ("VPS Recovery", "VPS 恢复"),
    ("VPS Status Report", "VPS 状态报告"),
    ("VPS Backlog Digest", "VPS 积压摘要"),
    ("⏰ Report time: ", "⏰ 报告时间: "),
    ("⏰ Time: ", "⏰ 时间: "),
    ("(threshold: ", "(阈值: "),
    ("(expected: ", "(期望: "),
    ("back to normal", "已恢复正常"),
    ("📦 Container: ", "📦 容器: "),
    ("❌ State: ", "❌ 状态: "),
    ("✅ State: ", "✅ 状态: "),
    ("❌ Health: ", "❌ 健康: "),
    ("✅ Health: ", "✅ 健康: "),
    ("Disk usage", "磁盘使用率"),
    ("CPU usage", "CPU 使用率"),
    ("Memory usage", "内存使用率"),
    ("Swap usage", "Swap 使用率"),
    ("🔗 Connections", "🔗 连接数"),
    ("connections", "连接数"),
];

/// `content` in Chinese.
pub fn in_chinese(content: &str) -> String {
    let mut text = content.to_owned();
    for (english, chinese) in WORDS {
        if text.contains(english) {
            text = text.replace(english, chinese);
        }
    }
    let lines: Vec<String> = text.lines().flat_map(one_by_one).collect();
    let lines: Vec<String> = lines.iter().map(|line| in_short(&line_in_chinese(line))).collect();
    lines.join("\n")
}

/// In place of a state: that is not told of several units that the first look found in trouble.
pub const AS_FOUND: &str = ": as_found";

/// Units that are found to have failed are told in one line.
fn one_by_one(line: &str) -> Vec<String> {
    let units =
        ["个失败单元 (", " had failed before ("].iter().find_map(|words| line.split_once(words)?.1.split_once("): "));
    match units {
        Some((_, units)) => units.split(", ").map(|unit| format!("❌ {unit}{AS_FOUND}")).collect(),
        None => vec![line.to_owned()],
    }
}

/// A unit's line without its causes, and a forecast's with minutes for its hours.
fn in_short(line: &str) -> String {
    for unit in UNITS.map(|place| WATCHED[place].label) {
        if let Some((before, rest)) = line.split_once(&format!("❌ {unit}: ")) {
            let state = rest.split([' ', '，']).next().unwrap_or_default();
            return format!("{before}❌ {unit}: {state}");
        }
    }
    let Some((before, rest)) = line.split_once("磁盘预测(/c): ") else { return line.to_owned() };
    let rest = match rest.split_once("now ").and_then(|(hours, rest)| Some((hours, rest.split_once(" in 24 h")?))) {
        Some((hours, (grown, behind))) => format!("{hours}现 {}{behind}", grown.replace(", ", "，近 24 小时 ")),
        None => rest.to_owned(),
    };
    let in_words = rest.split_once("约 ").and_then(|(_, rest)| rest.split_once("后写满"));
    let in_words = in_words.or_else(|| rest.split_once("full in about ")?.1.split_once(" ("));
    let Some((hours, behind)) = in_words else { return format!("{before}磁盘预测(/c): {rest}") };
    let minutes = seconds(hours).map_or(-1, |seconds| seconds / 60);
    format!("{before}磁盘预测(/c): 约 {minutes}m后写满 ({}", behind.trim_start().trim_start_matches('('))
}

fn line_in_chinese(line: &str) -> String {
    if let Some((before, rest)) = line.split_once(" late)")
        && let Some((title, duration)) = before.rsplit_once(" (")
    {
        return format!("{title} (延迟 {duration}){rest}");
    }
    if let Some((before, rest)) = line.split_once(" times): ")
        && let Some((times, count)) = before.rsplit_once(" (")
    {
        return format!("{times} (共 {count} 次): {rest}");
    }
    if let Some((before, _)) = line.split_once(" older ones are not listed")
        && let Some((times, count)) = before.rsplit_once(": ")
    {
        return format!("{times}: 另有 {count} 项");
    }
    if let Some(rest) = line.strip_prefix("📭 ")
        && let Some((count, _)) = rest.split_once(" earlier ")
    {
        return format!("📭 此前有 {count} 条");
    }
    line.to_owned()
}
