//! `status`: what the agent knows. A running one is asked; of one that does not run, its state file is read.

use std::fmt::Write;
use std::io;
use std::path::Path;

use anyhow::Context;

use super::{Error, Options, exit, output};
use crate::clock::{self, Now};
use crate::daemon::{Orders, Status, ask_status};
use crate::files::RealFolder;
use crate::host;
use crate::store::{self, State, Store};
use crate::text;

pub fn status(options: &Options, json: bool) -> Result<u8, Error> {
    let orders = Orders::new(&options.config()?);
    let status = find_out(&options.state_folder()?, &orders)?;
    let text = if json { format!("{}\n", text::json(&status.to_json())) } else { describe(&status) };
    output::print(&text)?;
    Ok(exit::DONE)
}

/// Asks the agent of `folder`, or reads what the last one left.
fn find_out(folder: &Path, orders: &Orders) -> Result<Status, Error> {
    let now = clock::now();
    let pid = store::holder(folder);
    match ask_status(folder) {
        Ok(answer) => {
            return Ok(serde_json::from_slice(&answer).context("the agent gave an answer that cannot be understood")?);
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let advice = "only its user and root may ask it: try sudo";
            return Err(Error::Failed(anyhow::Error::new(error).context(format!("{}: {advice}", folder.display()))));
        }
        // An agent that is there but does not answer hangs, and that is worth knowing.
        Err(error) if pid.is_some() && error.kind() == io::ErrorKind::WouldBlock => {
            output::complain("the agent runs, but does not answer; below is what it last saved");
        }
        Err(_) => {}
    }
    let state = read_state(folder, now)?.unwrap_or_default();
    Ok(Status::at_rest(orders, &state, pid, now))
}

/// The state in `folder`, if there is one. It is left as it is, whatever is in it.
pub fn read_state(folder: &Path, now: Now) -> anyhow::Result<Option<State>> {
    Store::new(RealFolder::new(folder), host::boot_id()).peek(now).with_context(|| folder.display().to_string())
}

/// The status as a person reads it.
fn describe(status: &Status) -> String {
    let known = |time: &Option<String>| time.clone().unwrap_or_else(|| "unknown".to_owned());
    let mut lines = String::new();
    let mut line = |label: &str, value: String| {
        let _ = writeln!(lines, "{} {}", text::left(label, 13), text::shown(&value));
    };
    line("host", status.host.clone());
    match (status.running, status.pid) {
        (true, Some(pid)) => line("agent", format!("running, process {pid}")),
        (true, None) => line("agent", "running".to_owned()),
        (false, _) => line("agent", "not running".to_owned()),
    }
    line("last check", known(&status.last_check));
    line("next check", known(&status.next_check));
    line("last report", known(&status.last_report));
    line("next report", known(&status.next_report));
    line("alerts", if status.alerts.is_empty() { "none".to_owned() } else { status.alerts.len().to_string() });
    for alert in &status.alerts {
        let what = text::subject(&alert.metric, &alert.target);
        line("", format!("{what} {} {} since {}", alert.state, alert.value, alert.since));
    }
    line("waiting", if status.pending.is_empty() { "none".to_owned() } else { status.pending.len().to_string() });
    for pending in status.pending.iter().take(10) {
        let error = pending.last_error.as_deref().map_or_else(String::new, |error| format!(", last error: {error}"));
        let next = pending.next_attempt.as_deref().map_or_else(String::new, |next| format!(", next attempt {next}"));
        line(
            "",
            format!("{} of {}, {} attempts failed{next}{error}", pending.title, pending.created, pending.attempts),
        );
    }
    if status.pending.len() > 10 {
        line("", format!("… and {} more", status.pending.len() - 10));
    }
    for failure in &status.failures {
        line("not measured", format!("{}: {} (since {})", failure.collector, failure.error, known(&failure.since)));
    }
    lines
}
