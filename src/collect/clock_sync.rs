//! Whether the system's clock is synchronised, as `timedatectl` says it: by the service behind it, over the system bus.
//!
//! The kernel would tell it, too (adjtimex(2)), but not a service that may not set clocks. The bus starts the service for
//! each question, so one that was answered well is not asked again for half an hour.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use super::{Absence, Collector, Progress, SYSTEM, Setup, Source, Switch, nowhere_in_a_container};
use crate::bus::{Argument, Body, Call, DEADLINE, Error, Question};
use crate::clock::{Boot, Now};
use crate::host::Host;
use crate::metric::{ExpectedWord, Label, Limits, Metric, Unit};
use crate::settings::{Section, doc};
use crate::snapshot::{ContainerWord, Snapshot};

pub const SOURCE: &Source = &Source {
    name: "clock_sync",
    group: SYSTEM,
    switch: Switch::Auto(doc(
        "系统时钟是否已同步。`auto`：systemd 能告知时，容器内除外",
        "whether the clock is synchronised. `auto`: where systemd can tell, and not in a container",
    )),
    metrics: &[CLOCK_SYNC],
    read: |section, _| read(section),
};

pub const CLOCK_SYNC: &Metric = &Metric {
    name: "clock_sync",
    unit: Unit::Word,
    label: Label { zh: "时钟同步", en: "Clock" },
    alert_label: Label { zh: "系统时钟", en: "System clock" },
    order: 79,
    default: Some(Limits { lasts: Duration::from_secs(3600), ..Limits::NONE }),
    expected: Some(ExpectedWord::new(SYNCHRONIZED)),
    ..Metric::BASE
};

const SYNCHRONIZED: &str = "synchronized";

const LONGEST: Duration = super::LONGEST_FOR;

/// How long a good answer holds.
const ASKED_EVERY: Duration = Duration::from_secs(30 * 60);

/// A clock takes so long to be synchronised after the machine's start.
const AFTER_START: Duration = Duration::from_secs(20 * 60);

/// There in a container, whose clock is its host's (systemd.io/CONTAINER_INTERFACE).
const CONTAINER: &str = "/run/systemd/container";

const NTP_SYNCHRONIZED: Call<'static> = Call {
    destination: "org.freedesktop.timedate1",
    path: "/org/freedesktop/timedate1",
    interface: "org.freedesktop.DBus.Properties",
    member: "Get",
    arguments: &[Argument::Text("org.freedesktop.timedate1"), Argument::Text("NTPSynchronized")],
};

fn read(section: &mut Section<'_>) -> Setup {
    let default = CLOCK_SYNC.default.unwrap_or(Limits::NONE);
    let meaning = doc("时钟未同步持续多久才告警", "time without synchronisation before it is told");
    let lasts = section.duration("for", default.lasts, Duration::ZERO..=LONGEST, meaning);
    section.mark_as_judging(&["for"]);
    let last_good = Rc::new(RefCell::new(None));
    let open = move |_: &[_], _: &Host| {
        if Path::new(CONTAINER).exists() {
            return nowhere_in_a_container();
        }
        Some(Box::new(ClockSync { asked: None, last_good: Rc::clone(&last_good) }) as _)
    };
    let setup = Setup { targets: Vec::new(), ..Setup::new(open) };
    setup.limited(CLOCK_SYNC, Limits { lasts, ..default })
}

struct ClockSync {
    asked: Option<Question>,
    /// When any collector last heard that it is synchronised.
    last_good: Rc<RefCell<Option<Boot>>>,
}

impl ClockSync {
    /// Whether it is synchronised; `None`: the bus has not answered yet.
    fn ask(&mut self, host: &mut Host, now: Boot) -> Result<Option<bool>, Error> {
        if self.last_good.borrow().is_some_and(|good| now - good < ASKED_EVERY) {
            return Ok(Some(true));
        }
        let question = match self.asked {
            Some(question) => question,
            None => *self.asked.insert(host.bus.ask(&NTP_SYNCHRONIZED, now)?),
        };
        let Some(answer) = host.bus.answer(question) else { return Ok(None) };
        self.asked = None;
        let is_synchronized = parse(&answer?)?;
        *self.last_good.borrow_mut() = is_synchronized.then_some(now);
        Ok(Some(is_synchronized))
    }
}

fn parse(body: &Body) -> Result<bool, crate::bus::Malformed> {
    body.of("v")?.variant()?.boolean().ok_or(crate::bus::Malformed("it is no truth value"))
}

impl Collector for ClockSync {
    fn begin(&mut self, _host: &mut Host, _now: Boot) -> Duration {
        self.asked = None;
        Duration::ZERO
    }

    fn collect(&mut self, host: &mut Host, now: Now, into: &mut Snapshot) -> Progress {
        let synchronized = match self.ask(host, now.boot) {
            Ok(None) => return Progress::Awaits(now.boot.after(DEADLINE)),
            Ok(Some(synchronized)) => synchronized,
            Err(error) => {
                if error.is_absence() || matches!(error, Error::Refused { .. }) {
                    return Progress::Absent(error.into());
                }
                into.watch(CLOCK_SYNC, "");
                into.failures.push(SOURCE.failure(error.to_string()));
                return Progress::Done;
            }
        };
        if !synchronized && host.uptime().is_some_and(|uptime| uptime < AFTER_START) {
            return Progress::Absent(Absence::Yet);
        }
        let word = if synchronized { SYNCHRONIZED } else { "unsynchronized" };
        into.watch(CLOCK_SYNC, "");
        into.push(CLOCK_SYNC, "", ContainerWord::new(word, SYNCHRONIZED).into());
        Progress::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::fake::{FakeBus, body};
    use crate::snapshot::Value;

    fn at(minutes: i64) -> Now {
        let boot = Boot::from_millis(minutes * 60_000);
        Now { wall: jiff::Timestamp::from_second(1_770_000_000 + 60 * minutes).unwrap(), boot }
    }

    struct World {
        fake: FakeBus,
        host: Host,
        folder: tempfile::TempDir,
        collector: ClockSync,
        asked: usize,
    }

    impl World {
        fn new() -> World {
            let (fake, folder) = (FakeBus::listening(), tempfile::tempdir().unwrap());
            let mut host = Host::new(Some(folder.path()));
            host.bus = fake.client();
            let collector = ClockSync { asked: None, last_good: Rc::default() };
            World { fake, host, folder, collector, asked: 0 }
        }

        /// The word that a check finds, and the number of failures.
        fn check(&mut self, minutes: i64, answer: impl Fn(&mut FakeBus, u32)) -> (Option<String>, usize) {
            std::fs::write(self.folder.path().join("uptime"), format!("{}.00 1.00\n", minutes * 60)).unwrap();
            let mut found = Snapshot::default();
            self.collector.begin(&mut self.host, at(minutes).boot);
            while matches!(self.collector.collect(&mut self.host, at(minutes), &mut found), Progress::Awaits(_)) {
                for (serial, call) in self.fake.calls() {
                    if call.member == "Get" {
                        self.asked += 1;
                        answer(&mut self.fake, serial);
                    }
                }
                self.host.bus.advance(at(minutes).boot);
            }
            let word = found.readings.first().and_then(|reading| match &reading.value {
                Value::Container(word) => Some(word.word.to_string()),
                _ => None,
            });
            (word, found.failures.len())
        }
    }

    fn says(synchronized: bool) -> impl Fn(&mut FakeBus, u32) {
        move |fake, serial| {
            let answer = body(|body| {
                body.signature("b");
                body.number(usize::from(synchronized));
            });
            fake.reply(serial, "v", &answer);
        }
    }

    #[test]
    fn it_is_what_timedatectl_says_and_a_good_answer_holds_for_half_an_hour() {
        let mut world = World::new();
        assert_eq!(world.check(60, says(true)), (Some("synchronized".to_owned()), 0));
        assert_eq!(world.check(89, says(false)), (Some("synchronized".to_owned()), 0));
        assert_eq!(world.asked, 1);
        for minutes in [90, 91] {
            assert_eq!(world.check(minutes, says(false)), (Some("unsynchronized".to_owned()), 0));
        }
        assert_eq!(world.asked, 3);
        assert_eq!(world.check(92, says(true)).0.as_deref(), Some("synchronized"));
    }

    #[test]
    fn after_the_machines_start_it_has_twenty_minutes() {
        let mut world = World::new();
        assert_eq!(world.check(19, says(false)), (None, 0));
        assert_eq!(world.check(20, says(false)).0.as_deref(), Some("unsynchronized"));
        let mut world = World::new();
        assert_eq!(world.check(2, says(true)).0.as_deref(), Some("synchronized"));
    }

    #[test]
    fn where_nobody_can_tell_it_is_quietly_off_and_an_answer_that_is_none_is_a_failure() {
        let mut world = World::new();
        let unknown = |fake: &mut FakeBus, serial| fake.refuse(serial, "org.freedesktop.DBus.Error.ServiceUnknown");
        assert_eq!(world.check(60, unknown), (None, 0));
        let text = |fake: &mut FakeBus, serial| fake.reply(serial, "s", &body(|body| body.text("yes")));
        assert_eq!(world.check(61, text), (None, 1));
        world.fake.close();
        world.host.bus = crate::bus::Bus::none();
        assert_eq!(world.check(62, says(true)), (None, 0));
    }
}
