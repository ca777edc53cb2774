//! A process that the kernel kills at a limit: a real one, in a control group of the test's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use nix::unistd::geteuid;

use crate::support::agent::{BINARY, Place};
use crate::support::real_engine::skip;
use crate::support::robot::Robot;
use crate::support::{wait_until, wait_until_event};

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
        let slice = tree.join(format!("vpsmon{}.slice", std::process::id()));
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

#[test]
fn a_process_that_the_kernel_killed_is_told_once_with_its_unit_and_its_limit() {
    let Some(group) = Limited::make("vpsmon-test.service") else {
        return skip("no control group with a limit can be made here".to_owned());
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
    // One from before the agent's start is no news.
    group.exceed();
    let mut command = Command::new(BINARY);
    command.arg("--config").arg(place.config()).arg("--state-dir").arg(place.state()).arg("run").stdin(Stdio::null());
    let agent = place.spawn(command);
    wait_until("it runs", || place.status()["running"] == true);
    group.exceed();
    group.exceed();
    let line = "💥 内存不足(vpsmon-test.service): 内核结束了进程 (达到上限 8MB)";
    let told = || robot.received().iter().filter(|message| message.content().contains(line)).count();
    wait_until_event(line, || told() > 0);
    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
    assert_eq!(told(), 1, "more of the same unit is counted, and told in ten minutes");
}
