//! Containers, an engine's words about them, and the agent's reaction: everything but the waiting, by a scripted clock.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use vps_monitor::alert::{Alerts, Extent, Policy, Steps, Transition};
use vps_monitor::clock::{Boot, Now};
use vps_monitor::collect::docker::{Docker, DockerConfig, Look, Looked, Memory, Scope};
use vps_monitor::docker::events::{Event, Kind};
use vps_monitor::docker::{Answer, Error, EventBatch, Labels, Question, Signal};
use vps_monitor::metric::{self, Limits};
use vps_monitor::rule::{self, Rule, Rules};
use vps_monitor::snapshot::{Snapshot, Value};

/// Every change is told at once.
fn policy() -> Policy {
    let at_once = Steps::new([Duration::ZERO]);
    Policy { cooldown: Duration::ZERO, send_recovery: true, repeat: at_once.clone(), settle: at_once }
}

/// As the agent gathers events.
const BURST_MILLIS: i64 = 200;

/// The machine has been up for so long when a world begins.
const DAY_MILLIS: i64 = 86_400_000;

/// The agent's checks.
const CHECK_MILLIS: i64 = 60_000;

/// One container of the engine.
#[derive(Clone)]
struct Box {
    id: String,
    name: String,
    labels: Labels,
    state: &'static str,
    exit_code: i64,
    oom_flag: bool,
    restart_count: u64,
    created_millis: i64,
    started_millis: i64,
    finished_millis: i64,
    stop_signal: &'static str,
    health: Option<&'static str>,
}

/// An engine, and an agent that watches it.
pub struct World {
    boxes: Vec<Box>,
    made: usize,
    engine_is_there: bool,
    follows_events: bool,
    config: DockerConfig,
    docker: Docker,
    pub book: Alerts,
    now_millis: i64,
    next_check: i64,
    events: VecDeque<Event>,
    /// Those that the engine remembers.
    past: Vec<Event>,
    /// How long the machine had been up at the beginning.
    up_millis: i64,
    batch_due: Option<i64>,
    told: Vec<String>,
}

impl World {
    pub fn new(config: &DockerConfig) -> World {
        World {
            boxes: Vec::new(),
            made: 0,
            engine_is_there: true,
            follows_events: true,
            config: config.clone(),
            docker: Docker::new(config, Some(Memory::default())),
            book: Alerts::default(),
            now_millis: 0,
            next_check: 0,
            events: VecDeque::new(),
            past: Vec::new(),
            up_millis: DAY_MILLIS,
            batch_due: None,
            told: Vec::new(),
        }
    }

    fn now(&self) -> Now {
        let begin: Timestamp = "2026-11-22T06:00:00Z".parse().unwrap();
        let passed = Duration::from_millis(self.now_millis.try_into().unwrap());
        Now { wall: begin + passed, boot: Boot::from_millis(self.now_millis + self.up_millis) }
    }

    /// The news since the last call: `web exited ExitCode(3)`, `web running ok`.
    pub fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }

    /// Ends the agent and starts it again with its saved state, after so many milliseconds.
    pub fn restart_agent(&mut self, away_millis: i64, meanwhile: impl FnOnce(&mut World)) {
        let memory = self.docker.memory();
        let memory: Memory = serde_json::from_str(&serde_json::to_string(&memory).unwrap()).unwrap();
        self.follows_events = false;
        meanwhile(self);
        self.now_millis += away_millis;
        self.docker = Docker::new(&self.config, Some(memory));
        self.follows_events = true;
        (self.events, self.batch_due) = (VecDeque::new(), None);
        self.next_check = self.now_millis;
        self.pass(0);
    }

    /// Ends the engine, its containers before it, and starts it again.
    pub fn restart_engine(&mut self, events_are_told: bool, away_millis: i64) {
        self.follows_events = events_are_told;
        self.engine_is_there = false;
        let running: Vec<String> = self.boxes.iter().filter(|b| b.state == "running").map(|b| b.name.clone()).collect();
        running.iter().for_each(|name| self.stop(name));
        self.look(Look::Events(EventBatch { events: Vec::new(), overflowed: true }));
        self.pass(away_millis);
        self.engine_is_there = true;
        self.follows_events = true;
        self.look(Look::Events(EventBatch { events: Vec::new(), overflowed: true }));
        self.pass(1000);
    }

    /// The engine remembers nothing any more: other events were more.
    pub fn forget_events(&mut self) {
        self.past.clear();
    }

    /// The machine starts again, and its engine starts the containers that ran. To be called in the agent's absence.
    pub fn reboot(&mut self) {
        self.up_millis = -self.now_millis;
        self.forget_events();
        let (now_millis, running) = (self.now_millis, self.boxes.iter_mut().filter(|b| b.state == "running"));
        for found in running {
            (found.finished_millis, found.started_millis, found.restart_count) = (now_millis, now_millis + 1, 0);
        }
    }

    /// The engine was started anew, ended the container, and started it again.
    pub fn kill_silently(&mut self, name: &str) {
        let now_millis = self.now_millis;
        let found = self.find(name);
        (found.finished_millis, found.started_millis, found.restart_count) = (now_millis, now_millis + 1, 0);
    }

    /// Lets time pass without an agent.
    pub fn wait(&mut self, millis: i64) {
        self.now_millis += millis;
    }

    /// Whether the events arrive from now on.
    pub fn set_follows_events(&mut self, follows: bool) {
        self.follows_events = follows;
    }

    /// The firing alerts and their values, by name.
    pub fn values(&self) -> Vec<String> {
        let mut values: Vec<String> = self
            .book
            .active()
            .into_iter()
            .map(|alert| {
                let Value::Container(word) = &alert.value else { panic!("{alert:?}") };
                let causes: String = word.causes.iter().map(|cause| format!(" {cause:?}")).collect();
                format!("{} {}{causes}", alert.key.target, word.word)
            })
            .collect();
        values.sort();
        values
    }

    /// The length of the memory in the state file.
    pub fn memory_bytes(&self) -> usize {
        serde_json::to_vec(&self.docker.memory()).unwrap().len()
    }

    /// Looks at everything, as when the stream of events is tried again, and lets time pass.
    pub fn look_again(&mut self, millis: i64) {
        self.look(Look::Events(EventBatch { events: Vec::new(), overflowed: true }));
        self.pass(millis);
    }

    pub fn set_engine(&mut self, is_there: bool) {
        self.engine_is_there = is_there;
    }

    // Actions of people and their tools.

    pub fn create(&mut self, name: &str, labels: &Labels) {
        self.made += 1;
        let id = format!("{:016x}{:048}", self.made, 0);
        self.boxes.push(Box {
            id,
            name: name.to_owned(),
            labels: labels.clone(),
            state: "created",
            exit_code: 0,
            oom_flag: false,
            restart_count: 0,
            created_millis: self.now_millis,
            started_millis: 0,
            finished_millis: 0,
            stop_signal: "",
            health: None,
        });
    }

    pub fn start(&mut self, name: &str) {
        let now_millis = self.now_millis;
        let found = self.find(name);
        (found.state, found.started_millis, found.oom_flag) = ("running", now_millis, false);
        self.tell(name, Kind::Start, None);
    }

    pub fn run(&mut self, name: &str, labels: &Labels) {
        self.create(name, labels);
        self.start(name);
    }

    /// The engine starts again the container that has just ended.
    pub fn restart_by_policy(&mut self, name: &str) {
        self.find(name).restart_count += 1;
        self.start(name);
    }

    pub fn set_stop_signal(&mut self, name: &str, signal: &'static str) {
        self.find(name).stop_signal = signal;
    }

    pub fn set_oom_flag(&mut self, name: &str) {
        self.find(name).oom_flag = true;
    }

    pub fn oom(&mut self, name: &str) {
        self.find(name).oom_flag = true;
        self.tell(name, Kind::Oom, None);
    }

    pub fn kill(&mut self, name: &str, signal: &str) {
        self.tell_more(name, Event { signal: Signal::parse(signal), ..self.event(name, Kind::Kill) });
    }

    pub fn die(&mut self, name: &str, exit_code: i64) {
        let now_millis = self.now_millis;
        let found = self.find(name);
        (found.state, found.exit_code, found.finished_millis) = ("exited", exit_code, now_millis);
        self.tell(name, Kind::Die, Some(exit_code));
    }

    /// `docker stop` of something that ends at once.
    pub fn stop(&mut self, name: &str) {
        self.kill(name, "15");
        self.die(name, 0);
        self.tell(name, Kind::Stop, None);
    }

    pub fn set_health(&mut self, name: &str, health: &'static str) {
        self.find(name).health = Some(health);
        self.tell(name, Kind::Health, None);
    }

    pub fn pause(&mut self, name: &str) {
        self.find(name).state = "paused";
        self.tell(name, Kind::Pause, None);
    }

    pub fn unpause(&mut self, name: &str) {
        self.find(name).state = "running";
        self.tell(name, Kind::Unpause, None);
    }

    pub fn remove(&mut self, name: &str) {
        self.tell(name, Kind::Destroy, None);
        self.boxes.retain(|b| b.name != name);
    }

    /// The engine has begun to remove it, and takes its time.
    pub fn begin_to_remove(&mut self, name: &str) {
        self.find(name).state = "removing";
    }

    /// `docker rm -f`.
    pub fn remove_by_force(&mut self, name: &str) {
        self.kill(name, "9");
        self.die(name, 137);
        self.remove(name);
    }

    pub fn rename(&mut self, name: &str, new: &str) {
        self.find(name).name = new.to_owned();
        let event = Event { old_name: Some(name.to_owned()), ..self.event(new, Kind::Rename) };
        self.tell_more(new, event);
    }

    fn find(&mut self, name: &str) -> &mut Box {
        self.boxes.iter_mut().find(|b| b.name == name).unwrap_or_else(|| panic!("no container {name}"))
    }

    fn event(&self, name: &str, kind: Kind) -> Event {
        let found = self.boxes.iter().find(|b| b.name == name).unwrap();
        Event {
            kind,
            id: found.id.clone(),
            name: name.to_owned(),
            old_name: None,
            labels: std::boxed::Box::new(found.labels.clone()),
            signal: None,
            exit_code: None,
            at_nanos: i64::try_from(self.now().wall.as_nanosecond()).unwrap(),
        }
    }

    fn tell(&mut self, name: &str, kind: Kind, exit_code: Option<i64>) {
        let event = Event { exit_code, ..self.event(name, kind) };
        self.tell_more(name, event);
    }

    fn tell_more(&mut self, _name: &str, event: Event) {
        self.past.push(event.clone());
        if self.follows_events {
            self.batch_due.get_or_insert(self.now_millis + BURST_MILLIS);
            self.events.push_back(event);
        }
    }

    // Actions of the agent.

    /// Lets time pass: batches are looked at, checks made, and containers that are kept back are looked at when their
    /// time has come.
    pub fn pass(&mut self, millis: i64) {
        let end = self.now_millis + millis;
        loop {
            let wake = self
                .book
                .due(true, self.now().boot, &policy())
                .min()
                .map(|due| due.as_micros() / 1000 - self.up_millis);
            let next = [Some(self.next_check), self.batch_due, wake].into_iter().flatten().min().unwrap();
            if next > end {
                self.now_millis = end;
                return;
            }
            self.now_millis = next.max(self.now_millis);
            if Some(next) == self.batch_due {
                self.batch_due = None;
                let events = self.events.drain(..).collect();
                self.look(Look::Events(EventBatch { events, overflowed: false }));
            } else {
                let is_check = next == self.next_check;
                if is_check {
                    self.next_check += CHECK_MILLIS;
                }
                let events: Vec<Event> = self.events.drain(..).collect();
                self.batch_due = None;
                self.look_for(Look::Events(EventBatch { events, overflowed: true }), is_check);
            }
        }
    }

    fn look(&mut self, look: Look) {
        self.look_for(look, false);
    }

    fn look_for(&mut self, look: Look, is_check: bool) {
        let now = self.now();
        let mut looked = self.docker.begin(look, now);
        while looked.is_none() {
            for answer in self.answers() {
                looked = self.docker.answer(answer, now);
            }
        }
        if let Some(deaths) = self.docker.take_deaths(now) {
            self.take_in(&deaths, false, now);
        }
        self.take_in(&looked.unwrap(), is_check, now);
    }

    fn take_in(&mut self, Looked { snapshot, scope }: &Looked, is_check: bool, now: Now) {
        let extent = match scope {
            Scope::Everything if is_check => Extent::Check,
            Scope::Everything => Extent::Docker,
            Scope::Some => Extent::Named,
        };
        assert_one_reading_a_name(snapshot);
        let rules = self.rules();
        let findings = rule::evaluate(snapshot, &rules);
        let transitions = self.book.step(&findings, snapshot, extent, now, &policy());
        self.told.extend(transitions.iter().filter_map(shown));
    }

    fn rules(&self) -> Rules {
        let limits = Limits { grace: self.config.grace, ..Limits::NONE };
        [metric::CONTAINER_STATE, metric::CONTAINER_HEALTH]
            .map(|metric| Rule::for_every(metric, limits))
            .into_iter()
            .collect()
    }

    fn answers(&self) -> Vec<Answer> {
        if !self.engine_is_there {
            return vec![Answer::Failed(Error::NoSocket { path: "/run/docker.sock".into() })];
        }
        match self.docker.question().expect("a look that has not ended asks") {
            Question::Document(_) => unreachable!("nobody looks for causes in here"),
            Question::List => {
                let listed = self.boxes.iter().rev().map(|b| Answer::Listed(self.listed(b)));
                listed.chain([Answer::ListEnd { podman: false }]).collect()
            }
            Question::Past { since, until } => {
                let span = since.as_nanosecond()..=until.as_nanosecond();
                let past = self.past.iter().filter(|event| span.contains(&i128::from(event.at_nanos)));
                vec![Answer::Happened(past.cloned().collect())]
            }
            Question::Inspect(id) => {
                let found = self.boxes.iter().find(|b| b.id == id);
                vec![Answer::Inspected(found.map(|b| std::boxed::Box::new(self.inspected(b))))]
            }
        }
    }

    fn listed(&self, of: &Box) -> vps_monitor::docker::Listed {
        let up_seconds = (self.now_millis - of.started_millis) / 1000;
        let status = match of.state {
            "running" => {
                let health = of.health.map(|health| format!(" ({health})")).unwrap_or_default();
                format!("Up {up_seconds} seconds{health}")
            }
            "exited" => format!("Exited ({}) 1 second ago", of.exit_code),
            _ => String::new(),
        };
        serde_json::from_value(serde_json::json!({
            "Id": of.id, "Names": [format!("/{}", of.name)], "State": of.state, "Status": status,
            "Created": of.created_millis / 1000, "Labels": labels_json(&of.labels),
        }))
        .unwrap()
    }

    fn inspected(&self, of: &Box) -> vps_monitor::docker::Inspected {
        let begin: Timestamp = "2026-11-22T06:00:00Z".parse().unwrap();
        let time = |millis: i64| (begin + Duration::from_millis(millis.try_into().unwrap())).to_string();
        serde_json::from_value(serde_json::json!({
            "Id": of.id, "Name": format!("/{}", of.name), "Created": time(of.created_millis),
            "RestartCount": of.restart_count,
            "State": {
                "Status": of.state, "OOMKilled": of.oom_flag, "ExitCode": of.exit_code,
                "StartedAt": time(of.started_millis), "FinishedAt": time(of.finished_millis),
                "Health": of.health.map(|health| serde_json::json!({"Status": health, "Log": []})),
            },
            "Config": {"StopSignal": of.stop_signal, "Healthcheck": of.health.map(|_| serde_json::json!({}))},
        }))
        .unwrap()
    }
}

fn labels_json(labels: &Labels) -> serde_json::Value {
    serde_json::json!({
        "com.docker.compose.project": labels.compose_project,
        "com.docker.compose.service": labels.compose_service,
        "com.docker.compose.container-number": labels.compose_number,
        "com.docker.compose.oneoff": labels.compose_oneoff,
        "com.docker.swarm.service.name": labels.swarm_service,
        "com.docker.swarm.task.name": labels.swarm_task,
        "vps-monitor.ignore": labels.ignore,
    })
}

fn assert_one_reading_a_name(snapshot: &Snapshot) {
    let mut keys: Vec<_> = snapshot.readings.iter().map(|reading| &reading.key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), snapshot.readings.len(), "{:#?}", snapshot.readings);
}

fn shown(transition: &Transition) -> Option<String> {
    let Value::Container(word) = &transition.value else { panic!("{transition:?}") };
    let target = &transition.key.target;
    if transition.news.is_recovery_message() {
        return Some(format!("{target} {} ok", word.word));
    }
    let causes: String = word.causes.iter().map(|cause| format!(" {cause:?}")).collect();
    transition.news.is_firing_message().then(|| format!("{target} {}{causes}", word.word))
}
