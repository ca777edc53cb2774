//! `metrics`: measures once and prints the readings as metrics.

use super::check::measure;
use super::saved::Saved;
use super::{Error, Options, exit, output};
use crate::config::Resolved;
use crate::rule;
use crate::tap::metrics::Page;

pub fn metrics(options: &Options) -> Result<u8, Error> {
    let config = Resolved::new(&options.config()?);
    let snapshot = measure(&config, &mut Saved::for_measuring(options, &config), &mut options.host()?);
    let findings = rule::evaluate(&snapshot, &config.rules);
    output::print(&Page::of(&findings, &snapshot.failures).readings())?;
    Ok(exit::DONE)
}
