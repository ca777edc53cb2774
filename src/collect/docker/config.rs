//! `docker:` in the configuration.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::own_limits::{self, Own};
use crate::docker::Address;
use crate::metric::{self, Limits, Metric};
use crate::settings::{self, Complaint, Doc, Item, Section, Text, doc, seconds};

/// The longest wait after a deliberate stop or removal.
pub const LONGEST_GRACE: Duration = Duration::from_secs(60 * 60);
const GRACE: RangeInclusive<Duration> = Duration::ZERO..=LONGEST_GRACE;

/// The longest window in which restarts are counted.
const RESTART_LOOP_WINDOW: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(24 * 60 * 60);

/// The `docker` section.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DockerConfig {
    pub enabled: Enabled,
    pub socket: Address,
    /// Whether the engine's absence is an alert of its own.
    pub alert_unavailable: AlertUnavailable,
    /// How long a container that was stopped or removed on purpose, or is missing, is not told. It is not told at all
    /// if it runs again by then.
    #[serde(serialize_with = "seconds")]
    pub grace: Duration,
    /// The number of restarts by the engine itself within [`DockerConfig::restart_loop_window`] that make a restart loop.
    pub restart_loop_times: u32,
    #[serde(serialize_with = "seconds")]
    pub restart_loop_window: Duration,
    /// The share of its own memory at which each container is told; `None`: those that say so themselves.
    pub memory: Option<f64>,
    /// Empty: every container.
    pub containers: Vec<Entry>,
    /// Patterns of containers that are not watched, unless [`DockerConfig::containers`] names them.
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

/// Whether the engine's absence is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertUnavailable {
    /// After a minute of absence, if containers are named or were seen before.
    Auto,
    /// As soon as it is gone.
    Always,
    Never,
}

/// The settings for the containers of one name or pattern.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// A container's name, a compose service's, or a pattern with `*`.
    pub name: String,
    pub check_health: bool,
    pub expected: Expected,
    /// Its trouble is critical.
    pub critical: bool,
    #[serde(flatten)]
    pub own: Own,
}

/// The state in which a container is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Expected {
    Running,
    /// A one-shot job: well after exit code 0, and while it works.
    Exited,
}

impl Default for DockerConfig {
    fn default() -> DockerConfig {
        settings::defaults(DockerConfig::read)
    }
}

impl DockerConfig {
    /// How long each deliberate condition may last.
    pub fn limits(&self) -> impl Iterator<Item = (&'static Metric, Limits)> {
        let limits = Limits { grace: self.grace, ..Limits::NONE };
        [metric::CONTAINER_STATE, metric::CONTAINER_HEALTH, metric::DOCKER_ENGINE]
            .map(|metric| (metric, limits))
            .into_iter()
    }

    pub fn read(section: &mut Section<'_>) -> DockerConfig {
        let mut config = DockerConfig {
            enabled: section.choice(
                "enabled",
                Enabled::Auto,
                &[("auto", Enabled::Auto), ("true", Enabled::Always), ("false", Enabled::Never)],
                doc(
                    "`auto`：有 socket 就监控；没有则自动跳过，写明了容器名称时视为故障",
                    "`auto`: as soon as there is a socket; silently off without, unless containers are named here",
                ),
            ),
            socket: section.parse("socket", SOCKET, |text| {
                Address::parse(text).map_err(|error| {
                    Complaint::new(error.to_string()).expected("a Unix socket, such as unix:///var/run/docker.sock")
                })
            }),
            alert_unavailable: section.choice(
                "alert_unavailable",
                AlertUnavailable::Auto,
                &[
                    ("auto", AlertUnavailable::Auto),
                    ("true", AlertUnavailable::Always),
                    ("false", AlertUnavailable::Never),
                ],
                doc(
                    "Docker 服务不可用时是否告警。`auto`：写明了容器名称或曾见过容器，且不可用满 1 分钟；`true`：立即",
                    "alert if the engine itself is gone. `auto`: after a minute, if containers are named here or were seen \
                     before; `true`: at once",
                ),
            ),
            grace: section.duration(
                "grace",
                Duration::from_secs(10),
                GRACE,
                doc(
                    "手动停止、删除或不存在的容器在此之后才告警（秒）；届时同名容器或同一 compose 服务的容器已在运行，则不告警",
                    "a container that was stopped or removed on purpose, or is missing, is reported after this, and not at \
                     all if one of its name or compose service runs by then",
                ),
            ),
            restart_loop_times: section
                .integer(
                    "restart_loop_times",
                    3,
                    2..=1000,
                    doc("窗口内自动重启几次算反复重启", "restarts by the engine in the window that make a restart loop"),
                )
                .try_into()
                .unwrap_or(u32::MAX),
            restart_loop_window: section.duration(
                "restart_loop_window",
                Duration::from_secs(10 * 60),
                RESTART_LOOP_WINDOW,
                doc("反复重启的统计窗口（秒）", "the window of `restart_loop_times`"),
            ),
            memory: own_limits::memory_of_all(section),
            containers: Vec::new(),
            exclude: Vec::new(),
        };
        let containers = &mut config.containers;
        section.list(CONTAINERS_KEY, CONTAINERS, |item| {
            let entry = Entry::read(item)?;
            // Of two entries the first would count alone.
            if containers.iter().any(|known| known.name == entry.name) {
                item.named_twice(&entry.name, "container");
            } else {
                containers.push(entry);
            }
            Some(())
        });
        let named: Vec<String> = containers.iter().map(|entry| entry.name.clone()).collect();
        config.exclude =
            section.names("exclude", [EXCLUDE, PATTERN], "container", (CONTAINERS_KEY, &named), container_name);
        config
    }
}

const CONTAINERS_KEY: &str = "containers";

const SOCKET: Doc = doc("Docker 监听的位置", "the engine's socket")
    .default("unix:///var/run/docker.sock")
    .pattern("^(/|unix://.)")
    .values("路径，`unix://` 可写可不写", "path, with or without `unix://`");

const CONTAINERS: Doc = doc("要监控的容器，留空则监控全部", "containers to watch; empty: all")
    .values("如下各项，或只写名称", "entries as below, or names")
    .unique()
    .below(&[
        Text { zh: "containers:", en: "" },
        Text { zh: "  - name: \"nginx\"", en: "" },
        Text {
            zh: "    check_health: true  # 是否检查健康状态，默认 true",
            en: "watch its health check too, default true",
        },
        Text { zh: "  - name: \"app-*\"       # 可用 *", en: "with a pattern" },
        Text { zh: "  - name: \"backup\"", en: "" },
        Text {
            zh: "    expected: exited    # 一次性任务：期望以退出码 0 结束，默认 running",
            en: "a job that ends with exit code 0; default running",
        },
        Text { zh: "  - redis               # 只写名称也可以", en: "the name alone is enough" },
        Text {
            zh: "  - {name: mysql, memory: 90, cpu: 95, for: 5m}  # 占其自身上限的百分比",
            en: "percent of its own limits",
        },
    ]);

/// The name of a container.
const NAME: Doc = doc(
    "容器名，或 compose、swarm 的服务名；写明名称却不存在的容器会告警",
    "name of a container, or of a compose or swarm service; if an exact name is missing, that is an alert",
)
.values("名称，或含 `*`", "exact, or with `*`")
.pattern(NAME_PATTERN)
.or_number()
.required();

const EXCLUDE: Doc = doc(
    "不监控的容器，`containers` 中写明名称的除外；标签 `vps-monitor.ignore=true` 作用相同",
    "containers to leave out, unless `containers` names them; the label `vps-monitor.ignore=true` does the same",
)
.values("名称，或含 `*` 的通配符", "names, or patterns with `*`")
.unique();

const PATTERN: Doc = doc("名称，或含 `*` 的通配符", "a name, or a pattern with `*`").pattern(NAME_PATTERN).or_number();

const NAME_PATTERN: &str = "^[A-Za-z0-9_.*-]+$";

impl Entry {
    /// A container of this name that is expected to run and, if it has a health check, to be healthy.
    pub fn new(name: impl Into<String>) -> Entry {
        Entry {
            name: name.into(),
            check_health: true,
            expected: Expected::Running,
            critical: false,
            own: Own::default(),
        }
    }

    pub fn is_pattern(&self) -> bool {
        self.name.contains('*')
    }

    /// `- nginx`, or a section with `name:` and more.
    fn read(item: &mut Item<'_>) -> Option<Entry> {
        let of_name = |text: &str| container_name(text).map(Entry::new);
        item.text_or_section(NAME, of_name, |section| {
            let entry = Entry {
                name: section.parse("name", NAME, container_name),
                check_health: section.boolean(
                    "check_health",
                    true,
                    doc("是否检查健康状态", "watch its health check, too"),
                ),
                expected: section.choice(
                    "expected",
                    Expected::Running,
                    &[("running", Expected::Running), ("exited", Expected::Exited)],
                    doc(
                        "`exited`：一次性任务，以退出码 0 结束即为正常",
                        "`exited`: a job, which is well once it ended with exit code 0",
                    ),
                ),
                critical: section.boolean(
                    "critical",
                    false,
                    doc("它的故障是否为严重告警", "whether its trouble is critical"),
                ),
                own: Own::read(section),
            };
            if !section.is_written("name") {
                section.problem("name", Complaint::new("is missing").expected("a container's name, such as nginx"));
            }
            Some(entry).filter(|entry| !entry.name.is_empty())
        })
    }
}

/// A name as engines accept it, and `*`: <https://github.com/moby/moby/blob/v26.1.5/daemon/names/names.go>.
fn container_name(text: &str) -> Result<String, Complaint> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.-*".contains(c);
    if !text.is_empty() && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err(Complaint::new(format!("`{text}` is not a container's name"))
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

    fn read(text: &str) -> Result<DockerConfig, String> {
        let read = settings::read("config.yaml", text.as_bytes(), |document| {
            document.section("docker", settings::NO_DOC, DockerConfig::read)
        });
        read.map(|read| read.value).map_err(|problems| problems.to_string())
    }

    #[test]
    fn an_absent_section_has_the_defaults() {
        assert_eq!(read(""), Ok(DockerConfig::default()));
        assert_eq!(read("docker:\n  containers: []\n"), Ok(DockerConfig::default()));
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
            ("docker:\n  containers:\n    - /nginx\n", ":3:7:", "`/nginx` is not a container's name"),
            ("docker:\n  containers:\n    - check_health: true\n", ":3:7:", "name: is missing"),
            ("docker:\n  containers:\n    - {name: a, expected: dead}\n", ":3:27:", "`dead` is none of the values"),
            ("docker:\n  restart_loop_times: 1\n", ":2:23:", "1 is out of range"),
            ("docker:\n  grace: 2h\n", ":2:10:", "2h is out of range"),
            ("docker:\n  exclude: [/web]\n", ":2:13:", "`/web` is not a container's name"),
            (
                "docker:\n  containers: [web, db, {name: web, check_health: false}]\n",
                ":2:",
                "[2]: `web` is named twice",
            ),
            ("docker:\n  containers: ['a-*', 'a-*']\n", ":2:23:", "containers[1]: `a-*` is named twice"),
            ("docker:\n  exclude: [a, b, a]\n", ":2:19:", "exclude[2]: `a` is named twice"),
            ("docker: {containers: [a, b], exclude: [b]}\n", ":1:40:", "exclude[0]: `b` is in `containers`, too"),
            ("docker:\n  alert_unavailable: maybe\n", ":2:22:", "`maybe` is none of the values"),
        ] {
            let problem = read(text).unwrap_err();
            assert!(problem.contains(place) && problem.contains(message), "{text}{problem}");
        }
    }
}
