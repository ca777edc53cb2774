//! Claims of the documents that a machine can check: modules, dependencies, tests, keys and their defaults, commands,
//! exit codes, make targets, links.

use std::collections::BTreeSet;
use std::process::Command;

use clap::CommandFactory;
use serde_json::Value as Json;
use vps_monitor::cli::Options;
use vps_monitor::config::Config;

use super::{fail_on, quoted, read, root, sources, table};

/// Every document, from the repository's root.
pub fn documents() -> Vec<String> {
    let mut documents: Vec<String> = [
        "README.md",
        "README.zh-CN.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "fixtures/hosts/README.md",
    ]
    .map(str::to_owned)
    .into();
    let pages = std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().file_name());
    documents.extend(pages.map(|name| format!("docs/{}", name.to_str().unwrap())).filter(|path| path.ends_with(".md")));
    documents.sort();
    documents
}

/// The table under a heading of a page, in English and in Chinese.
fn page_tables(page: &str, headings: [&str; 2]) -> [(String, Vec<Vec<String>>); 2] {
    let pages = [format!("docs/{page}.md"), format!("docs/{page}.zh-CN.md")];
    let mut headings = headings.into_iter();
    pages.map(|page| {
        let rows = table(&page, headings.next().unwrap());
        (page, rows)
    })
}

/// The quotes in the first cells.
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

/// Three pages of sixty-five lines.
const MAX_ARCHITECTURE_LINES: usize = 197;

#[test]
fn the_architecture_is_short_and_what_it_points_to_is_there() {
    let text = read("ARCHITECTURE.md");
    assert!(text.lines().count() <= MAX_ARCHITECTURE_LINES, "{} lines", text.lines().count());
    let paths = text.lines().flat_map(quoted).filter(|path| path.starts_with("src/") || path.starts_with("tests/"));
    let missing: Vec<String> = paths.filter(|path| !root().join(path).exists()).collect();
    fail_on(&missing);
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
    let rows = first_cells(&table("ARCHITECTURE.md", "## Dependencies"));
    let named: BTreeSet<String> = rows.iter().cloned().collect();
    assert_eq!(named, present);
    assert_eq!(rows.len(), named.len(), "a dependency is listed twice");
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
fn both_pages_list_every_key_with_its_default() {
    let mut expected = Vec::new();
    keys(&serde_json::to_value(Config::default()).unwrap(), "", &mut expected);
    for (page, rows) in page_tables("configuration", ["## Keys", "## 配置项"]) {
        // A container's own keys have no place in the defaults, which name no container.
        let rows = rows.iter().filter(|row| !row[0].contains("[]"));
        let mut listed: Vec<(String, String)> = rows.map(|row| (quoted(&row[0]).remove(0), default(&row[1]))).collect();
        let mut expected: Vec<(String, String)> =
            expected.iter().map(|(key, value)| (key.clone(), without_quotes(value))).collect();
        listed.iter_mut().for_each(|(_, value)| *value = without_quotes(value));
        listed.sort();
        expected.sort();
        assert_eq!(listed, expected, "{page}");
    }
}

/// A key whose default is nothing has an empty cell.
fn default(cell: &str) -> String {
    quoted(cell).pop().unwrap_or_else(|| "null".to_owned())
}

fn without_quotes(value: &str) -> String {
    let bare = value.replace('"', "").replace(", ", ",");
    // A default of 80.0 is written as people write it.
    bare.strip_suffix(".0").unwrap_or(&bare).to_owned()
}

/// `run`, `config check` …, each with its own options.
fn commands() -> Vec<(String, Vec<String>)> {
    fn collect(command: &clap::Command, path: &str, found: &mut Vec<(String, Vec<String>)>) {
        for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help") {
            let path = format!("{path} {}", sub.get_name()).trim().to_owned();
            collect(sub, &path, found);
            if !sub.has_subcommands() || sub.get_positionals().next().is_some() {
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
fn both_pages_list_every_command_with_its_options() {
    for (page, rows) in page_tables("commands", ["## Commands", "## 命令"]) {
        let listed = first_cells(&rows);
        let mut complaints = Vec::new();
        for (command, options) in commands() {
            let row = listed.iter().find(|row| **row == command || row.starts_with(&format!("{command} ")));
            for option in options {
                if !row.is_some_and(|row| row.contains(&option)) {
                    complaints.push(format!("{page}: `{command}` lacks {option}"));
                }
            }
            if row.is_none() {
                complaints.push(format!("{page}: there is no `{command}`"));
            }
        }
        let text = read(&page);
        for option in Options::command().get_arguments().filter_map(|option| option.get_long()) {
            if !text.contains(&format!("`--{option}")) {
                complaints.push(format!("{page}: there is no --{option}"));
            }
        }
        fail_on(&complaints);
    }
}

#[test]
fn both_pages_list_every_exit_code_and_no_other() {
    let source = read("src/cli/mod.rs");
    let codes = source.lines().filter_map(|line| line.trim().strip_prefix("pub const ")?.split_once(": u8 = "));
    let codes: BTreeSet<String> = codes.map(|(_, code)| code.trim_end_matches(';').to_owned()).collect();
    assert!(codes.contains("78"), "{codes:?}");
    for (page, rows) in page_tables("commands", ["## Exit codes", "## 退出码"]) {
        assert_eq!(first_cells(&rows).into_iter().collect::<BTreeSet<_>>(), codes, "{page}");
    }
}

#[test]
fn what_the_documents_have_people_make_can_be_made() {
    let makefile = read("Makefile");
    let mut complaints = Vec::new();
    for document in documents() {
        for (number, line) in read(&document).lines().enumerate() {
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

/// A heading as links name it on the sites that show these pages.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn links_between_the_documents_lead_somewhere() {
    let mut complaints = Vec::new();
    for document in documents() {
        let folder = root().join(&document).parent().unwrap().to_owned();
        for link in read(&document).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (path, wanted) = link.split_once('#').unwrap_or((link, ""));
            if path.contains("://") {
                continue;
            }
            let target = if path.is_empty() { root().join(&document) } else { folder.join(path) };
            let text = std::fs::read_to_string(&target).unwrap_or_default();
            let leads = target.exists() && (wanted.is_empty() || text.lines().any(|line| anchor(line) == wanted));
            if !leads {
                complaints.push(format!("{document}: {link} leads nowhere"));
            }
        }
    }
    fail_on(&complaints);
}

/// The structure of a document in any language: headings by their depth, blocks, rows of tables.
fn outline(document: &str) -> Vec<String> {
    let mut outline = Vec::new();
    let mut in_block = false;
    for line in read(document).lines().map(str::trim) {
        if line.starts_with("```") {
            in_block = !in_block;
            outline.extend(in_block.then(|| line.to_owned()));
        } else if !in_block && line.starts_with('#') {
            outline.push(line.split(' ').next().unwrap_or_default().to_owned());
        } else if !in_block && line.starts_with('|') {
            outline.push("row".to_owned());
        }
    }
    outline
}

#[test]
fn the_documents_for_users_have_both_languages_and_the_readmes_are_short() {
    let documents = documents();
    let chinese: Vec<&String> = documents.iter().filter(|document| document.ends_with(".zh-CN.md")).collect();
    assert!(chinese.len() > 5, "{chinese:?}");
    for document in chinese {
        let english = document.replace(".zh-CN", "");
        assert_eq!(outline(document), outline(&english), "{document}");
    }
    for readme in ["README.md", "README.zh-CN.md"] {
        let (text, lines) = (read(readme), read(readme).lines().count());
        assert!(lines < 200, "{readme} has {lines} lines");
        for page in ["configuration", "commands", "messages", "operation", "troubleshooting", "security"] {
            let page = format!("docs/{page}{}.md", readme.trim_start_matches("README").trim_end_matches(".md"));
            assert!(text.contains(&format!("]({page})")), "{readme} has no link to {page}");
        }
    }
}

#[test]
fn the_gate_is_a_program_that_bash_understands() {
    let status = Command::new("bash").arg("-n").arg(root().join(".ci/run")).status().unwrap();
    assert!(status.success());
    let gate = read(".ci/run");
    assert!(gate.contains("\n  make test "), "the gate runs what the README tells people to type");
}
