//! vps-monitor-config(5): each key with its default, its values and its purpose, between hand-written parts.

use vps_monitor::config::Config;
use vps_monitor::settings::ValueKind;

use super::roff;

const HEAD: &str = include_str!("vps-monitor-config.5.head");
const TAIL: &str = include_str!("vps-monitor-config.5.tail");

/// The whole page.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    for key in Config::describe() {
        if key.kind == ValueKind::Section {
            if !key.path.contains('.') {
                page.push_str(&format!(".SS {}\n", roff(&key.path)));
            }
            continue;
        }
        if key.kind == ValueKind::List && !key.path.contains('.') {
            page.push_str(&format!(".SS {}\n", roff(&key.path)));
        }
        // The list describes its plain items.
        if key.path.ends_with("[]") {
            continue;
        }
        let [_, values] = key.values();
        let meaning = key.doc.meaning.en;
        let text = if meaning.is_empty() { values } else { format!("{meaning} ({values})") };
        let default = super::tables::default(&key);
        let default =
            if default.is_empty() { String::new() } else { format!(" (default: \\fB{}\\fR)", roff(&default)) };
        page.push_str(&format!(".TP\n\\fB{}\\fR{default}\n{}\n", roff(&key.path), roff(&text.replace('`', ""))));
    }
    page + TAIL
}
