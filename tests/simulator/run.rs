//! One run: an agent after the other in one world, until its time is over.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use vps_monitor::config::Config;
use vps_monitor::core::End;
use vps_monitor::store::LoadError;

use super::agent::Agent;
use super::clock::{HOUR, SECOND};
use super::host::CONNECTIONS_THRESHOLD;
use super::model::Rules;
use super::oracle::Wrong;
use super::random::Random;
use super::reports::CRON;
use super::trace;
use super::world::{Crash, World};

pub struct Outcome {
    /// What must be true and is not.
    pub wrong: Option<String>,
    /// How often each kind of fault was there.
    pub faults: BTreeMap<&'static str, u64>,
    pub trace: Vec<String>,
}

pub fn simulate(seed: u64, hours: u64, is_traced: bool) -> Outcome {
    if is_traced {
        trace::begin();
    }
    let (config, rules) = configuration(&mut Random::new(!seed));
    let end = i64::try_from(hours).unwrap_or(i64::MAX / HOUR) * HOUR;
    let world = Rc::new(RefCell::new(World::new(seed, end, rules)));
    let mut wrong = None;
    while wrong.is_none() && world.borrow().clock.true_time < end {
        // In the running system, the process would be gone: nothing of it is looked at again.
        let end = catch_unwind(AssertUnwindSafe(|| Agent::start(&world, &config).map(Agent::run)));
        wrong = match how_it_ended(end) {
            Ok(machine) => {
                catch_unwind(AssertUnwindSafe(|| world.borrow_mut().restart(machine))).err().map(|payload| {
                    payload.downcast::<Wrong>().map_or_else(|_| "the simulator broke".to_owned(), |wrong| wrong.0)
                })
            }
            Err(wrong) => Some(wrong),
        };
    }
    let mut world = world.borrow_mut();
    Outcome { wrong, faults: world.faults(), trace: trace::take() }
}

/// Whether the machine went with the agent; or what is wrong.
fn how_it_ended(end: std::thread::Result<Result<End, LoadError>>) -> Result<bool, String> {
    match end {
        Ok(Ok(End::Stopped)) => Ok(false),
        Ok(Ok(end)) => Err(format!("the agent ended by itself: {end:?}")),
        // It ended rather than go on without what it knew, and is started again.
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

fn configuration(random: &mut Random) -> (Config, Rules) {
    let check_interval = random.pick(&[30, 60, 60, 300, 900]);
    let cooldown = random.pick(&[0, 60, 300, 300, 3600]);
    let send_recovery = !random.once_in(8);
    let text = format!(
        "general: {{hostname: sim, timezone: UTC, check_interval: {check_interval}, alert_cooldown: {cooldown}, alert_repeat: 0, alert_settle: 0, \
         send_recovery: {send_recovery}}}\n\
         wechat: {{webhook_url: 0f9e8d7c-6b5a-4c3d-9e2f-1a0b9c8d7e6f}}\n\
         system: {{disk: {{paths: [/a, /b]}}, cpu: {{for: 0}}}}\n\
         network: {{traffic: {{threshold_mbps: 80, for: 0}}, connections: {{threshold: {CONNECTIONS_THRESHOLD}}}}}\n\
         docker: {{enabled: true, alert_unavailable: false, containers: [c0, c1, c2, c3]}}\n\
         scheduled_report: {{cron: \"{CRON}\"}}\n"
    );
    let config = Config::parse("simulated", text.as_bytes()).unwrap_or_else(|problems| panic!("{problems}")).value;
    (config, Rules { cooldown: cooldown * SECOND, send_recovery })
}
