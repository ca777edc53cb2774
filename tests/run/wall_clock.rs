//! Scheduled reports by a wall clock that is set for the test: the agent's process alone sees another time, by a small
//! library that is loaded before the C library. The machine's other clocks, timers and waits are the real ones.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use jiff::{SignedDuration, Timestamp};
use nix::sys::signal::Signal;

use crate::support::agent::{Agent, Place, quick};
use crate::support::is_ci;
use crate::support::robot::{Answer, Robot};

/// Adds the seconds in the file `$WALL_CLOCK_OFFSET` to CLOCK_REALTIME.
const LIBRARY: &str = r#"
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    long result = syscall(SYS_clock_gettime, clock, time);
    if (result == 0 && clock == CLOCK_REALTIME) {
        FILE *file = fopen(getenv("WALL_CLOCK_OFFSET"), "r");
        long long seconds = 0;
        if (file) {
            if (fscanf(file, "%lld", &seconds) == 1) time->tv_sec += seconds;
            fclose(file);
        }
    }
    return (int)result;
}
"#;

/// A place whose agents see another wall clock.
struct Elsewhen {
    place: Place,
}

impl Elsewhen {
    fn new(robot: &Robot) -> Elsewhen {
        let yaml = quick(&robot.url())
            .replace("scheduled_report: {enabled: false}", "scheduled_report: {cron: \"0 9 * * *\", picture: false}");
        let place = Place::configured("no-swap", &yaml);
        fs::write(place.path("clock.c"), LIBRARY).unwrap();
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-o"]).arg(place.path("clock.so")).arg(place.path("clock.c"));
        assert!(compiler.status().expect("a C compiler, which `make test` asks for").success());
        Elsewhen { place }
    }

    /// Sets the clock that agents of this place see.
    fn set(&self, time: &str) {
        let wanted: Timestamp = time.parse().unwrap();
        let offset = wanted.duration_since(Timestamp::now()) + SignedDuration::from_millis(500);
        let new = self.place.path("offset.new");
        fs::write(&new, offset.as_secs().to_string()).unwrap();
        fs::rename(new, self.place.path("offset")).unwrap();
    }

    fn start_at(&self, time: &str) -> Agent {
        self.set(time);
        let mut command = self.place.command(&["run"]);
        command.env("LD_PRELOAD", self.place.path("clock.so"));
        command.env("WALL_CLOCK_OFFSET", self.place.path("offset"));
        self.place.spawn(command)
    }

    fn next_report(&self) -> String {
        self.place.status()["next_report"].as_str().unwrap().to_owned()
    }
}

#[test]
fn a_report_comes_at_its_time_once_and_late_or_not_at_all_if_nobody_was_there() {
    let robot = Robot::start([Answer::Errcode(0)]);
    let elsewhen = Elsewhen::new(&robot);

    let agent = elsewhen.start_at("2026-02-04T08:59:57Z");
    let report = robot.wait_for(1)[0].content();
    assert!(report.starts_with("📊 VPS 状态报告 [web-1]\n"), "{report}");
    assert!(report.contains("⏰ 报告时间: 2026-02-04 09:00:0"), "{report}");
    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);

    // Started again in the same minute, and after the clock was put back by hours.
    for time in ["2026-02-04T09:00:30Z", "2026-02-04T06:00:00Z"] {
        let agent = elsewhen.start_at(time);
        agent.wait_for_checks(1);
        assert_eq!(elsewhen.next_report(), "2026-02-05T09:00:00+00:00", "at {time}");
        assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
    }
    assert_eq!(robot.received().len(), 1);

    let agent = elsewhen.start_at("2026-02-05T09:10:00Z");
    let late = robot.wait_for(2)[1].content();
    assert!(late.starts_with("📊 VPS 状态报告 [web-1] (补发 09:00)\n"), "{late}");
    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);

    let agent = elsewhen.start_at("2026-02-06T11:00:00Z");
    agent.wait_for_log("report=skipped due=2026-02-06T09:00:00Z");
    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
    assert_eq!(robot.received().len(), 2);
}

#[test]
fn a_clock_that_is_set_forward_while_the_agent_waits_is_noticed_at_once() {
    let robot = Robot::start([Answer::Errcode(0)]);
    let elsewhen = Elsewhen::new(&robot);
    let agent = elsewhen.start_at("2026-02-04T08:00:00Z");
    agent.wait_for_checks(1);
    elsewhen.set("2026-02-04T08:59:57Z");
    // The kernel tells those who wait that the clock was set, even to its present time.
    let set = Command::new("sh").args(["-c", "date -s \"@$(date +%s.%N)\""]).output().unwrap();
    if !set.status.success() {
        assert!(!is_ci(), "CI runs as root: {set:?}");
        eprintln!("left out: only root may set the machine's clock");
        return;
    }
    let report = robot.wait_for(1)[0].content();
    assert!(report.contains("⏰ 报告时间: 2026-02-04 09:00:0"), "{report}");
    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
}

/// An /etc of the agent's own, with the other files that it reads there.
const OWN_ETC: &str = "cp -a /etc/passwd /etc/group \"$PLACE/etc/\"; mount --bind \"$PLACE/etc\" /etc";

#[test]
fn a_time_zone_that_is_changed_while_the_agent_runs_is_that_of_log_messages_and_reports() {
    let robot = Robot::start([Answer::Errcode(0)]);
    let yaml = quick(&robot.url())
        .replace(" timezone: UTC,", "")
        .replace("scheduled_report: {enabled: false}", "scheduled_report: {cron: \"0 9 * * *\", picture: false}");
    let place = Place::configured("no-swap", &yaml);
    fs::create_dir(place.path("etc")).unwrap();
    if !place.can(OWN_ETC) {
        return;
    }
    let localtime = place.path("etc/localtime");
    let put = |how: &dyn Fn(&Path)| {
        let new = place.path("etc/new");
        how(&new);
        fs::rename(new, &localtime).unwrap();
    };
    let zoneinfo = |zone: &str| Path::new("/usr/share/zoneinfo").join(zone);
    let copy = |zone: &str, to: &Path| {
        fs::copy(zoneinfo(zone), to).unwrap();
    };
    put(&|new| symlink(zoneinfo("UTC"), new).unwrap());
    let agent = place.start_after(&format!("unset TZ; {OWN_ETC}"), &["run"]);
    agent.wait_for_checks(1);
    let changes: [(&str, &str, &dyn Fn()); 5] = [
        ("Asia/Shanghai", "+08:00", &|| put(&|new| symlink(zoneinfo("Asia/Shanghai"), new).unwrap())),
        ("localtime", "-07:00", &|| put(&|new| copy("America/Phoenix", new))),
        // In place.
        ("localtime", "+09:00", &|| copy("Asia/Tokyo", &localtime)),
        ("UTC", "+00:00", &|| fs::remove_file(&localtime).unwrap()),
        ("Asia/Kathmandu", "+05:45", &|| symlink(zoneinfo("Asia/Kathmandu"), &localtime).unwrap()),
    ];
    for (zone, offset, change) in changes {
        change();
        agent.wait_for_log(&format!("{offset} INFO time_zone={zone}\n"));
        let next = place.status()["next_report"].as_str().unwrap().to_owned();
        assert!(next.ends_with(&format!("T09:00:00{offset}")), "{zone}: {next}");
    }
    place.become_host("small-vps");
    agent.signal(Signal::SIGUSR1);
    let alert = robot.wait_for(1)[0].content();
    let told = alert.lines().find_map(|line| line.strip_prefix("⏰ 时间: ")).unwrap();
    let told: Timestamp = format!("{}+05:45", told.replace(' ', "T")).parse().unwrap();
    assert!(told.duration_since(Timestamp::now()).abs() < SignedDuration::from_mins(5), "{alert}");
    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
}
