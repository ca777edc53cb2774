//! `config`: check, show or make a configuration.

use super::{ConfigCommand, Error, Options, exit, output};
use crate::config::{Config, TEMPLATE};

pub fn config(options: &Options, command: &ConfigCommand) -> Result<u8, Error> {
    match command {
        ConfigCommand::Check { file } => {
            match file {
                Some(file) => {
                    let read = Config::load(file).map_err(Error::Config)?;
                    read.warnings.iter().for_each(|warning| output::complain(&warning.to_string()));
                }
                None => drop(options.config()?),
            }
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
