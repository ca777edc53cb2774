//! Another kernel for some tests: tests/tools/uml.sh, Debian's user-mode-linux as a process.

use std::path::Path;
use std::process::Command;

use nix::unistd::geteuid;

use super::is_ci;

/// As automake has it.
const CANNOT_BE_DONE: i32 = 77;

/// No package helps: not even the gate can ask for it.
const NOT_ON_THIS_CPU: i32 = 76;

/// Runs the tests of this binary whose names begin with `names` there: so many, and none of them is skipped.
///
/// # Panics
/// One failed.
pub fn run_tests(names: &str, count: usize) {
    if !geteuid().is_root() {
        return eprintln!("skipped: needs root");
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/uml.sh");
    let here = std::env::current_exe().unwrap();
    let done = Command::new(script).arg(here).args([names, "--test-threads", "1"]).output().unwrap();
    let [said, errors] = [&done.stdout, &done.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    if let Some(code @ (CANNOT_BE_DONE | NOT_ON_THIS_CPU)) = done.status.code() {
        assert!(code == NOT_ON_THIS_CPU || !is_ci(), "{errors}");
        return eprintln!("skipped: {errors}");
    }
    let passed = format!("{count} passed");
    assert!(done.status.success() && said.contains(&passed) && !said.contains("skipped"), "{said}\n{errors}");
}
