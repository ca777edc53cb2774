//! Every command that the documents tell people to type is typed by a test: here, in a booted system (tests/systemd), or by
//! the gate.

use std::path::Path;
use std::process::Command;

use clap::{CommandFactory, Parser};
use vps_monitor::cli::Options;

use super::documents::documents;
use super::{fail_on, quoted, read};
use crate::support::agent::{BINARY, finish};

/// Commands that no test can type, each with the reason.
const BY_HAND: [(&str, &str); 4] = [
    ("git clone ", "the address is the reader's"),
    ("git pull", "it needs the network"),
    ("cd ", "it is typed with what follows"),
    ("sudoedit ", "an editor: the tests write the file"),
];

/// Commands that are typed in another form, each with the place.
const ELSEWHERE: [(&str, &str, &str); 3] = [
    ("openssl req -x509 ", "tests/webhook/certificates.rs", "the_command_of_the_documents_makes_a_certificate"),
    ("journalctl -u vps-monitor -f", "tests/systemd/service.sh", "timeout 2 journalctl -u vps-monitor -f"),
    ("printf '[Service]\\nSupplementaryGroups=\\n'", "tests/systemd/service.sh", "grep z-no-docker-group"),
];

/// Pages of which a test types every block, by its place.
const TYPED_AS_A_WHOLE: [(&str, &str); 2] =
    [("docs/replay.md", "tests/replay/documents.rs"), ("docs/replay.zh-CN.md", "tests/replay/documents.rs")];

/// The documents for users, whose blocks of shell are to be typed.
fn pages() -> impl Iterator<Item = String> {
    documents()
        .into_iter()
        .filter(|document| document.starts_with("README") || (document.starts_with("docs/") && !is_report(document)))
}

/// Reports of measurements, which nobody types.
fn is_report(document: &str) -> bool {
    ["docs/performance.md", "docs/scale.md"].contains(&document)
}

/// Every file that the agent leaves in its folder, and no option as one that is still to come.
#[test]
fn the_pages_of_commands_name_the_agents_files_and_deny_no_option() {
    for page in ["docs/commands.md", "docs/commands.zh-CN.md"] {
        let text = read(page);
        for file in [vps_monitor::history::FILE_NAME, "history.db.damaged-*", "alert_state.json", "status.sock"] {
            assert!(text.contains(&format!("`/var/lib/vps-monitor/{file}`")), "{page}: {file}");
        }
        assert!(!text.contains("there is no `--") && !text.contains("还没有 `--"), "{page}");
    }
    let help = Options::command().render_long_help().to_string();
    assert!(["WeChat Work", "Telegram", "e-mail"].iter().all(|channel| help.contains(channel)), "{help}");
}

/// The lines of the blocks of shell, each with its document, without comments and `sudo`.
fn typed_lines() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for document in pages() {
        let text = read(&document);
        let mut inside = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with("```") {
                inside = line == "```sh";
                continue;
            }
            let command = line.split("  #").next().unwrap_or_default().trim().trim_start_matches("sudo ");
            if inside && !command.is_empty() && !command.starts_with('#') {
                found.push((document.clone(), command.to_owned()));
            }
        }
    }
    assert!(found.len() > 40, "{found:#?}");
    found
}

/// The commands that the scenarios in a booted system type, by their function `readme`.
fn typed_in_a_booted_system() -> Vec<String> {
    let text =
        ["service", "package", "container", "fleet"].map(|name| read(&format!("tests/systemd/{name}.sh"))).concat();
    let calls = text.lines().filter_map(|line| line.trim().strip_prefix("readme "));
    let arguments = calls.filter_map(|call| {
        let quote = call.chars().next()?;
        call[1..].split(quote).next()
    });
    arguments.map(|argument| argument.trim_start_matches("sudo ").to_owned()).collect()
}

/// Whether the gate or a scenario makes this target.
fn is_made(target: &str) -> bool {
    let places = [".ci/run", "tests/systemd/service.sh", "tests/systemd/package.sh", "tests/systemd/container.sh"];
    places.iter().any(|place| {
        let text = read(place).replace("--no-print-directory ", "");
        text.split("make ").skip(1).any(|rest| rest.split([' ', '\n', '"', '\'', '<']).next() == Some(target))
    })
}

#[test]
fn every_command_of_the_documents_is_typed_by_a_test() {
    let booted = typed_in_a_booted_system();
    let mut complaints = Vec::new();
    for (document, command) in typed_lines() {
        let made = command.split_whitespace().find(|word| !word.contains('=')).is_some_and(|word| word == "make");
        let target = command.split_whitespace().skip_while(|word| *word != "make").nth(1).unwrap_or_default();
        let is_typed = BY_HAND.iter().any(|(prefix, _)| command.starts_with(prefix))
            || ELSEWHERE.iter().any(|(prefix, place, text)| command.starts_with(prefix) && read(place).contains(text))
            || booted.contains(&command)
            || (made && is_made(target))
            || TYPED_AS_A_WHOLE.iter().any(|(page, place)| document == *page && read(place).contains(page))
            || is_of_the_demonstration(&command);
        if !is_typed {
            complaints.push(format!("{document}: no test types `{command}`"));
        }
    }
    fail_on(&complaints);
}

/// The commands that the test below types.
fn is_of_the_demonstration(command: &str) -> bool {
    command.ends_with(" >demo.yaml") || command == "vps-monitor --config demo.yaml --state-dir demo run --once"
}

#[test]
fn the_demonstration_shows_an_alert_in_the_terminal() {
    for (page, title) in [("docs/messages.md", "⚠️ VPS Alert ["), ("docs/messages.zh-CN.md", "⚠️ VPS 告警 [")]
    {
        let text = read(page);
        let script = text.split("\n```sh\n").nth(1).unwrap().split("\n```").next().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = format!("{}:{}", Path::new(BINARY).parent().unwrap().display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("sh");
        let shown = finish(shell.args(["-ec", script]).current_dir(folder.path()).env("PATH", path));
        assert!(shown.code == 0 && shown.stdout.contains(title), "{page}: {shown:?}");
    }
}

#[test]
fn every_command_that_is_quoted_is_one_that_the_program_understands() {
    let mut complaints = Vec::new();
    for document in documents() {
        for line in read(&document).lines() {
            for command in quoted(line) {
                let command = command.trim_start_matches("sudo ");
                // Beginnings and patterns of commands are none.
                if !command.starts_with("vps-monitor ")
                    || command.contains(['…', '&', '|'])
                    || command.contains("COMMAND")
                {
                    continue;
                }
                if let Err(error) = Options::try_parse_from(command.split_whitespace())
                    && error.exit_code() != 0
                {
                    complaints.push(format!("{document}: `{command}`: {error}"));
                }
            }
        }
    }
    fail_on(&complaints);
}

/// The texts in a row's first cell, cut where the program puts in a name or a number.
fn fragments(cell: &str) -> Vec<String> {
    let cut = |text: String| text.split('…').map(|part| part.trim().to_owned()).collect::<Vec<_>>();
    quoted(cell).into_iter().flat_map(cut).filter(|part| !part.is_empty()).collect()
}

#[test]
fn the_errors_that_are_explained_are_errors_of_the_program() {
    // A literal that goes on in the next line is one text.
    let source: String = super::sources().into_iter().map(|file| file.text).collect();
    let source: String = source.split("\\\n").map(|part| part.trim_start()).collect();
    let mut complaints = Vec::new();
    for page in ["docs/troubleshooting.md", "docs/troubleshooting.zh-CN.md"] {
        let rows = read(page).lines().filter(|line| line.starts_with("| `")).map(str::to_owned).collect::<Vec<_>>();
        assert!(rows.len() > 10, "{page}: {rows:?}");
        for row in rows {
            for fragment in fragments(row.split(" | ").next().unwrap_or_default()) {
                // Placeholders are filled in when the error is printed.
                let text = fragment.replace("errcode ", "").replace("/var/run/docker.sock", "");
                if !source.contains(text.trim()) {
                    complaints.push(format!("{page}: the program does not say `{fragment}`"));
                }
            }
        }
    }
    fail_on(&complaints);
}
