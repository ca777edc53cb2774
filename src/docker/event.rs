//! One event of a container, as an engine writes it.

use serde::Deserialize;

use super::container::bounded;
use super::labels::Labels;
use super::signal::Signal;

/// Something happened to a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub kind: Kind,
    pub id: String,
    pub name: String,
    /// The name before a `rename`.
    pub old_name: Option<String>,
    pub labels: Box<Labels>,
    /// For a `kill`: the signal, if the engine names it.
    pub signal: Option<Signal>,
    /// For a `die`.
    pub exit_code: Option<i64>,
    /// The engine's time, in nanoseconds since 1970.
    pub at_nanos: i64,
}

impl Event {
    /// Its approximate size in memory.
    pub fn bytes(&self) -> usize {
        let texts = self.id.len() + self.name.len() + self.old_name.as_ref().map_or(0, String::len);
        size_of::<Event>() + texts + self.labels.bytes()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Die,
    Oom,
    Kill,
    Stop,
    Start,
    Pause,
    Unpause,
    Health,
    Destroy,
    Rename,
}

/// Reads one event, a line of JSON; `None` for an event that is not about a container, or of a kind that was not asked
/// for.
pub fn parse(line: &[u8]) -> serde_json::Result<Option<Event>> {
    #[derive(Deserialize)]
    struct Message {
        #[serde(default, rename = "Type")]
        of: String,
        #[serde(default, rename = "Action")]
        action: String,
        #[serde(default, rename = "Actor")]
        actor: Actor,
        #[serde(default, rename = "timeNano")]
        at_nanos: i64,
    }

    #[derive(Default, Deserialize)]
    struct Actor {
        #[serde(default, rename = "ID")]
        id: String,
        #[serde(default, rename = "Attributes")]
        attributes: Option<Attributes>,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Attributes {
        name: String,
        #[serde(rename = "oldName")]
        old_name: Option<String>,
        signal: Option<String>,
        #[serde(rename = "exitCode")]
        exit_code: Option<String>,
        /// podman's field, beside the other or in its place.
        #[serde(rename = "containerExitCode")]
        podman_exit_code: Option<String>,
        #[serde(flatten)]
        labels: Box<Labels>,
    }

    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let Message { of, action, actor, at_nanos } = serde_json::from_slice(line)?;
    let Some(kind) = kind(&action).filter(|_| of == "container" && !actor.id.is_empty()) else { return Ok(None) };
    let attributes = actor.attributes.unwrap_or_default();
    Ok(Some(Event {
        kind,
        id: bounded(actor.id),
        name: as_named(&attributes.name),
        old_name: attributes.old_name.as_deref().map(as_named),
        labels: attributes.labels,
        signal: attributes.signal.as_deref().and_then(Signal::parse),
        exit_code: attributes.exit_code.or(attributes.podman_exit_code).and_then(|code| code.parse().ok()),
        at_nanos,
    }))
}

/// The name as the list and inspect give it: without its slash, and bounded with it.
fn as_named(name: &str) -> String {
    bounded(format!("/{}", name.trim_start_matches('/'))).split_off(1)
}

fn kind(action: &str) -> Option<Kind> {
    Some(match action {
        "die" | "died" => Kind::Die,
        "oom" => Kind::Oom,
        "kill" => Kind::Kill,
        "stop" => Kind::Stop,
        "start" => Kind::Start,
        "pause" => Kind::Pause,
        "unpause" => Kind::Unpause,
        "destroy" | "remove" => Kind::Destroy,
        "rename" => Kind::Rename,
        _ if action.starts_with("health_status") => Kind::Health,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn podmans_words_mean_the_same() {
        let kind_of = |action: &str| {
            let line = format!(r#"{{"Type":"container","Action":"{action}","Actor":{{"ID":"a"}}}}"#);
            parse(line.as_bytes()).unwrap().map(|event| event.kind)
        };
        assert_eq!(kind_of("died"), kind_of("die"));
        assert_eq!(kind_of("remove"), Some(Kind::Destroy));
        assert_eq!(kind_of("health_status"), kind_of("health_status: unhealthy"));
        assert_eq!(kind_of("exec_create: /bin/sh -c true"), None);
    }

    #[test]
    fn a_kill_has_its_signal_and_a_death_its_exit_code() {
        let event = |action: &str, attributes: &str| {
            let actor = format!(r#"{{"ID":"a","Attributes":{{"name":"web",{attributes}}}}}"#);
            let line = format!(r#"{{"Type":"container","Action":"{action}","Actor":{actor}}}"#);
            parse(line.as_bytes()).unwrap().unwrap()
        };
        assert_eq!(event("kill", r#""signal":"15""#).signal, Some(Signal::TERM));
        assert_eq!(event("kill", r#""signal":"SIGKILL""#).signal, Some(Signal::KILL));
        assert_eq!(event("kill", r#""image":"bb""#).signal, None);
        assert_eq!(event("die", r#""exitCode":"139""#).exit_code, Some(139));
        assert_eq!(event("died", r#""containerExitCode":"3""#).exit_code, Some(3));
        assert_eq!(event("died", r#""containerExitCode":"3","exitCode":"3""#).exit_code, Some(3));
    }

    #[test]
    fn what_is_of_no_container_is_no_event() {
        for line in [
            r#"{"Type":"image","Action":"die","Actor":{"ID":"a"}}"#,
            r#"{"Type":"container","Action":"die"}"#,
            "{}",
            " ",
        ] {
            assert_eq!(parse(line.as_bytes()).unwrap(), None, "{line}");
        }
        assert!(parse(b"<html>").is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(
            line in prop::collection::vec(any::<u8>(), 0..200),
            text in "[{}\\[\\]\",:a-zA-Z0-9]{0,80}",
        ) {
            let _ = parse(&line);
            let _ = parse(text.as_bytes());
        }
    }
}
