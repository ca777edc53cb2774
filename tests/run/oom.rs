//! A process that the kernel kills at a limit: a real one, in a control group of the test's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use nix::unistd::geteuid;

use crate::support::agent::{BINARY, Place};
use crate::support::real_engine::skip;
use crate::support::robot::Robot;
use crate::support::{uml, wait_until, wait_until_event};

/// A group with 8 MB of memory; removed with the test.
struct Limited {
    slice: PathBuf,
    unit: PathBuf,
}

impl Limited {
    /// Where this process may make one.
    fn make(name: &str) -> Option<Limited> {
        let root = Path::new("/sys/fs/cgroup");
        let is_v1 = root.join("memory/memory.usage_in_bytes").exists();
        let tree = if is_v1 { root.join("memory") } else { root.to_owned() };
        let slice = tree.join(format!("vpsmon{}-{name}.slice", std::process::id()));
        let unit = slice.join(name);
        if !geteuid().is_root() || fs::create_dir(&slice).is_err() {
            return None;
        }
        let group = Limited { slice, unit };
        if !is_v1 {
            fs::write(group.slice.join("cgroup.subtree_control"), "+memory").ok()?;
        }
        fs::create_dir(&group.unit).ok()?;
        let (limit, swap) = if is_v1 {
            ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")
        } else {
            ("memory.max", "memory.swap.max")
        };
        fs::write(group.unit.join(limit), "8M").ok()?;
        let _ = fs::write(group.unit.join(swap), if is_v1 { "8M" } else { "0" });
        Some(group)
    }

    /// Runs what needs more than it may have.
    fn exceed(&self) {
        let script = "echo $$ > \"$1/cgroup.procs\" && exec dd if=/dev/zero of=/dev/null bs=64M count=1";
        let ended =
            Command::new("sh").args(["-c", script, "sh"]).arg(&self.unit).stderr(Stdio::null()).status().unwrap();
        assert!(!ended.success(), "it had memory enough");
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        for group in [&self.unit, &self.slice] {
            let _ = fs::remove_dir(group);
        }
    }
}

/// An agent on this machine's own control groups, and its group of 8 MB.
struct World {
    group: Limited,
    robot: Robot,
    place: Place,
    /// The line of its message. Other tests cause kills of their own.
    line: String,
}

impl World {
    fn new(unit: &str) -> Option<World> {
        let Some(group) = Limited::make(unit) else {
            skip("no control group with a limit can be made here".to_owned());
            return None;
        };
        let robot = Robot::start([]);
        let place = Place::configured(
            "small-vps",
            &format!(
                "general: {{hostname: web-1, timezone: UTC}}\nwechat: {{webhook_url: \"{}\"}}\n\
                 system: {{memory: {{enabled: false}}, disk: {{enabled: false}}, cpu: {{enabled: false}}, swap: {{enabled: false}}}}\n\
                 network: {{traffic: {{enabled: false}}, connections: {{enabled: false}}}}\ndocker: {{enabled: false}}\n\
                 scheduled_report: {{enabled: false}}\n",
                robot.url()
            ),
        );
        let line = format!("💥 内存不足({unit}): 内核结束了进程 (达到上限 8MB)");
        Some(World { group, robot, place, line })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(BINARY);
        command.arg("--config").arg(self.place.config()).arg("--state-dir").arg(self.place.state());
        command.arg("run").stdin(Stdio::null());
        command
    }

    fn once(&self) {
        let ended = self.command().arg("--once").stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        assert_eq!(ended.code(), Some(0));
    }

    fn told(&self) -> usize {
        self.robot.received().iter().filter(|message| message.content().contains(&self.line)).count()
    }

    fn wait_until_told(&self) {
        wait_until_event(&self.line, || self.told() > 0);
    }
}

#[test]
fn a_process_that_the_kernel_killed_is_told_once_with_its_unit_and_its_limit() {
    let Some(world) = World::new("vpsmon-watched.service") else { return };
    // One from before the agent's start is no news.
    world.group.exceed();
    let agent = world.place.spawn(world.command());
    wait_until("it runs", || world.place.status()["running"] == true);
    world.group.exceed();
    world.group.exceed();
    world.wait_until_told();
    // As the kernel's own log has it, where that may be read.
    if let Ok(log) = Command::new("dmesg").output().map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        && log.contains("oom-kill:")
    {
        assert!(log.contains("/vpsmon-watched.service,task=dd"), "{log}");
    }
    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
    assert_eq!(world.told(), 1, "more of the same unit is counted, and told in ten minutes");
}

#[test]
fn kills_while_no_agent_ran_are_told_once_by_the_next_one() {
    let Some(world) = World::new("vpsmon-missed.service") else { return };
    world.once();
    world.group.exceed();
    let agent = world.place.spawn(world.command());
    world.wait_until_told();
    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
    world.once();
    assert_eq!(world.told(), 1);
}

#[test]
fn checks_by_themselves_tell_the_kills_since_the_one_before() {
    let Some(world) = World::new("vpsmon-once.service") else { return };
    world.group.exceed();
    world.once();
    assert_eq!(world.told(), 0, "it was there before the first one");
    world.group.exceed();
    world.once();
    world.once();
    assert_eq!(world.told(), 1);
}

/// The other tests of this file once more, where this machine has version 1 of control groups.
#[test]
fn it_is_the_same_on_a_kernel_of_which_all_control_groups_are_of_version_2() {
    if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
        return eprintln!("not repeated: the control groups of this machine are of version 2");
    }
    uml::run_tests("run::oom::", 4);
}
