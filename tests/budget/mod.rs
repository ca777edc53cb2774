//! The budget of a check, counted and not timed, so that a busy machine fails no build.
//!
//! The figures are those of docs/performance.md; `make bench` measures those that need a clock.

mod allocations;
mod containers;
mod memory;
mod system_calls;

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::is_ci;

/// SQLite is 0.84 MB of it.
const MAX_BINARY_BYTES: u64 = 6_000_000;

/// By this the linker asks for a C library that reads packed relocations.
const RELOCATIONS_PACKED: &[u8] = b"GLIBC_ABI_DT_RELR";

/// The Makefile packs relocations where the C library reads them; elsewhere they take this much more.
const UNPACKED_RELOCATIONS_BYTES: u64 = 240_000;

/// The release binary; `None`, and a word of it, where nobody has built one. In CI it must exist.
fn release_binary() -> Option<PathBuf> {
    // This test's own binary is target/debug/deps/main-…
    let target = std::env::current_exe().unwrap();
    let binary = target.ancestors().nth(3).unwrap_or(Path::new("target")).join("release/vps-monitor");
    if !is_ci() && !binary.exists() {
        eprintln!("not checked, there is no {}", binary.display());
        return None;
    }
    Some(binary)
}

/// It builds nothing: it looks at the present binary, and in CI that must exist.
#[test]
fn the_release_binary_is_small() {
    let Some(binary) = release_binary() else { return };
    let file = std::fs::read(&binary).unwrap_or_else(|error| panic!("{}: {error}", binary.display()));
    let packed = file.windows(RELOCATIONS_PACKED.len()).any(|bytes| bytes == RELOCATIONS_PACKED);
    let most = MAX_BINARY_BYTES + if packed { 0 } else { UNPACKED_RELOCATIONS_BYTES };
    assert!(file.len() as u64 <= most, "{} bytes, {most} allowed: {}", file.len(), binary.display());
}

/// The functions of a check, as .cargo/check-together.ld names them: some 320 KB. Less, where names fit nothing any more or
/// the linker is another one than the default (LINK= in the Makefile); more, where rarely used code was inlined into them.
const TOGETHER_BYTES: RangeInclusive<u64> = 220_000..=380_000;

#[test]
fn the_functions_of_a_check_lie_together_in_the_release_binary_and_rare_work_does_not_lie_among_them() {
    let Some(binary) = release_binary() else { return };
    let sections = Command::new("readelf").arg("-SW").arg(&binary).output().expect("readelf, of binutils").stdout;
    let sections = String::from_utf8(sections).unwrap();
    // Its name, kind, address, place and size.
    let section = sections.lines().find_map(|line| line.split_once(" .text.check ")?.1.split_whitespace().nth(3));
    let bytes = section.map_or(0, |size| u64::from_str_radix(size, 16).unwrap());
    assert!(
        TOGETHER_BYTES.contains(&bytes),
        "{bytes} bytes together in {}, which `make build` makes:\n{sections}",
        binary.display()
    );
}
