//! A second channel beside the first, with a robot of its own.

use vps_monitor::config::Config;
use vps_monitor::notify::Channel;

/// Which robot it is, among all.
pub const PAGER: usize = 2;

pub fn channel() -> Channel {
    let text = format!("wechat: {{webhook_url: 0f9e8d7c-6b5a-4c3d-9e2f-{PAGER:04x}00000000}}\n");
    let config = Config::parse("pager", text.as_bytes()).unwrap_or_else(|problems| panic!("{problems}")).value;
    config.channels().remove(0).named("pager")
}
