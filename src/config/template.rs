//! The annotated template, made from the readers' descriptions of their keys.

use super::Config;
use crate::settings::{Described, Text, ValueKind};

const HEAD: &str = "\
# VPS 监控配置文件 / Configuration of vps-monitor
#
# 每一项都可省略；省略时用的就是这里写的默认值。
# Every key is optional; the values here are the defaults.
#
# 时长以秒为单位，也可写成 15m、1h30m、500ms、2d 这样的文本。
# Durations are seconds, or a text such as 15m, 1h30m, 500ms, 2d.
#
# 修改后先检查，再让服务重新读取 / After a change, check it and have the service read it again:
#   vps-monitor config check
#   systemctl reload vps-monitor
";

/// The column of a key's comment, if the key leaves room.
const COMMENT_COLUMN: usize = 28;

/// A longer comment goes above the line, in one line for each language.
const MAX_LINE_CHARS: usize = 120;

/// Every key with its default and its meaning: the output of `config template`, and the file that an installation
/// begins with.
pub fn template() -> String {
    let mut text = HEAD.to_owned();
    // The keys of a list's item are in the list's examples.
    for key in Config::describe().iter().filter(|key| !key.path.contains("[]")) {
        let depth = key.path.matches('.').count();
        let indent = "  ".repeat(depth);
        if depth == 0 {
            text.push('\n');
        }
        key.doc.above.iter().for_each(|Text { zh, en }| text.push_str(&comment_above(&indent, zh, en)));
        text.push_str(&entry(&indent, key));
        for Text { zh, en } in key.doc.below {
            let separator = if en.is_empty() { "" } else { " / " };
            text.push_str(&format!("{indent}# {zh}{separator}{en}\n"));
        }
    }
    text
}

/// The key's own line with its comment, and those of a list's items.
fn entry(indent: &str, key: &Described) -> String {
    let items: Vec<&str> = key.doc.default.lines().collect();
    let value = match &key.kind {
        ValueKind::Section => "",
        ValueKind::List if items.is_empty() => " []",
        ValueKind::List => "",
        ValueKind::Text => {
            &format!(" {}", key.doc.template.map_or_else(|| format!("\"{}\"", key.default), str::to_owned))
        }
        _ if key.default.is_empty() => "",
        _ => &format!(" {}", key.default),
    };
    let mut lines = with_comment(indent, &format!("{indent}{}:{value}", key.name()), key);
    if key.kind == ValueKind::List {
        items.iter().for_each(|item| lines.push_str(&format!("{indent}  - \"{item}\"\n")));
    }
    lines
}

/// A section has its comment above it, any other key behind it if there is room.
fn with_comment(indent: &str, line: &str, key: &Described) -> String {
    let Some([zh, en]) = comment(key) else { return format!("{line}\n") };
    if key.kind == ValueKind::Section {
        let comment = format!("{indent}# {zh} / {en}\n");
        let fits = comment.chars().count() <= MAX_LINE_CHARS;
        return (if fits { comment } else { comment_above(indent, &zh, &en) }) + line + "\n";
    }
    let whole = format!("{line:<width$}  # {zh} / {en}\n", width = COMMENT_COLUMN - 2);
    if whole.chars().count() <= MAX_LINE_CHARS { whole } else { comment_above(indent, &zh, &en) + line + "\n" }
}

/// The key's purpose, with its range; `None` if the key or the text above it explains it.
fn comment(key: &Described) -> Option<[String; 2]> {
    let Text { zh, en } = key.doc.meaning;
    if en.is_empty() || !key.doc.above.is_empty() {
        return None;
    }
    let [values_zh, values_en] = key.values();
    let [zh, en] = match &key.kind {
        ValueKind::Integer { .. }
        | ValueKind::Number { .. }
        | ValueKind::Percent
        | ValueKind::OrOff(_)
        | ValueKind::Duration { .. }
        | ValueKind::Size { .. }
        | ValueKind::Volume { .. }
        | ValueKind::Durations { .. }
        | ValueKind::Numbers { .. } => [format!("{zh}；{values_zh}"), format!("{en}; {values_en}")],
        ValueKind::Choice(_) => [format!("{zh}（{values_zh}）"), format!("{en} ({values_en})")],
        _ => [zh.to_owned(), en.to_owned()],
    };
    // Backquotes are for the pages.
    Some([zh.replace('`', ""), en.replace('`', "")])
}

fn comment_above(indent: &str, zh: &str, en: &str) -> String {
    format!("{indent}# {zh}\n{indent}# {en}\n")
}
