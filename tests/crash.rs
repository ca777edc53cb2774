//! The real binary, killed at random moments, and failed by the kernel in its system calls: nothing is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::signal::Signal;
use serde_json::{Value as Json, json};
use vps_monitor::message::{Escape, Message};

use crate::simulator::random::Random;
use crate::support::agent::{Place, finish};
use crate::support::robot::Robot;
use crate::support::{can_inject, is_ci, setting, wait_until};

/// Checks that take no time, and news at each of them: an alert ends as soon as it is over.
fn configuration(robot: &Robot) -> String {
    format!(
        "general: {{hostname: web-1, timezone: UTC, check_interval: 1h, alert_cooldown: 0, \
         alert_settle: 0}}\n\
         wechat: {{webhook_url: \"{}\"}}\n\
         system: {{disk: {{enabled: false}}, cpu: {{enabled: false}}, swap: {{enabled: false}}}}\n\
         network: {{traffic: {{enabled: false}}, connections: {{enabled: false}}}}\n\
         docker: {{enabled: false}}\n\
         scheduled_report: {{enabled: false}}\n",
        robot.url()
    )
}

/// Puts so many thousandths of the memory into use.
fn use_memory(place: &Place, thousandths: u64) {
    let text = format!("MemTotal: 1000000 kB\nMemFree: 1 kB\nMemAvailable: {} kB\n", 1_000_000 - thousandths * 1000);
    fs::write(place.path("proc/meminfo"), text).unwrap();
}

/// The state as a kill left it: whole, or not there yet.
fn read_state(place: &Place) -> Option<Json> {
    let bytes = fs::read(place.state_file()).ok()?;
    Some(serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("the state is not whole: {error}")))
}

fn waiting(state: &Json) -> Vec<String> {
    let entries = state["outboxes"]["wechat"]["waiting"].as_array().map_or(&[][..], Vec::as_slice);
    let text = |entry: &Json| serde_json::from_value::<Message>(entry["message"].clone()).unwrap().text(&Escape::NONE);
    entries.iter().map(text).collect()
}

/// The robot's budget.
const MESSAGES_A_MINUTE: usize = 20;

/// As if a minute had passed: the budget would have every kill but the first twenty find an agent that waits.
fn let_a_minute_pass(place: &Place, mut state: Json) {
    state["outboxes"]["wechat"]["window"] = json!([]);
    fs::write(place.state_file(), serde_json::to_vec(&state).unwrap()).unwrap();
}

/// How often each message came, told apart by its text without the mark of its lateness.
fn received(robot: &Robot) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for content in robot.received().iter().map(|request| request.content()) {
        let text = match content.split_once(" (延迟 ") {
            Some((before, rest)) => format!("{before}{}", rest.split_once(')').unwrap().1),
            None => content,
        };
        *counts.entry(text).or_default() += 1;
    }
    counts
}

/// `CRASH_KILLS` and `CRASH_SEED` repeat a run.
#[test]
fn sigkill_at_any_moment_loses_nothing_and_repeats_one_message_at_most() {
    let kills = setting("CRASH_KILLS").unwrap_or(if is_ci() { 200 } else { 30 });
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = setting("CRASH_SEED").unwrap_or(since_epoch.as_secs());
    println!("CRASH_SEED={seed} CRASH_KILLS={kills}");
    let mut random = Random::new(seed);
    let robot = Robot::start([]);
    let place = Place::configured("small-vps", &configuration(&robot));
    let mut owed: BTreeSet<String> = BTreeSet::new();
    let mut longest = Duration::from_millis(120);
    for number in 0..kills {
        // An alert and its recovery in turn, each with a value of its own.
        use_memory(&place, if number % 2 == 0 { 801 + number % 199 } else { 1 + number % 700 });
        let agent = place.start(&["run"]);
        let seen = robot.received().len();
        std::thread::sleep(Duration::from_micros(random.range(0, longest.as_micros() as i64).cast_unsigned()));
        agent.signal(Signal::SIGKILL);
        assert_eq!(agent.finish().code, 128 + 9);
        // However busy the machine is, about every other run lasts until a message is at the robot: it starts, checks,
        // saves and posts within half of the longest time, and hears the answer and saves again within the other.
        longest = if robot.received().len() > seen { longest * 9 / 10 } else { longest * 11 / 10 };
        let Some(state) = read_state(&place) else { continue };
        owed.extend(waiting(&state));
        let known: String = received(&robot).into_keys().chain(waiting(&state)).collect();
        for alert in state["alerts"].as_array().unwrap().iter().filter(|alert| alert["told"] == true) {
            let value = format!("{:.1}%", alert["value"]["usage"]["percent"].as_f64().unwrap());
            assert!(known.contains(&value), "an alert and its message have parted: {alert}");
        }
        let_a_minute_pass(&place, state);
    }
    // On a busy machine most runs are too short for a delivery, and more waits in the end than may go in one minute.
    loop {
        let full = robot.received().len() + MESSAGES_A_MINUTE;
        let agent = place.start(&["run"]);
        let is_empty = || place.status()["pending"].as_array().is_some_and(Vec::is_empty);
        wait_until("nothing waits, or the minute is full", || is_empty() || robot.received().len() >= full);
        agent.stop(Signal::SIGTERM);
        let state = read_state(&place).unwrap();
        if waiting(&state).is_empty() {
            break;
        }
        let_a_minute_pass(&place, state);
    }
    let received = received(&robot);
    let lost: Vec<&String> = owed.iter().filter(|text| !received.contains_key(*text)).collect();
    let repeated: usize = received.values().map(|count| count - 1).sum();
    println!("{kills} kills, {} messages, {} lost, {repeated} repeated", received.len(), lost.len());
    assert_eq!(lost, Vec::<&String>::new(), "CRASH_SEED={seed}");
    assert!(received.len() as u64 >= kills / 8, "{} messages say little of {kills} kills", received.len());
    assert!(repeated as u64 <= kills, "{repeated} repeated by {kills} kills, CRASH_SEED={seed}");
}

/// One check with its message, while `inject` (see strace(1)) makes calls fail that concern `path` in the place;
/// returns its exit, the number of messages, and whether the state was saved without one that waits.
fn once_with(path: &str, inject: &str) -> (i32, usize, bool) {
    let robot = Robot::start([]);
    let place = Place::configured("small-vps", &configuration(&robot));
    use_memory(&place, 900);
    let agent = place.command(&["run", "--once"]);
    let mut strace = Command::new("strace");
    // A descriptor is known by its path, a file below an open folder by its name there.
    let (path, name) = (place.path(path), Path::new(path).file_name().unwrap());
    strace.args(["-f", "-qq", "-o", "/dev/null", "-P"]).arg(path).arg("-P").arg(name);
    strace.args(["-e", &format!("inject={inject}")]).arg(agent.get_program()).args(agent.get_args());
    let finished = finish(strace.current_dir(place.path("")));
    let is_saved = read_state(&place).is_some_and(|state| waiting(&state).is_empty() && state["alerts"] != json!([]));
    (finished.code, robot.received().len(), is_saved)
}

#[test]
fn a_state_that_the_kernel_does_not_take_keeps_no_message_back() {
    if !can_inject() {
        return;
    }
    const NEW: &str = "state/alert_state.json.new";
    for inject in
        ["write:error=ENOSPC", "fsync:error=EIO", "fsync:error=ENOSPC", "renameat:error=EIO", "openat:error=EIO"]
    {
        assert_eq!(once_with(NEW, inject), (0, 1, false), "{inject}");
    }
    for inject in ["write:error=EINTR:when=1+2", "fsync:error=EINTR:when=1+2", "openat:error=EINTR:when=1+2"] {
        assert_eq!(once_with(NEW, inject), (0, 1, true), "{inject}: an interrupted call is made again");
    }
}

#[test]
fn a_proc_file_that_the_kernel_does_not_give_is_unknown_and_an_interrupted_read_is_made_again() {
    if !can_inject() {
        return;
    }
    assert_eq!(once_with("proc/meminfo", "read,pread64:error=EINTR:when=1").1, 1);
    for inject in ["read,pread64:error=EIO", "openat:error=EIO", "read,pread64:error=ENOMEM"] {
        let (code, messages, _) = once_with("proc/meminfo", inject);
        assert_eq!((code, messages), (0, 0), "{inject}: neither firing nor a zero");
    }
}
