//! The fields of a container that are needed: from an entry of `GET /containers/json`, and from
//! `GET /containers/{id}/json`. The other fields of the replies are skipped while they are read.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use super::labels::Labels;
use super::signal::Signal;
use crate::text::fingerprint;

/// One container of the list.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase")]
pub struct Listed {
    #[serde(deserialize_with = "word")]
    pub id: String,
    /// `running`, `exited`, …
    #[serde(deserialize_with = "word")]
    pub state: String,
    /// For people: `Up 5 minutes (healthy)`, `Exited (3) 2 hours ago`.
    #[serde(default, deserialize_with = "word_or_null")]
    pub status: String,
    #[serde(default, deserialize_with = "words")]
    names: Vec<String>,
    /// When it was made, in seconds since 1970.
    #[serde(default, deserialize_with = "null_as_default")]
    pub created: i64,
    #[serde(default, deserialize_with = "null_as_default")]
    pub labels: Box<Labels>,
}

impl Listed {
    /// Its name without the slash; links add names such as `/web/db`, which are not its own. A container without a name
    /// (it is being removed) goes by the short form of its id, as in `docker ps`.
    pub fn name(&self) -> &str {
        let own = self.names.iter().filter_map(|name| name.strip_prefix('/')).find(|name| !name.contains('/'));
        own.unwrap_or_else(|| self.id.get(..12).unwrap_or(&self.id))
    }
}

/// One container, inspected.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase")]
pub struct Inspected {
    #[serde(deserialize_with = "word")]
    pub id: String,
    #[serde(deserialize_with = "word")]
    name: String,
    #[serde(default, deserialize_with = "instant")]
    pub created: Option<Timestamp>,
    /// The number of restarts by the engine itself since the last start by hand.
    #[serde(default, deserialize_with = "null_as_default")]
    pub restart_count: u64,
    pub state: State,
    #[serde(default, deserialize_with = "null_as_default")]
    config: ContainerConfig,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase")]
pub struct State {
    /// `running`, `exited`, …
    #[serde(deserialize_with = "word")]
    pub status: String,
    #[serde(default, rename = "OOMKilled", deserialize_with = "null_as_default")]
    pub oom_killed: bool,
    #[serde(default)]
    pub exit_code: Option<i64>,
    /// `None`: never.
    #[serde(default, deserialize_with = "instant")]
    pub started_at: Option<Timestamp>,
    /// When its last run ended; `None`: never.
    #[serde(default, deserialize_with = "instant")]
    pub finished_at: Option<Timestamp>,
    #[serde(default)]
    health: Option<Health>,
}

/// The results of the last health checks.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase")]
pub struct Health {
    /// `healthy`, `unhealthy`, `starting`.
    #[serde(default, deserialize_with = "word_or_null")]
    pub status: String,
    /// The last check's output.
    #[serde(default, rename = "Log", deserialize_with = "last_output")]
    pub output: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase")]
struct ContainerConfig {
    #[serde(default)]
    healthcheck: Option<HealthCheck>,
    #[serde(default, deserialize_with = "word_or_null")]
    stop_signal: String,
}

/// The times of its health check, in nanoseconds; 0 stands for the engine's default.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "PascalCase", default)]
pub struct HealthCheck {
    #[serde(deserialize_with = "null_as_default")]
    interval: i64,
    #[serde(deserialize_with = "null_as_default")]
    timeout: i64,
    #[serde(deserialize_with = "null_as_default")]
    start_period: i64,
    /// The interval during the start period, since engine 25.
    #[serde(deserialize_with = "null_as_default")]
    start_interval: i64,
    #[serde(deserialize_with = "null_as_default")]
    retries: i64,
}

/// <https://github.com/moby/moby/blob/v26.1.5/daemon/health.go>: defaultProbeInterval, defaultProbeTimeout,
/// defaultProbeRetries. podman's are the same.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const DEFAULT_RETRIES: u32 = 3;

impl HealthCheck {
    /// How long a container may be `starting`: the start period, in which failures do not count, then as many checks as
    /// may fail, each with its longest time.
    pub fn longest_start(&self) -> Duration {
        let duration = |nanos: i64, default| match u64::try_from(nanos) {
            Ok(nanos) if nanos > 0 => Duration::from_nanos(nanos),
            _ => default,
        };
        let interval = duration(self.interval, DEFAULT_INTERVAL).max(duration(self.start_interval, Duration::ZERO));
        let retries = u32::try_from(self.retries).ok().filter(|retries| *retries > 0).unwrap_or(DEFAULT_RETRIES);
        let check = interval.saturating_add(duration(self.timeout, DEFAULT_TIMEOUT));
        duration(self.start_period, Duration::ZERO).saturating_add(check.saturating_mul(retries.saturating_add(1)))
    }
}

impl Inspected {
    /// Its name without the slash.
    pub fn name(&self) -> &str {
        self.name.strip_prefix('/').unwrap_or(&self.name)
    }

    /// The times of its health check, if it was made with one.
    pub fn health_check(&self) -> Option<&HealthCheck> {
        self.config.healthcheck.as_ref()
    }

    /// The signal that asks it to stop, if it is known.
    pub fn stop_signal(&self) -> Option<Signal> {
        Signal::parse(&self.config.stop_signal)
    }

    /// Its health, if it has a health check. Without one Docker gives no health, or `none`, and podman an empty word.
    pub fn health(&self) -> Option<&Health> {
        self.state.health.as_ref().filter(|health| !matches!(health.status.as_str(), "" | "none"))
    }
}

/// The bound of a name: engines take names of any length, and layouts pay for that, so longer names are cut here.
const MAX_WORD_CHARS: usize = 255;

/// `text`, or its beginning, `…`, and a number that tells it apart from others with this beginning.
pub fn bounded(mut text: String) -> String {
    const NUMBER_CHARS: usize = 8;
    if text.len() <= MAX_WORD_CHARS || text.chars().nth(MAX_WORD_CHARS).is_none() {
        return text;
    }
    if let Some((end, _)) = text.char_indices().nth(MAX_WORD_CHARS - 1 - NUMBER_CHARS) {
        let number = fingerprint(text.as_bytes()) & 0xffff_ffff;
        text.truncate(end);
        text += &format!("…{number:08x}");
        text.shrink_to_fit();
    }
    text
}

/// A name, an id or the like, bounded.
fn word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(bounded)
}

pub fn word_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    null_as_default(deserializer).map(bounded)
}

fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let words: Vec<String> = null_as_default(deserializer)?;
    Ok(words.into_iter().map(bounded).collect())
}

/// Go writes an empty value as `null`, too.
fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// An RFC 3339 time. Engines write the year 1 for never.
fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    Ok(text.and_then(|text| text.parse().ok()).filter(|time| *time > Timestamp::UNIX_EPOCH))
}

/// The output of the last check in the log; earlier ones are dropped as they are read.
fn last_output<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Check {
        #[serde(default)]
        output: Option<String>,
    }

    struct Last;

    impl<'de> Visitor<'de> for Last {
        type Value = Option<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of health checks")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut last: Option<Check> = None;
            while let Some(check) = list.next_element()? {
                last = Some(check);
            }
            Ok(last.and_then(|check| check.output))
        }
    }

    deserializer.deserialize_any(Last)
}

/// An engine's error: `{"message": "No such container: web"}`.
#[derive(Debug, Deserialize)]
pub struct Complaint {
    pub message: String,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn listed(json: &str) -> Listed {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn the_name_is_the_containers_own() {
        let name = |names: &str| {
            listed(&format!(r#"{{"Id":"b8dc3577ec2948ff","State":"dead","Names":{names}}}"#)).name().to_owned()
        };
        assert_eq!(name(r#"["/web/db","/db"]"#), "db");
        assert_eq!(name("null"), "b8dc3577ec29");
        assert_eq!(name("[]"), "b8dc3577ec29");
    }

    #[test]
    fn what_is_longer_than_any_name_is_cut_where_it_comes_in() {
        let long = "é".repeat(70_000);
        let listed = listed(&format!(
            r#"{{"Id":"{long}","Names":["/{long}"],"State":"{long}","Status":"{long}",
                "Labels":{{"com.docker.compose.project":"{long}","com.docker.swarm.service.name":"{long}"}}}}"#
        ));
        let inspected: Inspected = serde_json::from_str(&format!(
            r#"{{"Id":"{long}","Name":"/{long}","State":{{"Status":"{long}","Health":{{"Status":"{long}"}}}}}}"#
        ))
        .unwrap();
        let health = &inspected.health().unwrap().status;
        let Labels { compose_project, swarm_service, .. } = &*listed.labels;
        for word in [&listed.id, &listed.state, &listed.status, compose_project, swarm_service, &inspected.id, health] {
            assert_eq!((word.chars().count(), word.chars().nth(246)), (255, Some('…')));
        }
        // The slash before a name counts, in the list and in inspect alike.
        assert_eq!((listed.name().chars().count(), listed.name()), (254, inspected.name()));
        assert_eq!(bounded("é".repeat(255)), "é".repeat(255));
        let [one, other] = ["one", "other"].map(|end| bounded(long.clone() + end));
        assert!(one != other && one[..400] == other[..400], "{one} {other}");
    }

    #[test]
    fn what_go_writes_as_null_is_empty() {
        let listed = listed(r#"{"Id":"a","Names":["/a"],"State":"created","Status":null,"Labels":null,"Ports":[{}]}"#);
        assert_eq!((listed.status.as_str(), &*listed.labels), ("", &Labels::default()));
        let inspected: Inspected =
            serde_json::from_str(r#"{"Id":"a","Name":"/a","State":{"Status":"created","Health":null},"Config":null}"#)
                .unwrap();
        assert_eq!((inspected.name(), inspected.health(), inspected.health_check()), ("a", None, None));
        assert_eq!((inspected.restart_count, inspected.created, inspected.state.started_at), (0, None, None));
    }

    #[test]
    fn the_last_health_checks_output_is_kept_and_the_year_1_is_never() {
        let inspected: Inspected = serde_json::from_str(
            r#"{"Id":"a","Name":"/a","Created":"2026-11-22T06:15:43.5Z","State":{"Status":"running",
                "StartedAt":"0001-01-01T00:00:00Z",
                "Health":{"Status":"unhealthy","Log":[{"Output":"one"},{"Output":"two"}]}}}"#,
        )
        .unwrap();
        assert_eq!(inspected.health().unwrap().output.as_deref(), Some("two"));
        assert_eq!((inspected.created.is_some(), inspected.state.started_at), (true, None));
    }

    #[test]
    fn podmans_empty_health_and_dockers_none_are_no_health() {
        for word in ["", "none"] {
            let json = format!(
                r#"{{"Id":"a","Name":"/a","State":{{"Status":"running","Health":{{"Status":"{word}","Log":null}}}}}}"#
            );
            let inspected: Inspected = serde_json::from_str(&json).unwrap();
            assert_eq!(inspected.health(), None, "{word:?}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_json_never_panics(
            text in r#"(\{"Id":"a","State":|\{"Id":"a","Name":)?[{}\[\]",:a-zA-Z0-9\-.]{0,80}"#,
        ) {
            let _ = serde_json::from_str::<Listed>(&text);
            let _ = serde_json::from_str::<Inspected>(&text);
        }
    }
}
