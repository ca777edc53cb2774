//! Scripts about containers.

use super::super::clock::{MINUTE, SECOND};
use super::super::container::Health;
use super::super::engine::{Mood, OF_COMPOSE, OF_SWARM, WITH_HEALTH};
use super::super::script::{Act, Script};
use super::super::settings::{LISTS, Settings};

const MINUTES: i64 = MINUTE / SECOND;
const HOURS: i64 = 60 * MINUTES;

/// With `docker.enabled: auto` an engine that is not there is no engine, unless it was there before.
pub fn no_socket_at_the_start() -> Script {
    Script::new(26 * HOURS, |settings| (settings.docker, settings.check_interval) = ("auto", 900))
        .at(100, Act::Dies(0, 3))
        .at(160, Act::Engine(Mood::Gone))
        .at(200, Act::Stop { away: 5 })
        .at(300, Act::Reload(|settings| settings.containers = &["c0", "c1"]))
        .at(25 * HOURS, Act::Engine(Mood::Up))
        .at(25 * HOURS + 20, Act::Starts(0))
        .told(&["📦 容器: c0", "❌ 状态: exited"], 100..26 * HOURS)
        .told(&["c0", "✅", "已恢复正常"], 25 * HOURS..25 * HOURS + 40)
}

/// A container that does not run has no health to speak of.
pub fn stopped_while_unhealthy() -> Script {
    Script::new(30 * MINUTES, |_| {})
        .at(100, Act::Health(WITH_HEALTH, Health::Unhealthy))
        .at(200, Act::Stops(WITH_HEALTH))
        .at(400, Act::Starts(WITH_HEALTH))
        .at(410, Act::Health(WITH_HEALTH, Health::Healthy))
        .told(&["📦 容器: c3", "❌ 健康: unhealthy"], 100..103)
        .told(&["📦 容器: c3", "✅ 健康: healthy"], 400..480)
}

/// An updater that takes its time between two containers of a name.
pub fn removed_for_long() -> Script {
    Script::new(60 * MINUTES, |settings| settings.containers = LISTS[2])
        .at(100, Act::Stops(0))
        .at(130, Act::Removed(0))
        .at(30 * MINUTES, Act::MadeAnew(0))
        .told(&["c0", "❌ 状态"], 110..115)
        .told(&["c0", "✅ 状态: running"], 30 * MINUTES..32 * MINUTES)
}

/// compose makes the next one under a name of its own, which is there for some checks.
pub fn composes_own_name() -> Script {
    Script::new(30 * MINUTES, |settings| settings.grace = 0).at(100, Act::ComposeMakes).never_told(&["shop-web-1"])
}

/// compose is interrupted: the next one, which never ran, keeps its own name.
pub fn composes_work_half_done() -> Script {
    Script::new(30 * MINUTES, |settings| settings.containers = LISTS[2])
        .at(100, Act::ComposeMakes)
        .at(300, Act::Stops(OF_COMPOSE))
        .at(302, Act::Removed(OF_COMPOSE))
        .told(&["📦 容器: shop-web-1", "removed"], 310..320)
        .never_told(&["created"])
}

/// The configuration names its service instead, and before anything is looked at the agent is gone, and so is the container.
pub fn named_by_its_service_while_it_goes() -> Script {
    named_anew_while_it_goes(|_| {}, |settings| settings.containers = LISTS[1])
        .told(&["📦 容器: web", "❌ 状态: "], 160..200)
        .told(&["📦 容器: web", "✅ 状态: running"], 300..310)
        .never_told(&["shop-web-1"])
}

/// The other way round, and by a pattern.
pub fn named_by_a_pattern_while_it_goes() -> Script {
    named_anew_while_it_goes(|settings| settings.containers = LISTS[1], |settings| settings.containers = LISTS[2])
        .told(&["📦 容器: shop-web-1", "❌ 状态: removed"], 160..200)
        .told(&["📦 容器: shop-web-1", "✅ 状态: running"], 300..310)
        .never_told(&["容器: web"])
}

fn named_anew_while_it_goes(before: fn(&mut Settings), after: fn(&mut Settings)) -> Script {
    Script::new(30 * MINUTES, before)
        .at(100, Act::Reload(after))
        .at(100, Act::Kill { away: 60 })
        .at(110, Act::Stops(OF_COMPOSE))
        .at(112, Act::Removed(OF_COMPOSE))
        .at(300, Act::MadeAnew(OF_COMPOSE))
}

pub fn replaced_task() -> Script {
    Script::new(30 * MINUTES, |settings| (settings.grace, settings.rules.cooldown) = (0, 0))
        .at(100, Act::NextTask)
        .never_told(&["stack_web"])
}

/// The task that ended stays in the list beside the one in its place.
pub fn crashed_task() -> Script {
    Script::new(30 * MINUTES, |settings| settings.rules.cooldown = 0)
        .at(100, Act::Dies(OF_SWARM, 3))
        .at(110, Act::NextTask)
        .told(&["📦 容器: stack_web", "❌ 状态: exited"], 100..30 * MINUTES)
        .told(&["📦 容器: stack_web", "✅ 状态: running"], 110..115)
}

/// The task that ended was made by a clock that is set back before the next one is made.
pub fn crashed_task_of_a_time_to_come() -> Script {
    Script::new(120 * MINUTES, |settings| settings.rules.cooldown = 0)
        .at(50 * MINUTES, Act::NextTask)
        .at(60 * MINUTES, Act::Dies(OF_SWARM, 3))
        .at(60 * MINUTES + 10, Act::SetClock(-30 * MINUTES))
        .at(60 * MINUTES + 20, Act::NextTask)
        .told(&["📦 容器: stack_web", "✅ 状态: running"], 60 * MINUTES..61 * MINUTES)
        .told_times(&["📦 容器: stack_web", "❌ 状态"], 61 * MINUTES..120 * MINUTES, 0..1)
}

/// Half an hour of start period and some of checks after that.
pub fn long_start() -> Script {
    Script::new(60 * MINUTES, |_| {})
        .at(100, Act::Stops(WITH_HEALTH))
        .at(102, Act::Removed(WITH_HEALTH))
        .at(104, Act::MadeAnew(WITH_HEALTH))
        .at(104, Act::Health(WITH_HEALTH, Health::Starting { until: 29 * MINUTE }))
        .never_told(&["c3"])
}

/// A signal that asks for no end, memory that ran out before: neither is why it ended.
pub fn causes_that_are_none() -> Script {
    Script::new(30 * MINUTES, |_| {})
        .at(100, Act::Signalled(0, "1"))
        .at(105, Act::Dies(0, 3))
        .at(200, Act::RunsOutOfMemory(1))
        .at(200, Act::RunsOutOfMemory(2))
        .at(300, Act::Dies(1, 3))
        .at(300, Act::Stops(2))
        .told(&["c0", "退出码: 3"], 105..108)
        .told(&["c1", "退出码: 3"], 300..303)
        .told(&["c2", "手动停止"], 310..315)
        .told_times(&["手动停止"], 0..310, 0..1)
        .never_told(&["OOM"])
}

/// The third question for causes has no answer, so the check of that minute waits, and a container dies meanwhile.
pub fn death_while_a_check_waits_for_causes() -> Script {
    let script = Script::new(30 * MINUTES, |_| {});
    [(90, "📊 内存使用率"), (150, "🔄 Swap 使用率"), (210, "🔥 CPU 使用率")]
        .into_iter()
        .fold(script, |script, (second, label)| script.at(second, Act::Over(label)))
        .at(242, Act::Dies(0, 3))
        .at(600, Act::Starts(0))
        .told(&["📦 容器: c0", "❌ 状态: exited"], 242..300)
        .told_times(&["c0", "已恢复正常"], 0..600, 0..1)
        .told(&["c0", "已恢复正常"], 600..610)
}

/// Each look finds it running again, and its supervisor is not the engine, which would count.
pub fn crashes_between_looks() -> Script {
    let script = Script::new(30 * MINUTES, |_| {});
    let times =
        |script: Script, turn: i64| script.at(100 + 25 * turn, Act::Dies(0, 1)).at(100 + 25 * turn, Act::Starts(0));
    (0..20).fold(script, times).told(&["📦 容器: c0", "exited"], 100..103)
}

/// A clock that was set back shows the times of ends again that were told long ago.
pub fn ends_of_a_time_that_comes_again() -> Script {
    let script = Script::new(120 * MINUTES, |settings| settings.rules.cooldown = 0)
        .at(59 * MINUTES, Act::Dies(0, 3))
        .at(59 * MINUTES + 2, Act::Restarted(0))
        .at(60 * MINUTES, Act::SetClock(-30 * MINUTES));
    let killed = |script: Script, turn: i64| script.at(88 * MINUTES + 20 * turn, Act::Kill { away: 15 });
    (0..9).fold(script, killed).told_times(&["📦 容器: c0", "❌ 状态"], 61 * MINUTES..120 * MINUTES, 0..1)
}

/// A replacement that ended beside its predecessor, which runs on.
pub fn two_of_one_name() -> Script {
    Script::new(30 * MINUTES, |settings| settings.rules.cooldown = 0)
        .at(100, Act::Beside(0, Some(3)))
        .never_told(&["c0"])
}
