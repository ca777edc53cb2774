//! The tests' stand-ins for the outside world.

pub mod agent;
pub mod authority;
pub mod channel;
pub mod engine;
pub mod fleet;
pub mod mail_server;
pub mod network;
pub mod peer;
pub mod proxy;
pub mod real_engine;
pub mod robot;
pub mod uml;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use vps_monitor::collect::{Configured, SOURCES};
use vps_monitor::config::Config;

/// A number from the environment.
pub fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// In CI nothing may be left out.
pub fn is_ci() -> bool {
    std::env::var_os("CI").is_some()
}

/// Longer than anything here takes on a machine under load: only a test that fails waits for so long.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `condition` holds.
///
/// # Panics
/// It does not hold within [`PATIENCE`].
pub fn wait_until(what: &str, condition: impl FnMut() -> bool) {
    wait_within(PATIENCE, what, condition);
}

/// Waits until an event is told. The kernel counts kills for the whole machine, so those of other tests reach every
/// agent; and after one event more of its kind are gathered for a minute.
///
/// # Panics
/// It is not told within that minute and [`PATIENCE`].
pub fn wait_until_event(what: &str, condition: impl FnMut() -> bool) {
    wait_within(Duration::from_secs(60) + PATIENCE, what, condition);
}

fn wait_within(patience: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < patience, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Copies a tree over another one; no reader sees half a file.
pub fn lay_over(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            lay_over(&entry.path(), &target);
        } else {
            let copy = to.join(".copy");
            fs::copy(entry.path(), &copy).unwrap();
            fs::rename(copy, target).unwrap();
        }
    }
}

/// Whether strace can fail a system call here. In CI it must.
pub fn can_inject() -> bool {
    let tried =
        Command::new("strace").args(["-qq", "-o", "/dev/null", "-e", "inject=fsync:error=EIO", "true"]).output();
    let why = match tried {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => format!("strace: {error}"),
    };
    assert!(!is_ci(), "system calls must be failed here: {why}");
    eprintln!("left out, as system calls cannot be failed on this machine: {why}");
    false
}

/// The one source of this name, with these keys.
pub fn only(name: &str, keys: &str) -> Vec<Configured> {
    let source = *SOURCES.iter().find(|source| source.name == name).unwrap();
    let text = format!("{}: {{{name}: {keys}}}", source.group.key);
    Config::parse_with(&[source], &[], "config", text.as_bytes()).unwrap().value.sources
}
