//! An agent in the simulated world: performs the core's effects, and brings it events.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use vps_monitor::cause::Causes;
use vps_monitor::clock::{Boot, Now};
use vps_monitor::collect::docker::{Memory, Scope};
use vps_monitor::core::{Core, Effect, End, Input, Mode, Purpose, Ticket};
use vps_monitor::http;
use vps_monitor::snapshot::Snapshot;
use vps_monitor::store::{self, LoadError};
use vps_monitor::worker::Illustrated;

use super::clock::{HOUR, MINUTE};
use super::delivery::PICTURE;
use super::engine_link::{Brought, EngineLink};
use super::folder::SimulatedFolder;
use super::host::Found;
use super::mishap::Mishap;
use super::pager::{OPS, PAGER, shown_in_slack};
use super::robot::Posted;
use super::settings::{Edited, Webhook};
use super::world::{Next, World};

pub struct Agent {
    world: Rc<RefCell<World>>,
    core: Core,
    /// It makes one check.
    once: bool,
    inputs: VecDeque<Input>,
    check_due: Option<Boot>,
    report_due: Option<Boot>,
    link: EngineLink,
    /// The measurement of the host, while containers are asked for.
    measured: Vec<(Purpose, Snapshot)>,
    /// The oracle's knowledge of the check under way.
    found: Option<Vec<Found>>,
    look_is_wanted: bool,
    /// How often causes were asked for.
    causes_asked: usize,
    pictures_asked: usize,
}

/// How long a measurement takes.
const WINDOW: Duration = Duration::from_secs(1);

impl Agent {
    /// The service, or `once` a single check of somebody's schedule.
    ///
    /// # Errors
    /// The state cannot be read just now.
    pub fn start(world: &Rc<RefCell<World>>, once: bool) -> Result<Agent, LoadError> {
        let boot_id = world.borrow().clock.boot_id();
        let now = world.borrow().now();
        let loaded = store::load(&mut SimulatedFolder(Rc::clone(world)), Path::new("/state"), &boot_id, now);
        world.borrow_mut().weather.count(match &loaded {
            Err(_) => "start without a state that can be read",
            Ok(_) if once => "run --once",
            Ok(_) => "start",
        });
        let loaded = loaded?;
        let state_folder = PathBuf::from("/state");
        let uptime = world.borrow_mut().begin_agent(once);
        let mode =
            Mode { once, is_service: !once, state_folder, boot_id, finds_causes: true, uptime, ..Mode::default() };
        let (config, resolved) = world.borrow().settings.resolved();
        let core = Core::new(resolved, loaded, mode, now);
        Ok(Agent {
            world: Rc::clone(world),
            core,
            once,
            inputs: VecDeque::new(),
            check_due: None,
            report_due: None,
            link: EngineLink::new(&config.docker, Memory::default()),
            measured: Vec::new(),
            found: None,
            look_is_wanted: false,
            causes_asked: 0,
            pictures_asked: 0,
        })
    }

    pub fn run(mut self) -> End {
        let now = self.begin_turn();
        let mut effects = self.core.start(now);
        loop {
            for effect in effects {
                self.world.borrow_mut().take_time();
                if let Some(end) = self.perform(effect) {
                    return end;
                }
            }
            if self.inputs.is_empty() {
                self.world.borrow().must_be_saving();
                let input = self.wait();
                self.inputs.push_back(input);
            }
            let input = self.inputs.pop_front();
            let is_look = matches!(input, Some(Input::Looked { .. }));
            let is_check = matches!(input, Some(Input::Measured { purpose: Purpose::Check, .. }));
            let is_given_up = matches!(input, Some(Input::Reloaded { .. }));
            if matches!(input, Some(Input::Stop)) {
                let mut world = self.world.borrow_mut();
                world.stopped = Some(world.clock.true_time);
            }
            let waited = self.core.waits_for_causes();
            let now = self.begin_turn();
            effects = input.map_or_else(Vec::new, |input| self.core.step(input, now));
            // A check that waits for causes is taken in later.
            if (is_check || (waited && !is_given_up)) && !self.core.waits_for_causes() {
                self.judge_check();
            }
            if is_look {
                self.judge_look();
            }
        }
    }

    fn begin_turn(&self) -> Now {
        self.world.borrow_mut().begin_turn()
    }

    fn perform(&mut self, effect: Effect) -> Option<End> {
        match effect {
            Effect::Watch { plan, memory, .. } => {
                (self.check_due, self.report_due) = (None, None);
                self.measured.clear();
                self.inputs.retain(|input| !matches!(input, Input::Measured { .. } | Input::Looked { .. }));
                if memory.is_some() || self.link.config() != &plan.docker {
                    let memory = memory.map_or_else(|| self.link.memory(), |memory| *memory);
                    self.link = EngineLink::new(&plan.docker, memory);
                }
            }
            Effect::Measure(purpose) => {
                let due = self.world.borrow().now().boot.after(WINDOW);
                *self.due(purpose) = Some(due);
            }
            // Every third time nobody answers.
            Effect::FindCauses(_) => {
                self.causes_asked += 1;
                let found = (!self.causes_asked.is_multiple_of(3)).then(|| Input::CausesFound(Causes::default()));
                self.inputs.extend(found);
            }
            Effect::CountCpu => {}
            Effect::LookAtContainers => {
                self.look_is_wanted = true;
                self.link.survey();
            }
            Effect::Save(bytes) => self.world.borrow_mut().begin_save(bytes),
            Effect::Record(_) => self.world.borrow_mut().record(),
            Effect::Post { ticket, request } => self.post(ticket, &request),
            Effect::Draw { ticket, job, .. } => self.draw(ticket, &job),
            Effect::Print { .. }
            | Effect::Run { .. }
            | Effect::File { .. }
            | Effect::Serve { .. }
            | Effect::StopServing
            | Effect::Announce(_)
            | Effect::ShowStatus(_) => {}
            Effect::Answer(json) => self.world.borrow_mut().answered(&json),
            Effect::End(end) => {
                self.world.borrow().must_end_so(end);
                return Some(end);
            }
        }
        None
    }

    /// A picture counts at the robot as any message does. Every fourth cannot be drawn.
    fn draw(&mut self, ticket: Ticket, job: &Illustrated) {
        self.pictures_asked += 1;
        if self.pictures_asked.is_multiple_of(4) {
            let answer = Err(http::Error("no picture can be drawn".to_owned()));
            self.inputs.push_back(Input::Posted { ticket, answer });
            return;
        }
        let Illustrated::Post(job) = job else { panic!("no channel of this world is a command") };
        let webhook = Webhook::of(&job.request.url.expose());
        self.world.borrow_mut().post(Posted { ticket, webhook, content: PICTURE.to_owned() });
    }

    fn post(&mut self, ticket: Ticket, request: &http::Request) {
        let mut world = self.world.borrow_mut();
        if world.weather.is_wild() && world.random.once_in(500) {
            world.weather.count("no worker process");
            let answer = Err(http::Error("no worker process".to_owned()));
            self.inputs.push_back(Input::Posted { ticket, answer });
            return;
        }
        let body: serde_json::Value = serde_json::from_slice(&request.body).expect("a post is JSON");
        let content = body["markdown"]["content"].as_str().map(str::to_owned).or_else(|| shown_in_slack(&body));
        let content = content.expect("a message has a text");
        world.post(Posted { ticket, webhook: Webhook::of(&request.url.expose()), content });
    }

    /// Waits until something is due or happens.
    fn wait(&mut self) -> Input {
        let mut world = self.world.borrow_mut();
        let core_due = self.core.next_due(world.now());
        let until = [core_due, self.check_due, self.report_due].into_iter().flatten().min();
        let until = until.map_or(i64::MAX, |until| world.clock.true_time_of(until)).min(self.link.due());
        // A timer is late by a little.
        let late = world.random.range(0, 5000);
        match world.wait(until.saturating_add(late)) {
            Next::Time => drop(world),
            Next::Answered(flight) => {
                return Input::Posted { ticket: flight.ticket, answer: world.hear(&flight) };
            }
            Next::Recorded(result) => return Input::Recorded(result.map(|()| Default::default())),
            Next::Saved(result) => return Input::Saved(result.map_err(|error: io::Error| error.to_string())),
            Next::Input(input) => return input,
            Next::End => return Input::Stop,
            Next::Mishap(mishap) => {
                world.note(|| format!("{mishap:?}"));
                world.weather.count(mishap.name());
                match mishap {
                    // A single check learns of nothing but its end.
                    Mishap::Reload
                    | Mishap::CheckNow
                    | Mishap::StatusAsked
                    | Mishap::SilenceAsked
                    | Mishap::Happens
                    | Mishap::StartSettles
                        if self.once =>
                    {
                        return Input::Time;
                    }
                    Mishap::Crash => world.crash(false),
                    Mishap::PowerLoss => world.crash(true),
                    Mishap::Stop => return Input::Stop,
                    Mishap::Reload => {
                        world.disturbed();
                        let World { settings, random, .. } = &mut *world;
                        let edited = settings.edited(random);
                        return world.reload(edited);
                    }
                    Mishap::Restore => {
                        let edited = Edited::Settings(Box::new(world.settings.mended()));
                        return world.reload(edited);
                    }
                    Mishap::PagerDown => {
                        let time = world.clock.true_time;
                        let down = if world.settings.has_ops { world.random.pick(&[PAGER, OPS]) } else { PAGER };
                        let lasts = world.random.magnitude(20 * MINUTE, 24 * HOUR);
                        world.robots[down].go_down(time, lasts);
                        return Input::Time;
                    }
                    Mishap::CheckNow => return Input::CheckNow,
                    Mishap::ClockStep => {
                        world.step_clock();
                        return Input::ClockSet;
                    }
                    Mishap::Sleep => {
                        world.sleep();
                        return Input::Time;
                    }
                    Mishap::StatusAsked => return Input::StatusAsked(Default::default()),
                    Mishap::SilenceAsked => return world.ask_for_silence(),
                    Mishap::Happens => return world.happen(),
                    Mishap::StartSettles => {
                        world.starting = None;
                        return Input::StartSettled;
                    }
                    Mishap::DiskChanges => return Input::Time,
                }
            }
        }
        self.take_measurement();
        let brought = self.link.advance(&mut self.world.borrow_mut());
        for brought in brought {
            match brought {
                Brought::Input(input) => self.inputs.push_back(input),
                Brought::Surveyed(containers) => self.surveyed(&containers),
            }
        }
        self.inputs.pop_front().unwrap_or(Input::Time)
    }

    /// The oracle judges a check at the moment at which the agent does.
    fn judge_check(&mut self) {
        let found = self.found.take().unwrap_or_default();
        self.world.borrow_mut().judge_check(&found);
    }

    /// A look at units is newer than the findings of a check that waits for containers.
    fn judge_look(&mut self) {
        for found in self.world.borrow_mut().judge_look() {
            let of_check = self.found.iter_mut().flatten().filter(|of_check| of_check.number.is_some());
            of_check.filter(|of_check| of_check.place == found.place).for_each(|of_check| *of_check = found);
        }
    }

    fn surveyed(&mut self, containers: &Snapshot) {
        for (purpose, mut snapshot) in std::mem::take(&mut self.measured) {
            snapshot.append(containers.clone());
            self.inputs.push_back(Input::Measured { purpose, snapshot });
        }
        if std::mem::take(&mut self.look_is_wanted) {
            self.inputs.push_back(Input::Looked { snapshot: containers.clone(), scope: Scope::Everything });
        }
    }

    /// Takes the findings of the host's collectors, and asks for the containers.
    fn take_measurement(&mut self) {
        let now = self.world.borrow().now();
        for purpose in [Purpose::Check, Purpose::Report] {
            if self.due_of(purpose).is_none_or(|due| due > now.boot) {
                continue;
            }
            *self.due(purpose) = None;
            let mut world = self.world.borrow_mut();
            let World { host, random, clock, settings, units, .. } = &mut *world;
            let (snapshot, found) = host.measure(clock.true_time, now, settings, units, random);
            if purpose == Purpose::Check {
                self.found = Some(found);
            }
            self.measured.push((purpose, snapshot));
            self.link.survey();
        }
    }

    fn due(&mut self, purpose: Purpose) -> &mut Option<Boot> {
        match purpose {
            Purpose::Check => &mut self.check_due,
            Purpose::Report => &mut self.report_due,
        }
    }

    fn due_of(&self, purpose: Purpose) -> Option<Boot> {
        match purpose {
            Purpose::Check => self.check_due,
            Purpose::Report => self.report_due,
        }
    }
}
