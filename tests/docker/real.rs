//! Real engines: the machine's own, and one of the tests' own that is stopped and started.

use std::process::Command;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollTimeout, poll};
use vps_monitor::clock;
use vps_monitor::collect::docker::{DockerConfig, Engine, EngineUpdate, Memory};
use vps_monitor::snapshot::Snapshot;

use super::{config, told};
use crate::support::real_engine::{RealEngine, skip};
use crate::support::wait_until;

/// A container that starts again under load may take its time.
const LONG: Duration = Duration::from_secs(60);

const RUN_ON: &str = "trap 'exit 0' TERM; while :; do sleep 0.1; done";

/// The daemon's loop for containers: one poll over the engine's descriptors and deadlines.
struct Watcher {
    engine: Engine,
    /// The prefix that is removed from names, so that they read as in the test.
    prefix: String,
    /// The last news of each key.
    told: std::collections::BTreeMap<String, String>,
}

impl Watcher {
    fn new(config: &DockerConfig, prefix: &str) -> Watcher {
        let mut watcher = Watcher {
            engine: Engine::new(config, Some(Memory::default())),
            prefix: prefix.to_owned(),
            told: Default::default(),
        };
        watcher.check();
        watcher
    }

    /// Watches until `line` is the last that was told of its key.
    fn wait_for(&mut self, line: &str) {
        let start = Instant::now();
        while !self.told.values().any(|told| told == line) {
            assert!(start.elapsed() < LONG, "waited in vain for {line}: {:#?}", self.told);
            self.turn();
        }
    }

    /// Watches until events arrive.
    fn follow_events(&mut self, engine: &RealEngine) {
        engine.run("canary", &[], RUN_ON);
        self.wait_for("container_state(canary): running, clear");
        engine.docker(&["kill", "@canary"]);
        self.wait_for("container_state(canary): exited, breach, StoppedByHand");
    }

    fn turn(&mut self) {
        let due = self.engine.due().map_or(Duration::from_secs(1), |due| due - clock::boot_now());
        let millis = due.min(Duration::from_secs(1)).as_micros().div_ceil(1000);
        let mut fds: Vec<PollFd<'_>> =
            self.engine.fds().into_iter().flatten().map(|(fd, flags)| PollFd::new(fd, flags)).collect();
        poll(&mut fds, PollTimeout::try_from(millis).unwrap()).unwrap();
        match self.engine.advance(clock::now()) {
            Some(EngineUpdate::Surveyed(snapshot)) => self.take_in(&snapshot),
            Some(EngineUpdate::Looked(looked)) => self.take_in(&looked.snapshot),
            Some(EngineUpdate::EventsLost(_)) | None => {}
        }
    }

    fn check(&mut self) {
        if let Some(snapshot) = self.engine.survey(clock::now()) {
            self.take_in(&snapshot);
        }
    }

    fn take_in(&mut self, snapshot: &Snapshot) {
        for line in told(snapshot) {
            let line = line.replace(&self.prefix, "");
            let key = line.split(": ").next().unwrap().to_owned();
            self.told.insert(key, line);
        }
    }
}

/// A watcher of one test's containers, named without its prefix.
fn watch(engine: &RealEngine, names: &[&str]) -> Watcher {
    let names: Vec<String> = names.iter().map(|name| format!("{}{name}", engine.prefix)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Watcher::new(&config(engine.address(), &names), &engine.prefix)
}

#[test]
fn a_container_in_each_state_is_told_with_its_cause() {
    let Some(engine) = RealEngine::of_machine("states") else { return };
    let check = |command| ["--health-interval", "1s", "--health-retries", "1", "--health-cmd", command];
    let mut watcher = watch(&engine, &["*", "none"]);
    watcher.follow_events(&engine);
    engine.run("running", &[], RUN_ON);
    engine.run("exited3", &[], "exit 3");
    engine.run("exited0", &[], "exit 0");
    engine.run("paused", &[], RUN_ON);
    engine.docker(&["pause", "@paused"]);
    engine.run("looping", &["--restart", "always"], "exit 7");
    engine.create("created");
    engine.run("healthy", &check("true"), RUN_ON);
    engine.run("unhealthy", &check("echo no answer >&2; exit 1"), RUN_ON);
    engine.run("starting", &["--health-interval", "1h", "--health-cmd", "true"], RUN_ON);
    // A container that ends with the process that was killed ends too soon, at times, for the engine to know why; and at
    // times a busy engine misses a kill.
    let memory = ["--memory", "16m", "--memory-swap", "16m"];
    engine.run(
        "oom",
        &memory,
        "until [ -e /tmp/known ]; do dd if=/dev/zero of=/dev/null bs=64M count=1; sleep 1; done; exit 137",
    );
    wait_until("the engine knows of the OOM kill", || {
        let all = [
            "events",
            "--since",
            "10m",
            "--until",
            "0s",
            "--filter",
            "event=oom",
            "--format",
            "{{.Actor.Attributes.name}}",
        ];
        engine.docker(&all).contains(&format!("{}oom", engine.prefix))
    });
    engine.docker(&["exec", "@oom", "touch", "/tmp/known"]);
    // Before it has its trap, the first process of a container ignores the signal.
    engine.run("reloaded", &[], "trap 'sleep 1; exit 1' HUP; echo ready; while :; do sleep 0.1; done");
    wait_until("the trap is set", || engine.docker(&["logs", "@reloaded"]) == "ready");
    engine.docker(&["kill", "-s", "HUP", "@reloaded"]);
    engine.run("removed", &["--rm"], "exit 5");
    for line in [
        "container_state(running): running, clear",
        "container_state(exited3): exited, breach, ExitCode(3)",
        "container_state(exited0): exited, clear",
        "container_state(paused): paused, breach",
        "container_state(healthy): running, clear",
        "container_health(healthy): healthy, clear",
        "container_health(unhealthy): unhealthy, breach, HealthOutput(\"no answer\")",
        "container_health(starting): starting, unknown",
        "container_state(oom): exited, breach, OomKilled",
        "container_state(reloaded): exited, breach, ExitCode(1)",
        "container_state(removed): exited, breach, ExitCode(5)",
        "container_state(none): missing, breach",
    ] {
        watcher.wait_for(line);
    }
    watcher.check();
    watcher.wait_for("container_state(created): created, unknown");
    // How often it was restarted by now differs; that it is a loop, and how it ended, does not.
    let start = Instant::now();
    while !watcher.told["container_state(looping)"].contains("restarting, breach, RestartLoop") {
        assert!(start.elapsed() < LONG, "{:#?}", watcher.told);
        watcher.turn();
    }
}

#[test]
fn a_change_is_told_when_it_happens() {
    let Some(engine) = RealEngine::of_machine("changes") else { return };
    engine.run(
        "web",
        &["--stop-timeout", "1", "--health-interval", "1s", "--health-retries", "1", "--health-cmd", "test ! -e /sick"],
        RUN_ON,
    );
    let mut watcher = watch(&engine, &["web"]);
    watcher.wait_for("container_health(web): healthy, clear");
    engine.docker(&["exec", "@web", "touch", "/sick"]);
    watcher.wait_for("container_health(web): unhealthy, breach");
    engine.docker(&["exec", "@web", "rm", "/sick"]);
    watcher.wait_for("container_health(web): healthy, clear");
    let (running, by_hand) =
        ("container_state(web): running, clear", "container_state(web): exited, breach, StoppedByHand");
    for (command, line) in [
        (&["pause", "@web"][..], "container_state(web): paused, breach"),
        (&["unpause", "@web"], running),
        (&["kill", "@web"], by_hand),
        (&["start", "@web"], running),
        (&["stop", "@web"], by_hand),
        (&["start", "@web"], running),
        (&["exec", "@web", "kill", "-TERM", "1"], "container_state(web): exited, breach, ExitCode(0)"),
        (&["start", "@web"], running),
        (&["rename", "@web", &format!("{}old", engine.prefix)], "container_state(web): missing, breach"),
        (&["rename", "@old", &format!("{}web", engine.prefix)], running),
        (&["rm", "-f", "@web"], "container_state(web): missing, breach"),
    ] {
        engine.docker(command);
        watcher.wait_for(line);
    }
}

/// An engine of the tests' own, gone with the test.
struct Bed {
    directory: String,
}

impl Bed {
    fn command(&self, arguments: &[&str]) -> Result<(), String> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/docker-bed.sh");
        let mut command = Command::new(script);
        command.arg(arguments[0]).arg(&self.directory).args(&arguments[1..]);
        match command.output() {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(format!("docker-bed.sh {arguments:?}: {}", String::from_utf8_lossy(&output.stderr))),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        let _ = self.command(&["down"]);
    }
}

#[test]
fn an_engine_that_is_stopped_says_nothing_and_after_its_start_everything_is_compared() {
    let bed = Bed { directory: format!("/tmp/vpsmon-test-{}", std::process::id()) };
    if let Err(reason) = bed.command(&["start"]) {
        return skip(reason);
    }
    let engine = RealEngine::at(&format!("{}/sock", bed.directory), "bed").unwrap();
    engine.run("web", &[], RUN_ON);
    engine.run("kept", &["--restart", "always"], RUN_ON);
    engine.run("stuck", &[], RUN_ON);
    let mut watcher = watch(&engine, &["web", "kept", "stuck"]);
    watcher.wait_for("container_state(web): running, clear");
    bed.command(&["dead", &format!("{}stuck", engine.prefix)]).unwrap();
    watcher.check();
    watcher.wait_for("container_state(stuck): dead, breach");

    watcher.told.clear();
    bed.command(&["stop"]).unwrap();
    let gone = format!("failure(): no Docker socket at {}/sock", bed.directory);
    let start = Instant::now();
    while !watcher.told.values().any(|line| line.starts_with(&gone)) {
        assert!(start.elapsed() < LONG, "{:#?}", watcher.told);
        watcher.turn();
    }
    eprintln!("{:#?}", watcher.told);

    watcher.told.clear();
    bed.command(&["start"]).unwrap();
    watcher.wait_for("container_state(kept): running, clear");
    assert_eq!(watcher.told["container_state(web)"], "container_state(web): exited, breach, EngineStopped");
}
