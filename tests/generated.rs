//! The generated documents: the man pages and shell completions in share/, which `make install` copies as they are, the
//! template, the configuration's reference pages and its JSON Schema.
//!
//! They are kept in the tree, so that neither the binary carries the code that writes them nor an install needs cargo.
//! `UPDATE_EXPECTED=1 cargo test --test main generated` writes them anew, to be looked at in the diff.

mod config_page;
mod tables;

use std::fs;
use std::path::Path;
use std::process::Command;

use clap::CommandFactory;
use clap_complete::{Shell, generate};
use clap_mangen::Man;
use vps_monitor::cli::Options;
use vps_monitor::config::Config;
use vps_monitor::settings::ValueKind;

use crate::support::is_ci;

/// Compares a file with its expected content.
fn assert_current(path: &str, expected: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, expected).unwrap();
    }
    let found = fs::read(&path).unwrap_or_default();
    assert!(found == expected, "{} is not what the code says: UPDATE_EXPECTED=1 writes it anew", path.display());
}

#[test]
fn the_completions_are_those_of_the_command_line() {
    for (shell, file) in [
        (Shell::Bash, "share/completions/vps-monitor.bash"),
        (Shell::Zsh, "share/completions/_vps-monitor"),
        (Shell::Fish, "share/completions/vps-monitor.fish"),
    ] {
        let mut script = Vec::new();
        generate(shell, &mut Options::command(), "vps-monitor", &mut script);
        assert_current(file, &script);
    }
}

#[test]
fn the_man_page_is_that_of_the_command_line() {
    assert_current("share/man/vps-monitor.8", command_page().as_bytes());
}

#[test]
fn the_configurations_man_page_has_every_key() {
    assert_current("share/man/vps-monitor-config.5", config_page::page().as_bytes());
}

#[test]
fn the_template_is_what_the_readers_say() {
    assert_current("etc/config.yaml", vps_monitor::config::template().as_bytes());
}

#[test]
fn the_pages_of_the_configuration_list_every_key() {
    for (page, heading, language) in
        [("docs/configuration.zh-CN.md", "## 配置项", 0), ("docs/configuration.md", "## Keys", 1)]
    {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
        assert_current(page, tables::with_table(&text, heading, language).as_bytes());
    }
}

#[test]
fn every_key_has_a_meaning_in_both_languages() {
    let keys = Config::describe().into_iter();
    // An item has that of its list.
    let keys = keys.filter(|key| key.kind != ValueKind::Section && !key.path.ends_with("[]"));
    let silent = keys.filter(|key| key.doc.meaning.zh.is_empty() || key.doc.meaning.en.is_empty());
    let silent: Vec<String> = silent.map(|key| key.path).collect();
    assert!(silent.is_empty(), "without a meaning: {silent:?}");
}

#[test]
fn the_schema_is_what_the_readers_say() {
    assert_current("share/config.schema.json", vps_monitor::config::schema().as_bytes());
}

/// A validator of others, in Python, judges the schema: it accepts whatever the agent accepts, and the other way round
/// as far as a schema can say.
#[test]
fn a_validator_accepts_and_refuses_the_fixtures_as_the_agent_does() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for python in ["python3", "/usr/bin/python3"] {
        let mut validator = Command::new(python);
        validator.arg("-B").arg(root.join("tests/generated/schema.py"));
        validator.arg(root.join("share/config.schema.json")).arg(root.join("fixtures/config"));
        let Ok(output) = validator.output() else { continue };
        if output.status.code() == Some(77) {
            continue;
        }
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
        return;
    }
    assert!(!is_ci(), "no Python here has jsonschema and ruamel.yaml");
    eprintln!(
        "left out: no Python here has jsonschema and ruamel.yaml (Debian: python3-jsonschema, python3-ruamel.yaml)"
    );
}

/// vps-monitor(8): the command line's own words, each command with its options, and facts that a program's help does
/// not say.
fn command_page() -> String {
    let mut page = Vec::new();
    let mut command = Options::command().disable_help_subcommand(true);
    command.build();
    let man = Man::new(command.clone())
        .title("vps-monitor")
        .section("8")
        .source("vps-monitor")
        .manual("System administration");
    man.render_title(&mut page).unwrap();
    man.render_name_section(&mut page).unwrap();
    page.extend_from_slice(synopsis(&command).as_bytes());
    man.render_description_section(&mut page).unwrap();
    man.render_options_section(&mut page).unwrap();
    let mut page = String::from_utf8(page).unwrap();
    page.push_str(".SH COMMANDS\n");
    commands(&command, "", &mut page);
    page.push_str(include_str!("generated/vps-monitor.8.tail"));
    page
}

/// Each command with its own options on a line, then the options of all.
fn synopsis(command: &clap::Command) -> String {
    fn lines(command: &clap::Command, before: &str, page: &mut String) {
        for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
            let name = format!("{before} {}", command.get_name());
            if is_typed(command) {
                let options = roff(&bracketed(command));
                page.push_str(&format!("\\fB{}\\fR [\\fIOPTIONS\\fR]{options}\n.br\n", roff(&name)));
            }
            lines(command, &name, page);
        }
    }
    let mut page = ".SH SYNOPSIS\n".to_owned();
    lines(command, "vps-monitor", &mut page);
    let of_all = command.get_arguments().filter(|argument| argument.is_global_set());
    let of_all: Vec<String> = of_all.map(|argument| format!("[{}]", written(argument))).collect();
    page.push_str(&format!(".PP\n\\fIOPTIONS\\fR: {}\n", roff(&of_all.join(" "))));
    page
}

/// A command's own options and arguments: ` [--json] [FILE]`.
fn bracketed(command: &clap::Command) -> String {
    own(command).map(|argument| format!(" [{}]", written(argument))).collect()
}

fn own(command: &clap::Command) -> impl Iterator<Item = &clap::Arg> {
    command.get_arguments().filter(|argument| !argument.is_global_set() && argument.get_id() != "help")
}

/// Each command that can be typed, with its own options.
fn commands(command: &clap::Command, before: &str, page: &mut String) {
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = format!("{before}{}", command.get_name());
        if is_typed(command) {
            page.push_str(&format!(".SS \"{}{}\"\n", roff(&name), roff(&bracketed(command))));
            page.push_str(&format!("{}\n", roff(&about(command.get_long_about().or(command.get_about())))));
            for argument in own(command) {
                let help = about(argument.get_long_help().or(argument.get_help()));
                page.push_str(&format!(".TP\n\\fB{}\\fR\n{}\n", roff(&written(argument)), roff(&help)));
            }
        }
        commands(command, &format!("{name} "), page);
    }
}

/// Whether a command is one by itself, and not only the beginning of others.
fn is_typed(command: &clap::Command) -> bool {
    !command.has_subcommands() || command.get_positionals().next().is_some()
}

fn about(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default()
}

/// An option as it is typed: `--json`, `-n N`, `FILE`.
fn written(argument: &clap::Arg) -> String {
    let flag = match (argument.get_long(), argument.get_short()) {
        (Some(long), _) => format!("--{long}"),
        (None, Some(short)) => format!("-{short}"),
        (None, None) if argument.is_last_set() => "--".to_owned(),
        (None, None) => String::new(),
    };
    let takes_value = argument.get_action().takes_values();
    let value = argument.get_value_names().filter(|_| takes_value).map(|names| names[0].to_string());
    [flag, value.unwrap_or_default()].iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(" ")
}

/// Text as roff takes it: groff_man(7). A paragraph's empty line is one there too, under the request for it.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace("\n\n", "\n.PP\n");
    let lines = text.lines().map(|line| if line.starts_with('\'') { format!("\\&{line}") } else { line.to_owned() });
    lines.collect::<Vec<_>>().join("\n")
}
