//! The CPU time of control groups, against `systemd-cgtop`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use nix::unistd::geteuid;
use vps_monitor::host::{Cgroups, Owner};

use crate::agreement::{eventually, run};
use crate::support::real_engine::skip;

/// A unit that burns one CPU as far as it gets it; gone with the test.
struct Burner {
    slice: PathBuf,
    child: Child,
}

impl Burner {
    /// Where this process may make a group.
    fn start(slice: &str, unit: &str) -> Option<Burner> {
        let root = Path::new("/sys/fs/cgroup");
        let is_v1 = root.join("cpuacct/cpuacct.usage").exists();
        let slice = if is_v1 { root.join("cpuacct") } else { root.to_owned() }.join(slice);
        let group = slice.join(unit);
        if !geteuid().is_root() || fs::create_dir_all(&group).is_err() {
            return None;
        }
        let script = "echo $$ >\"$1/cgroup.procs\" && while :; do :; done";
        let child = Command::new("sh").args(["-c", script, "sh"]).arg(&group).stdin(Stdio::null()).spawn().ok()?;
        Some(Burner { slice, child })
    }
}

impl Drop for Burner {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for group in fs::read_dir(&self.slice).into_iter().flatten().flatten() {
            let _ = fs::remove_dir(group.path());
        }
        let _ = fs::remove_dir(&self.slice);
    }
}

/// In percent of one CPU. On a machine with much to do the two times, of which one lies in the other, differ by a little.
const SLACK_PERCENT: f64 = 10.0;

#[test]
fn the_cpu_time_of_a_unit_is_what_systemd_cgtop_shows() {
    let (slice, unit) = (format!("vpsmon{}cgtop.slice", std::process::id()), "vpsmon-burner.service");
    let (Some(cgroups), Some(_burner)) = (Cgroups::of_this_system(), Burner::start(&slice, unit)) else {
        return skip("no control group can be made here".to_owned());
    };
    let owner = Owner::Unit(unit.to_owned());
    let burned = || {
        let counts = cgroups.cpu_micros();
        counts.into_iter().find(|(of, _)| *of == owner).map(|(_, micros)| micros as f64).unwrap_or_default()
    };
    eventually(|| {
        let (before, began) = (burned(), Instant::now());
        let output = run("systemd-cgtop", &["--batch", "-n", "2", "-d", "1", "-c", "--depth=3"]);
        let ours = (burned() - before) / began.elapsed().as_micros() as f64 * 100.0;
        let path = format!("/{slice}/{unit}");
        let line = output.lines().rfind(|line| line.split_whitespace().next() == Some(&path));
        let tool = line.and_then(|line| line.split_whitespace().nth(2)?.parse::<f64>().ok());
        match tool {
            Some(tool) if (ours - tool).abs() <= SLACK_PERCENT && ours > 1.0 => Ok(()),
            _ => Err(format!("ours {ours}, the tool's {tool:?}")),
        }
    });
}
