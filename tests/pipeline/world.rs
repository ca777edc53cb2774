//! A world for the agent's loop in which time jumps to the next event, and which writes down the robot's view.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use vps_monitor::clock::{Boot, Now};
use vps_monitor::collect::docker::Scope;
use vps_monitor::core::{Core, Effect, End, Input, Purpose, Ticket};
use vps_monitor::files::RealFolder;
use vps_monitor::http;
use vps_monitor::metric;
use vps_monitor::snapshot::{ContainerWord, Snapshot, Value};
use vps_monitor::store;

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
    now: Now,
    waits_at_once: u32,
    over: bool,
    transcript: String,
    /// The fixture whose readings are to be had.
    host: PathBuf,
    check: Option<Bench>,
    report: Option<Bench>,
    /// State and health as the engine would say.
    containers: BTreeMap<String, (String, Option<String>)>,
    robot_is_up: bool,
    /// The robot's answer to the next message.
    next_errcode: i64,
    posting: Option<(Boot, Ticket, http::Answer)>,
}

impl World {
    pub fn new(script: Script) -> World {
        bench::clear_disks();
        let wall = script.next_at().expect("a script has an end");
        let mut state = State {
            script,
            now: Now { wall, boot: UPTIME },
            waits_at_once: 0,
            over: false,
            transcript: String::new(),
            host: PathBuf::new(),
            check: None,
            report: None,
            containers: BTreeMap::new(),
            robot_is_up: true,
            next_errcode: 0,
            posting: None,
        };
        // The lines at the beginning are the world that the agent finds.
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

    /// Lets a line of the script happen; an input that the agent notices by itself is given back.
    fn happen(&mut self, text: &str, words: &[&str]) -> Option<Input> {
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
            ["event"] => return Some(self.look()),
            ["robot", "down"] => self.robot_is_up = false,
            ["robot", "up"] => self.robot_is_up = true,
            ["robot", "answers", errcode] => self.next_errcode = errcode.parse().unwrap(),
            ["restart"] => return Some(Input::Stop),
            ["end"] => {
                self.over = true;
                return Some(Input::Stop);
            }
            _ => panic!("`{text}` is no event"),
        }
        None
    }

    /// The instant of the machine's clock that is the wall clock's `time`; a past one is now.
    fn boot_at(&self, time: Timestamp) -> Boot {
        self.now.boot.after(Duration::try_from(time.duration_since(self.now.wall)).unwrap_or_default())
    }

    /// Jumps to the next event.
    fn jump(&mut self, until: Option<Boot>) {
        let posted = self.posting.as_ref().map(|(at, ..)| *at);
        let script = self.script.next_at().map(|at| self.boot_at(at));
        let next = [until, posted, script].into_iter().flatten().min().expect("the script goes on");
        let step = next - self.now.boot;
        self.waits_at_once = if step.is_zero() { self.waits_at_once + 1 } else { 0 };
        assert!(self.waits_at_once < MAX_WAITS_AT_ONCE, "the loop does not move on from {}", self.now.wall);
        self.now.boot = self.now.boot.after(step);
        self.now.wall = self.now.wall.checked_add(step).unwrap();
    }

    fn add_containers(&self, snapshot: &mut Snapshot) {
        let word = |word: &str, expected: &str| Value::from(ContainerWord::new(word, expected));
        for (name, (state, health)) in &self.containers {
            snapshot.push(metric::CONTAINER_STATE, name.as_str(), word(state, "running"));
            if let Some(health) = health {
                snapshot.push(metric::CONTAINER_HEALTH, name.as_str(), word(health, "healthy"));
            }
        }
        snapshot.readings.sort_by_key(|reading| reading.key.metric);
    }

    /// The text with the host's own file where it names one of the fixture's copy.
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

impl World {
    /// Runs one agent on `core` until it ends, with a store that never fails.
    pub fn run(&self, mut core: Core, mut folder: RealFolder) -> End {
        let mut inputs = VecDeque::new();
        let mut effects = core.start(self.now());
        loop {
            for effect in effects {
                match self.perform(effect, &mut folder) {
                    Performed::Input(input) => inputs.push_back(input),
                    Performed::End(end) => return end,
                    Performed::Nothing => {}
                }
            }
            let input = match inputs.pop_front() {
                Some(input) => input,
                None => self.wait(core.next_due(self.now())),
            };
            effects = core.step(input, self.now());
        }
    }

    pub fn now(&self) -> Now {
        self.0.borrow().now
    }

    fn perform(&self, effect: Effect, folder: &mut RealFolder) -> Performed {
        let state = &mut *self.0.borrow_mut();
        match effect {
            Effect::Watch { plan, .. } => {
                state.check = Some(Bench::new(&plan));
                state.report = Some(Bench::new(&plan));
                // A new process knows nothing of its predecessor's messages on their way.
                state.posting = None;
            }
            Effect::Measure(purpose) => {
                let (fixture, now) = (state.host.clone(), state.now.boot);
                state.bench(purpose).begin(&fixture, now);
            }
            Effect::LookAtContainers => return Performed::Input(state.look()),
            Effect::Save(bytes) => {
                return Performed::Input(Input::Saved(
                    store::replace(folder, &bytes).map_err(|error| error.to_string()),
                ));
            }
            Effect::Record(_) => return Performed::Input(Input::Recorded(Ok(Default::default()))),
            Effect::Post { ticket, request } => state.post(ticket, &request),
            Effect::Print { text, .. } => state.note(&text),
            Effect::End(end) => return Performed::End(end),
            Effect::Announce(_) | Effect::ShowStatus(_) | Effect::Answer(_) => {}
            Effect::Draw { ticket, .. } => {
                let answer = Err(vps_monitor::http::Error("no picture here".to_owned()));
                return Performed::Input(Input::Posted { ticket, answer });
            }
            Effect::FindCauses(_)
            | Effect::CountCpu
            | Effect::Run { .. }
            | Effect::File { .. }
            | Effect::Serve { .. }
            | Effect::StopServing => {}
        }
        Performed::Nothing
    }

    /// Jumps to the next event, and returns it.
    fn wait(&self, core_due: Option<Boot>) -> Input {
        let state = &mut *self.0.borrow_mut();
        let benches = [&state.check, &state.report].into_iter().flatten();
        let until = benches.filter_map(Bench::next_due).chain(core_due).min();
        state.jump(until);
        while let Some(line) = state.script.take_due(state.now.wall) {
            if let Some(input) = state.happen(&line.text, &line.words()) {
                return input;
            }
        }
        for purpose in [Purpose::Check, Purpose::Report] {
            if let Some(snapshot) = state.advance(purpose) {
                return Input::Measured { purpose, snapshot };
            }
        }
        let now = state.now.boot;
        match state.posting.take_if(|(at, ..)| *at <= now) {
            Some((_, ticket, answer)) => Input::Posted { ticket, answer },
            None => Input::Time,
        }
    }
}

enum Performed {
    Nothing,
    Input(Input),
    End(End),
}

impl State {
    fn advance(&mut self, purpose: Purpose) -> Option<Snapshot> {
        let now = self.now;
        let mut snapshot = self.bench(purpose).advance(now)?;
        self.add_containers(&mut snapshot);
        Some(snapshot)
    }

    fn look(&self) -> Input {
        let mut snapshot = Snapshot::default();
        self.add_containers(&mut snapshot);
        Input::Looked { snapshot, scope: Scope::Everything }
    }

    fn post(&mut self, ticket: Ticket, request: &http::Request) {
        let now = self.now;
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let content = self.as_of_this_host(body["markdown"]["content"].as_str().unwrap());
        let time = now.wall.to_zoned(zone()).strftime("%F %T%.3f");
        let answered = now.boot.after(ROUND_TRIP);
        if !self.robot_is_up {
            self.note(&format!("{time}: connection refused"));
            self.posting = Some((answered, ticket, Err(http::Error("connection refused".to_owned()))));
            return;
        }
        let errcode = std::mem::take(&mut self.next_errcode);
        self.note(&format!("{time}: the robot is sent this, and answers {errcode}\n{content}\n"));
        let body = serde_json::json!({"errcode": errcode, "errmsg": "scripted"}).to_string();
        self.posting = Some((answered, ticket, Ok(http::Response::new(200, body))));
    }
}
