//! The agent as a process: started, signalled, killed and started again, against a robot.

mod alerts;
mod causes;
mod engine;
mod folder;
mod foreground;
mod foreign;
mod limits;
mod oom;
mod reload;
mod secrecy;
mod silence;
mod slow_disk;
mod start;
mod state;
mod status;
mod stopping;
mod turns;
mod undelivered;
mod unread;
mod wall_clock;

use nix::sys::signal::Signal;

use crate::support::agent::{Agent, Place};
use crate::support::robot::Robot;

/// An alert of the fixture host `small-vps`, up to its time.
const MEMORY_ALERT: &str = "⚠️ VPS 告警 [web-1]\n━━━━━━━━━━━━━━━━\n📊 内存使用率: 80.4% (阈值: 80%)\n⏰ 时间: ";

/// The message that follows when the host becomes `no-swap`.
const MEMORY_RECOVERY: &str = "✅ VPS 恢复 [web-1]\n━━━━━━━━━━━━━━━━\n📊 内存使用率: 40.2% (已恢复正常)\n";

/// The agent's alert and, of the next check, its recovery arrive, and the agent hears that they have.
fn see_alert_and_recovery(robot: &Robot, place: &Place, agent: &Agent) {
    assert!(robot.wait_for(1)[0].content().starts_with(MEMORY_ALERT));
    place.become_host("no-swap");
    agent.signal(Signal::SIGUSR1);
    assert!(robot.wait_for(2)[1].content().starts_with(MEMORY_RECOVERY));
    agent.wait_for_log("delivered kind=recovery");
}
