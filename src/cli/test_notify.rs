//! `test-notify`: sends one test message to every channel, and prints each answer.

use std::path::Path;

use super::deliver::deliver;
use super::{Error, Options, exit, output};
use crate::clock;
use crate::config::{Resolved, STANDARD_FILE};
use crate::message;
use crate::notify::{Channel, FIRST_SETTING};

/// `name`: only to the channel of that name.
pub fn test_notify(options: &Options, name: Option<&str>) -> Result<u8, Error> {
    let config = Resolved::new(&options.config()?);
    let message = message::test(&config.style, clock::now().wall);
    if config.channels.is_empty() {
        let file = options.config_file();
        let place = file.path().unwrap_or(Path::new(STANDARD_FILE)).display();
        output::complain(&format!(
            "no channel is configured, so messages are printed here; set {FIRST_SETTING} in {place} to have them in a \
             group, or list other channels under `channels`"
        ));
    }
    let channels = chosen(config.channels_or_terminal(), name)?;
    let worker = options.host()?.worker;
    let mut failed = 0;
    for channel in &channels {
        let shown = channel.described();
        match deliver(channel, message.clone(), &worker)? {
            Ok(lacks) => {
                output::print(&format!("{shown}: delivered\n"))?;
                for lack in lacks {
                    output::print(&format!("  but {}: {}\n", lack.what, lack.why))?;
                }
            }
            Err(refused) => {
                output::print(&format!("{shown}: not delivered: {}\n", refused.explain()))?;
                failed += 1;
            }
        }
    }
    match (failed, channels.len()) {
        (0, _) => Ok(exit::DONE),
        (_, 1) => Err(Error::Failed(anyhow::anyhow!("the test message was not delivered"))),
        (failed, of) => {
            Err(Error::Failed(anyhow::anyhow!("the test message was not delivered to {failed} of {of} channels")))
        }
    }
}

fn chosen(channels: Vec<Channel>, name: Option<&str>) -> Result<Vec<Channel>, Error> {
    let Some(name) = name else { return Ok(channels) };
    let names: Vec<String> = channels.iter().map(|channel| channel.name().to_owned()).collect();
    let chosen: Vec<Channel> = channels.into_iter().filter(|channel| channel.name() == name).collect();
    if chosen.is_empty() {
        return Err(Error::Usage(format!("--channel: there is no channel {name}; there are: {}", names.join(", "))));
    }
    Ok(chosen)
}
