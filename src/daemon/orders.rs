//! The configuration as the loop uses it: each part in the terms of the component that it is for.

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::alert::Policy;
use crate::clock;
use crate::collect::Plan;
use crate::config::Config;
use crate::docker::Address;
use crate::host;
use crate::message::{Outline, Style};
use crate::notify::Channel;
use crate::rules::Thresholds;

/// What the command line says instead of the configuration, which a reload does not change.
#[derive(Clone, Debug, Default)]
pub struct Amendment {
    pub docker_socket: Option<Address>,
}

impl Amendment {
    pub fn apply(&self, config: &mut Config) {
        if let Some(socket) = &self.docker_socket {
            config.docker.socket = socket.clone();
        }
    }
}

/// What the loop goes by until the next reload.
#[derive(Clone, Debug)]
pub struct Orders {
    pub check_interval: Duration,
    pub policy: Policy,
    pub thresholds: Thresholds,
    pub plan: Plan,
    pub style: Style,
    pub outline: Outline,
    pub channel: Channel,
    pub reports: crate::schedule::Config,
    /// The zone in which reports are scheduled.
    pub report_zone: TimeZone,
}

impl Orders {
    pub fn new(config: &Config) -> Orders {
        let general = &config.general;
        let zone = general.timezone.clone().unwrap_or_else(clock::system_zone);
        let host = if general.hostname.is_empty() { host::name() } else { general.hostname.clone() };
        Orders {
            check_interval: general.check_interval,
            policy: Policy { cooldown: general.alert_cooldown, send_recovery: general.send_recovery },
            thresholds: Thresholds {
                memory_percent: config.system.memory.threshold,
                swap_percent: config.system.swap.threshold,
                cpu_percent: config.system.cpu.threshold,
                disk_percent: config.system.disk.threshold,
                traffic_mbps: config.network.traffic.threshold_mbps,
                connections: config.network.connections.threshold,
                container_grace: Duration::from_secs(10),
            },
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
            channel: Channel::configured(&config.wechat),
            reports: config.scheduled_report.clone(),
            report_zone: config.scheduled_report.timezone.clone().unwrap_or(zone),
        }
    }
}
