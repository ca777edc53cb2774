//! Reads the configuration again while the agent runs.
//!
//! On a mount that hangs, opening the file, or one that it names for a secret, would never end, so a child reads them first.

use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::Duration;

use crate::clock::Boot;
use crate::config::{Config, ConfigFile, Overrides, Resolved};
use crate::core::Input;
use crate::logging;
use crate::settings::{Problems, Read, WAIT_OF_THE_LOOP};
use crate::text;
use crate::worker::{TryTask, Worker};

/// The pause before another look at a file that is being written. The looks end after [`PATIENCE`] in all: an editor
/// over a slow line.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(10);

const _: () = assert!(LOOK_AGAIN.as_millis() < PATIENCE.as_millis());

/// The source of the configuration.
pub struct Loader {
    file: ConfigFile,
    overrides: Overrides,
    /// The configuration from the last read.
    config: Config,
    /// While the file is being written: the next look at it, and the last.
    waiting: Option<(Boot, Boot)>,
    /// Whether there was a file.
    from_file: bool,
    /// Tries whether it can be read.
    attempt: Option<TryTask>,
}

impl Loader {
    /// `config` comes from the start, `overrides` are the command line's values that take precedence.
    pub fn new(file: ConfigFile, overrides: Overrides, config: Config) -> Loader {
        let from_file = file.path().is_some();
        Loader { file, overrides, config, waiting: None, from_file, attempt: None }
    }

    /// Begins to read the file again; this or [`Loader::advance`] returns the outcome.
    pub fn reload(&mut self, worker: &Worker, now: Boot) -> Option<Input> {
        if self.attempt.is_some() {
            return None;
        }
        match worker.try_config(self.file.place()) {
            Ok(attempt) => self.attempt = Some(attempt),
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                return Some(self.unreachable(&error.to_string()));
            }
            // Without children it is worth a try.
            Err(_) => return self.read(now),
        }
        None
    }

    /// For poll(2): readable when [`Loader::advance`] has something to do.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.attempt.as_ref().map(TryTask::fd)
    }

    /// When [`Loader::advance`] is to be called at the latest.
    pub fn due(&self) -> Option<Boot> {
        let attempt = self.attempt.as_ref().map(TryTask::deadline);
        self.waiting.map(|(due, _)| due).into_iter().chain(attempt).min()
    }

    /// Goes on with a reload. `None`: there is none, or it has not ended, because the file does not answer or is being
    /// written.
    pub fn advance(&mut self, now: Boot) -> Option<Input> {
        if let Some(attempt) = &mut self.attempt {
            let answer = attempt.poll(now)?;
            let hangs = now >= attempt.deadline();
            self.attempt = None;
            return match answer {
                Err(error) if hangs => Some(self.unreachable(&error.to_string())),
                // Any other fault is reported when it is read.
                _ => self.read(now),
            };
        }
        let is_due = self.waiting.is_some_and(|(due, _)| due <= now);
        if is_due { self.read(now) } else { None }
    }

    fn read(&mut self, now: Boot) -> Option<Input> {
        let from_file = self.file.path().is_some();
        let loaded = self.load();
        let input = self.take(loaded, now);
        if matches!(input, Some(Input::Reloaded { is_empty, .. }) if !is_empty || self.config.channels().is_empty()) {
            self.from_file = from_file;
        }
        input
    }

    /// The file that the configuration in force is from; `None`: there was none.
    pub fn file_in_force(&self) -> Option<&Path> {
        self.from_file.then(|| self.file.place())
    }

    fn unreachable(&self, error: &str) -> Input {
        let problem = format!("{}: error: {error}", self.file.place().display());
        log::error!("{}", text::in_log(&problem));
        Input::NotReloaded { problem }
    }

    fn take(&mut self, loaded: Result<Read<Config>, Problems>, now: Boot) -> Option<Input> {
        let waiting = self.waiting.take();
        match loaded {
            Ok(read) => {
                for warning in &read.warnings {
                    log::warn!("{}", warning.in_log());
                }
                logging::set_level(read.value.general.log_level);
                let config = Box::new(Resolved::new(&read.value));
                // The core refuses an empty one while there is a channel.
                if !read.is_empty || self.config.channels().is_empty() {
                    self.config = read.value;
                }
                Some(Input::Reloaded { config, is_empty: read.is_empty })
            }
            Err(problems) => {
                let until = waiting.map_or(now.after(PATIENCE), |(_, until)| until);
                if problems.is_passing && now < until {
                    self.waiting = Some((now.after(LOOK_AGAIN), until));
                    return None;
                }
                for line in problems.in_log() {
                    log::error!("{line}");
                }
                Some(Input::NotReloaded { problem: problems.first_error() })
            }
        }
    }

    /// The configuration in the system's present time zone; `None` if it names its own.
    pub fn with_system_zone(&self) -> Option<Resolved> {
        self.config.general.timezone.is_none().then(|| Resolved::new(&self.config))
    }

    fn load(&self) -> Result<Read<Config>, Problems> {
        let mut read = self.file.load(WAIT_OF_THE_LOOP)?;
        self.overrides.apply(&mut read.value);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Boot {
        Boot::from_millis(millis)
    }

    fn loader() -> Loader {
        Loader::new(ConfigFile::default(), Overrides::default(), Config::default())
    }

    fn being_written() -> Result<Read<Config>, Problems> {
        Config::parse("c.yaml", b"general: 1").map_err(|problems| Problems { is_passing: true, ..problems })
    }

    #[test]
    fn a_file_that_is_being_written_is_looked_at_again_until_it_is_whole() {
        let mut loader = loader();
        assert!(loader.take(being_written(), at(0)).is_none());
        assert_eq!(loader.due(), Some(at(500)));
        assert!(loader.take(being_written(), at(700)).is_none());
        let whole = Config::parse("c.yaml", b"general: {hostname: a}");
        assert!(matches!(loader.take(whole, at(1400)), Some(Input::Reloaded { is_empty: false, .. })));
        assert_eq!(loader.due(), None);
    }

    #[test]
    fn a_file_that_is_written_for_ever_is_given_up_and_one_that_is_not_valid_at_once() {
        let mut loader = loader();
        assert!((0..20).all(|look| loader.take(being_written(), at(look * 500)).is_none()));
        assert!(matches!(loader.take(being_written(), at(10_000)), Some(Input::NotReloaded { .. })));
        assert_eq!(loader.due(), None);
        let invalid = Config::parse("c.yaml", b"general: 1");
        assert!(matches!(loader.take(invalid, at(11_000)), Some(Input::NotReloaded { .. })));
    }
}
