//! A systemd of the test's own behind the bus: its units, and the readings of them.

use super::*;
use crate::bus::fake::{FakeBus, body};
use crate::bus::wire::Writer;
use crate::clock::{Boot, Now};
use crate::collect::{Check, Configured, read as read_sources};
use crate::host::Host;
use crate::settings;
use crate::snapshot::{Cause, ContainerWord, Snapshot, Value, Watched};

fn at(seconds: i64) -> Now {
    let wall = jiff::Timestamp::from_second(1_770_000_000 + seconds).unwrap();
    Now { wall, boot: Boot::from_millis(1_000_000 + seconds * 1000) }
}

fn configured(keys: &str) -> Vec<Configured> {
    let text = format!("systemd: {{{keys}}}\n");
    settings::read("c", text.as_bytes(), |document| read_sources(document, &[SOURCE], Duration::MAX)).unwrap().value
}

/// A unit: its name, its states, and how its process ended.
#[derive(Clone)]
struct Row {
    name: &'static str,
    load: &'static str,
    active: &'static str,
    sub: &'static str,
    result: &'static str,
    code: u32,
    status: u32,
    restarts: u32,
}

const FAILED: Row = Row {
    name: "web.service",
    load: "loaded",
    active: "failed",
    sub: "failed",
    result: "exit-code",
    code: 1,
    status: 3,
    restarts: 2,
};

const RESTARTING: Row = Row { active: "activating", sub: "auto-restart", ..FAILED };

struct World {
    fake: FakeBus,
    host: Host,
    check: Check,
    units: Vec<Row>,
    /// The members that were called.
    called: Vec<String>,
}

impl World {
    fn new(keys: &str, units: &[Row]) -> World {
        let fake = FakeBus::listening();
        let mut host = Host::new(None);
        host.bus = fake.client();
        let check = Check::new(&configured(keys), &host);
        World { fake, host, check, units: units.to_vec(), called: Vec::new() }
    }

    fn look(&mut self, seconds: i64) -> Snapshot {
        self.check.begin(&mut self.host, at(seconds).boot);
        for _ in 0..20 {
            if let Some(found) = self.check.advance(&mut self.host, at(seconds)) {
                return found;
            }
            self.answer();
            if self.host.bus.advance(at(seconds).boot) {
                self.check.wake(at(seconds).boot);
            }
        }
        panic!("it waits for ever: {:?}", self.called);
    }

    fn answer(&mut self) {
        for (serial, call) in self.fake.calls() {
            self.called.push(call.member.clone());
            let listed: Vec<Row> = match call.member.as_str() {
                "ListUnitsFiltered" => {
                    let is_listed = |row: &&Row| row.active == "failed" || row.sub == "auto-restart";
                    self.units.iter().filter(is_listed).cloned().collect()
                }
                "ListUnitsByNames" | "ListUnitsByPatterns" => {
                    let signature = if call.member.ends_with("Names") { "as" } else { "asas" };
                    let mut reader = call.body.of(signature).unwrap();
                    let mut asked: Vec<String> = Vec::new();
                    for _ in 0..signature.len() / 2 {
                        asked.clear();
                        let mut text = |reader: &mut crate::bus::Reader<'_>| {
                            asked.push(reader.text()?);
                            Ok(())
                        };
                        reader.array(4, &mut text).unwrap();
                    }
                    let fits = |row: &&Row| asked.iter().any(|asked| crate::pattern::matches(asked, row.name));
                    self.units.iter().filter(fits).cloned().collect()
                }
                "Get" => {
                    self.answer_property(serial, &call);
                    continue;
                }
                _ => continue,
            };
            let rows = body(|body| body.array(8, |body| listed.iter().for_each(|row| row.write(body))));
            self.fake.reply(serial, "a(ssssssouso)", &rows);
        }
    }

    fn answer_property(&mut self, serial: u32, call: &crate::bus::wire::Message) {
        let mut reader = call.body.of("ss").unwrap();
        let (interface, name) = (reader.text().unwrap(), reader.text().unwrap());
        let row = self.units.iter().find(|row| call.path == row.path()).expect("a path of a list").clone();
        let number = |number: u32| {
            body(|body| {
                body.signature("u");
                body.number(number as usize);
            })
        };
        let value = match name.as_str() {
            "Result" => body(|body| {
                body.signature("s");
                body.text(row.result);
            }),
            "ExecMainCode" => number(row.code),
            "ExecMainStatus" => number(row.status),
            "NRestarts" => number(row.restarts),
            _ => return self.fake.refuse(serial, "org.freedesktop.DBus.Error.UnknownProperty"),
        };
        assert!(interface.starts_with("org.freedesktop.systemd1."), "{interface}");
        self.fake.reply(serial, "v", &value);
    }
}

impl Row {
    fn path(&self) -> String {
        format!("/org/freedesktop/systemd1/unit/{}", self.name.replace('.', "_2e"))
    }

    fn write(&self, body: &mut Writer) {
        body.align(8);
        for text in [self.name, "A server", self.load, self.active, self.sub, "", &self.path()] {
            body.text(text);
        }
        body.number(0);
        body.text("");
        body.text("/");
    }
}

/// The conditions that a look found.
fn words(snapshot: &Snapshot) -> Vec<(&str, &ContainerWord)> {
    let word =
        |value: &'_ Value| if let Value::Container(word) = value { Some(std::rc::Rc::clone(word)) } else { None };
    let conditions = snapshot.readings.iter().filter(|reading| word(&reading.value).is_some());
    conditions
        .filter_map(|reading| match &reading.value {
            Value::Container(word) => Some((&*reading.key.target, &**word)),
            _ => None,
        })
        .collect()
}

fn failed_units(snapshot: &Snapshot) -> Option<&Value> {
    snapshot.readings.iter().find(|reading| reading.key.metric == FAILED_UNITS).map(|reading| &reading.value)
}

fn ended(result: &str, restarts: u64) -> Cause {
    Cause::UnitEnded { result: result.to_owned(), at: None, restarts, description: "A server".to_owned() }
}

#[test]
fn a_failed_unit_has_a_reading_with_its_end_and_the_others_have_none() {
    let killed = Row { name: "db.service", result: "signal", code: 2, status: 9, restarts: 0, ..FAILED };
    let mount = Row { name: "data.mount", result: "timeout", ..FAILED };
    let well = Row { name: "ssh.service", active: "active", sub: "running", ..FAILED };
    let mut world = World::new("", &[FAILED, killed, mount, well]);
    let found = world.look(0);
    assert_eq!(failed_units(&found), Some(&Value::Number(3.0)));
    let words = words(&found);
    let of = |name: &str, causes: Vec<Cause>| (name.to_owned(), causes);
    let told: Vec<_> = words.iter().map(|(name, word)| of(name, word.causes.clone())).collect();
    assert_eq!(
        told,
        [
            of("data.mount", vec![ended("timeout", 0)]),
            of("db.service", vec![ended("signal SIGKILL", 0)]),
            of("web.service", vec![ended("exit-code 3", 2)]),
        ]
    );
    assert!(
        words.iter().all(|(_, word)| (&*word.word, &*word.expected, word.well) == ("failed", "active", Some(false)))
    );
    assert_eq!((found.listed.len(), found.listed[0].metric, found.failures.len()), (1, UNIT_STATE, 0));
    assert!(found.watched.contains(&Watched::Every(UNIT_STATE)));
}

#[test]
fn one_question_is_enough_where_nothing_failed_and_no_unit_is_named() {
    let mut world = World::new("", &[]);
    assert_eq!(failed_units(&world.look(0)), Some(&Value::Number(0.0)));
    assert_eq!(world.called, ["Hello", "ListUnitsFiltered"]);
    world.look(60);
    assert_eq!(world.called.len(), 3);
}

#[test]
fn ignored_units_our_own_and_commands_in_units_of_their_own_are_left_out_unless_named() {
    let names = ["vps-monitor.service", "run-r1234.service", "apt-daily.service", "apt-news.service", "backup.service"];
    let rows: Vec<Row> = names.iter().map(|name| Row { name, ..FAILED }).collect();
    let found = World::new("ignore: ['apt-*', x]", &rows).look(0);
    assert_eq!(words(&found).iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["backup.service"]);
    assert_eq!(failed_units(&found), Some(&Value::Number(1.0)));
    let found = World::new("ignore: ['apt-*'], units: [apt-daily]", &rows).look(0);
    let told: Vec<_> = words(&found).iter().map(|(name, word)| (*name, word.causes.contains(&Cause::Named))).collect();
    assert_eq!(told, [("apt-daily.service", true), ("backup.service", false)]);
    // Of the units of a pattern some are left out.
    let found = World::new("units: ['apt-*'], ignore: [apt-news, 'back*']", &rows).look(0);
    assert_eq!(words(&found).iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["apt-daily.service"]);
}

#[test]
fn a_named_unit_is_to_be_active_and_one_that_is_about_to_change_is_open() {
    let row = |name, load, active, sub| Row { name, load, active, sub, ..FAILED };
    let rows = [
        row("a.service", "loaded", "active", "running"),
        row("b.service", "loaded", "inactive", "dead"),
        row("c.service", "loaded", "activating", "start"),
        row("d.timer", "not-found", "inactive", "dead"),
    ];
    let found = World::new("units: [a, b.service, c, d.timer]", &rows).look(0);
    let told: Vec<_> = words(&found).into_iter().map(|(name, word)| (name, &*word.word, word.well)).collect();
    assert_eq!(
        told,
        [
            ("a.service", "active", Some(true)),
            ("b.service", "inactive", Some(false)),
            ("c.service", "activating", None),
            ("d.timer", "not-found", Some(false)),
        ]
    );
    assert!(words(&found).iter().all(|(_, word)| word.on_purpose), "it is told after a grace");
}

#[test]
fn a_unit_that_fails_and_is_started_again_and_again_is_in_a_loop_until_its_window_is_over() {
    let mut world = World::new("restart_loop_times: 3", &[RESTARTING]);
    let turn = |world: &mut World, seconds: i64, restarts: u32| {
        world.units[0].restarts = restarts;
        world.look(seconds)
    };
    assert!(words(&turn(&mut world, 0, 1)).is_empty(), "a first count is an old one");
    assert!(words(&turn(&mut world, 10, 2)).is_empty());
    let found = turn(&mut world, 30, 4);
    let cause = Cause::RestartLoop { times: 3, window_minutes: 10 };
    let (name, word) = words(&found)[0];
    assert_eq!((name, &*word.word, word.well), ("web.service", "restarting", Some(false)));
    assert_eq!(word.causes, [cause.clone(), ended("exit-code 3", 4)]);
    // It runs at the moment: its count goes on.
    world.units[0] = Row { active: "active", sub: "running", result: "success", restarts: 6, ..RESTARTING };
    let causes = [Cause::RestartLoop { times: 5, window_minutes: 10 }, ended("exit-code 3", 4)];
    assert_eq!(words(&world.look(40))[0].1.causes, causes);
    let over = world.look(650);
    assert!(words(&over).is_empty());
    assert_eq!(over.listed.iter().map(|listed| listed.metric).collect::<Vec<_>>(), [UNIT_STATE]);
}

#[test]
fn a_unit_that_ends_well_is_started_again_by_design() {
    let mut world = World::new("restart_loop_times: 3", &[Row { result: "success", ..RESTARTING }]);
    for turn in 0..20 {
        world.units[0].restarts = turn;
        assert!(words(&world.look(i64::from(turn))).is_empty());
    }
}

#[test]
fn without_a_bus_it_is_quietly_off_and_a_failure_where_it_is_asked_for_or_has_answered_before() {
    let mut world = World::new("", &[]);
    world.fake.close();
    let found = world.look(0);
    assert!(found.readings.is_empty() && found.failures.is_empty() && found.watched_keys().count() == 0);
    // One that comes up later is found at once.
    let fake = FakeBus::listening();
    (world.host.bus, world.fake) = (fake.client(), fake);
    assert_eq!(failed_units(&world.look(1)), Some(&Value::Number(0.0)));
    let mut world = World::new("enabled: true", &[]);
    world.fake.close();
    let found = world.look(0);
    assert_eq!((found.failures.len(), found.watched_keys().count()), (1, 1));
    assert!(found.failures[0].error.contains("No such file or directory"), "{}", found.failures[0].error);
    let mut world = World::new("", &[FAILED]);
    world.look(0);
    world.fake.close();
    // The first look finds the connection closed, the next one the socket gone.
    for seconds in [60, 120] {
        let found = world.look(seconds);
        assert!(found.failures.len() == 1 && found.listed.is_empty() && found.readings.is_empty(), "{found:?}");
    }
    // The next configuration's collector misses it as well.
    world.check = Check::new(&configured("ignore: [x]"), &world.host);
    assert_eq!(world.look(180).failures.len(), 1);
}

#[test]
fn an_answer_that_is_no_list_is_a_failure() {
    let mut world = World::new("", &[]);
    world.check.begin(&mut world.host, at(0).boot);
    assert!(world.check.advance(&mut world.host, at(0)).is_none());
    for (serial, call) in world.fake.calls() {
        if call.member == "ListUnitsFiltered" {
            world.fake.reply(serial, "as", &body(|body| body.array(4, |_| {})));
        }
    }
    assert!(world.host.bus.advance(at(0).boot));
    world.check.wake(at(0).boot);
    let found = world.check.advance(&mut world.host, at(0)).unwrap();
    assert!(found.failures[0].error.contains("of another signature"), "{}", found.failures[0].error);
}

#[test]
fn hundreds_of_failed_units_are_named_and_the_first_asked_for_details() {
    let names: Vec<&'static str> = (0..300).map(|number| &*format!("u{number:03}.service").leak()).collect();
    let rows: Vec<Row> = names.iter().map(|name| Row { name, ..FAILED }).collect();
    let mut world = World::new("", &rows);
    let found = world.look(0);
    assert_eq!((words(&found).len(), failed_units(&found)), (300, Some(&Value::Number(300.0))));
    assert_eq!(world.called.iter().filter(|member| *member == "Get").count(), 100);
    assert_eq!(words(&found)[299].1.causes, [ended("", 0)]);
}

#[test]
fn names_are_those_of_units_each_once() {
    let problems = |keys: &str| {
        let text = format!("systemd: {{{keys}}}\n");
        let read = settings::read("c", text.as_bytes(), |document| read_sources(document, &[SOURCE], Duration::MAX));
        read.map(drop).unwrap_err().list.len()
    };
    assert_eq!(problems("units: [nginx, nginx.service]"), 1);
    assert_eq!(problems("ignore: ['a b', '/x', '']"), 3);
    assert_eq!(problems("units: [nginx, 'app-*'], ignore: [nginx.service, 'app-*', 'app-1']"), 2);
    assert_eq!(problems("restart_loop_times: 1"), 1);
    assert_eq!(problems("enabled: maybe"), 1);
}

#[test]
fn units_that_are_named_are_missed_where_no_systemd_runs() {
    let found = |keys: &str| {
        let folder = tempfile::tempdir().unwrap();
        // Another /proc: there is no bus to it.
        let mut host = Host::new(Some(folder.path()));
        let mut check = Check::new(&configured(keys), &host);
        check.begin(&mut host, at(0).boot);
        check.advance(&mut host, at(0)).unwrap()
    };
    for keys in ["units: [nginx]", "units: ['docker-*']"] {
        let found = found(keys);
        let [failure] = &found.failures[..] else { panic!("{found:?}") };
        assert_eq!((failure.collector, failure.target.as_deref()), ("systemd", None));
        assert!(failure.error.contains("systemd"), "{}", failure.error);
        assert!(failure.metrics.contains(&UNIT_STATE) && found.watches_every(UNIT_STATE), "{found:?}");
    }
    for keys in ["", "units: [nginx], enabled: false"] {
        assert_eq!(found(keys).failures, []);
    }
}
