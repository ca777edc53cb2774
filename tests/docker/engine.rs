//! The driver: its questions to an engine, the engine's own news, and the waits for both.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use nix::poll::{PollFd, PollTimeout, poll};
use vps_monitor::clock::{Boot, Now};
use vps_monitor::collect::docker::{Engine as Driver, EngineUpdate, Scope};
use vps_monitor::docker::Error;

use super::{at, config, told};
use crate::support::engine::{After, Engine, hang, json_reply};
use crate::support::fleet::{Container, Fleet, exited, running};
use crate::support::{PATIENCE, wait_until};

const HEAD: &str = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nTransfer-Encoding: chunked\r\n\r\n";

fn millis(millis: i64) -> Now {
    Now { boot: Boot::from_millis(millis), ..at(0) }
}

fn event(action: &str, id: &str, name: &str) -> String {
    let actor = format!(r#"{{"ID":"{id}","Attributes":{{"name":"{name}"}}}}"#);
    let line = format!("{{\"Type\":\"container\",\"Action\":\"{action}\",\"Actor\":{actor},\"timeNano\":1}}\n");
    format!("{:x}\r\n{line}\r\n", line.len())
}

/// An engine with these containers, that answers when it is let, and tells the events that it is given.
struct Held {
    engine: Engine,
    let_answer: Sender<()>,
    events: Sender<String>,
}

impl Held {
    fn new(fleet: &Fleet) -> Held {
        let (events, told) = mpsc::channel::<String>();
        let (let_answer, may_answer) = mpsc::channel();
        let (told, may_answer, fleet) = (Mutex::new(told), Mutex::new(may_answer), fleet.clone());
        let engine = Engine::new(move |target, stream| {
            if !target.starts_with("/events") {
                if may_answer.lock().unwrap().recv().is_err() {
                    return After::Close;
                }
                let _ = stream.write_all(fleet.reply(target).as_bytes());
                return After::Keep;
            }
            let _ = stream.write_all(HEAD.as_bytes());
            for text in told.lock().unwrap().iter() {
                if stream.write_all(text.as_bytes()).is_err() {
                    break;
                }
            }
            After::Close
        });
        Held { engine, let_answer, events }
    }

    /// A driver that has surveyed, and follows the events; the comparison that connecting asks for is made.
    fn follow(&self) -> Driver {
        let mut driver = Driver::new(&config(self.engine.address(), &[]), None);
        assert!(driver.survey(at(0)).is_none());
        self.let_answer.send(()).unwrap();
        let _ = surveyed(next(&mut driver, at(0)));
        gather(&mut driver, at(0));
        self.let_answer.send(()).unwrap();
        assert_eq!(looked(next(&mut driver, millis(200))).0, Scope::Everything);
        driver
    }
}

/// Waits until something has happened that is looked at 200 ms later.
fn gather(driver: &mut Driver, now: Now) {
    while driver.due() != Some(now.boot.after(Duration::from_millis(200))) {
        assert!(driver.advance(now).is_none());
    }
}

fn lists(engine: &Engine) -> usize {
    engine.targets().iter().filter(|target| target.ends_with("all=true")).count()
}

fn inspects(engine: &Engine) -> usize {
    wait_until("the engine is asked", || engine.targets().last().is_some_and(|target| target.ends_with("/aaaa/json")));
    engine.targets().iter().filter(|target| target.ends_with("/aaaa/json")).count()
}

/// Waits until one of the driver's descriptors is ready.
fn wait(driver: &Driver) {
    let mut fds: Vec<PollFd<'_>> =
        driver.fds().into_iter().flatten().map(|(fd, flags)| PollFd::new(fd, flags)).collect();
    assert!(poll(&mut fds, PollTimeout::try_from(PATIENCE).unwrap()).unwrap() > 0, "nothing came: {driver:#?}");
}

/// Whether something is ready within a moment.
fn comes(driver: &Driver) -> bool {
    let mut fds: Vec<PollFd<'_>> =
        driver.fds().into_iter().flatten().map(|(fd, flags)| PollFd::new(fd, flags)).collect();
    poll(&mut fds, PollTimeout::from(500_u16)).unwrap() > 0
}

/// The next result; the clocks stand still meanwhile.
fn next(driver: &mut Driver, now: Now) -> EngineUpdate {
    loop {
        if let Some(happened) = driver.advance(now) {
            return happened;
        }
        wait(driver);
    }
}

fn surveyed(happened: EngineUpdate) -> Vec<String> {
    match happened {
        EngineUpdate::Surveyed(snapshot) => told(&snapshot),
        other => panic!("{other:?}"),
    }
}

fn looked(happened: EngineUpdate) -> (Scope, Vec<String>) {
    match happened {
        EngineUpdate::Looked(looked) => (looked.scope, told(&looked.snapshot)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_check_and_a_report_that_come_together_share_one_survey() {
    let held = Held::new(&Fleet::new(vec![running("aaaa", "web")]));
    let mut driver = Driver::new(&config(held.engine.address(), &[]), None);
    for expected in 1..=2 {
        assert!(driver.survey(at(0)).is_none());
        assert!(driver.survey(at(0)).is_none());
        held.let_answer.send(()).unwrap();
        assert_eq!(surveyed(next(&mut driver, at(0))), ["container_state(web): running, clear"]);
        assert_eq!(lists(&held.engine), expected, "one that comes later has one of its own");
    }
}

#[test]
fn what_happens_during_a_survey_is_looked_at_after_it() {
    let fleet = Fleet::new(vec![running("aaaa", "web")]);
    let held = Held::new(&fleet);
    let mut driver = held.follow();
    fleet.set(vec![exited("aaaa", "web", 3)]);
    assert!(driver.survey(at(1)).is_none());
    held.events.send(event("die", "aaaa", "web")).unwrap();
    wait(&driver);
    // The event's window ends while the survey is under way, and wakes nobody.
    assert!(driver.advance(at(1)).is_none() && driver.advance(at(2)).is_none());
    assert_eq!(driver.due(), Some(at(5).boot));
    // The list, the container in it that exited, and the container that the event is about.
    (0..3).for_each(|_| held.let_answer.send(()).unwrap());
    let breach = "container_state(web): exited, breach, ExitCode(3)";
    assert_eq!(surveyed(next(&mut driver, at(2))), [breach]);
    assert_eq!(looked(next(&mut driver, at(2))), (Scope::Some, vec![breach.to_owned()]));
}

#[test]
fn a_survey_that_waits_for_a_look_goes_before_the_next_one_and_takes_its_events_along() {
    let held = Held::new(&Fleet::new(vec![running("aaaa", "web")]));
    let mut driver = held.follow();
    let web = vec!["container_state(web): running, clear".to_owned()];
    let something = || held.events.send(event("health_status: healthy", "aaaa", "web")).unwrap();
    something();
    gather(&mut driver, at(1));
    assert!(driver.advance(millis(1200)).is_none());
    assert_eq!(inspects(&held.engine), 1);
    // While that is looked at, something happens again, and a check is due.
    something();
    wait(&driver);
    assert!(driver.advance(millis(1300)).is_none());
    assert!(driver.survey(millis(1300)).is_none());
    held.let_answer.send(()).unwrap();
    assert_eq!(looked(next(&mut driver, millis(1600))), (Scope::Some, web.clone()));
    assert!(driver.advance(millis(1600)).is_none());
    // The list, and the container that the event is about.
    (0..2).for_each(|_| held.let_answer.send(()).unwrap());
    assert_eq!(surveyed(next(&mut driver, millis(1600))), web);
    assert_eq!((lists(&held.engine), inspects(&held.engine)), (3, 2));
    assert!(driver.advance(millis(1900)).is_none() && driver.fds()[0].is_none(), "nothing is left to be looked at");
}

/// More events than an engine ever sent at once, and more containers than are inspected in one look.
#[test]
fn of_a_thousand_containers_that_are_stopped_at_once_each_is_known_to_be_stopped() {
    let names: Vec<String> = (0..1200).map(|number| format!("web-{number:04}")).collect();
    let ids: Vec<&'static str> = names.iter().map(|name| &*name.clone().leak()).collect();
    let all = |make: fn(&'static str, &str) -> Container| ids.iter().zip(&names).map(move |(id, name)| make(id, name));
    let fleet = Fleet::new(all(running).collect());
    let held = Held::new(&fleet);
    let mut driver = held.follow();
    fleet.set(all(|id, name| exited(id, name, 137)).collect());
    let stop = |(id, name): (&&str, &String)| ["kill", "die", "stop"].map(|action| event(action, id, name)).concat();
    held.events.send(ids.iter().zip(&names).map(stop).collect()).unwrap();
    (0..400).for_each(|_| held.let_answer.send(()).unwrap());
    let mut stopped = BTreeSet::new();
    let mut now = 1000;
    while stopped.len() < names.len() {
        // However the events are cut into batches.
        now += i64::from(!comes(&driver)) * 200;
        assert!(now < 100_000, "{} are known to be stopped", stopped.len());
        let Some(EngineUpdate::Looked(looked)) = driver.advance(millis(now)) else { continue };
        for line in told(&looked.snapshot) {
            let (name, how) = line.split_once(": exited, ").unwrap_or_else(|| panic!("{line}"));
            assert_eq!(how, "breach, StoppedByHand", "{name}");
            stopped.insert(name.to_owned());
        }
    }
}

#[test]
fn an_engine_that_cannot_be_reached_is_known_at_once() {
    let engine = Fleet::default().engine("Api-Version: 1.41");
    let address = engine.address();
    drop(engine);
    let mut driver = Driver::new(&config(address, &[]), None);
    assert!(told(&driver.survey(at(0)).unwrap()).is_empty(), "on auto");
    assert_eq!((driver.due(), driver.fds().iter().flatten().count()), (None, 0), "nothing is followed");
}

#[test]
fn a_silent_engine_is_a_failure_at_the_deadline_and_no_sooner() {
    let engine = Engine::new(|_, stream| hang(stream));
    let mut driver = Driver::new(&config(engine.address(), &["web"]), None);
    assert!(driver.survey(at(0)).is_none());
    assert_eq!(driver.due(), Some(at(5).boot));
    assert!(driver.advance(at(4)).is_none());
    let told = surveyed(driver.advance(at(5)).unwrap());
    assert!(told[0].starts_with("failure(): no answer from") && told[0].contains("within 5 s"), "{told:?}");
}

#[test]
fn events_that_flood_are_said_once_and_containers_are_compared_by_list_meanwhile() {
    let floods = Arc::new(AtomicBool::new(true));
    let still = floods.clone();
    let flood = event("start", "ffff", "somebody-else").repeat(50);
    let engine = Engine::new(move |target, stream| {
        if !target.starts_with("/events") {
            let _ = stream.write_all(json_reply("200 OK", "[]").as_bytes());
            return After::Keep;
        }
        let _ = stream.write_all(HEAD.as_bytes());
        while still.load(Ordering::SeqCst) && stream.write_all(flood.as_bytes()).is_ok() {}
        hang(stream)
    });
    let mut driver = Driver::new(&config(engine.address(), &["web"]), None);
    if driver.survey(at(0)).is_none() {
        let _ = surveyed(next(&mut driver, at(0)));
    }
    let (mut told, mut compared, mut now) = (Vec::new(), Vec::new(), at(0));
    while told.last() != Some(&None) {
        match driver.advance(now) {
            Some(EngineUpdate::EventsLost(error)) => told.push(error),
            Some(EngineUpdate::Looked(looked)) => {
                assert_eq!(looked.scope, Scope::Everything);
                compared.push(now.boot);
                floods.store(compared.len() < 3, Ordering::SeqCst);
            }
            Some(EngineUpdate::Surveyed(_)) => panic!("nobody asked"),
            // Time goes on: a little after each piece, and to the next due time after none.
            None if comes(&driver) => now.boot = now.boot.after(Duration::from_millis(1)),
            None => now.boot = now.boot.max(driver.due().unwrap()),
        }
        assert!(now.boot < at(600).boot, "{told:?}");
    }
    told.dedup();
    let flood = Some(Error::Flood { path: engine.path(), pause: Duration::from_secs(10) });
    assert_eq!(told, [flood, None], "it is the same all the while, and then it is over");
    for pair in compared.windows(2) {
        assert!(pair[1] - pair[0] < Duration::from_secs(12), "{compared:?}");
    }
}

#[test]
fn of_two_containers_of_one_name_the_newest_that_is_meant_to_run_speaks() {
    let of = |id, state, created| Container { state, created, exit_code: 3, ..running(id, "web") };
    let [old, new] = ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"];
    for (containers, expected) in [
        ([of("aaaa", "running", new), of("bbbb", "exited", old)], "running, clear"),
        ([of("aaaa", "running", old), of("bbbb", "exited", new)], "exited, breach, ExitCode(3)"),
        // Made and not started yet, or on its way out: it does not speak for the name.
        ([of("aaaa", "running", old), of("bbbb", "created", new)], "running, clear"),
        ([of("aaaa", "running", old), of("bbbb", "removing", new)], "running, clear"),
        ([of("aaaa", "created", old), of("bbbb", "dead", new)], "dead, breach"),
    ] {
        let [one, other] = containers;
        for order in [vec![one.clone(), other.clone()], vec![other, one]] {
            let engine = Fleet::new(order).engine("Api-Version: 1.41");
            for names in [&[][..], &["web"], &["w*"]] {
                let mut driver = Driver::new(&config(engine.address(), names), None);
                let found = driver.survey(at(0)).map_or_else(|| surveyed(next(&mut driver, at(0))), |s| told(&s));
                assert_eq!(found, [format!("container_state(web): {expected}")]);
            }
        }
    }
}
