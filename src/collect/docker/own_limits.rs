//! The keys of containers' own limits: the shares of their memory and CPU time at which they are told.

use std::rc::Rc;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::config::{DockerConfig, Entry};
use crate::collect::LONGEST_FOR;
use crate::metric::{self, Limits, Metric};
use crate::settings::{Doc, Section, doc, seconds};

/// Those of one container, or of one pattern.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Own {
    /// The share of its own memory at which it is told; `None`: that of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<f64>,
    /// The share of its own CPU time at which it is told; `None`: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<f64>,
    /// How long it must be over them.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none", serialize_with = "seconds_if_any")]
    pub lasts: Option<Duration>,
}

impl Own {
    pub fn read(section: &mut Section<'_>) -> Own {
        Own {
            memory: section.optional_number("memory", None, 0.0, 100.0, OWN_MEMORY),
            cpu: section.optional_number("cpu", None, 0.0, 100.0, OWN_CPU),
            lasts: section.optional_duration("for", Duration::ZERO..=LONGEST_FOR, OWN_LASTS),
        }
    }
}

/// `docker.memory`
pub fn memory_of_all(section: &mut Section<'_>) -> Option<f64> {
    section.optional_number("memory", None, 0.0, 100.0, MEMORY)
}

impl DockerConfig {
    /// The limits of containers' own memory and CPU time, each for a target or a pattern: exact names win over patterns. A
    /// service's containers have their limits by its entry: a name does not tell of which service a container is.
    pub fn own_limits(&self) -> Vec<(&'static Metric, Rc<str>, Limits)> {
        let mut own = Vec::new();
        let (patterns, exact): (Vec<&Entry>, Vec<&Entry>) =
            self.containers.iter().partition(|entry| entry.is_pattern());
        for entry in exact.into_iter().chain(patterns) {
            let lasting = |limits: Limits| Limits { lasts: entry.own.lasts.unwrap_or(limits.lasts), ..limits };
            let memory =
                entry.own.memory.or(self.memory).map(|limit| (metric::CONTAINER_MEMORY, Limits::warning(limit)));
            let cpu = entry.own.cpu.map(|limit| (metric::CONTAINER_CPU, Limits::of_rate(limit)));
            let limits = memory.into_iter().chain(cpu);
            own.extend(limits.map(|(metric, limits)| (metric, Rc::from(entry.name.as_str()), lasting(limits))));
        }
        own.extend(self.memory.map(|limit| (metric::CONTAINER_MEMORY, Rc::from("*"), Limits::warning(limit))));
        own
    }
}

const MEMORY: Doc = doc(
    "容器内存占其自身上限的百分比，达到即告警；没有上限的容器不计；留空则不监控",
    "an alert at this share of a container's own memory limit, percent; none for one without a limit; empty: off",
);

const OWN_MEMORY: Doc = doc(
    "内存占其自身上限的百分比，达到即告警；留空则用 `docker.memory`",
    "an alert at this share of its own memory limit, percent; empty: as `docker.memory`",
);

const OWN_CPU: Doc = doc(
    "CPU 占其自身上限的百分比，达到即告警；留空则不监控",
    "an alert at this share of its own CPU limit, percent; empty: off",
);

const OWN_LASTS: Doc = doc(
    "以上两项持续多久才告警，默认内存 0、CPU 1 分钟",
    "time over these two before it is told; by default 0 for memory, 1 minute for CPU",
);

fn seconds_if_any<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => seconds(duration, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern;
    use crate::settings;

    fn read(text: &str) -> Result<DockerConfig, String> {
        let read = |document: &mut Section<'_>| document.section("docker", settings::NO_DOC, DockerConfig::read);
        settings::read("c", text.as_bytes(), read).map(|read| read.value).map_err(|problems| problems.to_string())
    }

    #[test]
    fn own_limits_are_those_of_an_entry_and_behind_it_of_all() {
        let text = "docker:\n  memory: 90\n  containers: [{name: web, memory: 95, cpu: 80, for: 5m}, {name: 'app-*', cpu: 70}, db]\n";
        let limits = read(text).unwrap().own_limits();
        // The first that fits wins.
        let of = |metric, target: &str| {
            let mut own =
                limits.iter().filter(|(of, pattern, _)| *of == metric && pattern::matches(&**pattern, target));
            own.next().map(|(.., limits)| (limits.warning, limits.lasts.as_secs()))
        };
        for (target, memory, cpu) in [
            ("web", (95.0, 300), Some((80.0, 300))),
            // Its name alone makes it no container of the service `web`.
            ("my-web-proxy", (90.0, 0), None),
            ("app-1", (90.0, 0), Some((70.0, 60))),
            ("db", (90.0, 0), None),
            ("other", (90.0, 0), None),
        ] {
            assert_eq!(of(metric::CONTAINER_MEMORY, target), Some((Some(memory.0), memory.1)), "{target}");
            assert_eq!(of(metric::CONTAINER_CPU, target), cpu.map(|(limit, lasts)| (Some(limit), lasts)), "{target}");
        }
        assert!(read("").unwrap().own_limits().is_empty());
        assert!(read("docker:\n  memory: 101\n").is_err());
    }
}
