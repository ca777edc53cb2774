//! Asks systemd for its failed units and the named ones, and for the details of those in trouble.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use super::super::restarts::Restarts;
use super::super::{Collector, Progress};
use super::unit::{End, Unit, parse_units};
use super::{FAILED_UNITS, MANAGER, SOURCE, UNIT_STATE};
use crate::bus::{Argument, Batch, Body, Bus, Call, DEADLINE, Error};
use crate::clock::{Boot, Now};
use crate::host::Host;
use crate::pattern;
use crate::snapshot::{Cause, ContainerWord, Listed, Snapshot, Value};

/// Nobody is to be told of itself, and nobody waits for a command that was run in a unit of its own (systemd-run(1)).
const NEVER: [&str; 2] = ["vps-monitor.service", "run-*.service"];

/// As many units in trouble have their details asked for. The others are told by their names.
const MAX_DETAILED: usize = 20;

/// The most units whose restarts are counted.
const MAX_COUNTED: usize = 200;

pub(super) const ACTIVE: &str = "active";

/// The units that are watched.
#[derive(Debug)]
pub(super) struct Watch {
    /// Names and patterns of units that must be active.
    pub named: Vec<String>,
    pub ignored: Vec<String>,
    pub loop_times: u32,
    pub loop_window: Duration,
}

impl Watch {
    fn is_watched(&self, name: &str) -> bool {
        let fits = |pattern: &str| pattern::matches(pattern, name);
        self.names(name) || !NEVER.iter().any(|never| fits(never)) && !self.ignored.iter().any(|ignored| fits(ignored))
    }

    /// An ignored unit is named by no pattern: some units of one may be left out.
    fn names(&self, name: &str) -> bool {
        let fits = |patterns: &[String]| patterns.iter().any(|pattern| pattern::matches(pattern, name));
        self.named.iter().any(|named| named == name) || fits(&self.named) && !fits(&self.ignored)
    }

    fn window_minutes(&self) -> u32 {
        u32::try_from(self.loop_window.as_secs().div_ceil(60)).unwrap_or(u32::MAX)
    }
}

/// The memory of all looks so far.
#[derive(Debug, Default)]
pub(super) struct Memory {
    restarts: BTreeMap<Rc<str>, Counted>,
}

/// A unit that failed and was started again.
#[derive(Debug)]
struct Counted {
    restarts: Restarts,
    last: Unit,
    end: End,
    /// When it was last found to have failed.
    failed_at: Boot,
}

pub(super) struct Units {
    watch: Rc<Watch>,
    memory: Rc<RefCell<Memory>>,
    stage: Stage,
}

/// The step of a look.
#[derive(Debug)]
enum Stage {
    Begin,
    Lists(Batch),
    Details { units: Vec<Unit>, asked: Batch },
}

/// The outcome of a step.
enum Next {
    Wait(Stage),
    Go(Stage),
    Found(Vec<(Unit, End)>),
}

impl Units {
    pub fn new(watch: Rc<Watch>, memory: Rc<RefCell<Memory>>) -> Units {
        Units { watch, memory, stage: Stage::Begin }
    }

    fn step(&mut self, bus: &mut Bus, now: Boot) -> Result<Next, Error> {
        Ok(match std::mem::replace(&mut self.stage, Stage::Begin) {
            Stage::Begin => Next::Go(Stage::Lists(self.ask_lists(bus, now)?)),
            Stage::Lists(mut batch) => match batch.take(bus) {
                None => Next::Wait(Stage::Lists(batch)),
                Some(answers) => {
                    let mut units = self.take_lists(answers)?;
                    // One that was started again runs for most of the time: its count tells.
                    let memory = self.memory.borrow();
                    let counted = memory.restarts.values().map(|counted| &counted.last);
                    let unlisted = counted.filter(|last| units.iter().all(|unit| unit.name != last.name));
                    let unlisted: Vec<Unit> = unlisted.cloned().collect();
                    units.extend(unlisted);
                    let asked = ask_details(&units, bus, now)?;
                    Next::Go(Stage::Details { units, asked })
                }
            },
            Stage::Details { units, mut asked } => match asked.take(bus) {
                None => Next::Wait(Stage::Details { units, asked }),
                Some(answers) => Next::Found(with_details(units, answers)),
            },
        })
    }

    /// The failed units and those about to be started again; those that are named, whatever their state.
    fn ask_lists(&self, bus: &mut Bus, now: Boot) -> Result<Batch, Error> {
        let (patterns, names): (Vec<&str>, Vec<&str>) =
            self.watch.named.iter().map(String::as_str).partition(|named| named.contains('*'));
        let states = [Argument::Texts(&["failed", "auto-restart", "auto-restart-queued"])];
        let (of_names, of_patterns) = ([Argument::Texts(&names)], [Argument::Texts(&[]), Argument::Texts(&patterns)]);
        let mut calls = vec![Call { member: "ListUnitsFiltered", arguments: &states, ..MANAGER }];
        if !names.is_empty() {
            calls.push(Call { member: "ListUnitsByNames", arguments: &of_names, ..MANAGER });
        }
        if !patterns.is_empty() {
            calls.push(Call { member: "ListUnitsByPatterns", arguments: &of_patterns, ..MANAGER });
        }
        Batch::ask(bus, calls, now)
    }

    /// The watched units of all lists, each once, those that failed first.
    #[inline(never)]
    fn take_lists(&self, answers: Vec<Result<Body, Error>>) -> Result<Vec<Unit>, Error> {
        let mut units: Vec<Unit> = Vec::new();
        for answer in answers {
            for unit in parse_units(&answer?)? {
                if self.watch.is_watched(&unit.name) && units.iter().all(|known| known.name != unit.name) {
                    units.push(unit);
                }
            }
        }
        units.sort_by(|one, other| (!one.has_failed(), &one.name).cmp(&(!other.has_failed(), &other.name)));
        Ok(units)
    }

    /// Makes readings of the units that were found.
    fn read(&self, found: Vec<(Unit, End)>, now: Now, into: &mut Snapshot) {
        let memory = &mut *self.memory.borrow_mut();
        let failed = found.iter().filter(|(unit, _)| unit.has_failed()).count();
        into.push(FAILED_UNITS, "", Value::Number(failed as f64));
        let mut looping = memory.take_in(&found, &self.watch, now.boot);
        for (unit, end) in found {
            let is_looping = looping.remove(&unit.name);
            let word = if unit.has_failed() {
                let named = self.watch.names(&unit.name).then_some(Cause::Named);
                let causes = std::iter::once(end.cause(&unit)).chain(named).collect();
                ContainerWord { causes, ..ContainerWord::new(unit.active.as_str(), ACTIVE) }
            } else if let Some((times, counted)) = is_looping.and_then(|times| memory.in_loop(&unit.name, times)) {
                self.in_loop(times, counted)
            } else if self.watch.names(&unit.name) {
                named(&unit)
            } else {
                continue;
            };
            into.push(UNIT_STATE, unit.name, word.into());
        }
        into.listed.push(Listed { metric: UNIT_STATE, at: now.boot });
    }

    fn in_loop(&self, times: u32, counted: &Counted) -> ContainerWord {
        let cause = Cause::RestartLoop { times, window_minutes: self.watch.window_minutes() };
        ContainerWord {
            causes: vec![cause, counted.end.cause(&counted.last)],
            ..ContainerWord::new("restarting", ACTIVE)
        }
    }
}

impl Collector for Units {
    fn begin(&mut self, _host: &mut Host, _now: Boot) -> Duration {
        self.stage = Stage::Begin;
        Duration::ZERO
    }

    fn collect(&mut self, host: &mut Host, now: Now, into: &mut Snapshot) -> Progress {
        loop {
            match self.step(&mut host.bus, now.boot) {
                Ok(Next::Go(stage)) => self.stage = stage,
                Ok(Next::Wait(stage)) => {
                    self.stage = stage;
                    return Progress::Awaits(now.boot.after(DEADLINE));
                }
                Ok(Next::Found(found)) => self.read(found, now, into),
                Err(error) if error.is_absence() => return Progress::Absent(error.into()),
                Err(error) => into.failures.push(SOURCE.failure(error.to_string())),
            }
            if matches!(self.stage, Stage::Begin) {
                return Progress::Done;
            }
        }
    }
}

/// A unit that is to be active, whatever its state.
fn named(unit: &Unit) -> ContainerWord {
    let state = if unit.load == "loaded" || unit.active == ACTIVE { unit.active.as_str() } else { unit.load.as_str() };
    let word = ContainerWord::new(state, ACTIVE);
    // A unit that is restarted by hand is inactive for a moment.
    ContainerWord { well: word.well.filter(|_| !unit.is_changing()), on_purpose: true, ..word }
}

/// Asks for the details of the units in trouble.
#[inline(never)]
fn ask_details(units: &[Unit], bus: &mut Bus, now: Boot) -> Result<Batch, Error> {
    let mut asked = Batch::default();
    for unit in detailed(units) {
        for [interface, name] in unit.properties() {
            asked.add(bus, &unit.question(&[Argument::Text(interface), Argument::Text(name)]), now)?;
        }
    }
    Ok(asked)
}

fn detailed(units: &[Unit]) -> impl Iterator<Item = &Unit> {
    units.iter().filter(|unit| unit.has_failed() || unit.is_restarting()).take(MAX_DETAILED)
}

#[inline(never)]
fn with_details(units: Vec<Unit>, answers: Vec<Result<Body, Error>>) -> Vec<(Unit, End)> {
    let mut answers = answers.into_iter();
    let names: Vec<Rc<str>> = detailed(&units).map(|unit| Rc::clone(&unit.name)).collect();
    let of_unit = |unit: Unit| {
        let properties = if names.contains(&unit.name) { unit.properties() } else { Vec::new() };
        let end = End::new(&properties, answers.by_ref().take(properties.len()).collect());
        (unit, end)
    };
    units.into_iter().map(of_unit).collect()
}

impl Memory {
    fn in_loop(&self, name: &str, times: u32) -> Option<(u32, &Counted)> {
        Some((times, self.restarts.get(name)?))
    }

    /// Counts the restarts of units that failed; returns those in a restart loop with their number in the window.
    #[inline(never)]
    fn take_in(&mut self, found: &[(Unit, End)], watch: &Watch, now: Boot) -> BTreeMap<Rc<str>, u32> {
        let window = watch.loop_window;
        for (unit, end) in found {
            // One that ended well is started again by design (`Restart=always`).
            let has_failed = unit.is_restarting() && !matches!(end.result.as_str(), "" | "success");
            if has_failed && (self.restarts.len() < MAX_COUNTED || self.restarts.contains_key(&unit.name)) {
                let (last, end) = (unit.clone(), end.clone());
                let restarts = self.restarts.remove(&unit.name).map(|counted| counted.restarts).unwrap_or_default();
                self.restarts.insert(Rc::clone(&unit.name), Counted { restarts, last, end, failed_at: now });
            }
            if let Some(counted) = self.restarts.get_mut(&unit.name).filter(|_| unit.is_restarting()) {
                // systemd does not tell since when it counts: the first count is taken for an old one.
                counted.restarts.see(end.restarts, now.before(window * OLD), now, window);
            }
        }
        let is_recent = |counted: &Counted| now - counted.failed_at < window;
        self.restarts.retain(|_, counted| is_recent(counted) || counted.restarts.within(window, now) > 0);
        let times = self.restarts.iter().map(|(name, counted)| (Rc::clone(name), counted.restarts.within(window, now)));
        times.filter(|(_, times)| *times >= watch.loop_times).collect()
    }
}

/// The first count of restarts is that of so many windows.
const OLD: u32 = 10;
