//! What the documents say that a machine can check: modules, dependencies, tests, keys and their defaults, commands, exit
//! codes, make targets, links.

use std::collections::BTreeSet;
use std::process::Command;

use clap::CommandFactory;
use serde_json::Value as Json;
use vps_monitor::cli::Options;
use vps_monitor::config::Config;

use super::{fail_on, quoted, read, root, sources, table};

const READMES: [&str; 2] = ["README.md", "README.zh-CN.md"];
const DOCUMENTS: [&str; 8] = [
    "README.md",
    "README.zh-CN.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/performance.md",
    "docs/scale.md",
    "fixtures/hosts/README.md",
];

/// Each README's heading for a table, in English and in Chinese.
fn readme_tables(headings: [&str; 2]) -> impl Iterator<Item = (&'static str, Vec<Vec<String>>)> {
    READMES.into_iter().zip(headings).map(|(readme, heading)| (readme, table(readme, heading)))
}

/// What the first cells quote.
fn first_cells(rows: &[Vec<String>]) -> Vec<String> {
    rows.iter().flat_map(|row| quoted(&row[0])).collect()
}

#[test]
fn the_architecture_names_every_module_and_no_other() {
    let named: BTreeSet<String> =
        table("ARCHITECTURE.md", "## Layers").iter().flat_map(|row| quoted(&row[1])).collect();
    let present: BTreeSet<String> = sources().into_iter().filter_map(|file| file.module.into_iter().next()).collect();
    assert_eq!(named, present);
}

#[test]
fn the_architecture_gives_a_reason_for_every_dependency_and_no_other() {
    let manifest = read("Cargo.toml");
    let mut present = BTreeSet::new();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = matches!(line, "[dependencies]" | "[dev-dependencies]" | "[build-dependencies]");
        } else if inside && let Some((name, _)) = line.split_once([' ', '=', '.']) {
            present.insert(name.to_owned());
        }
    }
    let named: BTreeSet<String> = first_cells(&table("ARCHITECTURE.md", "## Dependencies")).into_iter().collect();
    assert_eq!(named, present);
}

#[test]
fn the_tests_that_the_architecture_relies_on_exist() {
    let mut code: String = sources().into_iter().map(|file| file.text).collect();
    let mut folders = vec![root().join("tests")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                code += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    let mut complaints = Vec::new();
    for row in table("ARCHITECTURE.md", "## Invariants") {
        let tests = quoted(&row[1]);
        assert!(!tests.is_empty(), "no test is named for: {}", row[0]);
        for test in tests.iter().filter(|test| !code.contains(&format!("fn {test}("))) {
            complaints.push(format!("ARCHITECTURE.md: there is no test `{test}`"));
        }
    }
    fail_on(&complaints);
}

/// Every key with its default, as `general.check_interval`.
fn keys(value: &Json, path: &str, found: &mut Vec<(String, String)>) {
    match value.as_object() {
        Some(section) => {
            for (key, value) in section {
                keys(value, format!("{path}.{key}").trim_start_matches('.'), found);
            }
        }
        None => found.push((path.to_owned(), value.to_string())),
    }
}

#[test]
fn both_readmes_list_every_key_with_its_default() {
    let mut expected = Vec::new();
    keys(&serde_json::to_value(Config::default()).unwrap(), "", &mut expected);
    for (readme, rows) in readme_tables(["## Configuration keys", "## 配置项"]) {
        // A container's own keys have no place in the defaults, which name no container.
        let rows = rows.iter().filter(|row| !row[0].contains("[]"));
        let mut listed: Vec<(String, String)> =
            rows.map(|row| (quoted(&row[0]).remove(0), quoted(&row[1]).remove(0))).collect();
        let mut expected: Vec<(String, String)> =
            expected.iter().map(|(key, value)| (key.clone(), without_quotes(value))).collect();
        listed.iter_mut().for_each(|(_, value)| *value = without_quotes(value));
        listed.sort();
        expected.sort();
        assert_eq!(listed, expected, "{readme}");
    }
}

fn without_quotes(value: &str) -> String {
    let bare = value.replace('"', "");
    // A default of 80.0 is written as people write it.
    bare.strip_suffix(".0").unwrap_or(&bare).to_owned()
}

/// `run`, `config check` …, each with its own options.
fn commands() -> Vec<(String, Vec<String>)> {
    fn collect(command: &clap::Command, path: &str, found: &mut Vec<(String, Vec<String>)>) {
        for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help") {
            let path = format!("{path} {}", sub.get_name()).trim().to_owned();
            if sub.has_subcommands() {
                collect(sub, &path, found);
            } else {
                let options =
                    sub.get_arguments().filter_map(|option| option.get_long()).map(|long| format!("--{long}"));
                found.push((path, options.collect()));
            }
        }
    }
    let mut found = Vec::new();
    collect(&Options::command(), "", &mut found);
    found
}

#[test]
fn both_readmes_list_every_command_with_its_options() {
    for (readme, rows) in readme_tables(["## Commands", "## 命令"]) {
        let listed = first_cells(&rows);
        let mut complaints = Vec::new();
        for (command, options) in commands() {
            let row = listed.iter().find(|row| **row == command || row.starts_with(&format!("{command} ")));
            for option in options {
                if !row.is_some_and(|row| row.contains(&option)) {
                    complaints.push(format!("{readme}: `{command}` lacks {option}"));
                }
            }
            if row.is_none() {
                complaints.push(format!("{readme}: there is no `{command}`"));
            }
        }
        let text = read(readme);
        for option in Options::command().get_arguments().filter_map(|option| option.get_long()) {
            if !text.contains(&format!("`--{option}")) {
                complaints.push(format!("{readme}: there is no --{option}"));
            }
        }
        fail_on(&complaints);
    }
}

#[test]
fn both_readmes_list_every_exit_code_and_no_other() {
    let source = read("src/cli/mod.rs");
    let codes = source.lines().filter_map(|line| line.trim().strip_prefix("pub const ")?.split_once(": u8 = "));
    let codes: BTreeSet<String> = codes.map(|(_, code)| code.trim_end_matches(';').to_owned()).collect();
    assert!(codes.contains("78"), "{codes:?}");
    for (readme, rows) in readme_tables(["## Exit codes", "## 退出码"]) {
        assert_eq!(first_cells(&rows).into_iter().collect::<BTreeSet<_>>(), codes, "{readme}");
    }
}

#[test]
fn what_the_documents_have_people_make_can_be_made() {
    let makefile = read("Makefile");
    let mut complaints = Vec::new();
    for document in DOCUMENTS {
        for (number, line) in read(document).lines().enumerate() {
            let commands = quoted(line).into_iter().chain([line.trim().to_owned()]);
            for command in commands {
                let command = command.trim_start_matches("sudo ").trim_start_matches("$ ").to_owned();
                // A comment is no target: `make` alone makes the default one.
                let typed = command.split('#').next().unwrap_or_default();
                let Some(target) = typed.strip_prefix("make ").and_then(|rest| rest.split_whitespace().next()) else {
                    continue;
                };
                if !makefile.contains(&format!("\n{target}:")) {
                    complaints.push(format!("{document}:{}: the Makefile has no `{target}`", number + 1));
                }
            }
        }
    }
    fail_on(&complaints);
}

#[test]
fn links_between_the_documents_lead_somewhere() {
    let mut complaints = Vec::new();
    for document in DOCUMENTS {
        let folder = root().join(document).parent().unwrap().to_owned();
        for link in read(document).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap_or_default();
            if !path.is_empty() && !path.contains("://") && !folder.join(path).exists() {
                complaints.push(format!("{document}: {link} leads nowhere"));
            }
        }
    }
    fail_on(&complaints);
}

#[test]
fn the_gate_is_a_program_that_bash_understands() {
    let status = Command::new("bash").arg("-n").arg(root().join(".ci/run")).status().unwrap();
    assert!(status.success());
    let gate = read(".ci/run");
    assert!(gate.contains("\n  make test "), "the gate runs what the README tells people to type");
}
