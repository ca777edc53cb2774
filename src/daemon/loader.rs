//! Reads the configuration again while the agent runs.

use crate::config::{Config, ConfigFile, Overrides, Resolved};
use crate::core::Input;
use crate::logging;
use crate::settings::{Problems, Read, WAIT_OF_THE_LOOP};

/// Where the configuration comes from.
pub struct Loader {
    file: ConfigFile,
    overrides: Overrides,
    /// As it was read last.
    config: Config,
}

impl Loader {
    /// `config` is what was read at the start, `overrides` what the command line puts in its place.
    pub fn new(file: ConfigFile, overrides: Overrides, config: Config) -> Loader {
        Loader { file, overrides, config }
    }

    /// Reads it again.
    pub fn reload(&mut self) -> Input {
        match self.load() {
            Ok(read) => {
                for warning in &read.warnings {
                    log::warn!("{}", warning.in_log());
                }
                logging::set_level(read.value.general.log_level);
                let config = Box::new(Resolved::new(&read.value));
                // The core refuses an empty one while there is a channel.
                if !(read.is_empty && self.config.wechat.channel().is_some()) {
                    self.config = read.value;
                }
                Input::Reloaded { config, is_empty: read.is_empty }
            }
            Err(problems) => {
                for problem in &problems.list {
                    log::error!("{}", problem.in_log());
                }
                let first = problems.list.first().map(ToString::to_string).unwrap_or_default();
                Input::NotReloaded { problem: first.lines().next().unwrap_or_default().to_owned() }
            }
        }
    }

    /// The configuration in the system's time zone of now; `None` where it names its own.
    pub fn with_system_zone(&self) -> Option<Resolved> {
        self.config.general.timezone.is_none().then(|| Resolved::new(&self.config))
    }

    fn load(&self) -> Result<Read<Config>, Problems> {
        let mut read = self.file.load(WAIT_OF_THE_LOOP)?;
        self.overrides.apply(&mut read.value);
        Ok(read)
    }
}
