//! `schedule`: the next times a report is due.

use std::fmt::Write;

use super::options::ScheduleArgs;
use super::{Error, Options, exit, output};
use crate::clock;
use crate::config::Resolved;
use crate::core::rfc3339;

pub fn schedule(options: &Options, wanted: &ScheduleArgs) -> Result<u8, Error> {
    let config = Resolved::new(&options.config()?);
    let schedule = wanted.cron.as_ref().unwrap_or(&config.reports.cron);
    let zone = wanted.timezone.as_ref().unwrap_or(&config.report_zone);
    let after = wanted.after.unwrap_or_else(|| clock::now().wall);
    let mut text = String::new();
    for time in schedule.upcoming(after, zone).take(wanted.number as usize) {
        let _ = writeln!(text, "{}", rfc3339(time.timestamp(), zone));
    }
    output::print(&text)?;
    Ok(exit::DONE)
}
