//! The configuration in force, each part in the terms of its component.

use std::rc::Rc;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::Config;
use crate::alert::{Policy, Steps};
use crate::clock;
use crate::collect::Plan;
use crate::docker::Address;
use crate::history::HistoryConfig;
use crate::hold::QuietHours;
use crate::host;
use crate::message::Style;
use crate::notify::Channel;
use crate::rule::{Rule, Rules};
use crate::schedule;
use crate::tap;

/// Values of the command line that take precedence over those of the file, and outlive a reload.
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

/// The configuration in the form that the agent uses until the next reload.
#[derive(Clone, Debug)]
pub struct Resolved {
    pub check_interval: Duration,
    pub policy: Policy,
    pub rules: Rc<Rules>,
    pub plan: Plan,
    pub style: Style,
    /// How many causes an alert names.
    pub causes: usize,
    pub alert_picture: bool,
    pub quiet_hours: QuietHours,
    pub history: HistoryConfig,
    /// The channels that the configuration names; none: messages are printed.
    pub channels: Vec<Channel>,
    pub taps: Vec<Rc<dyn tap::Setup>>,
    pub reports: schedule::ReportConfig,
    /// The zone in which reports are scheduled.
    pub report_zone: TimeZone,
}

impl Resolved {
    /// `config` on this system: the system's name and time zone fill in for missing ones.
    pub fn new(config: &Config) -> Resolved {
        let general = &config.general;
        let zone = general.timezone.clone().unwrap_or_else(clock::system_zone);
        let plan = config.plan();
        let host = if general.hostname.is_empty() { host::name() } else { general.hostname.clone() };
        Resolved {
            check_interval: general.check_interval,
            policy: Policy {
                cooldown: general.alert_cooldown,
                send_recovery: general.send_recovery,
                repeat: Steps::new(general.alert_repeat.as_slice()),
                settle: Steps::new(general.alert_settle.as_slice()),
            },
            rules: Rc::new(plan.limits().map(|(metric, target, limits)| Rule { metric, target, limits }).collect()),
            plan,
            style: Style { language: general.language, host, zone: zone.clone() },
            causes: general.causes,
            alert_picture: general.alert_picture,
            quiet_hours: config.quiet_hours.clone(),
            history: config.history.clone(),
            channels: config.channels(),
            taps: config.tap_sections.iter().flat_map(|section| section.taps.clone()).collect(),
            reports: config.scheduled_report.clone(),
            report_zone: config.scheduled_report.timezone.clone().unwrap_or(zone),
        }
    }

    /// The channels, or the terminal where there is none.
    pub fn channels_or_terminal(&self) -> Vec<Channel> {
        if self.channels.is_empty() { vec![Channel::terminal()] } else { self.channels.clone() }
    }
}
