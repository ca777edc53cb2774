//! The memory and the CPU time of containers, against `docker stats` on the machine's engine.

use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use vps_monitor::cause::burned;
use vps_monitor::clock;
use vps_monitor::docker::{Answer, Question, Session, usage};
use vps_monitor::host::{Cgroups, Owner};

use super::next_answer;
use crate::support::agent::{BINARY, Place, finish};
use crate::support::real_engine::{RealEngine, skip};
use crate::support::robot::Robot;
use crate::support::{wait_until, wait_until_event};

/// Fills 64 MB of a file system in memory, which is no cache that can be dropped, reads a file, and burns what it gets.
const BUSY: &str =
    "dd if=/dev/zero of=/dev/shm/full bs=1M count=48 2>/dev/null; touch /dev/shm/done; while :; do :; done";

/// `48.3MiB / 23.5GiB`, in bytes.
fn bytes(text: &str) -> f64 {
    let used = text.split(" / ").next().unwrap();
    let (unit, factor) = [("GiB", 30), ("MiB", 20), ("KiB", 10), ("B", 0)]
        .into_iter()
        .find(|(unit, _)| used.ends_with(unit))
        .unwrap_or_else(|| panic!("{text}"));
    used.trim_end_matches(unit).parse::<f64>().unwrap() * f64::from(1 << factor)
}

#[test]
fn a_containers_memory_and_cpu_are_those_of_docker_stats() {
    let Some(engine) = RealEngine::of_machine("shares") else { return };
    let Some(cgroups) = Cgroups::of_this_system() else { return skip("no control groups".to_owned()) };
    engine.run("busy", &["--cpus", "0.5"], BUSY);
    wait_until("it is full", || engine.docker(&["exec", "@busy", "sh", "-c", "test -e /dev/shm/done; echo $?"]) == "0");
    let owner = Owner::Container(engine.docker(&["inspect", "-f", "{{.Id}}", "@busy"]));
    let held = || cgroups.memory(usize::MAX).into_iter().find(|(of, _)| *of == owner).map(|(_, bytes)| bytes);
    let stats = |what: &str| engine.docker(&["stats", "--no-stream", "--format", what, "@busy"]);
    wait_until("the memory is that of docker stats", || {
        let (ours, theirs) = (held().unwrap() as f64, bytes(&stats("{{.MemUsage}}")));
        (ours - theirs).abs() <= 1e6 && ours > 48e6
    });
    // It is held to half of one CPU, whatever else goes on; ours is of one CPU too.
    wait_until("the CPU time is that of docker stats", || {
        let (began, before) = (clock::boot_now(), cgroups.cpu_micros());
        let theirs: f64 = stats("{{.CPUPerc}}").trim_end_matches('%').parse().unwrap();
        let passed = clock::boot_now() - began;
        assert!(passed > Duration::from_millis(100), "docker stats takes two counts");
        let burned = burned(&before, &cgroups.cpu_micros(), passed, 1, usize::MAX);
        let ours = burned.into_iter().find(|(of, _)| *of == owner).map_or(0.0, |(_, percent)| percent);
        (ours - theirs).abs() <= 10.0 && ours > 5.0
    });
}

/// `vps-monitor check --json` of the built program, with these keys under `docker`.
fn checked(engine: &RealEngine, docker: &str) -> serde_json::Value {
    let yaml = format!(
        "system: {{memory: {{enabled: false}}, disk: {{enabled: false}}, cpu: {{enabled: false}}, swap: {{enabled: false}}}}\n\
         network: {{traffic: {{enabled: false}}, connections: {{enabled: false}}}}\n\
         docker: {{socket: {}, {docker}}}\n",
        engine.address()
    );
    let place = Place::configured("small-vps", &yaml);
    let mut command = Command::new(BINARY);
    command.arg("--config").arg(place.config()).args(["check", "--json"]).stdin(Stdio::null());
    serde_json::from_str(&finish(&mut command).stdout).unwrap()
}

#[test]
fn a_container_is_measured_against_its_own_limits_and_one_without_is_not() {
    let Some(engine) = RealEngine::of_machine("limits") else { return };
    if Cgroups::of_this_system().is_none() {
        return skip("no control groups".to_owned());
    }
    engine.run("held", &["--memory", "64m", "--cpus", "0.5"], BUSY);
    engine.run("free", &[], "sleep 1000");
    wait_until("it is full", || engine.docker(&["exec", "@held", "sh", "-c", "test -e /dev/shm/done; echo $?"]) == "0");
    let name = format!("{}held", engine.prefix);
    let value = |check: &serde_json::Value, metric: &str, target: &str| {
        let readings = check["readings"].as_array().unwrap();
        let reading = readings.iter().find(|reading| reading["metric"] == metric && reading["target"] == target);
        reading.map(|reading| (reading["value"].as_f64().unwrap(), reading["verdict"].as_str().unwrap().to_owned()))
    };
    wait_until("the share is that of docker stats", || {
        let check =
            checked(&engine, &format!("memory: 50, containers: ['{0}*', {{name: {name}, cpu: 90}}]", engine.prefix));
        let theirs = engine.docker(&["stats", "--no-stream", "--format", "{{.MemPerc}}", "@held"]);
        let theirs: f64 = theirs.trim_end_matches('%').parse().unwrap();
        let (memory, cpu) = (value(&check, "container_memory", &name), value(&check, "container_cpu", &name));
        let free = value(&check, "container_memory", &format!("{}free", engine.prefix));
        assert_eq!((free, &check["failures"]), (None, &serde_json::json!([])), "{check:#}");
        let (memory, verdict) = memory.unwrap();
        (memory - theirs).abs() < 2.0 && verdict == "breach" && cpu.is_some_and(|(percent, _)| percent > 5.0)
    });
}

#[test]
fn a_kill_inside_a_container_is_told_once_whether_it_survives_or_ends() {
    let Some(engine) = RealEngine::of_machine("kills") else { return };
    if Cgroups::of_this_system().is_none() {
        return skip("no control groups".to_owned());
    }
    let robot = Robot::start([]);
    let yaml = format!(
        "general: {{hostname: web-1, timezone: UTC, check_interval: 1h}}\nwechat: {{webhook_url: \"{}\"}}\n\
         system: {{memory: {{enabled: false}}, disk: {{enabled: false}}, cpu: {{enabled: false}}, swap: {{enabled: false}}}}\n\
         network: {{traffic: {{enabled: false}}, connections: {{enabled: false}}}}\n\
         docker: {{socket: {}, containers: [\"{}*\"]}}\nscheduled_report: {{enabled: false}}\n",
        robot.url(),
        engine.address(),
        engine.prefix
    );
    let place = Place::configured("small-vps", &yaml);
    let memory = ["--memory", "16m", "--memory-swap", "16m"];
    engine.run("survivor", &memory, "while :; do sleep 0.1; done");
    let mut command = Command::new(BINARY);
    command.arg("--config").arg(place.config()).arg("--state-dir").arg(place.state()).arg("run").stdin(Stdio::null());
    let agent = place.spawn(command);
    let told = |text: &str| {
        let received = robot.received();
        received.iter().filter(|message| message.content().replace(&engine.prefix, "").contains(text)).count()
    };
    // Events arrive once this is told.
    engine.run("canary", &[], "sleep 3; exit 3");
    wait_until("the canary is told", || told("容器: canary") > 0);
    let exceed = "dd if=/dev/zero of=/dev/null bs=64M count=1; true";
    engine.docker(&["exec", "@survivor", "sh", "-c", exceed]);
    wait_until_event("the survivor's kill", || told("💥 内存不足(survivor): 内核结束了进程 (达到上限 16MB)") == 1);
    engine.run("ends", &memory, "dd if=/dev/zero of=/dev/null bs=64M count=1; sleep 3; exit 137");
    wait_until("the end", || {
        told("📦 容器: ends\n❌ 状态: exited (期望: running)\n💥 原因: 内存不足被系统杀死 (OOM)") == 1
    });
    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
    assert_eq!((told("内存不足(ends)"), told("内存不足(survivor)")), (0, 1));
}

/// `1.95MB`, decimal as the engine's client writes it.
fn decimal_bytes(text: &str) -> f64 {
    let (unit, factor) = [("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1.0)]
        .into_iter()
        .find(|(unit, _)| text.ends_with(unit))
        .unwrap_or_else(|| panic!("{text}"));
    text.trim_end_matches(unit).parse::<f64>().unwrap() * factor
}

#[test]
fn what_an_engine_holds_is_the_sum_of_docker_system_df() {
    let Some(engine) = RealEngine::of_machine("df") else { return };
    engine.run(
        "writes",
        &["-v", "/kept"],
        "dd if=/dev/zero of=/kept/a bs=1M count=3; dd if=/dev/zero of=/tmp/b bs=1M count=2; sleep 1000",
    );
    let document = |path: &'static str| {
        let mut session = Session::lasting(engine.address(), clock::boot_now(), Duration::from_secs(30));
        session.ask(Question::Document(path));
        match next_answer(&mut session, clock::now()) {
            Answer::Document(json) => json,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(usage::root(&document("/info")).unwrap(), engine.docker(&["info", "--format", "{{.DockerRootDir}}"]));
    wait_until("the sum is that of docker system df", || {
        let theirs: f64 = engine.docker(&["system", "df", "--format", "{{.Size}}"]).lines().map(decimal_bytes).sum();
        let ours = usage::bytes(&document("/system/df")).unwrap() as f64;
        ours > 5e6 && (ours - theirs).abs() <= theirs * 0.05
    });
    engine.docker(&["rm", "-fv", "@writes"]);
}
