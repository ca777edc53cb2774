//! One container, and how an engine describes it.

use jiff::Timestamp;
use serde_json::{Value, json};
use vps_monitor::docker::events::{Event, Kind};
use vps_monitor::docker::{Inspected, Labels, Listed};

use super::clock::{MINUTE, SECOND};

/// How long the health check may fail at the start before that counts.
pub const START_PERIOD: i64 = 30 * MINUTE;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    Created,
    Running,
    Exited,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Until it is seen whether it is well.
    Starting {
        until: i64,
    },
    Healthy,
    Unhealthy,
}

pub struct Container {
    pub id: String,
    pub name: String,
    pub labels: Labels,
    pub run: Run,
    pub exit_code: i64,
    pub oom: bool,
    pub restart_count: u64,
    pub created: i64,
    pub started: i64,
    pub finished: i64,
    /// `None`: it has no health check.
    pub health: Option<Health>,
}

impl Container {
    pub fn is_running(&self) -> bool {
        self.run == Run::Running
    }

    pub fn event(&self, kind: Kind, wall: Timestamp) -> Event {
        Event {
            kind,
            id: self.id.clone(),
            name: self.name.clone(),
            old_name: None,
            labels: Box::new(self.labels.clone()),
            signal: None,
            exit_code: None,
            at_nanos: i64::try_from(wall.as_nanosecond()).unwrap_or(i64::MAX),
        }
    }

    /// Its entry in the list at `time`.
    pub fn listed(&self, time: i64, stamps: &Stamps) -> Listed {
        let health = match self.health {
            Some(Health::Starting { .. }) => " (health: starting)",
            Some(Health::Healthy) => " (healthy)",
            Some(Health::Unhealthy) => " (unhealthy)",
            None => "",
        };
        let status = match self.run {
            Run::Running => format!("Up {} seconds{health}", (time - self.started) / SECOND),
            Run::Exited => format!("Exited ({}) 1 second ago", self.exit_code),
            Run::Created => "Created".to_owned(),
        };
        let created = stamps.micros(self.created) / SECOND;
        let json = json!({
            "Id": self.id, "Names": [format!("/{}", self.name)], "State": self.word(), "Status": status,
            "Created": created, "Labels": self.labels_json(),
        });
        serde_json::from_value(json).expect("an entry of the list")
    }

    pub fn inspected(&self, stamps: &Stamps) -> Inspected {
        let health = self.health.map(|health| {
            let word = match health {
                Health::Starting { .. } => "starting",
                Health::Healthy => "healthy",
                Health::Unhealthy => "unhealthy",
            };
            json!({"Status": word, "Log": []})
        });
        let check = self.health.map(|_| json!({"Test": ["CMD", "true"], "StartPeriod": START_PERIOD * 1000}));
        let json = json!({
            "Id": self.id, "Name": format!("/{}", self.name), "Created": stamps.text(self.created),
            "RestartCount": self.restart_count,
            "State": {
                "Status": self.word(), "OOMKilled": self.oom, "ExitCode": self.exit_code,
                "StartedAt": stamps.text(self.started), "FinishedAt": stamps.text(self.finished),
                "Health": health,
            },
            "Config": {"Healthcheck": check},
        });
        serde_json::from_value(json).expect("an inspected container")
    }

    fn word(&self) -> &'static str {
        match self.run {
            Run::Created => "created",
            Run::Running => "running",
            Run::Exited => "exited",
        }
    }

    fn labels_json(&self) -> Value {
        json!({
            "com.docker.compose.project": self.labels.compose_project,
            "com.docker.compose.service": self.labels.compose_service,
            "com.docker.compose.container-number": self.labels.compose_number,
            "com.docker.swarm.service.name": self.labels.swarm_service,
            "com.docker.swarm.task.name": self.labels.swarm_task,
        })
    }
}

/// The wall clock as an engine wrote it down: of each moment as the clock was then, whatever it was set to since.
#[derive(Default)]
pub struct Stamps {
    /// From each true time on, how far the wall clock's microseconds are ahead of it.
    ahead: Vec<(i64, i64)>,
}

impl Stamps {
    pub fn keep(&mut self, time: i64, wall: Timestamp) {
        let ahead = wall.as_microsecond() - time;
        if self.ahead.last().is_none_or(|(_, last)| *last != ahead) {
            self.ahead.push((time, ahead));
        }
    }

    fn micros(&self, at: i64) -> i64 {
        let then = self.ahead.iter().rev().find(|(from, _)| *from <= at).or(self.ahead.first());
        at + then.map_or(0, |(_, ahead)| *ahead)
    }

    fn text(&self, at: i64) -> String {
        Timestamp::from_microsecond(self.micros(at)).map_or_else(|_| String::new(), |stamp| stamp.to_string())
    }
}
