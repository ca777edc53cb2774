//! `test-notify`: one test message to every channel, and what each answered.

use std::path::Path;

use super::deliver::deliver;
use super::{Error, Options, exit, output};
use crate::clock;
use crate::config::STANDARD_FILE;
use crate::daemon::Orders;
use crate::message;
use crate::notify::Channel;

pub fn test_notify(options: &Options) -> Result<u8, Error> {
    let orders = Orders::new(&options.config()?);
    let message = message::test(&orders.style, clock::now().wall);
    let channel = &orders.channel;
    if *channel == Channel::Terminal {
        let file = options.config_file();
        let place = file.path().unwrap_or(Path::new(STANDARD_FILE)).display();
        output::complain(&format!(
            "no channel is configured, so messages are printed here; set wechat.webhook_url in {place} to have them in a group"
        ));
    }
    match deliver(channel, message, &options.host()?.worker)? {
        Ok(()) => {
            output::print(&format!("{channel}: delivered\n"))?;
            Ok(exit::DONE)
        }
        Err(refused) => {
            output::print(&format!("{channel}: not delivered: {}\n", refused.explain()))?;
            Err(Error::Failed(anyhow::anyhow!("the test message was not delivered")))
        }
    }
}
