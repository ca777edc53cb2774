//! The oracle reads Chinese: messages in another language, from the time of another configuration, are translated.

const WORDS: [(&str, &str); 28] = [
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
    let lines: Vec<String> = text.lines().map(line_in_chinese).collect();
    lines.join("\n")
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
