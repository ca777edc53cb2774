//! `replay`: the messages that the configuration would have sent for recorded readings.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal};
use std::path::Path;

use anyhow::{Context, anyhow};

use super::options::ReplayArgs;
use super::{Error, Options, exit, output};
use crate::config::Resolved;
use crate::replay::{History, Replay};

/// Fewer and larger reads of a file of gigabytes.
const BUFFER_BYTES: usize = 256 * 1024;

pub fn replay(options: &Options, replayed: &ReplayArgs) -> Result<u8, Error> {
    let config = Resolved::new(&options.config()?);
    let (input, name) = open(replayed.history.as_deref())?;
    let mut history = History::new(input, name, &config.plan);
    let mut replay = Replay::new(&config);
    while let Some(check) = history.next_check().map_err(anyhow::Error::from)? {
        for message in replay.check(check) {
            let printed = if replayed.text {
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

/// The recorded readings, and their name for errors.
fn open(history: Option<&Path>) -> anyhow::Result<(Box<dyn BufRead>, String)> {
    match history.filter(|path| path.as_os_str() != "-") {
        Some(path) => {
            let file = File::open(path).with_context(|| path.display().to_string())?;
            Ok((Box::new(BufReader::with_capacity(BUFFER_BYTES, file)), path.display().to_string()))
        }
        None if history.is_none() && io::stdin().is_terminal() => Err(anyhow!(
            "there is nothing to replay: name a CSV file with the header time,metric,target,value or the saved output of \
             `vps-monitor check --json`, or pipe one in (`vps-monitor replay --help` says more)"
        )),
        None => {
            let input = BufReader::with_capacity(BUFFER_BYTES, io::stdin().lock());
            Ok((Box::new(input), "standard input".to_owned()))
        }
    }
}
