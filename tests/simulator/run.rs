//! One run: an agent after the other in one world, until its time is over.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use vps_monitor::core::End;
use vps_monitor::store::LoadError;

use super::agent::Agent;
use super::clock::HOUR;
use super::oracle::Wrong;
use super::random::Random;
use super::script::Script;
use super::settings::Settings;
use super::trace;
use super::world::{Crash, World};

pub struct Outcome {
    /// The broken rule.
    pub wrong: Option<String>,
    /// How often each kind of fault was there.
    pub faults: BTreeMap<&'static str, u64>,
    pub trace: Vec<String>,
}

pub fn simulate(seed: u64, hours: u64, is_traced: bool) -> Outcome {
    if is_traced {
        trace::begin();
    }
    let settings = Settings::new(&mut Random::new(!seed));
    let end = i64::try_from(hours).unwrap_or(i64::MAX / HOUR) * HOUR;
    run(World::new(seed, end, settings))
}

/// A run by a script.
pub fn play(script: Script, is_traced: bool) -> Outcome {
    if is_traced {
        trace::begin();
    }
    run(World::scripted(script))
}

fn run(world: World) -> Outcome {
    let end = world.end;
    let world = Rc::new(RefCell::new(world));
    let (mut wrong, mut once) = (None, false);
    while wrong.is_none() && world.borrow().clock.true_time < end {
        // In the running system, the process would be gone: nothing of it is looked at again.
        let end = catch_unwind(AssertUnwindSafe(|| Agent::start(&world, once).map(Agent::run)));
        wrong = match how_it_ended(end) {
            Ok(machine) => {
                // Between two runs of the service, somebody's schedule may use its state.
                once = world.borrow_mut().is_once_next(once);
                catch_unwind(AssertUnwindSafe(|| world.borrow_mut().restart(machine))).err().map(|payload| {
                    payload.downcast::<Wrong>().map_or_else(|_| "the simulator broke".to_owned(), |wrong| wrong.0)
                })
            }
            Err(wrong) => Some(wrong),
        };
    }
    let mut world = world.borrow_mut();
    let wrong = wrong.or_else(|| world.script.as_ref()?.judge());
    Outcome { wrong, faults: world.faults(), trace: trace::take() }
}

/// Whether the machine went with the agent; or the broken rule.
fn how_it_ended(end: std::thread::Result<Result<End, LoadError>>) -> Result<bool, String> {
    match end {
        Ok(Ok(End::Stopped | End::CheckedOnce { .. })) => Ok(false),
        // It ended rather than go on without its memory, and is started again.
        Ok(Err(LoadError::Unreadable { .. })) => Ok(false),
        Ok(Err(error)) => Err(error.to_string()),
        Err(payload) => match payload.downcast::<Crash>() {
            Ok(crash) => Ok(crash.machine),
            Err(payload) => Err(payload.downcast::<Wrong>().map_or_else(panic_message, |wrong| wrong.0)),
        },
    }
}

fn panic_message(payload: Box<dyn Any + Send>) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    format!("the agent panicked: {}", text.unwrap_or("without a word"))
}
