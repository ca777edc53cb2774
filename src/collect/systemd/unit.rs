//! A unit as systemd describes it: a row of its lists, and the properties of one that is in trouble.

use std::rc::Rc;

use jiff::Timestamp;
use nix::sys::signal::Signal;

use crate::bus::{Argument, Body, Call, Error, Malformed};
use crate::snapshot::Cause;

/// A row of `ListUnits…` (org.freedesktop.systemd1(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    pub name: Rc<str>,
    pub description: String,
    /// `loaded`, `not-found`, …
    pub load: String,
    /// `active`, `failed`, `activating`, …
    pub active: String,
    /// The state of its kind: `running`, `auto-restart`, …
    pub sub: String,
    pub path: String,
}

/// The units of a list.
///
/// # Errors
/// It is no list of units.
pub fn parse_units(body: &Body) -> Result<Vec<Unit>, Malformed> {
    let mut units = Vec::new();
    body.of("a(ssssssouso)")?.array(8, |reader| {
        reader.structure()?;
        let mut unit = Unit {
            name: reader.text()?.into(),
            description: reader.text()?,
            load: reader.text()?,
            active: reader.text()?,
            sub: reader.text()?,
            path: String::new(),
        };
        let _follows = reader.text()?;
        unit.path = reader.text()?;
        reader.skip("uso")?;
        units.push(unit);
        Ok(())
    })?;
    Ok(units)
}

impl Unit {
    pub fn has_failed(&self) -> bool {
        self.active == "failed"
    }

    /// It ended, and systemd is about to start it again.
    pub fn is_restarting(&self) -> bool {
        self.sub == "auto-restart" || self.sub == "auto-restart-queued"
    }

    /// Its state is about to be another one.
    pub fn is_changing(&self) -> bool {
        matches!(self.active.as_str(), "activating" | "deactivating" | "reloading" | "refreshing" | "maintenance")
    }

    /// The interface of its kind, which has the reason of a failure.
    fn interface(&self) -> Option<&'static str> {
        let kind = self.name.rsplit('.').next()?;
        Some(match kind {
            "service" => "org.freedesktop.systemd1.Service",
            "mount" => "org.freedesktop.systemd1.Mount",
            "socket" => "org.freedesktop.systemd1.Socket",
            "swap" => "org.freedesktop.systemd1.Swap",
            "timer" => "org.freedesktop.systemd1.Timer",
            "path" => "org.freedesktop.systemd1.Path",
            "automount" => "org.freedesktop.systemd1.Automount",
            "scope" => "org.freedesktop.systemd1.Scope",
            _ => return None,
        })
    }

    /// The properties to ask for, each with its interface.
    pub fn properties(&self) -> Vec<[&'static str; 2]> {
        let mut properties = vec![["org.freedesktop.systemd1.Unit", "InactiveEnterTimestamp"]];
        if let Some(interface) = self.interface() {
            properties.push([interface, "Result"]);
            if self.name.ends_with(".service") {
                properties.extend(["ExecMainCode", "ExecMainStatus", "NRestarts"].map(|name| [interface, name]));
            }
        }
        properties
    }

    pub fn question<'a>(&'a self, arguments: &'a [Argument<'a>]) -> Call<'a> {
        let (destination, interface) = (super::MANAGER.destination, "org.freedesktop.DBus.Properties");
        Call { destination, path: &self.path, interface, member: "Get", arguments }
    }
}

/// Why and when a unit ended, as far as systemd tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// `exit-code`, `signal`, `timeout`, …; `success`.
    pub result: String,
    code: i64,
    status: i64,
    pub restarts: u64,
    at: Option<Timestamp>,
}

/// How a process ended (waitid(2)).
const EXITED: i64 = 1;
const KILLED: i64 = 2;
const DUMPED: i64 = 3;

impl End {
    /// By the answers to [`Unit::properties`]. One that was refused (an older systemd, a unit that is gone) is not known.
    pub fn new(properties: &[[&'static str; 2]], answers: Vec<Result<Body, Error>>) -> End {
        let mut end = End::default();
        for ([_, name], answer) in properties.iter().zip(answers) {
            let Ok(value) = answer.and_then(|body| Ok(body.of("v")?.variant()?)) else { continue };
            let number = || value.number().unwrap_or_default();
            match *name {
                "Result" => end.result = value.text().unwrap_or_default(),
                "ExecMainCode" => end.code = number(),
                "ExecMainStatus" => end.status = number(),
                "NRestarts" => end.restarts = u64::try_from(number()).unwrap_or_default(),
                _ => end.at = Some(number()).filter(|at| *at > 0).and_then(|at| Timestamp::from_microsecond(at).ok()),
            }
        }
        end
    }

    /// `exit-code 1`, `signal SIGKILL`, `timeout`
    fn shown(&self) -> String {
        let signal = || i32::try_from(self.status).ok().and_then(|number| Signal::try_from(number).ok());
        match (self.result.as_str(), self.code) {
            ("exit-code", EXITED) => format!("exit-code {}", self.status),
            (result @ ("signal" | "core-dump" | "watchdog"), KILLED | DUMPED) => match signal() {
                Some(signal) => format!("{result} {}", signal.as_str()),
                None => format!("{result} {}", self.status),
            },
            (result, _) => result.to_owned(),
        }
    }

    pub fn cause(&self, unit: &Unit) -> Cause {
        let description = if *unit.name == *unit.description { String::new() } else { unit.description.clone() };
        Cause::UnitEnded { result: self.shown(), at: self.at, restarts: self.restarts, description }
    }
}
