//! The cost of thousands of containers, from the engine's bytes to the readings.

use std::io::Write;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use vps_monitor::collect::docker::{self, Docker, Look, Memory, Scope};
use vps_monitor::config::{Config, Resolved};
use vps_monitor::core::{Core, Effect, Input, Mode, Purpose};
use vps_monitor::metric;
use vps_monitor::snapshot::{ContainerWord, Snapshot, Value};
use vps_monitor::store::Loaded;

use crate::docker::{at, config, look};
use crate::support::engine::{After, Engine};

/// An engine with so many running containers, whose list is as long as Docker's (some 800 bytes each), or shorter where
/// it would be too long to be read.
fn with_containers(count: usize) -> Engine {
    let label = "x".repeat(if count > 10_000 { 10 } else { 400 });
    let one = |n: usize| {
        format!(
            r#"{{"Id":"{:064x}","Names":["/service-{n:05}"],"Image":"registry.example/team/service:1.2.3",
                "Created":1700000000,"Labels":{{"maintainer":"{label}"}},"State":"running",
                "Status":"Up 3 days (healthy)"}}"#,
            // In no order, as ids are.
            n.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        )
    };
    listing(&(0..count).map(one).collect::<Vec<_>>())
}

fn listing(containers: &[String]) -> Engine {
    let body = format!("[{}]", containers.join(","));
    Engine::new(move |_, stream| {
        let head = format!("HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: {}\r\n\r\n", body.len());
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
        After::Keep
    })
}

/// The memory is that of containers as they are known, found and told; the list itself is read in passing.
#[test]
fn five_thousand_containers_take_little_memory_and_their_list_none() {
    let engine = with_containers(5000);
    let mut docker = Docker::new(&config(engine.address(), &[]), None);
    let mut survey = || {
        let allocated = allocation_counter::measure(|| {
            assert_eq!(look(&mut docker, Look::Everything, at(0)).snapshot.readings.len(), 10_000);
        });
        (allocated.bytes_max, allocated.bytes_current)
    };
    let (_, known_bytes) = survey();
    let (survey_bytes, left_bytes) = survey();
    eprintln!("{known_bytes} bytes are known of them, and {survey_bytes} are needed for a survey");
    assert!(known_bytes < 1_150_000, "{known_bytes}");
    assert!(survey_bytes < 1_950_000, "{survey_bytes}");
    assert_eq!(left_bytes, 0, "a survey that finds nothing new leaves nothing behind");
}

/// The agent beside its engine, without the daemon's descriptors and children.
struct Agent {
    core: Core,
    docker: Docker,
    remembered: u64,
    /// The state that a child would be saving.
    saving: Vec<u8>,
}

impl Agent {
    fn new(engine: &Engine) -> Agent {
        let config = Config::parse("config", b"scheduled_report: {enabled: false}").unwrap().value;
        let mut core = Core::new(Resolved::new(&config), Loaded::Nothing, Mode::default(), at(0));
        let _ = core.start(at(0));
        let docker = Docker::new(&config_of(engine), Some(Memory::default()));
        Agent { core, remembered: docker.revision(), docker, saving: Vec::new() }
    }

    /// One check: a survey, which is remembered, judged and saved.
    fn check(&mut self, seconds: i64) {
        let snapshot = look(&mut self.docker, Look::Everything, at(seconds)).snapshot;
        assert_eq!(snapshot.readings.len(), READINGS);
        if std::mem::replace(&mut self.remembered, self.docker.revision()) != self.docker.revision() {
            self.step(Input::ContainersRemembered(Box::new(self.docker.memory())), seconds);
        }
        self.step(Input::Measured { purpose: Purpose::Check, snapshot }, seconds);
        self.step(Input::Saved(Ok(())), seconds);
        self.saving = Vec::new();
    }

    fn step(&mut self, input: Input, seconds: i64) {
        for effect in self.core.step(input, at(seconds)) {
            if let Effect::Save(bytes) = effect {
                self.saving = bytes;
            }
        }
    }
}

/// The state and the health of 5,000 containers.
const READINGS: usize = 10_000;

fn config_of(engine: &Engine) -> docker::DockerConfig {
    docker::DockerConfig { enabled: docker::Enabled::Always, ..config(engine.address(), &[]) }
}

/// Nothing is held twice: neither the knowledge of containers in the state, nor the state for its save.
#[test]
fn a_check_of_five_thousand_containers_from_the_first_byte_to_the_save_peaks_below_four_megabytes() {
    let engine = with_containers(5000);
    let mut agent = Agent::new(&engine);
    let mut check = |seconds| allocation_counter::measure(|| agent.check(seconds));
    let first = check(1);
    let (second, third) = (check(61), check(121));
    let [first_peak, peak] = [first.bytes_max, first.bytes_current.cast_unsigned() + third.bytes_max];
    eprintln!("{first_peak} bytes at the peak of the first check, {peak} at that of another");
    assert!(first_peak < 3_400_000, "{first_peak}");
    assert!(peak < 3_100_000, "{peak}");
    assert!(second.bytes_current < 100_000, "{}", second.bytes_current);
    assert_eq!(third.bytes_current, 0, "a check that finds nothing new leaves nothing behind");
}

fn cpu_time() -> Duration {
    Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap())
}

/// The least CPU of some surveys of compose's containers, while so many other ones are named.
fn cost_of_naming(engine: &Engine, names: usize) -> Duration {
    let names: Vec<String> = (0..names).map(|number| format!("other-{number}")).chain(["*".to_owned()]).collect();
    let mut docker =
        Docker::new(&config(engine.address(), &names.iter().map(String::as_str).collect::<Vec<_>>()), None);
    let mut survey = || {
        let before = cpu_time();
        let _ = look(&mut docker, Look::Everything, at(0));
        cpu_time() - before
    };
    (0..4).map(|_| survey()).min().unwrap()
}

#[test]
fn a_thousand_names_cost_hardly_more_than_one() {
    let one = |n| {
        let labels = r#""com.docker.compose.project":"shop","com.docker.compose.service":"web""#;
        format!(
            r#"{{"Id":"{n:064x}","Names":["/shop-web-{n}"],"Labels":{{{labels}}},"State":"running","Status":"Up 3 days"}}"#
        )
    };
    let engine = listing(&(0..3000).map(one).collect::<Vec<_>>());
    let (few, many) = (cost_of_naming(&engine, 1), cost_of_naming(&engine, 1000));
    eprintln!("{few:?} with one name, {many:?} with a thousand");
    assert!(many < 4 * few, "{few:?} with one name, {many:?} with a thousand");
}

/// Tests are not optimized: seconds here are a fraction of one in a release. A quadratic loop took minutes.
#[test]
fn forty_thousand_containers_are_surveyed_at_once() {
    let engine = with_containers(40_000);
    let mut docker = Docker::new(&config(engine.address(), &["service-1*", "*"]), None);
    let before = cpu_time();
    assert_eq!(look(&mut docker, Look::Everything, at(0)).snapshot.readings.len(), 80_000);
    let spent = cpu_time() - before;
    eprintln!("{spent:?} of CPU");
    assert!(spent < Duration::from_secs(10), "{spent:?}");
}

/// Between two pieces of an engine's answer the loop asks when it is due: some hundreds of times a check.
#[test]
fn a_turn_of_the_loop_looks_through_no_alerts() {
    let mut core = Core::new(Resolved::new(&Config::default()), Loaded::Nothing, Mode::default(), at(0));
    let _ = core.start(at(0));
    let mut snapshot = Snapshot::default();
    for number in 0..20_000 {
        let word = ContainerWord { well: Some(false), ..ContainerWord::new("exited", "running") };
        snapshot.push(metric::CONTAINER_STATE, format!("web-{number}"), Value::from(word));
    }
    let _ = core.step(Input::Looked { snapshot, scope: Scope::Everything }, at(1));
    let before = cpu_time();
    for _ in 0..1000 {
        std::hint::black_box(core.next_due(at(2)));
    }
    let spent = cpu_time() - before;
    eprintln!("{spent:?} of CPU for a thousand turns");
    assert!(spent < Duration::from_millis(300), "{spent:?}");
}
