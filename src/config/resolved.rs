//! The configuration in force, each part in the terms of the component that it is for.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::Config;
use crate::alert::Policy;
use crate::clock;
use crate::collect::Plan;
use crate::docker::Address;
use crate::host;
use crate::message::{Outline, Style};
use crate::metric::{self, Limits};
use crate::notify::Channel;
use crate::rule::{Rule, Rules};
use crate::schedule;

/// Values of the command line that stand above those of the file, and outlive a reload.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    pub docker_socket: Option<Address>,
}

impl Overrides {
    pub fn apply(&self, config: &mut Config) {
        if let Some(socket) = &self.docker_socket {
            config.docker.socket = socket.clone();
        }
    }
}

/// What the agent goes by until the next reload.
#[derive(Clone, Debug)]
pub struct Resolved {
    pub check_interval: Duration,
    pub policy: Policy,
    pub rules: Rules,
    pub plan: Plan,
    pub style: Style,
    pub outline: Outline,
    /// The channels that the configuration names; none: messages are printed.
    pub channels: Vec<Channel>,
    pub reports: schedule::Config,
    /// The zone in which reports are scheduled.
    pub report_zone: TimeZone,
}

impl Resolved {
    /// `config` on this system, whose name and time zone stand in for those that it does not give.
    pub fn new(config: &Config) -> Resolved {
        let general = &config.general;
        let zone = general.timezone.clone().unwrap_or_else(clock::system_zone);
        let host = if general.hostname.is_empty() { host::name() } else { general.hostname.clone() };
        Resolved {
            check_interval: general.check_interval,
            policy: Policy { cooldown: general.alert_cooldown, send_recovery: general.send_recovery },
            rules: rules(config),
            plan: Plan {
                memory: config.system.memory.clone(),
                swap: config.system.swap.clone(),
                disk: config.system.disk.clone(),
                cpu: config.system.cpu.clone(),
                traffic: config.network.traffic.clone(),
                connections: config.network.connections.clone(),
                docker: config.docker.clone(),
            },
            style: Style { language: general.language, host, zone: zone.clone() },
            outline: Outline { disks: config.system.disk.paths.clone() },
            channels: [config.wechat.channel()].into_iter().flatten().collect(),
            reports: config.scheduled_report.clone(),
            report_zone: config.scheduled_report.timezone.clone().unwrap_or(zone),
        }
    }

    /// The channels, or the terminal where there is none.
    pub fn channels_or_terminal(&self) -> Vec<Channel> {
        if self.channels.is_empty() { vec![Channel::terminal()] } else { self.channels.clone() }
    }
}

fn rules(config: &Config) -> Rules {
    let warning = |metric, limit| Rule::for_every(metric, Limits::warning(limit));
    let grace = |metric| Rule::for_every(metric, Limits { grace: config.docker.grace, ..Limits::NONE });
    let limits = [
        warning(metric::MEMORY, config.system.memory.threshold),
        warning(metric::SWAP, config.system.swap.threshold),
        warning(metric::CPU, config.system.cpu.threshold),
        warning(metric::DISK, config.system.disk.threshold),
        warning(metric::TRAFFIC_IN, config.network.traffic.threshold_mbps),
        warning(metric::TRAFFIC_OUT, config.network.traffic.threshold_mbps),
        warning(metric::CONNECTIONS, config.network.connections.threshold as f64),
    ];
    let graces = [metric::CONTAINER_STATE, metric::CONTAINER_HEALTH, metric::DOCKER_ENGINE].map(grace);
    limits.into_iter().chain(graces).collect()
}
