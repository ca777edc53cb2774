//! Heap allocations and state writes of a steady check: the whole loop on a scripted clock and a host of fixtures.

use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use vps_monitor::clock::{Boot, Now};
use vps_monitor::collect::{Check, Plan};
use vps_monitor::config::Config;
use vps_monitor::daemon::{Daemon, End, Event, Mode, Outside, Purpose};
use vps_monitor::files::Folder;
use vps_monitor::host::Host;
use vps_monitor::http;
use vps_monitor::service::Phase;
use vps_monitor::settings::{Problems, Read};
use vps_monitor::signals::Wish;
use vps_monitor::snapshot::Snapshot;
use vps_monitor::store::Store;
use vps_monitor::worker::{FileSystem, StatvfsError};

const MAX_ALLOCATIONS: u64 = 20;

/// Checks over which an average is taken.
const CHECKS: u32 = 50;

/// Other programs may mount something meanwhile, and the list of mounts is read anew then: what counts is the least.
const ATTEMPTS: u32 = 5;

/// A host on which nothing happens, until it has been checked so many times.
struct Still {
    now: Now,
    host: Host,
    check: Check,
    window: Duration,
    checks_left: u32,
}

impl Outside for Still {
    fn now(&mut self) -> Now {
        self.now
    }

    fn wait(&mut self, until: Option<Boot>) -> Event {
        if self.checks_left == 0 {
            return Event::Signal(Wish::Stop);
        }
        let passed = until.expect("the next check is due at some time") - self.now.boot;
        self.now = Now { wall: self.now.wall + passed, boot: self.now.boot.after(passed) };
        Event::Time
    }

    fn watch(&mut self, plan: &Plan) {
        self.check = Check::new(plan, &self.host);
        self.window = plan.window();
    }

    fn window(&self) -> Duration {
        self.window
    }

    fn begin(&mut self, _: Purpose, now: Now) {
        self.check.begin(&mut self.host, now.boot);
    }

    fn due(&self, purpose: Purpose) -> Option<Boot> {
        self.check.next_due().filter(|_| purpose == Purpose::Check)
    }

    fn advance(&mut self, _: Purpose, now: Now) -> Option<Snapshot> {
        let snapshot = self.check.advance(&mut self.host, now)?;
        assert_eq!((snapshot.readings.len(), &*snapshot.failures), (7, &[][..]), "every metric is measured");
        self.checks_left = self.checks_left.saturating_sub(1);
        Some(snapshot)
    }

    fn post(&mut self, _: &http::Request, _: Now) -> io::Result<()> {
        panic!("nothing to report")
    }

    fn print(&mut self, text: &str) -> io::Result<()> {
        panic!("nothing to report, but: {text}")
    }

    fn load(&mut self) -> Result<Read<Config>, Problems> {
        panic!("nobody asks for a reload")
    }

    fn tell_service(&mut self, _: Phase<'_>) {}

    fn answer_status(&mut self, _: &str) {}
}

/// An empty folder that counts what is written to it, and keeps nothing.
struct Counted(Rc<Cell<u32>>);

impl Folder for Counted {
    fn read(&mut self, _: &str, _: usize) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn write(&mut self, _: &str, _: &[u8]) -> io::Result<()> {
        self.0.set(self.0.get() + 1);
        Ok(())
    }

    fn sync(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn rename(&mut self, _: &str, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn half_full(_: &Path) -> Result<FileSystem, StatvfsError> {
    Ok(FileSystem { block_bytes: 4096, blocks: 1000, blocks_free: 500, blocks_available: 500 })
}

/// Runs the agent for so many checks of a fixture host. The heap allocations, and how often the state was written.
fn run(host: &str, checks: u32) -> (u64, u32) {
    let procfs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts").join(host).join("proc");
    let mut config = Config::default();
    config.general.check_interval = Duration::from_secs(1);
    config.system.cpu.sample_interval = Duration::from_secs(1);
    config.network.traffic.sample_interval = Duration::from_secs(1);
    config.system.memory.threshold = 100.0;
    config.network.connections.threshold = 1_000_000;
    config.scheduled_report.enabled = false;
    let writes = Rc::new(Cell::new(0));
    let store = Store::new(Counted(Rc::clone(&writes)), String::new());

    let allocations = allocation_counter::measure(|| {
        let mut host = Host::new(Some(&procfs));
        host.ask_file_system = half_full;
        let outside = Still {
            now: Now { wall: "2026-02-04T07:30:00Z".parse().unwrap(), boot: Boot::from_millis(1_000_000) },
            check: Check::new(&Plan::default(), &host),
            host,
            window: Duration::ZERO,
            checks_left: checks,
        };
        let daemon = Daemon::new(&config, outside, store, Mode::default()).unwrap();
        assert_eq!(daemon.run(), End::Stopped);
    });
    (allocations.count_total, writes.get())
}

fn allocations_a_check(host: &str) -> u64 {
    let attempt = |_| (run(host, CHECKS + 1).0.saturating_sub(run(host, 1).0)) / u64::from(CHECKS);
    (0..ATTEMPTS).map(attempt).min().unwrap()
}

#[test]
fn a_steady_check_allocates_next_to_nothing() {
    let allocations = allocations_a_check("small-vps");
    eprintln!("{allocations} heap allocations in a steady check");
    assert!(allocations <= MAX_ALLOCATIONS, "{allocations}");
}

#[test]
fn containers_and_processors_add_no_allocations() {
    // 20 more interfaces, which belong to containers; 63 more processors.
    assert_eq!(allocations_a_check("docker-host"), allocations_a_check("small-vps"));
    assert!(allocations_a_check("big-64cpu") <= MAX_ALLOCATIONS);
}

#[test]
fn a_steady_check_writes_no_state() {
    let (_, writes) = run("small-vps", CHECKS);
    assert_eq!(writes, 1, "the first one, where there was no state");
}
