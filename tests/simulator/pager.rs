//! Channels beside the first, each with a robot of its own: another of the same kind, and one of Slack, whose limits are
//! others.

use vps_monitor::config::Config;
use vps_monitor::http::{Error, Response};
use vps_monitor::notify::Channel;

use super::oracle::wrong;
use super::robot::{Fate, NEVER};

/// Which robot it is, among all.
pub const PAGER: usize = 2;
pub const OPS: usize = 3;

/// Slack takes 40,000 characters, and advises 4,000 (docs.slack.dev/changelog/2018-truncating-really-long-messages).
const MAX_OPS_CHARS: usize = 4000;

pub fn channel() -> Channel {
    let text = format!("wechat: {{webhook_url: {}}}\n", key(PAGER));
    let config = Config::parse("pager", text.as_bytes()).unwrap_or_else(|problems| panic!("{problems}")).value;
    config.channels().remove(0).named("pager")
}

pub fn ops_channel() -> Channel {
    let url = format!("https://hooks.slack.com/services/T0/B0/{}", key(OPS));
    let text = format!("channels: [{{slack: {{url: \"{url}\"}}, name: ops}}]\n");
    let config = Config::parse("ops", text.as_bytes()).unwrap_or_else(|problems| panic!("{problems}")).value;
    config.channels().remove(0)
}

fn key(robot: usize) -> String {
    format!("0f9e8d7c-6b5a-4c3d-9e2f-{robot:04x}00000000")
}

/// How many attempts in a minute each takes.
pub fn budget(robot: usize) -> usize {
    if robot == OPS { 30 } else { 20 }
}

/// The text of a post to it, as its readers see it.
pub fn shown_in_ops(body: &serde_json::Value) -> Option<String> {
    let text = body["text"].as_str()?;
    if text.chars().count() > MAX_OPS_CHARS {
        wrong(format!("a message of {} characters is posted", text.chars().count()));
    }
    Some(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
}

/// Slack's answers, which are bare words.
pub fn answer_of_ops(fate: Fate) -> Result<Response, Error> {
    Ok(match fate {
        Fate::Accepted => Response::new(200, "ok"),
        Fate::AcceptedUnheard | Fate::Lost => return Err(Error("connection reset".to_owned())),
        Fate::Garbage => Response::new(200, "<html>please log in</html>"),
        Fate::Errcode(45009) => Response::new(429, ""),
        Fate::Errcode(93000) => Response::new(404, "no_service"),
        Fate::Errcode(40058 | NEVER) => Response::new(400, "invalid_payload"),
        Fate::Errcode(_) => Response::new(500, "rollup_error"),
    })
}
