//! `replay`: the messages that the configuration would have sent for recorded readings.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal};

use anyhow::{Context, anyhow};

use super::options::ReplayArgs;
use super::{Error, Options, exit, output, past};
use crate::clock;
use crate::config::Resolved;
use crate::history::Series;
use crate::replay::{History, Replay, Stored};

/// Fewer and larger reads of a file of gigabytes.
const BUFFER_BYTES: usize = 256 * 1024;

/// The time of the agent's own history where none is named.
const LATEST: &str = "30d";

pub fn replay(options: &Options, replayed: &ReplayArgs) -> Result<u8, Error> {
    let config = Resolved::new(&options.config()?);
    if let Some((input, name)) = open(replayed)? {
        return play(&config, History::new(input, name, &config.plan), replayed.text);
    }
    let period = replayed.period.period(LATEST, &config.style.zone, clock::now().wall)?;
    let reader = past::open(options).map_err(|error| match error {
        Error::Failed(error) if !replayed.period.is_named() => Error::Failed(anyhow!(
            "{error:#}; or name a CSV file with the header time,metric,target,value or the saved output of `vps-monitor \
             check --json`"
        )),
        error => error,
    })?;
    // Quantities that this version does not know are left out.
    let is_known = |series: &Series| config.plan.metrics().any(|(metric, _)| metric.name == series.metric);
    let rows = Stored::new(&reader, is_known, period.from.as_second(), period.to.as_second());
    play(&config, History::new(rows.map_err(past::unreadable)?, "the history", &config.plan), replayed.text)
}

fn play(config: &Resolved, mut history: History<impl BufRead>, is_text: bool) -> Result<u8, Error> {
    let mut replay = Replay::new(config);
    while let Some(check) = history.next_check().map_err(anyhow::Error::from)? {
        for message in replay.check(check) {
            let printed = if is_text {
                format!("{}\n", message.text(&config.style))
            } else {
                message.json(&config.style).map_err(anyhow::Error::from)?
            };
            if !output::print_on(&printed)? {
                return Ok(exit::DONE);
            }
        }
    }
    output::complain(&replay.summary());
    Ok(exit::DONE)
}

/// The recorded readings, and their name for errors; `None`: those of the agent itself.
fn open(replayed: &ReplayArgs) -> anyhow::Result<Option<(Box<dyn BufRead>, String)>> {
    match replayed.history.as_deref().filter(|path| path.as_os_str() != "-") {
        Some(path) => {
            let file = File::open(path).with_context(|| path.display().to_string())?;
            Ok(Some((Box::new(BufReader::with_capacity(BUFFER_BYTES, file)), path.display().to_string())))
        }
        None if replayed.history.is_none() && (replayed.period.is_named() || io::stdin().is_terminal()) => Ok(None),
        None => {
            let input = BufReader::with_capacity(BUFFER_BYTES, io::stdin().lock());
            Ok(Some((Box::new(input), "standard input".to_owned())))
        }
    }
}
