//! The command line of the agent by itself. The parser of all commands takes 130 KB, and the agent would keep them: the C
//! library gives no heap back that is smaller.

use std::ffi::OsString;

use clap::{Parser, Subcommand};

use super::options::{Command, Everywhere, Options};
use super::run::RunArgs;

#[derive(Debug, Parser)]
#[command(disable_help_flag = true, disable_help_subcommand = true)]
struct AgentOptions {
    #[command(flatten)]
    everywhere: Everywhere,
    #[command(subcommand)]
    command: AgentCommand,
}

#[derive(Debug, Subcommand)]
enum AgentCommand {
    #[command(disable_help_flag = true)]
    Run(RunArgs),
}

impl Options {
    /// # Errors
    /// Their faults; or help, or the version, where that is asked for.
    pub fn of(arguments: &[OsString]) -> Result<Options, clap::Error> {
        match AgentOptions::try_parse_from(arguments) {
            Ok(AgentOptions { everywhere, command: AgentCommand::Run(run) }) => {
                Ok(Options { everywhere, command: Command::Run(run) })
            }
            Err(_) => Options::try_parse_from(arguments),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;

    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        std::iter::once("vps-monitor").chain(line.split_whitespace()).map(OsString::from).collect()
    }

    #[test]
    fn the_agents_own_parser_reads_the_agents_command_line_as_that_of_all_commands_does() {
        for line in
            ["run", "run --once", "--config a.yaml run", "run --state-dir s --procfs /p --docker-socket /d --once"]
        {
            let own = AgentOptions::try_parse_from(words(line)).unwrap();
            let all = Options::try_parse_from(words(line)).unwrap();
            let AgentCommand::Run(run) = own.command;
            assert_eq!(
                format!("{:?}", (own.everywhere, Command::Run(run))),
                format!("{:?}", (all.everywhere, all.command))
            );
        }
    }

    #[test]
    fn what_it_cannot_read_is_answered_by_the_parser_of_all_commands() {
        assert!(matches!(Options::of(&words("check --json")).unwrap().command, Command::Check { json: true, .. }));
        for line in ["", "run --help", "help run", "--version", "run --onec", "run twice", "runs"] {
            let all = Options::try_parse_from(words(line)).unwrap_err();
            let error = Options::of(&words(line)).unwrap_err();
            assert_eq!((error.kind(), error.to_string()), (all.kind(), all.to_string()), "{line}");
        }
        assert_eq!(Options::of(&words("run --help")).unwrap_err().kind(), ErrorKind::DisplayHelp);
    }
}
