//! `report`: the status report of this moment, printed, and delivered where that is asked for.

use super::check::measure;
use super::deliver::deliver;
use super::status::read_state;
use super::{Error, Options, exit, output};
use crate::clock;
use crate::daemon::Orders;
use crate::message::{self, Extras};
use crate::notify::Channel;
use crate::store::State;

pub fn report(options: &Options, send: bool) -> Result<u8, Error> {
    let orders = Orders::new(&options.config()?);
    let mut host = options.host()?;
    let snapshot = measure(&orders, &mut host);
    let now = clock::now();
    // Alerts are told where they can be read; a report does not fail for want of them.
    let state: State = read_state(&options.state_folder()?, now).ok().flatten().unwrap_or_default();
    let extras = Extras {
        late: None,
        firing: state.alerts.firing().into_iter().cloned().collect(),
        since_report: state.since_report,
    };
    let report = message::report(&snapshot, &orders.outline, &extras, &orders.style, now.wall);
    output::print(&format!("{}\n", report.text()))?;
    // What is printed to the terminal is delivered to the terminal.
    if !send || orders.channel == Channel::Terminal {
        return Ok(exit::DONE);
    }
    match deliver(&orders.channel, report, &host.worker)? {
        Ok(()) => Ok(exit::DONE),
        Err(refused) => Err(Error::Failed(anyhow::anyhow!("{}: not delivered: {}", orders.channel, refused.explain()))),
    }
}
