//! The whole configuration: composes the components' own, each of which has its defaults and its checks.
//!
//! What concerns two components is checked here, and only that. The file itself is `settings`' business.

mod file;
pub mod general;
mod resolved;
mod schema;
mod template;

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::collect::{connections, cpu, disk, docker, memory, traffic};
use crate::notify::wecom;
use crate::schedule;
use crate::settings::{
    self, Complaint, Described, Doc, NO_DOC, Problems, Read, Section, WAIT_OF_A_COMMAND, doc, duration_text,
};

pub use file::{ConfigFile, STANDARD_FILE};

pub use resolved::{Overrides, Resolved};
pub use schema::schema;
pub use template::template;

/// The configuration in force. Its default is what an empty file means.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Config {
    pub general: general::Config,
    pub wechat: wecom::Config,
    pub system: System,
    pub network: Network,
    pub docker: docker::Config,
    pub scheduled_report: schedule::Config,
}

/// `system`
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct System {
    pub memory: memory::Config,
    pub disk: disk::Config,
    pub cpu: cpu::Config,
    pub swap: memory::Config,
}

/// `network`
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Network {
    pub traffic: traffic::Config,
    pub connections: connections::Config,
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

    /// Every key as its reader describes it, in the order of the template; a section comes before what is in it.
    pub fn describe() -> Vec<Described> {
        settings::describe(Config::read)
    }

    /// The configuration as YAML, in the order of the template, secrets masked: what `config show` prints.
    ///
    /// # Errors
    /// None that a configuration could cause; they are the serializer's.
    pub fn to_yaml(&self) -> Result<String, serde_saphyr::SerializeError> {
        let options = serde_saphyr::ser_options! { compact_list_indent: false, prefer_block_scalars: false };
        serde_saphyr::to_string_with_options(self, options)
    }

    fn read(document: &mut Section<'_>) -> Config {
        let general = document.section("general", doc("基础配置", "General"), general::Config::read);
        let check_interval = general.check_interval;
        Config {
            general,
            wechat: document.section("wechat", doc("企业微信机器人", "WeChat Work group robot"), wecom::Config::read),
            system: document.section("system", SYSTEM, |system| System::read(system, check_interval)),
            network: document
                .section("network", doc("网络监控", "Network"), |network| Network::read(network, check_interval)),
            docker: document.section("docker", doc("Docker 监控", "Docker"), docker::Config::read),
            scheduled_report: document.section(
                "scheduled_report",
                doc("定时状态报告", "Scheduled report"),
                schedule::Config::read,
            ),
        }
    }
}

const SYSTEM: Doc = doc("系统监控：达到阈值即告警", "System: an alert fires at or above its threshold");

impl System {
    fn read(system: &mut Section<'_>, check_interval: Duration) -> System {
        System {
            memory: system.section("memory", NO_DOC, memory::Config::memory),
            disk: system.section("disk", NO_DOC, disk::Config::read),
            cpu: system.section("cpu", NO_DOC, |section| {
                let cpu = cpu::Config::read(section);
                cpu::Config { sample_interval: within(section, cpu.sample_interval, check_interval), ..cpu }
            }),
            swap: system.section("swap", NO_DOC, memory::Config::swap),
        }
    }
}

impl Network {
    fn read(network: &mut Section<'_>, check_interval: Duration) -> Network {
        Network {
            traffic: network.section("traffic", NO_DOC, |section| {
                let traffic = traffic::Config::read(section);
                traffic::Config { sample_interval: within(section, traffic.sample_interval, check_interval), ..traffic }
            }),
            connections: network.section("connections", NO_DOC, connections::Config::read),
        }
    }
}

/// A section's sample interval, which must fit between two checks: one that was written is refused when it does not,
/// the default is shortened.
fn within(section: &mut Section<'_>, sample_interval: Duration, check_interval: Duration) -> Duration {
    if sample_interval > check_interval && section.is_written("sample_interval") {
        let (sample, check) = (duration_text(sample_interval), duration_text(check_interval));
        let complaint = Complaint::new(format!("{sample} is longer than general.check_interval, which is {check}"));
        section.problem("sample_interval", complaint.expected(format!("at most {check}")));
    }
    sample_interval.min(check_interval)
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
        assert_eq!(config.network.traffic.sample_interval, Duration::from_secs(2));
        assert_eq!(config.system.cpu.sample_interval, Duration::from_secs(1));
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
            let general = general::Config { hostname, ..general::Config::default() };
            let config = Config { general, ..Config::default() };
            let shown = config.to_yaml().unwrap();
            prop_assert_eq!(Config::parse("shown", shown.as_bytes()).unwrap().value, config, "{}", shown);
        }
    }
}
