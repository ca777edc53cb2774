//! The man pages and the shell completions in share/, which `make install` copies as they are: they are what the command
//! line and the configuration's template say.
//!
//! They are kept in the tree, so that neither the binary carries the code that writes them nor an install needs cargo.
//! `UPDATE_EXPECTED=1 cargo test --test main generated` writes them anew, to be looked at in the diff.

mod config_page;

use std::fs;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::{Shell, generate};
use clap_mangen::Man;
use vps_monitor::cli::Options;

/// Compares a file of share/ with what it must be.
fn assert_current(path: &str, expected: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("share").join(path);
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
        (Shell::Bash, "completions/vps-monitor.bash"),
        (Shell::Zsh, "completions/_vps-monitor"),
        (Shell::Fish, "completions/vps-monitor.fish"),
    ] {
        let mut script = Vec::new();
        generate(shell, &mut Options::command(), "vps-monitor", &mut script);
        assert_current(file, &script);
    }
}

#[test]
fn the_man_page_is_that_of_the_command_line() {
    assert_current("man/vps-monitor.8", command_page().as_bytes());
}

#[test]
fn the_configurations_man_page_has_every_key_of_the_template() {
    let page = config_page::page(vps_monitor::config::TEMPLATE);
    assert_current("man/vps-monitor-config.5", page.as_bytes());
    let keys = serde_json::to_value(vps_monitor::config::Config::default()).unwrap();
    for (section, keys) in keys.as_object().unwrap() {
        for key in keys.as_object().unwrap().keys() {
            assert!(page.contains(&format!("{section}.{key}").replace('-', "\\-")), "the page lacks {section}.{key}");
        }
    }
}

/// vps-monitor(8): the command line's own words, each command with its options, and what a program's help does not say.
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
    man.render_synopsis_section(&mut page).unwrap();
    man.render_description_section(&mut page).unwrap();
    man.render_options_section(&mut page).unwrap();
    let mut page = String::from_utf8(page).unwrap();
    page.push_str(".SH COMMANDS\n");
    commands(&command, "", &mut page);
    page.push_str(include_str!("generated/vps-monitor.8.tail"));
    page
}

/// Each command that can be typed, with its own options.
fn commands(command: &clap::Command, before: &str, page: &mut String) {
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = format!("{before}{}", command.get_name());
        if command.has_subcommands() {
            commands(command, &format!("{name} "), page);
            continue;
        }
        let own =
            || command.get_arguments().filter(|argument| !argument.is_global_set() && argument.get_id() != "help");
        let synopsis: Vec<String> = own().map(|argument| format!(" [{}]", written(argument))).collect();
        page.push_str(&format!(".SS \"{}{}\"\n", roff(&name), roff(&synopsis.concat())));
        page.push_str(&format!("{}\n", roff(&about(command.get_long_about().or(command.get_about())))));
        for argument in own() {
            let help = about(argument.get_long_help().or(argument.get_help()));
            page.push_str(&format!(".TP\n\\fB{}\\fR\n{}\n", roff(&written(argument)), roff(&help)));
        }
    }
}

fn about(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default()
}

/// An option as it is typed: `--json`, `-n N`, `FILE`.
fn written(argument: &clap::Arg) -> String {
    let flag = match (argument.get_long(), argument.get_short()) {
        (Some(long), _) => format!("--{long}"),
        (None, Some(short)) => format!("-{short}"),
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
