//! Scripts about messages and their way to the robot.

use super::super::clock::{MINUTE, SECOND};
use super::super::mishap::DiskFault;
use super::super::robot::Mood;
use super::super::script::{Act, Script};
use super::super::settings::{Settings, Webhook};

/// As [`super::super::host::WATCHED`] has them.
const DISK_A: &str = "💾 磁盘使用率(/a)";
const MEMORY: &str = "📊 内存使用率";
const SWAP: &str = "🔄 Swap 使用率";

const MEMORY_FIRES: &[&str] = &["VPS 告警", MEMORY];
const MEMORY_RECOVERS: &[&str] = &["VPS 恢复", MEMORY];

const MINUTES: i64 = MINUTE / SECOND;

/// A proxy's page comes back in place of an answer, and meanwhile the agent loses its channel.
pub fn reload_to_none_under_way() -> Script {
    Script::new(30 * MINUTES, |_| {})
        .at(30, Act::Robots(Mood::Garbage))
        .at(30, Act::Latency(4))
        .at(90, Act::Over(MEMORY))
        .at(123, Act::Reload(|settings| settings.webhook = None))
        .at(200, Act::Robots(Mood::Well))
        .at(300, Act::Reload(|settings| settings.webhook = Some(Webhook { robot: 1, secret: 1 })))
        .told(MEMORY_FIRES, 300..310)
}

/// The old key is refused, and meanwhile the agent has the new one.
pub fn reload_to_another_key_under_way() -> Script {
    Script::new(30 * MINUTES, |_| {})
        .at(30, Act::Robots(Mood::Refused))
        .at(30, Act::Latency(4))
        .at(90, Act::Over(MEMORY))
        .at(123, Act::Reload(|settings| settings.webhook = Some(Webhook { robot: 0, secret: 1 })))
        .at(124, Act::Robots(Mood::Well))
        .told(MEMORY_FIRES, 124..140)
}

/// The message waits for its save when the channel becomes another one.
pub fn reload_while_its_save_is_under_way() -> Script {
    Script::new(30 * MINUTES, |_| {})
        .at(30, Act::SlowDisk(1))
        .at(90, Act::Over(MEMORY))
        .at(123, Act::Reload(|settings| settings.webhook = Some(Webhook { robot: 1, secret: 1 })))
        .told(MEMORY_FIRES, 123..135)
}

/// Alerts end without a message of their own, in the backlog of a long outage.
pub fn digest_of_what_is_over() -> Script {
    let script = Script::new(80 * MINUTES, |settings| {
        (settings.rules.send_recovery, settings.rules.cooldown, settings.check_interval) = (false, 0, 30);
    });
    let mut script = script.at(30, Act::Robots(Mood::Unreachable));
    for turn in 0..110 {
        let (over, under) = if turn % 2 == 0 { (MEMORY, SWAP) } else { (SWAP, MEMORY) };
        script = script.at(45 + 30 * turn, Act::Over(over)).at(45 + 30 * turn, Act::Under(under));
    }
    script
        .at(75 * MINUTES, Act::Under(MEMORY))
        .at(75 * MINUTES, Act::Under(SWAP))
        .told_times(&["积压摘要", "🟢"], 80 * MINUTES..120 * MINUTES, 1..100)
        .never_told(&["🔴"])
}

pub fn never_taken() -> Script {
    Script::new(30 * MINUTES, |_| {})
        .at(30, Act::NeverTaken("c0"))
        .at(100, Act::Dies(0, 3))
        .at(110, Act::Dies(1, 3))
        .told(&["📦 容器: c1", "exited"], 110..240)
}

/// An alert waits, and the next agent cannot read the state for half a minute.
pub fn state_unreadable_for_a_while() -> Script {
    Script::new(30 * MINUTES, |_| {})
        .at(30, Act::Robots(Mood::Unreachable))
        .at(90, Act::Over(MEMORY))
        .at(200, Act::Disk(DiskFault::Broken))
        .at(200, Act::Kill { away: 10 })
        .at(230, Act::Disk(DiskFault::None))
        .at(300, Act::Robots(Mood::Well))
        .told(MEMORY_FIRES, 300..500)
        .never_told(&["损坏"])
}

/// A save takes forty seconds, and the message a few.
pub fn save_that_hangs() -> Script {
    Script::new(30 * MINUTES, |_| {}).at(30, Act::SlowDisk(10)).at(90, Act::Over(MEMORY)).told(MEMORY_FIRES, 120..130)
}

/// A backlog goes out on a disk that takes minutes for a save, and the next agent, on a quick one, has the rest.
pub fn unsaved_attempts_and_a_kill() -> Script {
    let rules = |settings: &mut Settings| (settings.rules.cooldown, settings.check_interval) = (0, 30);
    Script::new(60 * MINUTES, rules)
        .at(30, Act::Robots(Mood::Unreachable))
        .at(45, Act::Over(MEMORY))
        .at(30 * MINUTES, Act::SlowDisk(100))
        .at(30 * MINUTES, Act::Robots(Mood::Well))
        .at(36 * MINUTES, Act::Kill { away: 1 })
        .at(36 * MINUTES, Act::SlowDisk(0))
        .told_times(MEMORY_FIRES, 36 * MINUTES..37 * MINUTES, 5..20)
}

/// Messages that wait for the robot do not go to nobody's terminal.
pub fn no_channel_for_a_while() -> Script {
    Script::new(30 * MINUTES, |_| {})
        .at(30, Act::Robots(Mood::Unreachable))
        .at(90, Act::Over(MEMORY))
        .at(200, Act::Reload(|settings| settings.webhook = None))
        .at(210, Act::Robots(Mood::Well))
        .at(300, Act::Under(MEMORY))
        .at(500, Act::Reload(|settings| settings.webhook = Some(Webhook { robot: 1, secret: 1 })))
        .told(MEMORY_FIRES, 500..510)
        .told(MEMORY_RECOVERS, 500..510)
}

/// A reload each second, and a check takes one.
pub fn reloads_without_end() -> Script {
    let script = Script::new(30 * MINUTES, |_| {}).at(99, Act::Over(DISK_A));
    let script = (100..160).fold(script, |script, second| script.at(second, Act::Reload(|_| {})));
    script.told(&["VPS 告警", DISK_A], 99..110)
}

/// A hundred are told of in one message while there is no channel, whose limit would bound it.
pub fn one_message_for_a_crowd() -> Script {
    Script::new(30 * MINUTES, |settings| (settings.webhook, settings.containers) = (None, &["crowd-*"]))
        .with_crowd(100)
        .at(100, Act::CrowdDies(100))
        .at(200, Act::Over(MEMORY))
        .at(300, Act::Reload(|settings| settings.webhook = Some(Webhook { robot: 1, secret: 1 })))
        .at(400, Act::Reload(|settings| settings.containers = &["c0"]))
        .told(&["crowd-000"], 300..400)
        .told(&["crowd-099"], 300..400)
        .told(MEMORY_FIRES, 300..400)
}
