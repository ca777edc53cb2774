//! The tables of keys in docs/configuration.md and its Chinese twin. The text around them is written by hand.

use vps_monitor::config::Config;
use vps_monitor::settings::{Described, ValueKind};

/// `page` with its table of keys, which is the one below `heading`, made anew.
pub fn with_table(page: &str, heading: &str, language: usize) -> String {
    let (before, rest) = page.split_once(&format!("\n{heading}\n\n")).expect("the heading of the keys");
    let (table, after) = rest.split_once("\n\n").expect("something behind the table");
    let head: String = table.lines().take(2).map(|line| format!("{line}\n")).collect();
    let rows: String = Config::describe().iter().filter_map(|key| row(key, language)).collect();
    format!("{before}\n{heading}\n\n{head}{rows}\n{after}")
}

/// `None` for a section, and for a list's mere item.
fn row(key: &Described, language: usize) -> Option<String> {
    if key.kind == ValueKind::Section || key.path.ends_with("[]") {
        return None;
    }
    let meaning = [key.doc.meaning.zh, key.doc.meaning.en][language];
    let default = match default(key).as_str() {
        "" => String::new(),
        default => format!("`{default}`"),
    };
    let cells = [format!("`{}`", key.path), default, key.values()[language].clone(), meaning.to_owned()];
    Some(format!("| {} |\n", cells.join(" | ")).replace("|  |", "| |"))
}

/// As it would be written in the file; empty for a key that has none.
pub fn default(key: &Described) -> String {
    match key.kind {
        ValueKind::List => {
            format!("[{}]", key.doc.default.lines().map(|item| format!("\"{item}\"")).collect::<Vec<_>>().join(", "))
        }
        ValueKind::Text if key.doc.is_required => String::new(),
        ValueKind::Text if key.default.is_empty() => "\"\"".to_owned(),
        _ => key.default.clone(),
    }
}
