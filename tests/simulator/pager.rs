//! Channels beside the first, each with a robot of its own: another of the same kind, one of Slack, whose limits are
//! others and which may have a route, and one that steps in for the first of these.

use vps_monitor::config::Config;
use vps_monitor::http::{Error, Response};
use vps_monitor::notify::Channel;

use super::clock::MINUTE;
use super::oracle::wrong;
use super::robot::{Fate, NEVER};
use super::route::Route;

/// Which robot it is, among all.
pub const PAGER: usize = 2;
pub const OPS: usize = 3;
pub const SPARE: usize = 4;

/// A fallback steps in once the oldest message waits for so long.
pub const STEPS_IN_AFTER: i64 = 10 * MINUTE;

/// Slack takes 40,000 characters, and advises 4,000 (docs.slack.dev/changelog/2018-truncating-really-long-messages).
const MAX_OPS_CHARS: usize = 4000;

pub fn channel() -> Channel {
    let text = format!("wechat: {{webhook_url: {}}}\n", key(PAGER));
    let config = Config::parse("pager", text.as_bytes()).unwrap_or_else(|problems| panic!("{problems}")).value;
    config.channels().remove(0).named("pager")
}

pub fn ops_channel(route: &Route) -> Channel {
    slack_channel(&format!("{}, name: ops, {route}", slack(OPS)))
}

pub fn spare_channel() -> Channel {
    slack_channel(&format!("{}, name: spare, fallback_for: pager}}, {{{}, name: pager", slack(SPARE), slack(PAGER)))
}

fn slack(robot: usize) -> String {
    format!("slack: {{url: \"https://hooks.slack.com/services/T0/B0/{}\"}}", key(robot))
}

/// The first of these.
fn slack_channel(entries: &str) -> Channel {
    let text = format!("channels: [{{{entries}}}]\n");
    let config = Config::parse("channels", text.as_bytes()).unwrap_or_else(|problems| panic!("{problems}")).value;
    config.channels().remove(0)
}

/// Whether its messages are Slack's.
pub fn is_of_slack(robot: usize) -> bool {
    robot >= OPS
}

fn key(robot: usize) -> String {
    format!("0f9e8d7c-6b5a-4c3d-9e2f-{robot:04x}00000000")
}

/// How many attempts in a minute each takes.
pub fn budget(robot: usize) -> usize {
    if is_of_slack(robot) { 30 } else { 20 }
}

/// The text of a post to it, as its readers see it.
pub fn shown_in_slack(body: &serde_json::Value) -> Option<String> {
    let text = body["text"].as_str()?;
    if text.chars().count() > MAX_OPS_CHARS {
        wrong(format!("a message of {} characters is posted", text.chars().count()));
    }
    Some(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
}

/// Slack's answers, which are bare words.
pub fn answer_of_slack(fate: Fate) -> Result<Response, Error> {
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
