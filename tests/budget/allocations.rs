//! Heap allocations and state writes of a steady check: the whole loop on a scripted clock and a host of fixtures.

#[path = "../../benches/shared/half_full.rs"]
mod half_full;

use std::path::PathBuf;

use vps_monitor::clock::{Boot, Now};
use vps_monitor::collect::Check;
use vps_monitor::config::{Config, Resolved};
use vps_monitor::core::{Core, Effect, Input, Mode, Purpose};
use vps_monitor::host::Host;
use vps_monitor::store::Loaded;

use half_full::half_full;

const MAX_ALLOCATIONS: u64 = 15;

const CONFIG: &str = "\
general: {check_interval: 1}
system: {memory: {threshold: 100}}
network: {connections: {threshold: 1000000}}
scheduled_report: {enabled: false}
history: {enabled: false}
";

/// Checks over which an average is taken.
const CHECKS: u32 = 50;

/// Other programs may mount something meanwhile, and the list of mounts is read anew then: the least counts.
const ATTEMPTS: u32 = 5;

/// A host on which nothing happens, until it has been checked so many times.
struct Still {
    now: Now,
    host: Host,
    check: Check,
    checks_left: u32,
    saves: u32,
}

impl Still {
    /// Runs `core` until the last check is made.
    fn run(&mut self, mut core: Core) {
        let mut effects = core.start(self.now);
        loop {
            let mut input = None;
            for effect in effects {
                match effect {
                    Effect::Watch { plan, .. } => self.check = Check::new(&plan.sources, &self.host),
                    Effect::Measure(Purpose::Check) => self.check.begin(&mut self.host, self.now.boot),
                    Effect::Save(_) => {
                        self.saves += 1;
                        input = Some(Input::Saved(Ok(())));
                    }
                    Effect::Announce(_) | Effect::ShowStatus(_) => {}
                    Effect::End(_) => return,
                    effect => panic!("nothing to report, but: {effect:?}"),
                }
            }
            let input = input.unwrap_or_else(|| self.wait(core.next_due(self.now)));
            effects = core.step(input, self.now);
        }
    }

    fn wait(&mut self, core_due: Option<Boot>) -> Input {
        if self.checks_left == 0 {
            return Input::Stop;
        }
        let due = [core_due, self.check.next_due()].into_iter().flatten().min().expect("a check is due at some time");
        let passed = due - self.now.boot;
        self.now = Now { wall: self.now.wall + passed, boot: self.now.boot.after(passed) };
        if self.check.next_due().is_none_or(|due| due > self.now.boot) {
            return Input::Time;
        }
        match self.check.advance(&mut self.host, self.now) {
            Some(snapshot) => {
                // It depends on the machine whether its root is on a disk, which has a state.
                let numbers = snapshot.readings.iter().filter(|reading| reading.value.number().is_some()).count();
                assert_eq!((numbers, &*snapshot.failures), (11, &[][..]), "every metric is measured");
                self.checks_left = self.checks_left.saturating_sub(1);
                Input::Measured { purpose: Purpose::Check, snapshot }
            }
            None => Input::Time,
        }
    }
}

/// Runs the agent for so many checks of a fixture host. The heap allocations, and how often the state was written.
fn run(host: &str, checks: u32) -> (u64, u32) {
    let procfs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts").join(host).join("proc");
    let config = Config::parse("config", CONFIG.as_bytes()).unwrap().value;
    let mut saves = 0;

    let allocations = allocation_counter::measure(|| {
        let mut host = Host::new(Some(&procfs));
        host.ask_file_system = half_full;
        let mut still = Still {
            now: Now { wall: "2026-02-04T07:30:00Z".parse().unwrap(), boot: Boot::from_millis(1_000_000) },
            check: Check::new(&[], &host),
            host,
            checks_left: checks,
            saves: 0,
        };
        still.run(Core::new(Resolved::new(&config), Loaded::Nothing, Mode::default(), still.now));
        saves = still.saves;
    });
    (allocations.count_total, saves)
}

fn allocations_a_check(host: &str) -> u64 {
    let least = |checks| (0..ATTEMPTS).map(|_| run(host, checks).0).min().unwrap();
    (least(CHECKS + 1) - least(1)) / u64::from(CHECKS)
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
    assert_eq!(writes, 2, "the first one, where there was no state, and the last one, with what grew since");
}
