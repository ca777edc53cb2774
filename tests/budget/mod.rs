//! The budget of a check, counted and not timed, so that a busy machine fails no build.
//!
//! The figures are those of docs/performance.md; `make bench` measures those that need a clock.

mod allocations;
mod containers;
mod system_calls;

use std::path::{Path, PathBuf};

use crate::support::is_ci;

/// 6.33 MB with SQLite, which is 0.84 MB of it; the goal is 6 MB.
const MAX_BINARY_BYTES: u64 = 6_400_000;

fn release_binary() -> PathBuf {
    // This test's own binary is target/debug/deps/main-…
    let target = std::env::current_exe().unwrap();
    target.ancestors().nth(3).unwrap_or(Path::new("target")).join("release/vps-monitor")
}

/// It builds nothing: it looks at the present binary, and in CI that must exist.
#[test]
fn the_release_binary_is_small() {
    let binary = release_binary();
    match binary.metadata() {
        Ok(metadata) => assert!(metadata.len() <= MAX_BINARY_BYTES, "{} bytes: {}", metadata.len(), binary.display()),
        Err(_) if !is_ci() => eprintln!("not checked, there is no {}", binary.display()),
        Err(error) => panic!("{}: {error}", binary.display()),
    }
}
