//! `report`: prints the status report of this moment, and delivers it on request.

use super::check::measure;
use super::deliver::deliver;
use super::saved::Saved;
use super::{Error, Options, exit, output};
use crate::clock;
use crate::config::Resolved;
use crate::core::sections;
use crate::message::{self, Kind};
use crate::notify::Channel;

pub fn report(options: &Options, send: bool) -> Result<u8, Error> {
    let config = Resolved::new(&options.config()?);
    let mut host = options.host()?;
    let mut saved = Saved::read(options);
    let snapshot = measure(&config, &mut saved, &mut host);
    let now = clock::now();
    // The report names alerts if they can be read; without them it is still a report.
    let state = saved.into_state();
    // It takes nothing away from the scheduled one.
    let sections = sections(&state, now);
    let report = message::report(&snapshot, &sections, &config.style, now.wall);
    output::print(&format!(
        "{}
",
        Channel::terminal().text(&report)
    ))?;
    // The printed report is the delivery to the terminal.
    let takes = |channel: &&Channel| channel.fallback_for().is_none() && channel.route().takes_message(Kind::Report);
    let channels = config.channels.iter().filter(|channel| send && takes(channel));
    let mut failures = Vec::new();
    for channel in channels {
        if let Err(refused) = deliver(channel, report.clone(), &host.worker)? {
            failures.push(format!("{channel}: not delivered: {}", refused.explain()));
        }
    }
    if failures.is_empty() { Ok(exit::DONE) } else { Err(Error::Failed(anyhow::anyhow!("{}", failures.join("\n")))) }
}
