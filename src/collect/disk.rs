//! Disk use, per path, as `df` counts it.
//!
//! A path on a local file system is asked directly. One that may hang (a network mount) is asked by a process of its own,
//! from the start of the check on, so that neither the other paths nor the loop wait for it.

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;

use super::{Collector, Progress};
use crate::clock::{Boot, Now};
use crate::host::Host;
use crate::settings::{Complaint, Section};
use crate::snapshot::{Failure, Metric, Snapshot, Value};
use crate::worker::{FileSystem, StatvfsTask};

/// `system.disk`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Config {
    pub enabled: bool,
    /// Percent.
    #[serde(serialize_with = "crate::settings::number")]
    pub threshold: f64,
    /// Absolute paths; each is shown, those on one file system with the same numbers.
    pub paths: Vec<Rc<str>>,
}

impl Default for Config {
    fn default() -> Config {
        Config { enabled: true, threshold: 80.0, paths: vec!["/".into()] }
    }
}

impl Config {
    pub fn read(section: &mut Section<'_>) -> Config {
        let default = Config::default();
        let mut seen: Vec<Rc<str>> = Vec::new();
        let enabled = section.boolean("enabled", default.enabled);
        let threshold = section.number("threshold", default.threshold, 0.0, 100.0);
        section.list("paths", |item| {
            let path: Rc<str> = item.text()?.into();
            if !Path::new(&*path).is_absolute() {
                item.problem(
                    Complaint::new(format!("`{path}` is no absolute path")).expected("a path such as / or /data"),
                );
            } else if path.contains('\0') {
                item.problem(Complaint::new("a path cannot hold a NUL character"));
            } else if seen.iter().any(|earlier| Path::new(&**earlier) == Path::new(&*path)) {
                item.problem(Complaint::new(format!("`{path}` is named twice")).expected("each path once"));
            } else {
                seen.push(path);
            }
            Some(())
        });
        Config { enabled, threshold, paths: if seen.is_empty() { default.paths } else { seen } }
    }
}

pub struct Disk {
    paths: Vec<Rc<str>>,
    /// Paths that may hang, by place, as far as the mounts told at their last change.
    apart: Vec<bool>,
    /// What is known of each path in this check.
    states: Vec<State>,
    began: Boot,
}

enum State {
    /// To be asked directly, at the end of the check.
    Direct,
    Asked(StatvfsTask),
    Answered(Result<FileSystem, String>),
}

/// How long to wait before looking again for the answer of a process: short at first, as most answer at once.
const FIRST_LOOK: Duration = Duration::from_millis(5);

impl Disk {
    pub fn new(config: &Config) -> Option<Disk> {
        config.enabled.then(|| Disk {
            paths: config.paths.clone(),
            apart: Vec::new(),
            states: Vec::new(),
            began: Boot::from_micros(0),
        })
    }

    fn ask_apart(path: &str, host: &Host) -> State {
        match host.worker.statvfs(Path::new(path)) {
            Ok(task) => State::Asked(task),
            Err(error) => State::Answered(Err(error.to_string())),
        }
    }
}

impl Collector for Disk {
    fn begin(&mut self, host: &mut Host, now: Boot) -> Duration {
        if host.mounts.refresh() || self.apart.is_empty() {
            self.apart = self.paths.iter().map(|path| !host.mounts.answers_at_once(Path::new(&**path))).collect();
        }
        self.began = now;
        let states = self.paths.iter().zip(&self.apart);
        self.states =
            states.map(|(path, apart)| if *apart { Disk::ask_apart(path, host) } else { State::Direct }).collect();
        Duration::ZERO
    }

    fn collect(&mut self, host: &mut Host, now: Now, into: &mut Snapshot) -> Progress {
        let mut waits = false;
        for state in &mut self.states {
            if let State::Asked(task) = state {
                match task.poll(now.boot) {
                    Some(answer) => *state = State::Answered(answer.map_err(|error| error.to_string())),
                    None => waits = true,
                }
            }
        }
        if waits {
            // Twice as long as it has waited so far, and no more than a tenth of a second.
            let pause = (now.boot - self.began).clamp(FIRST_LOOK, FIRST_LOOK * 20);
            return Progress::Again(now.boot.after(pause));
        }
        let mut measured: Vec<FileSystem> = Vec::new();
        for (path, state) in self.paths.iter().zip(self.states.drain(..)) {
            let answer = match state {
                State::Answered(answer) => answer,
                State::Direct | State::Asked(_) => {
                    (host.ask_file_system)(Path::new(&**path)).map_err(|error| error.to_string())
                }
            };
            match answer.and_then(|answer| usage(&mut measured, answer)) {
                Ok(usage) => into.push(Metric::Disk, Rc::clone(path), usage),
                Err(error) => into.failures.push(Failure {
                    collector: "disk",
                    metrics: &[Metric::Disk],
                    target: Some(Rc::clone(path)),
                    error: format!("{path}: {error}"),
                }),
            }
        }
        Progress::Done
    }
}

/// Used over used and available to ordinary users, as `df` and psutil have it. A file system that was measured for an
/// earlier path of this check keeps those numbers.
fn usage(measured: &mut Vec<FileSystem>, answer: FileSystem) -> Result<Value, String> {
    let earlier = measured.iter().find(|earlier| earlier.device == answer.device).copied();
    let file_system = earlier.unwrap_or_else(|| {
        measured.push(answer);
        answer
    });
    let in_bytes = |blocks: u64| blocks.saturating_mul(file_system.block_bytes);
    let used_bytes = in_bytes(file_system.blocks.saturating_sub(file_system.blocks_free));
    let writable_bytes = used_bytes.saturating_add(in_bytes(file_system.blocks_available));
    if writable_bytes == 0 {
        return Err("this file system has no size (/proc and the like have none)".to_owned());
    }
    let percent = used_bytes as f64 / writable_bytes as f64 * 100.0;
    Ok(Value::Usage { percent, used_bytes, total_bytes: in_bytes(file_system.blocks) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::worker::StatvfsError;

    const DATA: FileSystem =
        FileSystem { device: 7, block_bytes: 4096, blocks: 1000, blocks_free: 500, blocks_available: 300 };

    fn answer(path: &Path) -> Result<FileSystem, StatvfsError> {
        match path.to_str() {
            Some("/") => {
                Ok(FileSystem { device: 1, block_bytes: 1024, blocks: 100, blocks_free: 40, blocks_available: 40 })
            }
            Some("/data") => Ok(DATA),
            // The same file system, a moment later.
            Some("/data/more") => Ok(FileSystem { blocks_free: 100, ..DATA }),
            Some("/proc") => {
                Ok(FileSystem { device: 3, block_bytes: 4096, blocks: 0, blocks_free: 0, blocks_available: 0 })
            }
            _ => Err(StatvfsError("No such file or directory".to_owned())),
        }
    }

    fn check(paths: &[&str]) -> Snapshot {
        let mut host = Host::new(None);
        host.ask_file_system = answer;
        let config = Config { paths: paths.iter().map(|path| (*path).into()).collect(), ..Config::default() };
        let mut disk = Disk::new(&config).unwrap();
        // As if the mounts had said that all of these are local.
        let mut snapshot = Snapshot::default();
        disk.begin(&mut host, clock::boot_now());
        disk.states = paths.iter().map(|_| State::Direct).collect();
        assert_eq!(disk.collect(&mut host, clock::now(), &mut snapshot), Progress::Done);
        snapshot
    }

    #[test]
    fn the_share_is_of_what_ordinary_users_can_have_and_the_total_is_the_whole_size() {
        let snapshot = check(&["/data"]);
        let used_bytes = 500 * 4096;
        assert_eq!(snapshot.readings[0].value, Value::Usage { percent: 62.5, used_bytes, total_bytes: 1000 * 4096 });
    }

    #[test]
    fn one_file_system_under_two_paths_shows_the_same_numbers_under_both() {
        let snapshot = check(&["/data", "/", "/data/more"]);
        let targets: Vec<_> = snapshot.readings.iter().map(|reading| &*reading.key.target).collect();
        assert_eq!(targets, ["/data", "/", "/data/more"]);
        assert_eq!(snapshot.readings[0].value, snapshot.readings[2].value);
        assert_ne!(snapshot.readings[0].value, snapshot.readings[1].value);
    }

    #[test]
    fn a_path_that_fails_is_a_failure_of_that_path_alone() {
        let snapshot = check(&["/gone", "/", "/proc"]);
        assert_eq!(snapshot.readings.len(), 1);
        let errors: Vec<_> = snapshot.failures.iter().map(|failure| failure.error.as_str()).collect();
        assert_eq!(
            errors,
            ["/gone: No such file or directory", "/proc: this file system has no size (/proc and the like have none)"]
        );
        assert_eq!(snapshot.failures[0].target.as_deref(), Some("/gone"));
    }
}
