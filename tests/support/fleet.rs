//! Containers of the tests' own engine, which a test changes as it goes.

use std::fmt::Write as _;
use std::io::Write;
use std::sync::{Arc, Mutex};

use super::engine::{After, Engine, json_reply};

/// One container, as the engine would tell of it.
#[derive(Clone, Debug)]
pub struct Container {
    pub id: &'static str,
    pub name: String,
    pub state: &'static str,
    /// The list's text.
    pub status: String,
    /// RFC 3339.
    pub created: &'static str,
    pub started: &'static str,
    pub exit_code: i64,
    pub oom_killed: bool,
    pub restart_count: u64,
    /// In inspect, with the last check's output; a container without a health check has none.
    pub health: Option<(&'static str, &'static str)>,
    /// Its `Healthcheck`, as inspect has it.
    pub health_check: &'static str,
    pub labels: &'static [(&'static str, &'static str)],
}

/// A running container that was made and started long ago.
pub fn running(id: &'static str, name: &str) -> Container {
    Container {
        id,
        name: name.to_owned(),
        state: "running",
        status: "Up 3 days".to_owned(),
        created: "2026-01-01T00:00:00Z",
        started: "2026-01-01T00:00:00Z",
        exit_code: 0,
        oom_killed: false,
        restart_count: 0,
        health: None,
        health_check: r#"{"Test":["CMD","true"]}"#,
        labels: &[],
    }
}

/// One that ended.
pub fn exited(id: &'static str, name: &str, exit_code: i64) -> Container {
    let status = format!("Exited ({exit_code}) 3 seconds ago");
    Container { state: "exited", status, exit_code, ..running(id, name) }
}

/// The containers of an engine, shared with it.
#[derive(Clone, Default)]
pub struct Fleet(Arc<Mutex<Vec<Container>>>);

impl Fleet {
    pub fn new(containers: Vec<Container>) -> Fleet {
        Fleet(Arc::new(Mutex::new(containers)))
    }

    pub fn set(&self, containers: Vec<Container>) {
        *self.0.lock().unwrap() = containers;
    }

    /// An engine that has these containers; its `header` tells Docker from podman.
    pub fn engine(&self, header: &'static str) -> Engine {
        let fleet = self.clone();
        Engine::new(move |target, stream| {
            let reply = fleet.reply(target).replacen("Api-Version: 1.41\r\n", &format!("{header}\r\n"), 1);
            let _ = stream.write_all(reply.as_bytes());
            After::Keep
        })
    }

    /// The answer of an engine that has these containers.
    pub fn reply(&self, target: &str) -> String {
        let containers = self.0.lock().unwrap();
        let Some(id) = target.strip_prefix("/containers/").and_then(|rest| rest.strip_suffix("/json")) else {
            let list: Vec<String> = containers.iter().map(Container::listed).collect();
            return json_reply("200 OK", &format!("[{}]", list.join(",")));
        };
        match containers.iter().find(|container| container.id == id) {
            Some(container) => json_reply("200 OK", &container.inspected()),
            None => json_reply("404 Not Found", r#"{"message":"No such container"}"#),
        }
    }
}

impl Container {
    fn listed(&self) -> String {
        let Container { id, name, state, status, .. } = self;
        let (labels, created) = (self.labels(), self.created.parse::<jiff::Timestamp>().unwrap().as_second());
        format!(
            r#"{{"Id":"{id}","Names":["/{name}"],"Created":{created},"Labels":{labels},"State":"{state}","Status":"{status}"}}"#
        )
    }

    fn inspected(&self) -> String {
        let Container { id, name, state, created, started, exit_code, oom_killed, restart_count, .. } = self;
        let (mut health, mut check) = (String::new(), "null");
        if let Some((word, output)) = self.health {
            let _ =
                write!(health, r#","Health":{{"Status":"{word}","Log":[{{"Output":"old"}},{{"Output":"{output}"}}]}}"#);
            check = self.health_check;
        }
        let labels = self.labels();
        format!(
            r#"{{"Id":"{id}","Name":"/{name}","Created":"{created}","RestartCount":{restart_count},
                "State":{{"Status":"{state}","OOMKilled":{oom_killed},"ExitCode":{exit_code},
                    "StartedAt":"{started}"{health}}},
                "Config":{{"Labels":{labels},"Healthcheck":{check}}}}}"#
        )
    }

    fn labels(&self) -> String {
        let labels: Vec<String> = self.labels.iter().map(|(key, value)| format!(r#""{key}":"{value}""#)).collect();
        format!("{{{}}}", labels.join(","))
    }
}
