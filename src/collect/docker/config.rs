//! `docker:` in the configuration.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::docker::Address;
use crate::settings::{Complaint, Item, Section, seconds};

/// What is done on purpose may be waited for so long.
const GRACE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(60 * 60);

/// The window in which restarts are counted may be so long.
const RESTART_LOOP_WINDOW: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(24 * 60 * 60);

/// The `docker` section.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Config {
    pub enabled: Enabled,
    pub socket: Address,
    /// Whether an engine that is gone is an alert of its own.
    pub alert_unavailable: AlertUnavailable,
    /// How long what was stopped or removed on purpose, or is missing, is not told: it is not told at all where it runs
    /// again by then.
    #[serde(serialize_with = "seconds")]
    pub grace: Duration,
    /// So many restarts by the engine itself within [`Config::restart_loop_window`] are a restart loop.
    pub restart_loop_times: u32,
    #[serde(serialize_with = "seconds")]
    pub restart_loop_window: Duration,
    /// Empty: every container.
    pub containers: Vec<Entry>,
    /// Patterns of what is not watched, unless it is named in [`Config::containers`].
    pub exclude: Vec<String>,
}

/// Whether containers are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enabled {
    /// As soon as there is a socket file.
    Auto,
    Always,
    Never,
}

/// Whether an engine that is gone is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertUnavailable {
    /// Once it was gone for a minute, where containers are named or were seen before.
    Auto,
    /// As soon as it is gone.
    Always,
    Never,
}

/// What is said of the containers of one name or pattern.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// A container's name, a compose service's, or a pattern with `*`.
    pub name: String,
    pub check_health: bool,
    pub expected: Expected,
}

/// The state in which a container is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Expected {
    Running,
    /// A one-shot job: well once it ended with exit code 0, and while it works.
    Exited,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            enabled: Enabled::Auto,
            socket: Address::default(),
            alert_unavailable: AlertUnavailable::Auto,
            grace: Duration::from_secs(10),
            restart_loop_times: 3,
            restart_loop_window: Duration::from_secs(10 * 60),
            containers: Vec::new(),
            exclude: Vec::new(),
        }
    }
}

impl Config {
    pub fn read(section: &mut Section<'_>) -> Config {
        let default = Config::default();
        Config {
            enabled: section.choice(
                "enabled",
                default.enabled,
                &[("auto", Enabled::Auto), ("true", Enabled::Always), ("false", Enabled::Never)],
            ),
            socket: section.parse("socket", default.socket, |text| {
                Address::parse(text).map_err(|error| {
                    Complaint::new(error.to_string()).expected("a Unix socket, such as unix:///var/run/docker.sock")
                })
            }),
            alert_unavailable: section.choice(
                "alert_unavailable",
                default.alert_unavailable,
                &[
                    ("auto", AlertUnavailable::Auto),
                    ("true", AlertUnavailable::Always),
                    ("false", AlertUnavailable::Never),
                ],
            ),
            grace: section.duration("grace", default.grace, GRACE),
            restart_loop_times: section
                .integer("restart_loop_times", u64::from(default.restart_loop_times), 2..=1000)
                .try_into()
                .unwrap_or(default.restart_loop_times),
            restart_loop_window: section.duration(
                "restart_loop_window",
                default.restart_loop_window,
                RESTART_LOOP_WINDOW,
            ),
            containers: section.list("containers", Entry::read).unwrap_or_default(),
            exclude: section.list("exclude", |item| item.parse(container_name)).unwrap_or_default(),
        }
    }
}

impl Entry {
    /// A container of this name that is expected to run and, where it has a health check, to be healthy.
    pub fn new(name: impl Into<String>) -> Entry {
        Entry { name: name.into(), check_health: true, expected: Expected::Running }
    }

    pub fn is_pattern(&self) -> bool {
        self.name.contains('*')
    }

    /// `- nginx`, or a section with `name:` and more.
    fn read(item: &mut Item<'_>) -> Option<Entry> {
        if item.is_text() {
            return item.parse(container_name).map(Entry::new);
        }
        item.section(|section| {
            let default = Entry::new("");
            let entry = Entry {
                name: section.parse("name", default.name, container_name),
                check_health: section.boolean("check_health", default.check_health),
                expected: section.choice(
                    "expected",
                    default.expected,
                    &[("running", Expected::Running), ("exited", Expected::Exited)],
                ),
            };
            if !section.is_written("name") {
                section.problem("name", Complaint::new("is missing").expected("a container's name, such as nginx"));
            }
            Some(entry).filter(|entry| !entry.name.is_empty())
        })
    }
}

/// What engines take for a name, and `*`: <https://github.com/moby/moby/blob/v26.1.5/daemon/names/names.go>.
fn container_name(text: &str) -> Result<String, Complaint> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.-*".contains(c);
    if !text.is_empty() && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err(Complaint::new(format!("`{text}` is no container's name"))
            .expected("letters, digits and _ . - as `docker ps` shows them; * stands for any"))
    }
}

impl Expected {
    /// The engine's word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Expected::Running => "running",
            Expected::Exited => "exited",
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Serialize for Enabled {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_choice(*self, Enabled::Auto, Enabled::Always, serializer)
    }
}

impl Serialize for AlertUnavailable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_choice(*self, AlertUnavailable::Auto, AlertUnavailable::Always, serializer)
    }
}

/// As it is written in the file: `auto`, `true`, `false`.
fn serialize_choice<T: PartialEq, S: Serializer>(choice: T, auto: T, always: T, to: S) -> Result<S::Ok, S::Error> {
    if choice == auto { to.serialize_str("auto") } else { to.serialize_bool(choice == always) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings;

    fn read(text: &str) -> Result<Config, String> {
        let read = settings::read("config.yaml", text.as_bytes(), |document| document.section("docker", Config::read));
        read.map(|read| read.value).map_err(|problems| problems.to_string())
    }

    #[test]
    fn an_absent_section_has_the_defaults() {
        assert_eq!(read(""), Ok(Config::default()));
        assert_eq!(read("docker:\n  containers: []\n"), Ok(Config::default()));
    }

    #[test]
    fn the_plans_section_reads_as_it_stands() {
        let text = "docker:\n  enabled: true\n  socket: \"unix://var/run/docker.sock\"\n  containers:\n    \
                    - name: \"nginx\"\n      check_health: true\n    - name: \"redis\"\n      check_health: false\n";
        let config = read(text).unwrap();
        assert_eq!((config.enabled, config.socket), (Enabled::Always, Address::default()));
        assert_eq!(config.containers, [Entry::new("nginx"), Entry { check_health: false, ..Entry::new("redis") }]);
    }

    #[test]
    fn a_container_may_be_its_name_alone_or_a_pattern_or_a_job() {
        let config = read("docker:\n  containers:\n    - nginx\n    - 'app-*'\n    - {name: job, expected: exited}\n");
        let job = Entry { expected: Expected::Exited, ..Entry::new("job") };
        assert_eq!(config.unwrap().containers, [Entry::new("nginx"), Entry::new("app-*"), job]);
    }

    #[test]
    fn graces_exclusions_and_the_engines_own_alert_are_read() {
        let config = read("docker:\n  grace: 1m\n  exclude: [tmp-*, old]\n  alert_unavailable: true\n").unwrap();
        assert_eq!((config.grace, config.alert_unavailable), (Duration::from_secs(60), AlertUnavailable::Always));
        assert_eq!(config.exclude, ["tmp-*", "old"]);
        assert_eq!(read("docker:\n  alert_unavailable: false\n").unwrap().alert_unavailable, AlertUnavailable::Never);
        assert_eq!(read("docker:\n  grace: 0\n").unwrap().grace, Duration::ZERO);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_at_its_place() {
        for (text, place, message) in [
            ("docker:\n  enabled: on\n", ":2:12:", "docker.enabled"),
            ("docker:\n  socket: tcp://1.2.3.4:2375\n", ":2:11:", "tcp:// is not supported"),
            ("docker:\n  containers:\n    - /nginx\n", ":3:7:", "`/nginx` is no container's name"),
            ("docker:\n  containers:\n    - check_health: true\n", ":3:7:", "name: is missing"),
            ("docker:\n  containers:\n    - {name: a, expected: dead}\n", ":3:27:", "`dead` is none of the values"),
            ("docker:\n  restart_loop_times: 1\n", ":2:23:", "1 is out of range"),
            ("docker:\n  grace: 2h\n", ":2:10:", "2h is out of range"),
            ("docker:\n  exclude: [/web]\n", ":2:13:", "`/web` is no container's name"),
            ("docker:\n  alert_unavailable: maybe\n", ":2:22:", "`maybe` is none of the values"),
        ] {
            let problem = read(text).unwrap_err();
            assert!(problem.contains(place) && problem.contains(message), "{text}{problem}");
        }
    }
}
