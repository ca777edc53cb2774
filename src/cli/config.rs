//! `config`: check, show or make a configuration.

use super::{ConfigCommand, Error, Options, exit, output};
use crate::config::{self, ConfigFile, STANDARD_FILE};
use crate::core::EMPTY_CONFIGURATION;

pub fn config(options: &Options, command: &ConfigCommand) -> Result<u8, Error> {
    match command {
        ConfigCommand::Check { file, quiet, reload } => {
            let file = file.clone().map_or_else(|| options.config_file(), ConfigFile::Named);
            return match check(options, &file, *reload, *quiet) {
                Err(error) if *quiet => Ok(error.exit_code()),
                checked => checked.map(|()| exit::DONE),
            };
        }
        ConfigCommand::Show => {
            let yaml = options.config()?.to_yaml().map_err(anyhow::Error::from)?;
            output::print(&yaml)?;
        }
        ConfigCommand::Template => output::print(&config::template())?,
        ConfigCommand::Schema => output::print(&config::schema())?,
    }
    Ok(exit::DONE)
}

/// Prints the problems of a configuration. Standard error gets the name of its file: people mend one file and check
/// another.
fn check(options: &Options, file: &ConfigFile, as_reload: bool, quiet: bool) -> Result<(), Error> {
    let read = options.read(file)?;
    if as_reload && read.is_empty {
        return Err(Error::Failed(anyhow::anyhow!("{EMPTY_CONFIGURATION}")));
    }
    if quiet {
        return Ok(());
    }
    read.warnings.iter().for_each(|warning| output::complain(&warning.to_string()));
    output::complain(&match file.path() {
        Some(path) => format!("checked {}", path.display()),
        None => format!("no file is named and there is no {STANDARD_FILE}: the built-in defaults are in force"),
    });
    Ok(output::print("ok\n")?)
}
