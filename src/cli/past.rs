//! The agent's own history, for the commands that show it.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use jiff::Timestamp;

use super::options::SERVICE_STATE;
use super::period::Period;
use super::status::ensure_answer;
use super::{Error, Options};
use crate::chart::Chart;
use crate::config::Resolved;
use crate::core::rfc3339;
use crate::drawing::{self, Recipe, Subject};
use crate::files::RealFolder;
use crate::history::{FILE_NAME, ReadError, Reader};
use crate::host;
use crate::settings::nearest;
use crate::snapshot::Key;

/// Rows are written every five minutes: a chart of the latest time ends with the last of them.
const WRITTEN_AFTER_SECONDS: i64 = 600;

/// Opens the history of this user's agent, else of the service's. Its folder becomes the working folder.
pub fn open(options: &Options) -> Result<Reader, Error> {
    let own = options.state_folder()?;
    let service = PathBuf::from(SERVICE_STATE);
    let has_another = options.named_state_folder().is_none() && own != service;
    match open_in(&own)? {
        Some(reader) => Ok(reader),
        None if has_another => open_in(&service)?.ok_or_else(|| nothing(&service)),
        None => Err(nothing(&own)),
    }
}

fn nothing(folder: &Path) -> Error {
    Error::Failed(anyhow!(
        "there is no history yet in {}: the agent writes it within five minutes of its start, unless history.enabled is \
         false (does it run? `vps-monitor status` says so)",
        folder.display()
    ))
}

/// `None`: there is none.
fn open_in(folder: &Path) -> Result<Option<Reader>, Error> {
    ensure_answer(folder)?;
    let opened = match RealFolder::open(folder) {
        Ok(opened) => Reader::open(&opened),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(ReadError::Denied(error)),
        Err(error) => Err(ReadError::Failed(error.to_string())),
    };
    match opened {
        Ok(reader) => Ok(Some(reader)),
        Err(ReadError::Absent) => Ok(None),
        Err(ReadError::Denied(error)) => Err(Error::Failed(anyhow!(
            "{}: {error}: only root and the agent's own user may read it: put sudo before the command",
            folder.join(FILE_NAME).display()
        ))),
        Err(error) => Err(unreadable(error).context(folder.display().to_string()).into()),
    }
}

pub fn unreadable(error: ReadError) -> anyhow::Error {
    anyhow::Error::new(error)
}

/// Refuses a name that is no quantity's, with the nearest that is.
pub fn ensure_known(names: &[String], reader: &Reader, config: &Resolved) -> Result<(), Error> {
    let in_store = reader.series().iter().map(|series| series.metric.as_str());
    let mut known: Vec<&str> = config.plan.metrics().map(|(metric, _)| metric.name).chain(in_store.clone()).collect();
    known.sort_unstable();
    known.dedup();
    for name in names {
        let metric = name.split_once('(').map_or(name.as_str(), |(metric, _)| metric);
        if !known.contains(&metric) {
            let mut recorded: Vec<&str> = in_store.collect();
            recorded.sort_unstable();
            recorded.dedup();
            let meant = match nearest(metric, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("the history has {}", recorded.join(", ")),
            };
            return Err(Error::Usage(format!("there is no metric `{metric}`; {meant}")));
        }
        let keys = reader.series().iter().map(drawing::key);
        if !keys.clone().any(|key| drawing::is_named(std::slice::from_ref(name), &key)) {
            let targets: Vec<String> =
                keys.filter(|key| key.metric.name == metric).map(|key| key.to_string()).take(20).collect();
            let there = if targets.is_empty() { String::new() } else { format!("; there is {}", targets.join(", ")) };
            return Err(Error::Failed(anyhow!("the history has no reading of {name}{there}")));
        }
    }
    Ok(())
}

/// The chart over `period`.
///
/// # Errors
/// The store cannot be read, or it has nothing of that time: an empty drawing would not say why.
pub fn chart(
    config: &Resolved,
    reader: &Reader,
    period: Period,
    subject: Subject,
    now: Timestamp,
) -> anyhow::Result<Chart> {
    let recipe = recipe(config, reader, period, subject, now)?;
    let chart = drawing::chart(reader, &recipe).map_err(unreadable)?;
    if !chart.is_empty() {
        return Ok(chart);
    }
    let newest = reader.newest().map_err(unreadable)?.and_then(|newest| Timestamp::from_second(newest).ok());
    let last = newest.map(|newest| format!(": its last one is of {}", rfc3339(newest, &config.style.zone)));
    Err(anyhow!("the history has no readings of that time{}", last.unwrap_or_default()))
}

/// The recipe of a chart over `period`.
fn recipe(
    config: &Resolved,
    reader: &Reader,
    period: Period,
    subject: Subject,
    now: Timestamp,
) -> anyhow::Result<Recipe> {
    let newest = reader.newest().map_err(unreadable)?.and_then(|newest| Timestamp::from_second(newest).ok());
    let written = newest.filter(|newest| {
        let age = now.as_second() - newest.as_second();
        let longest = WRITTEN_AFTER_SECONDS + config.check_interval.as_secs().cast_signed();
        period.is_latest && (0..=longest).contains(&age) && *newest > period.from
    });
    let shift = written.map_or(0, |newest| period.to.as_second() - newest.as_second());
    let shifted = |time: Timestamp| {
        Timestamp::from_second(time.as_second() - shift).context("the time is out of what can be shown")
    };
    let keys: Vec<Key> = reader.series().iter().map(drawing::key).collect();
    Ok(Recipe {
        subject,
        from: shifted(period.from)?,
        to: shifted(period.to)?,
        made_at: now,
        host: config.style.host.clone(),
        system_host: host::name(),
        zone: config.style.zone.clone(),
        language: config.style.language,
        interval: config.check_interval,
        known: drawing::known(&config.rules, keys.iter()),
    })
}
