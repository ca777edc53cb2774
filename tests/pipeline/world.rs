//! A world for the agent's loop in which time jumps to whatever comes next, and which writes down what the robot sees.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use vps_monitor::clock::{Boot, Now};
use vps_monitor::collect::Plan;
use vps_monitor::collect::docker::{Looked, Scope};
use vps_monitor::config::Config;
use vps_monitor::daemon::{Event, Outside, Purpose};
use vps_monitor::http;
use vps_monitor::service::Phase;
use vps_monitor::settings::{Problems, Read};
use vps_monitor::signals::Wish;
use vps_monitor::snapshot::{ContainerWord, Metric, Snapshot, Value};

use super::bench::{self, Bench};
use super::script::{Script, zone};

/// How long the robot takes to answer.
const ROUND_TRIP: Duration = Duration::from_millis(120);

/// The machine had been up for an hour when the day began.
const UPTIME: Boot = Boot::from_millis(3_600_000);

/// More waits at one instant than a loop that goes on could need.
const MAX_WAITS_AT_ONCE: u32 = 100;

/// One world for all agents of a day, one after another.
#[derive(Clone)]
pub struct World(Rc<RefCell<State>>);

struct State {
    script: Script,
    config_file: String,
    now: Now,
    waits_at_once: u32,
    over: bool,
    transcript: String,
    /// The fixture whose readings are to be had.
    host: PathBuf,
    check: Option<Bench>,
    report: Option<Bench>,
    window: Duration,
    /// State and health as the engine would say.
    containers: BTreeMap<String, (String, Option<String>)>,
    robot_is_up: bool,
    /// What the robot says to the next message.
    next_errcode: i64,
    posting: Option<(Boot, Result<http::Response, http::Error>)>,
}

impl World {
    /// `config_file` is what a message about the configuration would name.
    pub fn new(script: Script, config_file: &str) -> World {
        bench::clear_disks();
        let wall = script.next_at().expect("a script has an end");
        let mut state = State {
            script,
            now: Now { wall, boot: UPTIME },
            config_file: config_file.to_owned(),
            waits_at_once: 0,
            over: false,
            transcript: String::new(),
            host: PathBuf::new(),
            check: None,
            report: None,
            window: Duration::ZERO,
            containers: BTreeMap::new(),
            robot_is_up: true,
            next_errcode: 0,
            posting: None,
        };
        // What stands at the beginning is how the agent finds the world.
        while let Some(line) = state.script.take_due(wall) {
            let event = state.happen(&line.text, &line.words());
            assert!(event.is_none(), "`{}` at the beginning", line.text);
        }
        World(Rc::new(RefCell::new(state)))
    }

    pub fn is_over(&self) -> bool {
        self.0.borrow().over
    }

    pub fn transcript(&self) -> String {
        self.0.borrow().transcript.clone()
    }
}

impl State {
    fn note(&mut self, line: &str) {
        self.transcript.push_str(line);
        self.transcript.push('\n');
    }

    /// Lets a line of the script happen; an event that the agent notices by itself is given back.
    fn happen(&mut self, text: &str, words: &[&str]) -> Option<Event> {
        self.note(&format!("# {text}"));
        match *words {
            ["host", name] => {
                self.host = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts").join(name);
                assert!(self.host.is_dir(), "`{text}`: no such host");
            }
            ["disk", path, "gone"] => bench::set_disk(path, None),
            ["disk", path, used, "of", total] => {
                bench::set_disk(path, Some([used, total].map(|gb| gb.parse().unwrap())));
            }
            ["container", name, "gone"] => drop(self.containers.remove(name)),
            ["container", name, state, ref health @ ..] => {
                let health = health.first().map(|&health| health.to_owned());
                self.containers.insert(name.to_owned(), (state.to_owned(), health));
            }
            ["event"] => {
                let mut snapshot = Snapshot::default();
                self.add_containers(&mut snapshot);
                return Some(Event::Looked(Looked { snapshot, scope: Scope::Everything }));
            }
            ["robot", "down"] => self.robot_is_up = false,
            ["robot", "up"] => self.robot_is_up = true,
            ["robot", "answers", errcode] => self.next_errcode = errcode.parse().unwrap(),
            ["restart"] => return Some(Event::Signal(Wish::Stop)),
            ["end"] => {
                self.over = true;
                return Some(Event::Signal(Wish::Stop));
            }
            _ => panic!("`{text}` is no event"),
        }
        None
    }

    /// The instant of the machine's clock that is the wall clock's `time`; what is past is now.
    fn boot_at(&self, time: Timestamp) -> Boot {
        self.now.boot.after(Duration::try_from(time.duration_since(self.now.wall)).unwrap_or_default())
    }

    /// Jumps to what comes next.
    fn jump(&mut self, until: Option<Boot>) {
        let posted = self.posting.as_ref().map(|(at, _)| *at);
        let script = self.script.next_at().map(|at| self.boot_at(at));
        let next = [until, posted, script].into_iter().flatten().min().expect("the script goes on");
        let step = next - self.now.boot;
        self.waits_at_once = if step.is_zero() { self.waits_at_once + 1 } else { 0 };
        assert!(self.waits_at_once < MAX_WAITS_AT_ONCE, "the loop does not move on from {}", self.now.wall);
        self.now.boot = self.now.boot.after(step);
        self.now.wall = self.now.wall.checked_add(step).unwrap();
    }

    fn add_containers(&self, snapshot: &mut Snapshot) {
        let word = |word: &str, expected: &str| Value::Container(ContainerWord::new(word, expected));
        for (name, (state, health)) in &self.containers {
            snapshot.push(Metric::ContainerState, name.as_str(), word(state, "running"));
            if let Some(health) = health {
                snapshot.push(Metric::ContainerHealth, name.as_str(), word(health, "healthy"));
            }
        }
        snapshot.readings.sort_by_key(|reading| reading.key.metric);
    }

    /// Where an error names a file of the fixture's copy, the host's own.
    fn as_of_this_host(&self, text: &str) -> String {
        let benches = [&self.check, &self.report].into_iter().flatten();
        benches.fold(text.to_owned(), |text, bench| text.replace(&bench.procfs.display().to_string(), "/proc"))
    }

    fn bench(&mut self, purpose: Purpose) -> &mut Bench {
        let bench = match purpose {
            Purpose::Check => &mut self.check,
            Purpose::Report => &mut self.report,
        };
        bench.as_mut().expect("the agent said what to watch")
    }
}

impl Outside for World {
    fn now(&mut self) -> Now {
        self.0.borrow().now
    }

    fn wait(&mut self, until: Option<Boot>) -> Event {
        let state = &mut *self.0.borrow_mut();
        state.jump(until);
        while let Some(line) = state.script.take_due(state.now.wall) {
            if let Some(event) = state.happen(&line.text, &line.words()) {
                return event;
            }
        }
        let now = state.now.boot;
        match state.posting.take_if(|(at, _)| *at <= now) {
            Some((_, answer)) => Event::Posted(answer),
            None => Event::Time,
        }
    }

    fn watch(&mut self, plan: &Plan) {
        let state = &mut *self.0.borrow_mut();
        state.check = Some(Bench::new(plan));
        state.report = Some(Bench::new(plan));
        state.window = plan.window();
        // A new process knows nothing of what the last one had on its way.
        state.posting = None;
    }

    fn window(&self) -> Duration {
        self.0.borrow().window
    }

    fn begin(&mut self, purpose: Purpose, now: Now) {
        let state = &mut *self.0.borrow_mut();
        let fixture = state.host.clone();
        state.bench(purpose).begin(&fixture, now.boot);
    }

    fn due(&self, purpose: Purpose) -> Option<Boot> {
        self.0.borrow_mut().bench(purpose).check.next_due()
    }

    fn advance(&mut self, purpose: Purpose, now: Now) -> Option<Snapshot> {
        let state = &mut *self.0.borrow_mut();
        let Bench { host, check, .. } = state.bench(purpose);
        let mut snapshot = check.advance(host, now)?;
        state.add_containers(&mut snapshot);
        Some(snapshot)
    }

    fn post(&mut self, request: &http::Request, now: Now) -> io::Result<()> {
        let state = &mut *self.0.borrow_mut();
        let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
        let content = state.as_of_this_host(body["markdown"]["content"].as_str().unwrap());
        let time = now.wall.to_zoned(zone()).strftime("%F %T%.3f");
        if !state.robot_is_up {
            state.note(&format!("{time}: connection refused"));
            state.posting = Some((now.boot.after(ROUND_TRIP), Err(http::Error("connection refused".to_owned()))));
            return Ok(());
        }
        let errcode = std::mem::take(&mut state.next_errcode);
        state.note(&format!("{time}: the robot is sent this, and answers {errcode}\n{content}\n"));
        let body = serde_json::json!({"errcode": errcode, "errmsg": "scripted"}).to_string();
        state.posting = Some((now.boot.after(ROUND_TRIP), Ok(http::Response::new(200, body))));
        Ok(())
    }

    fn print(&mut self, text: &str) -> io::Result<()> {
        self.0.borrow_mut().note(text);
        Ok(())
    }

    fn load(&mut self) -> Result<Read<Config>, Problems> {
        Config::load(&super::fixture(&self.0.borrow().config_file))
    }

    fn tell_service(&mut self, _phase: Phase<'_>) {}

    fn answer_status(&mut self, _json: &str) {}
}
