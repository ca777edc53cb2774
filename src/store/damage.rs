//! A damaged state file: it is set aside and kept for a while, and its readable remains are reported.

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::FILE_NAME;
use crate::clock::Now;
use crate::files::Folder;
use crate::message::Line;

/// The number of set-aside files that are kept: the newest.
const KEPT: usize = 3;

/// The number of lost messages whose titles are named.
const MAX_TITLES: usize = 20;

/// The fate of a file that is not a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    pub why: String,
    /// Its name now; `None`: it could not be set aside.
    pub kept_as: Option<String>,
    pub lost: Lost,
}

/// The content of a damaged state, as far as it can still be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// When it was saved.
    pub saved: Option<Timestamp>,
    /// The titles of messages that waited, the first ones.
    pub titles: Vec<String>,
    /// The number of messages that waited, as far as it can be read.
    pub messages: usize,
}

/// Sets the state file aside under a name of its own, and removes files that were set aside long ago. `bytes` is the
/// readable part.
pub fn set_aside(folder: &mut impl Folder, why: String, bytes: &[u8], now: Now) -> Damage {
    let prefix = format!("{FILE_NAME}.damaged-");
    let mut kept: Vec<((i64, u32), String)> = Vec::new();
    for name in folder.list().unwrap_or_default() {
        if let Some(number) = name.strip_prefix(&prefix).and_then(number) {
            kept.push((number, name));
        }
    }
    kept.sort_unstable();
    let second = now.wall.as_second();
    let count = kept.iter().filter(|((of, _), _)| *of == second).map(|((_, count), _)| count + 1).max();
    let name = match count {
        None => format!("{prefix}{second}"),
        Some(count) => format!("{prefix}{second}-{count}"),
    };
    let is_kept = folder.rename(FILE_NAME, &name).is_ok();
    // The clock may have been set back: the newest of all is the one that was just set aside.
    let surplus = (kept.len() + usize::from(is_kept)).saturating_sub(KEPT);
    for (_, name) in kept.iter().take(surplus) {
        if let Err(error) = folder.remove(name) {
            log::warn!("{name}, which was set aside long ago, cannot be removed: {error}");
        }
    }
    Damage { why, kept_as: is_kept.then_some(name), lost: lost(bytes) }
}

/// `1770000007`, or `1770000007-2` for the third of one second.
fn number(text: &str) -> Option<(i64, u32)> {
    match text.rsplit_once('-') {
        Some((second, count)) if !second.is_empty() => Some((second.parse().ok()?, count.parse().ok()?)),
        _ => Some((text.parse().ok()?, 0)),
    }
}

fn lost(bytes: &[u8]) -> Lost {
    let titles = || values::<Line>(bytes, "title");
    Lost {
        saved: values::<String>(bytes, "saved").find_map(|text| text.parse().ok()),
        titles: titles().take(MAX_TITLES).map(|title| title.plain().to_owned()).collect(),
        messages: titles().count(),
    }
}

/// The values of one type under a key, anywhere in a text that may once have been JSON.
fn values<'a, T: DeserializeOwned + 'a>(bytes: &'a [u8], key: &str) -> impl Iterator<Item = T> + 'a {
    let key = format!("\"{key}\"");
    let mut rest = bytes;
    std::iter::from_fn(move || {
        loop {
            let at = rest.windows(key.len()).position(|window| window == key.as_bytes())?;
            rest = rest.get(at + key.len()..)?;
            let value = rest.trim_ascii_start().strip_prefix(b":").unwrap_or_default();
            if let Some(Ok(value)) = serde_json::Deserializer::from_slice(value).into_iter().next() {
                return Some(value);
            }
        }
    })
}
