//! `test-notify`: sends one test message to every channel, and prints each answer.

use std::path::Path;

use super::deliver::deliver;
use super::{Error, Options, exit, output};
use crate::clock;
use crate::config::{Resolved, STANDARD_FILE};
use crate::message;
use crate::notify::CHANNEL_KINDS;

pub fn test_notify(options: &Options) -> Result<u8, Error> {
    let config = Resolved::new(&options.config()?);
    let message = message::test(&config.style, clock::now().wall);
    if config.channels.is_empty() {
        let file = options.config_file();
        let place = file.path().unwrap_or(Path::new(STANDARD_FILE)).display();
        let settings: Vec<&str> = CHANNEL_KINDS.iter().map(|kind| kind.setting).collect();
        output::complain(&format!(
            "no channel is configured, so messages are printed here; set {} in {place} to have them in a group",
            settings.join(" or ")
        ));
    }
    let worker = options.host()?.worker;
    let mut all_delivered = true;
    for channel in config.channels_or_terminal() {
        match deliver(&channel, message.clone(), &worker)? {
            Ok(()) => output::print(&format!("{channel}: delivered\n"))?,
            Err(refused) => {
                output::print(&format!("{channel}: not delivered: {}\n", refused.explain()))?;
                all_delivered = false;
            }
        }
    }
    if all_delivered {
        Ok(exit::DONE)
    } else {
        Err(Error::Failed(anyhow::anyhow!("the test message was not delivered")))
    }
}
