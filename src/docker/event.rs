//! One event of a container, as an engine writes it.

use serde::Deserialize;

use super::container::{Compose, bounded};

/// Something happened to a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub kind: Kind,
    pub id: String,
    pub name: String,
    /// The name before a `rename`.
    pub old_name: Option<String>,
    pub compose: Compose,
    /// The engine's time, in nanoseconds since 1970.
    pub at_nanos: i64,
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

/// Reads one event, a line of JSON; `None` for one that is not of a container or not of a kind that was asked for.
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
    struct Attributes {
        #[serde(default)]
        name: String,
        #[serde(default, rename = "oldName")]
        old_name: Option<String>,
        #[serde(flatten)]
        compose: Compose,
    }

    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let Message { of, action, actor, at_nanos } = serde_json::from_slice(line)?;
    let Some(kind) = kind(&action).filter(|_| of == "container" && !actor.id.is_empty()) else { return Ok(None) };
    let Attributes { name, old_name, compose } = actor.attributes.unwrap_or_default();
    let old_name = old_name.map(|name| as_named(&name));
    Ok(Some(Event { kind, id: bounded(actor.id), name: as_named(&name), old_name, compose, at_nanos }))
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
