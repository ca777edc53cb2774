//! Plain English: a noun where a clause with "what" would stand, in comments and in documents; and no "1 alerts" in a text.

use std::fs;
use std::path::PathBuf;

use super::documents::documents;
use super::{fail_on, read, root};

/// Behind the word, one of these makes a clause that a noun says better: work that is due, an answer, a remainder.
const VERBS: [&str; 22] = [
    "is", "are", "was", "were", "has", "had", "can", "could", "cannot", "comes", "came", "goes", "stands", "ends",
    "waits", "happens", "happened", "must", "may", "remains", "lies", "passes",
];

/// The most such places in comments. There are hardly any; the room is for work that goes on beside this fence.
const MAX_CLAUSES: usize = 30;
const MAX_CLAUSES_IN_DOCUMENTS: usize = 5;

/// The most comment lines with the word at all: some questions, and some that a noun would not make better.
const MAX_LINES_WITH_WHAT: usize = 80;

/// Nouns that texts count.
const COUNTED: [&str; 34] = [
    "addresses",
    "alerts",
    "attempts",
    "bytes",
    "checks",
    "columns",
    "containers",
    "days",
    "events",
    "fields",
    "files",
    "hours",
    "interfaces",
    "items",
    "keys",
    "lines",
    "logins",
    "messages",
    "minutes",
    "problems",
    "processes",
    "readings",
    "recoveries",
    "restarts",
    "rows",
    "seconds",
    "services",
    "silences",
    "targets",
    "times",
    "tokens",
    "units",
    "warnings",
    "windows",
];

/// Texts with a count that is never one, or a large bound.
const NEVER_ONE: [&str; 4] =
    ["its {silent} addresses", "all {answered} addresses", "than {limit_bytes} bytes", "than {limit} bytes"];

/// Every Rust file of the package, from the repository's root.
fn rust_files() -> Vec<String> {
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = ["src", "tests", "benches", "fuzz/fuzz_targets"].map(|top| root().join(top)).into();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    files.sort();
    files
}

/// The comment of a line of Rust, without its slashes. A URL's slashes have no space behind them.
fn comment(line: &str) -> Option<&str> {
    let line = line.trim();
    let whole = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")).or_else(|| line.strip_prefix("//"));
    whole.or_else(|| Some(line.split_once(" // ")?.1)).map(str::trim)
}

/// The places at which a text has "what" and one of [`VERBS`], a line break between them or not.
fn clauses<'a>(path: &str, lines: impl Iterator<Item = (usize, &'a str)>) -> Vec<String> {
    let is_of_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '\'');
    let words = lines.flat_map(|(number, line)| {
        line.split(move |c| !is_of_word(c))
            .filter(|word| !word.is_empty())
            .map(move |word| (number, word.to_lowercase()))
    });
    let words: Vec<(usize, String)> = words.collect();
    let found = words.windows(2).filter(|pair| pair[0].1 == "what" && VERBS.contains(&pair[1].1.as_str()));
    found.map(|pair| format!("{path}:{}: \"what {}\": is there a noun?", pair[0].0, pair[1].1)).collect()
}

#[test]
fn comments_say_it_with_nouns() {
    let mut complaints = Vec::new();
    let mut lines_with_what = Vec::new();
    for path in rust_files() {
        let text = read(&path);
        let comments = text.lines().enumerate().filter_map(|(index, line)| Some((index + 1, comment(line)?)));
        let comments: Vec<(usize, &str)> = comments.collect();
        for (number, comment) in &comments {
            if comment.starts_with("What ") {
                complaints.push(format!("{path}:{number}: begins with \"What\": is there a noun?"));
            }
            if comment.to_lowercase().split(|c: char| !c.is_alphanumeric()).any(|word| word == "what") {
                lines_with_what.push(format!("{path}:{number}: {comment}"));
            }
        }
        complaints.extend(clauses(&path, comments.into_iter()));
    }
    if complaints.len() > MAX_CLAUSES {
        fail_on(&complaints);
    }
    let count = lines_with_what.len();
    assert!(count <= MAX_LINES_WITH_WHAT, "{count} comment lines with \"what\":\n{}", lines_with_what.join("\n"));
}

#[test]
fn documents_say_it_with_nouns() {
    let english = documents().into_iter().filter(|path| !path.ends_with(".zh-CN.md"));
    let mut complaints = Vec::new();
    for path in english.chain(["share/man/vps-monitor.8".to_owned(), "share/man/vps-monitor-config.5".to_owned()]) {
        let text = read(&path);
        let mut is_in_block = false;
        let prose = text.lines().enumerate().filter(|(_, line)| {
            let is_fence = line.trim_start().starts_with("```");
            is_in_block ^= is_fence;
            !is_in_block && !is_fence
        });
        let prose: Vec<(usize, &str)> = prose.map(|(index, line)| (index + 1, line)).collect();
        for (number, line) in &prose {
            if line.trim_start_matches(['-', ' ']).starts_with("What ") {
                complaints.push(format!("{path}:{number}: begins with \"What\": is there a noun?"));
            }
        }
        complaints.extend(clauses(&path, prose.into_iter()));
    }
    if complaints.len() > MAX_CLAUSES_IN_DOCUMENTS {
        fail_on(&complaints);
    }
}

#[test]
fn a_clause_with_what_is_found_wherever_it_breaks() {
    let text = ["Takes what", "is due, and asks what it cost."];
    let found = clauses("a.rs", text.into_iter().enumerate());
    assert_eq!(found, ["a.rs:0: \"what is\": is there a noun?"]);
    assert_eq!(comment("    let a = 1; // One."), Some("One."));
    assert_eq!(comment("let url = \"https://what.is/\";"), None);
}

/// A bound that is a constant is never one.
fn is_of_a_constant(before: &str) -> bool {
    before.rsplit_once('{').is_some_and(|(_, name)| !name.is_empty() && !name.contains(|c: char| c.is_lowercase()))
}

#[test]
fn a_number_and_its_noun_are_put_together_in_the_one_place_that_knows_plurals() {
    let mut complaints = Vec::new();
    for file in rust_files().iter().filter(|file| file.starts_with("src/") && !file.contains("tests")) {
        let text = read(file);
        let code = text.split("#[cfg(test)]").next().unwrap();
        for (index, line) in code.lines().enumerate().filter(|(_, line)| !line.trim().starts_with("//")) {
            let is_counted = |(place, _): (usize, &str)| {
                let (before, behind) = (&line[..place], &line[place + 1..]);
                let behind = behind.trim_start().trim_start_matches("more ").trim_start_matches("other ");
                let noun = behind.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
                // Behind a field of the log stands its value.
                let is_field = behind[noun.len()..].starts_with('=');
                COUNTED.contains(&noun) && !is_field && before.contains('"') && !is_of_a_constant(before)
            };
            if line.match_indices('}').any(is_counted) && !NEVER_ONE.iter().any(|text| line.contains(text)) {
                complaints.push(format!("{file}:{}: `text::counted` knows the plural: {}", index + 1, line.trim()));
            }
        }
    }
    fail_on(&complaints);
}
