//! The simulated world as the agent sees it: its clocks and events, and the folder of its state.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use vps_monitor::clock::{Boot, Now};
use vps_monitor::collect::Plan;
use vps_monitor::config::Config;
use vps_monitor::daemon::{Event, Outside, Purpose};
use vps_monitor::files::Folder;
use vps_monitor::http;
use vps_monitor::service::Phase;
use vps_monitor::settings::{Problems, Read};
use vps_monitor::signals::Wish;
use vps_monitor::snapshot::Snapshot;
use vps_monitor::store::FILE_NAME;

use super::mishap::{DiskFault, Mishap};
use super::world::{Next, World};

pub struct SimulatedOutside {
    pub world: Rc<RefCell<World>>,
    pub config: Config,
    check_due: Option<Boot>,
    report_due: Option<Boot>,
}

/// How long a measurement takes.
const WINDOW: Duration = Duration::from_secs(1);

impl SimulatedOutside {
    pub fn new(world: &Rc<RefCell<World>>, config: &Config) -> SimulatedOutside {
        SimulatedOutside { world: Rc::clone(world), config: config.clone(), check_due: None, report_due: None }
    }
}

impl Outside for SimulatedOutside {
    fn now(&mut self) -> Now {
        self.world.borrow().now()
    }

    fn wait(&mut self, until: Option<Boot>) -> Event {
        let mut world = self.world.borrow_mut();
        world.must_be_saved("a turn is over");
        // A timer is late by a little.
        let late = world.random.range(0, 5000);
        let until = until.map_or(i64::MAX, |until| world.clock.true_time_of(until).saturating_add(late));
        match world.wait(until) {
            Next::Time => Event::Time,
            Next::Answered(flight) => Event::Posted(world.hear(&flight)),
            Next::End => Event::Signal(Wish::Stop),
            Next::Mishap(mishap) => {
                world.note(|| format!("{mishap:?}"));
                world.weather.count(name(mishap));
                match mishap {
                    Mishap::Crash => world.crash(false),
                    Mishap::PowerLoss => world.crash(true),
                    Mishap::Stop => Event::Signal(Wish::Stop),
                    Mishap::Reload => {
                        let time = world.clock.true_time;
                        world.oracle.disturbed(time);
                        Event::Signal(Wish::Reload)
                    }
                    Mishap::CheckNow => Event::Signal(Wish::Check),
                    Mishap::ClockStep => {
                        world.step_clock();
                        Event::ClockSet
                    }
                    Mishap::Sleep => {
                        world.sleep();
                        Event::Time
                    }
                    Mishap::StatusAsked => Event::StatusAsked,
                    Mishap::DiskChanges => Event::Time,
                }
            }
        }
    }

    fn watch(&mut self, _plan: &Plan) {
        (self.check_due, self.report_due) = (None, None);
    }

    fn window(&self) -> Duration {
        WINDOW
    }

    fn begin(&mut self, purpose: Purpose, now: Now) {
        let due = match purpose {
            Purpose::Check => &mut self.check_due,
            Purpose::Report => &mut self.report_due,
        };
        *due = Some(now.boot.after(WINDOW));
    }

    fn due(&self, purpose: Purpose) -> Option<Boot> {
        match purpose {
            Purpose::Check => self.check_due,
            Purpose::Report => self.report_due,
        }
    }

    fn advance(&mut self, purpose: Purpose, now: Now) -> Option<Snapshot> {
        let due = match purpose {
            Purpose::Check => &mut self.check_due,
            Purpose::Report => &mut self.report_due,
        };
        due.take_if(|due| *due <= now.boot)?;
        let mut world = self.world.borrow_mut();
        let World { host, random, clock, oracle, .. } = &mut *world;
        let (snapshot, found) = host.measure(clock.true_time, random);
        if purpose == Purpose::Check {
            oracle.checked(&found, now, clock.true_time);
        }
        Some(snapshot)
    }

    fn post(&mut self, request: &http::Request, _now: Now) -> io::Result<()> {
        let body: serde_json::Value = serde_json::from_str(&request.body)?;
        let content = body["markdown"]["content"].as_str().unwrap_or_default().to_owned();
        let mut world = self.world.borrow_mut();
        if !world.weather.calm && world.random.once_in(500) {
            world.weather.count("no worker process");
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        world.post(content);
        Ok(())
    }

    fn print(&mut self, _text: &str) -> io::Result<()> {
        Ok(())
    }

    fn load(&mut self) -> Result<Read<Config>, Problems> {
        Ok(Read { value: self.config.clone(), ..Read::nothing() })
    }

    fn tell_service(&mut self, _phase: Phase<'_>) {}

    fn answer_status(&mut self, json: &str) {
        let status: Result<serde_json::Value, _> = serde_json::from_str(json);
        assert!(status.is_ok_and(|status| status["running"] == true), "{json}");
    }
}

fn name(mishap: Mishap) -> &'static str {
    match mishap {
        Mishap::Crash => "kill",
        Mishap::PowerLoss => "power lost",
        Mishap::Stop => "stop",
        Mishap::Reload => "reload",
        Mishap::CheckNow => "check now",
        Mishap::ClockStep => "clock step",
        Mishap::Sleep => "sleep",
        Mishap::StatusAsked => "status asked",
        Mishap::DiskChanges => "disk changes",
    }
}

pub struct SimulatedFolder(pub Rc<RefCell<World>>);

impl SimulatedFolder {
    fn finish(mut world: std::cell::RefMut<'_, World>, fault: DiskFault) {
        world.must_be_whole();
        if fault == DiskFault::CrashAfter {
            world.crash(false);
        }
    }
}

impl Folder for SimulatedFolder {
    fn read(&mut self, name: &str, _limit: usize) -> io::Result<Vec<u8>> {
        let mut world = self.0.borrow_mut();
        match world.operate("read", |_| {}) {
            Ok(DiskFault::CrashAfter) => world.crash(false),
            Ok(_) => {}
            Err(error) => {
                world.forgets();
                world.start_from(None);
                return Err(error);
            }
        }
        let content = world.disk.read(name);
        if name == FILE_NAME {
            world.start_from(content.as_ref().ok());
        }
        content.map(|content| content.bytes.to_vec())
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut world = self.0.borrow_mut();
        world.oracle.is_within_bounds(bytes);
        let fault = world.operate("write", |disk| disk.write(name, &bytes[..bytes.len() / 2], None))?;
        let (now, boot_id) = (world.clock.now(), world.clock.boot_id());
        let saved = world.oracle.saved(now, boot_id);
        world.disk.write(name, bytes, Some(Rc::new(saved)));
        Self::finish(world, fault);
        Ok(())
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        let mut world = self.0.borrow_mut();
        let fault = world.operate("sync", |_| {})?;
        world.disk.sync(name, fault != DiskFault::Lie);
        Self::finish(world, fault);
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let mut world = self.0.borrow_mut();
        let fault = world.operate("rename", |_| {})?;
        world.disk.rename(from, to)?;
        Self::finish(world, fault);
        Ok(())
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        let mut world = self.0.borrow_mut();
        let fault = world.operate("sync_folder", |_| {})?;
        let is_honest = fault != DiskFault::Lie;
        world.disk.sync_folder(is_honest);
        // Until then a loss of power can bring back what was there before.
        world.unsaved = false;
        let is_whole = world.disk.files.get(FILE_NAME).is_some_and(|content| content.saved.is_some());
        world.torn_by_lie &= !(is_honest && is_whole);
        Self::finish(world, fault);
        Ok(())
    }
}
