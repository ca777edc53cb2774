//! The list of functions that the linker puts side by side, against the sources.

use std::collections::BTreeSet;

use super::{fail_on, read, sources};

const LIST: &str = ".cargo/check-together.ld";

/// The names in a mangled path (version 0): each has its length before it. A part that begins with `s` tells equal names apart.
fn names(mut mangled: &str) -> Vec<&str> {
    let mut names = Vec::new();
    while let Some(first) = mangled.chars().next() {
        let digits = mangled.len() - mangled.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits > 0 {
            let length: usize = mangled[..digits].parse().unwrap();
            let rest = &mangled[digits..];
            let rest = rest.strip_prefix('_').unwrap_or(rest);
            names.push(&rest[..length]);
            mangled = &rest[length..];
        } else if first == 's' {
            mangled = mangled.split_once('_').unwrap_or_default().1;
        } else {
            mangled = &mangled[first.len_utf8()..];
        }
    }
    names
}

#[test]
fn names_are_found_in_mangled_ones() {
    assert_eq!(names("6daemonNtB*_6Daemon7measure"), ["daemon", "Daemon", "measure"]);
    assert_eq!(names("8snapshots2_7Reading3new"), ["snapshot", "Reading", "new"]);
    assert_eq!(names("4core5judgeNtB*_4Core7checkeds0_0B*_"), ["core", "judge", "Core", "checked", ""]);
}

#[test]
fn the_functions_that_the_linker_puts_together_are_in_the_sources() {
    let sources = sources();
    let words: BTreeSet<&str> = sources.iter().flat_map(|file| &file.tokens).map(|token| &*token.text).collect();
    let modules: BTreeSet<&str> = sources.iter().flat_map(|file| &file.module).map(String::as_str).collect();
    let list = read(LIST);
    let mut found = 0;
    let mut complaints = Vec::new();
    for function in list.lines().filter_map(|line| line.trim().strip_prefix("*(.text.")) {
        // Only functions of this crate: the first one that is named.
        let Some(own) = function.split("Cs*_").nth(1).and_then(|path| path.strip_prefix("11vps_monitor")) else {
            continue;
        };
        found += 1;
        for name in names(own).into_iter().filter(|name| !name.is_empty()) {
            if !words.contains(name) && !modules.contains(name) {
                complaints
                    .push(format!("{LIST}: {name} of {function} is not in src: `make order` writes the list anew"));
            }
        }
    }
    assert!(found > 150, "{found} functions of this crate");
    fail_on(&complaints);
}
