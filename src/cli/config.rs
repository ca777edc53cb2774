//! `config`: check, show or make a configuration.

use super::{ConfigCommand, Error, Options, exit, output};
use crate::config::{Config, TEMPLATE};

pub fn config(options: &Options, command: &ConfigCommand) -> Result<u8, Error> {
    match command {
        ConfigCommand::Check { file, quiet } => {
            let read = match file {
                Some(file) => Config::load(file).map_err(Error::Config),
                None => options.read_config(),
            };
            if *quiet {
                return Ok(read.map_or_else(|error| error.exit_code(), |_| exit::DONE));
            }
            read?.warnings.iter().for_each(|warning| output::complain(&warning.to_string()));
            output::print("ok\n")?;
        }
        ConfigCommand::Show => {
            let yaml = options.config()?.to_yaml().map_err(anyhow::Error::from)?;
            output::print(&yaml)?;
        }
        ConfigCommand::Template => output::print(TEMPLATE)?,
    }
    Ok(exit::DONE)
}
