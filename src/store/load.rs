//! Reads the state: a file counts as damaged only if it was read whole and is no state.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::damage::{self, Damage};
use super::folder::{PATIENCE, explain_owner};
use super::{Document, FILE_NAME, MAX_FILE_BYTES, ROBOT, State, VERSION};
use crate::clock::{Boot, Now};
use crate::files::Folder;

#[derive(Deserialize)]
struct VersionOnly {
    version: u32,
}

/// The state that was found in the folder.
#[derive(Debug, PartialEq)]
pub enum Loaded {
    /// There was no state yet.
    Nothing,
    State(Box<State>),
    /// The file is no state.
    Damaged(Damage),
}

/// The reason why the agent must not go on with this folder.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(
        "{path} was written by a newer version of vps-monitor (its version is {found}, this one reads {VERSION}); \
             it is left as it is: install the newer version again, or move the file away"
    )]
    Newer { path: PathBuf, found: u32 },
    #[error("{} cannot be read: {error}{}; what waits in it is not to be lost, so it is left as it is", path.display(),
            explain_owner(path, error))]
    Unreadable { path: PathBuf, error: io::Error },
}

impl LoadError {
    /// The time within which it may pass by itself.
    pub fn patience(&self) -> Duration {
        match self {
            LoadError::Newer { .. } => Duration::ZERO,
            LoadError::Unreadable { .. } => PATIENCE,
        }
    }
}

/// Reads the state from the folder that `path` names, with its instants on the clock of this start of the machine,
/// which `boot_id` identifies. A file that is no state is set aside; in a state, values that cannot be true are
/// corrected.
///
/// # Errors
/// The file is of a newer version, or it cannot be read just now. It is not touched then.
pub fn load(folder: &mut impl Folder, path: &Path, boot_id: &str, now: Now) -> Result<Loaded, LoadError> {
    let bytes = match read(folder) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(Loaded::Nothing),
        // Read whole or not, it is no state, and will not become one.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge) => {
            return Ok(Loaded::Damaged(damage::set_aside(folder, error.to_string(), &[], now)));
        }
        Err(error) => return Err(LoadError::Unreadable { path: path.join(FILE_NAME), error }),
    };
    Ok(match parse(&bytes, path)? {
        Ok(document) => {
            let (state, corrected) = on_this_start(document, boot_id, now);
            if corrected > 0 {
                log::warn!(
                    "{}: values that cannot be true (instants in the future, say) were corrected: {corrected}",
                    path.join(FILE_NAME).display()
                );
            }
            Loaded::State(Box::new(state))
        }
        Err(damaged) => Loaded::Damaged(damage::set_aside(folder, damaged, &bytes, now)),
    })
}

/// Reads the state without a change to any file, as a bystander; `None`: there is none.
///
/// # Errors
/// It cannot be read.
pub fn peek(folder: &mut impl Folder, boot_id: &str, now: Now) -> io::Result<Option<State>> {
    let Some(bytes) = read(folder)? else { return Ok(None) };
    // Whoever is told names the folder.
    let document = parse(&bytes, Path::new("")).map_err(io::Error::other)?.map_err(io::Error::other)?;
    Ok(Some(on_this_start(document, boot_id, now).0))
}

/// The content of the file in the folder `path`, or why it is no state.
fn parse(bytes: &[u8], path: &Path) -> Result<Result<Document<State>, String>, LoadError> {
    Ok(match serde_json::from_slice(bytes) {
        Ok(VersionOnly { version }) if version > VERSION => {
            return Err(LoadError::Newer { path: path.join(FILE_NAME), found: version });
        }
        Ok(VersionOnly { version: 0 }) => Err("its version is 0".to_owned()),
        Ok(_) => serde_json::from_slice(bytes).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    })
}

fn read(folder: &mut impl Folder) -> io::Result<Option<Vec<u8>>> {
    match folder.read(FILE_NAME, MAX_FILE_BYTES) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// The state, its instants on this start's clock, and the number of corrected values.
///
/// After another start of the machine its clock began anew. The time that had passed before the save, and the time
/// since then by the wall clock, have passed on this clock too. A machine that starts may have a wrong wall clock, so
/// only the time since this start is certain.
fn on_this_start(document: Document<State>, boot_id: &str, now: Now) -> (State, usize) {
    let mut state = document.state;
    if let Some(outbox) = state.outbox.take() {
        log::info!("the state of version {} is taken over", document.version);
        state.outboxes.insert(ROBOT.to_owned(), outbox);
    }
    // If the clock is behind the saved one, it is another start's too, whatever the id says (time_namespaces(7)).
    let is_another = document.boot_id != boot_id || boot_id.is_empty() || now.boot < document.saved_boot;
    if is_another {
        let away = now.wall.as_microsecond().saturating_sub(document.saved.as_microsecond()).max(0);
        let since_start = now.boot.as_micros();
        let certain = 0i64.saturating_sub(document.saved_boot.as_micros());
        let likely = since_start.saturating_sub(away.max(since_start)).saturating_add(certain);
        state.shift(likely, certain);
    }
    if is_another && !boot_id.is_empty() && document.boot_id != boot_id {
        let started = now.wall.as_microsecond().saturating_sub(now.boot.as_micros());
        let started = Timestamp::from_microsecond(started).unwrap_or(now.wall);
        state.starts.begin(document.saved, started, now.wall);
        // The kernel counts anew.
        (state.kills, state.disk_errors) = (None, None);
    } else {
        // It did not go down after all.
        state.starts.shut_down = None;
    }
    // The machine's start ended every agent of before.
    state.saved = Some(document.saved);
    state.gap = Some(if is_another { Boot::EARLIEST..Boot::from_micros(0) } else { document.saved_boot..now.boot });
    let corrected = state.correct(now);
    (state, corrected)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::host::KnownKills;
    use crate::store::encode;

    const NOW_MICROS: i64 = 10_000_000_000;

    fn now() -> Now {
        Now { wall: Timestamp::from_second(1_770_000_000).unwrap(), boot: Boot::from_micros(NOW_MICROS) }
    }

    /// A state with something in each of its places.
    fn document() -> Value {
        let wall = now().wall;
        let fact = json!({"about": "other", "line": "x", "began": wall, "ended": wall, "times": 3});
        let message = json!({"kind": "alert", "title": "one", "rule_width": 16, "lines": ["x"], "footer": "", "created": wall,
            "facts": [fact], "folded": 2, "part": [1, 2]});
        let entry = json!({"message": message, "queued": 5, "attempts": 2, "not_before": 6, "last_error": "x",
            "rejections": 1, "rejected_since": 5});
        let alert = json!({"metric": "memory", "target": "", "firing": true, "since": wall, "told": true, "told_from": 7,
            "gone_since": 7, "last_told": {"wall": wall, "boot": 7}, "value": {"percent": 85.2}, "limit": {"threshold": 80.0}});
        let streak = json!({"since": 7, "micros": 60_000_000, "sum": 5.4e9, "sample": 90.0});
        let wait = json!({"secs": 60, "nanos": 0});
        let pending = json!({"metric": "cpu", "target": "", "value": {"number": 90.0}, "limit": {"threshold": 80.0}, "phase":
            {"pending": {"since": wall, "over": streak, "critical": streak, "wait": wait}}});
        let settling = json!({"metric": "swap", "target": "", "value": {"percent": 1.0}, "limit": {"threshold": 80.0},
            "last_told": {"wall": wall, "boot": 7}, "recovery": {"at": 7, "is_told": true}, "returns": 1, "phase":
            {"firing": {"since": wall, "level": "critical", "is_critical_told": true, "critical_limit": 95.0, "critical": streak, "wait": wait,
                "told_value": 90.0, "peak": 90.0, "reminders": 1, "well_since": {"wall": wall, "boot": 7}}}});
        let outbox = json!({"waiting": [entry], "rejected": [entry], "set_aside_untold": 1, "window": [5, 6],
            "hold": {"until": 9, "reason": "x", "refused": false}});
        let removed = json!({"name": "web", "end": {"removed": wall}});
        let containers =
            json!({"engine_was_there": true, "engine_gone": wall, "containers": {"0123456789abcdef": removed}});
        let report = json!({"schedule": "0 9 * * * UTC", "seen": wall, "sent": [wall], "last_sent": wall});
        let (number, limit) = (json!({"number": 90.0}), json!({"threshold": 80.0}));
        let open = json!({"since": wall, "is_known": true, "told_value": 85.0, "told": wall, "reminders": 1,
            "is_reminder_due": true, "value": number, "limit": limit, "level": "critical"});
        let over =
            json!({"since": wall, "ended": wall, "times": 2, "value": number, "limit": limit, "level": "critical"});
        let held = json!({"metric": "memory", "target": "", "open": open, "over": over});
        let silence = json!({"number": 1, "target": "memory", "since": wall, "until": 9, "why": "x"});
        let kills = json!({"total": 3, "groups": {"a.service": {"kills": 2, "limit_reached": 1}}});
        json!({"kills": kills, "held": {"alerts": [held], "unlisted": {"since": wall, "last": wall, "count": 3}}, "held_unknown": {"alerts": [held]}, "silences": {"last": 1, "list": [silence]}, "version": VERSION, "saved": wall, "saved_boot": 8, "boot_id": "boot", "alerts": [alert, pending, settling],
            "outboxes": {"wechat": outbox}, "report": report, "containers": containers, "since_report": {"alerts": 1, "recoveries": 1},
            "forecasts": {"hour_began": 7, "series": [{"metric": "disk", "target": "/", "peaks": "c350ffffc350"}]}})
    }

    /// All places of numbers and texts in a document.
    fn places(value: &Value, at: &str, into: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| places(value, &format!("{at}/{name}"), into))
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(number, value)| places(value, &format!("{at}/{number}"), into));
            }
            Value::Number(_) | Value::String(_) => into.push(at.to_owned()),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn read(document: &Value) -> serde_json::Result<(State, usize)> {
        let document: Document<State> = serde_json::from_slice(&serde_json::to_vec(document)?)?;
        Ok(on_this_start(document, "boot", now()))
    }

    #[test]
    fn nothing_is_corrected_of_what_an_agent_wrote() {
        let (state, corrected) = read(&document()).unwrap();
        assert_eq!(corrected, 0);
        let saved = Now { boot: Boot::from_micros(8), ..now() };
        let encoded = encode(&state, "boot", saved).unwrap();
        assert_eq!(read(&serde_json::from_slice(&encoded.bytes).unwrap()).unwrap(), (state, 0));
    }

    #[test]
    fn whatever_stands_in_one_place_everything_is_told_in_an_hour_and_in_few_words() {
        let mut at = Vec::new();
        places(&document(), "", &mut at);
        assert!(at.len() > 30, "{at:?}");
        let absurd = [
            json!(u64::MAX),
            json!(i64::MAX),
            json!(i64::MIN),
            json!(-1),
            json!(0),
            json!(1e308),
            json!(u32::MAX),
            json!(253_402_300_799_999_999_i64),
            json!("9999-12-30T21:59:59Z"),
            json!("-009999-01-03T00:00:00Z"),
        ];
        let mut corrected_at = Vec::new();
        for place in &at {
            for value in &absurd {
                let mut document = document();
                *document.pointer_mut(place).unwrap() = value.clone();
                // A document that no state can be is set aside.
                let Ok((state, corrected)) = read(&document) else { continue };
                if corrected > 0 {
                    corrected_at.push(place.as_str());
                }
                for outbox in state.outboxes.values() {
                    let next = outbox.next_attempt(None).unwrap();
                    assert!(next <= now().boot.after(Duration::from_secs(3600)), "{place} {value}: {next:?}");
                    for entry in outbox.waiting() {
                        assert!(entry.message.text(&crate::message::Escape::NONE).len() < 1000, "{place} {value}");
                        assert!(now().boot - entry.queued <= Duration::from_secs(11 * 365 * 86_400), "{place} {value}");
                    }
                }
                assert_eq!(state.containers.clone().correct(now().wall), 0, "{place} {value}");
                let known = state.alerts.active().into_iter().filter_map(|alert| alert.last_told);
                assert!(known.into_iter().all(|told| told.boot <= now().boot), "{place} {value}");
                assert!(encode(&state, "boot", now()).unwrap().left_out == 0, "{place} {value}");
            }
        }
        corrected_at.dedup();
        let waiting = "/outboxes/wechat/waiting/0";
        for place in [
            "/alerts/0/last_told/boot",
            "/alerts/1/phase/pending/over/since",
            "/alerts/1/phase/pending/wait/secs",
            "/alerts/2/recovery/at",
            "/alerts/2/phase/firing/critical/since",
            "/alerts/2/phase/firing/well_since/boot",
            "/since_report/alerts",
            "/forecasts/hour_began",
            "/forecasts/series/0/metric",
            "/containers/engine_gone",
            "/containers/containers/0123456789abcdef/end/removed",
            "/outboxes/wechat/hold/until",
            "/outboxes/wechat/window/1",
            &format!("{waiting}/queued"),
            &format!("{waiting}/not_before"),
            &format!("{waiting}/message/rule_width"),
            &format!("{waiting}/message/facts/0/times"),
        ] {
            assert!(corrected_at.contains(&place), "{place} is not among {corrected_at:?}");
        }
    }

    #[test]
    fn another_start_of_the_machine_is_noticed_and_whether_it_was_shut_down() {
        let at = |second: i64| Timestamp::from_second(1_770_000_000 + second).unwrap();
        let saved = Now { wall: at(0), boot: Boot::from_millis(9_000_000) };
        let later = Now { wall: at(300), boot: Boot::from_millis(20_000) };
        let load = |state: &State, boot_id: &str| {
            let bytes = encode(state, "first", saved).unwrap().bytes;
            on_this_start(serde_json::from_slice(&bytes).unwrap(), boot_id, later).0.starts
        };
        let mut state = State::default();
        let restarted = load(&state, "second").restarted.unwrap();
        assert_eq!((restarted.last_alive, restarted.started, restarted.is_clean), (at(0), at(280), false));
        assert_eq!(restarted.down_seconds(), 280);
        state.starts.shut_down = Some(at(-5));
        let restarted = load(&state, "second").restarted.unwrap();
        assert_eq!((restarted.last_alive, restarted.is_clean), (at(-5), true));
        // The same start: it was not shut down after all.
        assert!(load(&state, "first").is_empty());
        assert!(load(&state, "").is_empty(), "nobody can tell");
    }

    #[test]
    fn kills_are_remembered_until_the_kernel_counts_anew() {
        let kills: Box<KnownKills> =
            serde_json::from_value(json!({"total": 3, "groups": {"/a": {"kills": 2}}})).unwrap();
        let state = State { kills: Some(kills.clone()), ..State::default() };
        let bytes = encode(&state, "first", now()).unwrap().bytes;
        let load = |boot_id| on_this_start(serde_json::from_slice(&bytes).unwrap(), boot_id, now()).0.kills;
        assert_eq!((load("first"), load("second")), (Some(kills), None));
    }
}
