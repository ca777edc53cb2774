//! The whole configuration: composes the components' own, each of which has its defaults and its checks.
//!
//! Only checks that concern two components are here. `settings` reads the file itself.

mod file;
mod general;
mod resolved;
mod schema;
mod template;

use std::path::Path;
use std::time::Duration;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::collect::{self, Configured, Group, Plan, SOURCES, Source, docker};
use crate::history::HistoryConfig;
use crate::hold::QuietHours;
use crate::notify::{self, CHANNEL_KINDS, Channel, ChannelKind, Channels};
use crate::schedule;
use crate::settings::{self, Described, Problems, Read, Section, WAIT_OF_A_COMMAND, doc};
use crate::tap::{self, TAP_KINDS, TapSection};

pub use file::{ConfigFile, STANDARD_FILE};
pub use general::GeneralConfig;

pub use resolved::{Overrides, Resolved};
pub use schema::schema;
pub use template::template;

/// The configuration in force. Its default is that of an empty file.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub general: GeneralConfig,
    pub channels: Channels,
    pub sources: Vec<Configured>,
    pub docker: docker::DockerConfig,
    pub scheduled_report: schedule::ReportConfig,
    pub quiet_hours: QuietHours,
    pub history: HistoryConfig,
    pub tap_sections: Vec<TapSection>,
}

impl Default for Config {
    fn default() -> Config {
        settings::defaults(Config::read)
    }
}

impl Config {
    /// Reads the file at `path`, as a command does.
    ///
    /// # Errors
    /// All of the file's problems at once, sorted by position.
    pub fn load(path: &Path) -> Result<Read<Config>, Problems> {
        Config::load_within(path, WAIT_OF_A_COMMAND)
    }

    fn load_within(path: &Path, wait: Duration) -> Result<Read<Config>, Problems> {
        settings::read_file(path, wait, Config::read)
    }

    /// Reads `bytes`, which problems call `file_name`.
    ///
    /// # Errors
    /// All of its problems at once, sorted by position.
    pub fn parse(file_name: &str, bytes: &[u8]) -> Result<Read<Config>, Problems> {
        settings::read(file_name, bytes, Config::read)
    }

    /// The same, with those sources and kinds of channels.
    ///
    /// # Errors
    /// All of its problems at once, sorted by position.
    pub fn parse_with(
        sources: &[&'static Source],
        kinds: &[&'static ChannelKind],
        file_name: &str,
        bytes: &[u8],
    ) -> Result<Read<Config>, Problems> {
        settings::read(file_name, bytes, |document| Config::read_with(document, sources, kinds))
    }

    /// The plan of measurements.
    pub fn plan(&self) -> Plan {
        Plan { sources: self.sources.clone(), docker: self.docker.clone() }
    }

    /// Every key as its reader describes it, in the order of the template; a section comes before its keys.
    pub fn describe() -> Vec<Described> {
        settings::describe(Config::read)
    }

    /// The configuration as YAML, in the order of the template, secrets masked: the output of `config show`.
    ///
    /// # Errors
    /// None that a configuration could cause; they are the serializer's.
    pub fn to_yaml(&self) -> Result<String, serde_saphyr::SerializeError> {
        let options = serde_saphyr::ser_options! { compact_list_indent: false, prefer_block_scalars: false };
        serde_saphyr::to_string_with_options(self, options)
    }

    /// The channels that the configuration names; none: messages are printed.
    pub fn channels(&self) -> Vec<Channel> {
        self.channels.all().to_vec()
    }

    fn read(document: &mut Section<'_>) -> Config {
        Config::read_with(document, SOURCES, CHANNEL_KINDS)
    }

    fn read_with(document: &mut Section<'_>, sources: &[&'static Source], kinds: &[&'static ChannelKind]) -> Config {
        let general = document.section("general", doc("基础配置", "General"), GeneralConfig::read);
        Config {
            channels: notify::read(document, kinds),
            sources: collect::read(document, sources, general.check_interval),
            docker: document.section(docker::NAME, doc("Docker 监控", "Docker"), docker::DockerConfig::read),
            scheduled_report: document.section(
                "scheduled_report",
                doc("定时状态报告", "Scheduled report"),
                schedule::ReportConfig::read,
            ),
            quiet_hours: QuietHours::read(document),
            history: document.section("history", doc("历史数据", "History"), HistoryConfig::read),
            tap_sections: tap::read(document, TAP_KINDS),
            general,
        }
    }
}

/// In the order of the template.
impl Serialize for Config {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("general", &self.general)?;
        for (key, shown) in self.channels.shown() {
            map.serialize_entry(key, &shown)?;
        }
        for group in collect::groups(self.sources.iter().map(|configured| configured.source)) {
            map.serialize_entry(group.key, &InGroup(group, &self.sources))?;
        }
        map.serialize_entry(docker::NAME, &self.docker)?;
        map.serialize_entry("scheduled_report", &self.scheduled_report)?;
        map.serialize_entry("quiet_hours", &self.quiet_hours)?;
        map.serialize_entry("history", &self.history)?;
        for section in &self.tap_sections {
            map.serialize_entry(section.kind.name, section.values())?;
        }
        map.end()
    }
}

/// The sources of one group.
struct InGroup<'a>(&'static Group, &'a [Configured]);

impl Serialize for InGroup<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let InGroup(group, sources) = self;
        let mut in_group = sources.iter().filter(|configured| configured.source.group.key == group.key).peekable();
        if let Some(whole) = in_group.peek().filter(|configured| configured.source.is_its_group()) {
            return whole.values().serialize(serializer);
        }
        serializer.collect_map(in_group.map(|configured| (configured.source.name, configured.values())))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::settings::Severity;

    fn parse(text: &str) -> Config {
        Config::parse("c", text.as_bytes()).unwrap().value
    }

    #[test]
    fn an_empty_file_is_the_default() {
        for text in ["", "# nothing\n", "~\n", "general:\nsystem: {cpu: ~}\n"] {
            assert_eq!(parse(text), Config::default(), "{text:?}");
        }
    }

    #[test]
    fn a_default_sample_interval_is_shortened_to_the_check_interval() {
        let config = parse("general: {check_interval: 2}\n");
        let windows = config.sources.iter().map(|configured| (configured.source.name, configured.window().as_secs()));
        let windows: Vec<_> = windows.filter(|(_, seconds)| *seconds > 0).collect();
        assert_eq!(windows, [("cpu", 1), ("traffic", 2)]);
        assert!(config.to_yaml().unwrap().contains("sample_interval: 2"));
    }

    #[test]
    fn a_written_sample_interval_longer_than_the_check_interval_is_refused() {
        let text = "network: {traffic: {sample_interval: 3}}\ngeneral: {check_interval: 2}\n";
        let problems = Config::parse("c", text.as_bytes()).unwrap_err();
        let problem = problems.list.iter().find(|problem| problem.severity == Severity::Error).unwrap();
        assert_eq!((problem.line, problem.column), (1, 38));
        assert_eq!(
            problem.message,
            "network.traffic.sample_interval: 3s is longer than general.check_interval, which is 2s"
        );
    }

    proptest! {
        #[test]
        fn every_text_is_shown_so_that_it_is_read_as_the_same(hostname in "\\PC{0,90}|[~a-z0-9:# \"'.-]{0,9}|yes|null|0x1|1e3") {
            let general = GeneralConfig { hostname, ..GeneralConfig::default() };
            let config = Config { general, ..Config::default() };
            let shown = config.to_yaml().unwrap();
            prop_assert_eq!(Config::parse("shown", shown.as_bytes()).unwrap().value, config, "{}", shown);
        }
    }
}
