//! The built agent beside an engine: the group's messages while containers are deployed, crash and are removed.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::agent::Place;
use crate::support::engine::Engine;
use crate::support::fleet::{Fleet, exited};
use crate::support::real_engine::RealEngine;
use crate::support::robot::Robot;
use crate::support::wait_until;

/// Ends at once when it is asked to, and with 9 when it is told to crash.
const SERVICE: &str = "trap 'exit 0' TERM; trap 'exit 9' USR1; while :; do sleep 0.1; done";

/// Containers alone are watched, those whose names begin so. The grace is for the engine of a machine under load, where one
/// step of a deploy may take seconds.
fn configuration(socket: &str, prefix: &str, webhook_url: &str) -> String {
    let webhook = if webhook_url.is_empty() { String::new() } else { format!("webhook_url: \"{webhook_url}\"") };
    format!(
        "general: {{hostname: web-1, timezone: UTC, check_interval: 1h, alert_cooldown: 0}}\n\
         wechat: {{{webhook}}}\n\
         system: {{memory: {{enabled: false}}, disk: {{enabled: false}}, cpu: {{enabled: false}}, swap: {{enabled: false}}}}\n\
         network: {{traffic: {{enabled: false}}, connections: {{enabled: false}}}}\n\
         docker: {{socket: {socket}, grace: 15, containers: [\"{prefix}*\"]}}\n\
         scheduled_report: {{enabled: false}}\n"
    )
}

#[test]
fn containers_may_be_all_that_is_watched() {
    let engine: Engine = Fleet::new(vec![exited("aaaa", "web", 3)]).engine("Api-Version: 1.41");
    let socket = engine.path().display().to_string();
    let yaml = configuration(&socket, "", "").replace("\"*\"", "web");
    let place = Place::configured("no-swap", &yaml);
    let once = place.run(&["run", "--once"]);
    assert!(once.code == 0 && once.stdout.contains("❌ 状态: exited (期望: running)\n💥 退出码: 3"), "{once:?}");
}

/// The messages that reached the group so far, without the prefix of this test's names.
fn messages(robot: &Robot, prefix: &str) -> Vec<String> {
    robot.received().iter().map(|received| received.content().replace(prefix, "")).collect()
}

fn wait_for_message(robot: &Robot, prefix: &str, lines: &str) {
    wait_until(lines, || messages(robot, prefix).iter().any(|message| message.contains(lines)));
}

#[test]
fn a_deploy_is_silent_at_every_pace_and_what_crashes_or_is_stopped_is_told() {
    let Some(engine) = RealEngine::of_machine("deploy") else { return };
    let prefix = engine.prefix.as_str();
    let robot = Robot::start([]);
    let place = Place::configured("no-swap", &configuration(&engine.address().to_string(), prefix, &robot.url()));
    let compose = ["--label", "com.docker.compose.project=shop", "--label", "com.docker.compose.service=web"];
    engine.run("web", &compose, SERVICE);
    engine.run("plain", &[], SERVICE);
    engine.run("stopped", &[], SERVICE);
    engine.run("mended", &["--restart", "always"], SERVICE);
    engine.run("renewed", &["--restart", "always"], SERVICE);
    let agent = place.start(&["run"]);
    // Events arrive once this is told.
    engine.run("canary", &[], "sleep 3; exit 3");
    wait_for_message(&robot, prefix, "📦 容器: canary\n❌ 状态: exited (期望: running)\n💥 退出码: 3\n");

    for pace_millis in [0, 250, 600] {
        let pause = || std::thread::sleep(Duration::from_millis(pace_millis));
        let (temporary, own) = (format!("0123456789ab_{prefix}web"), format!("{prefix}web"));
        engine.create_as(&temporary, &compose, SERVICE);
        engine.docker(&["stop", "@web"]);
        pause();
        engine.docker(&["rm", "@web"]);
        pause();
        engine.docker(&["rename", &temporary, &own]);
        pause();
        engine.docker(&["start", "@web"]);

        engine.docker(&["stop", "@plain"]);
        pause();
        engine.docker(&["rm", "@plain"]);
        pause();
        engine.run("plain", &[], SERVICE);
    }
    // Stopped after them all, this is told after them all.
    engine.docker(&["stop", "@stopped"]);
    wait_for_message(&robot, prefix, "📦 容器: stopped\n❌ 状态: exited (期望: running)\n✋ 原因: 手动停止\n");
    let told = messages(&robot, prefix);
    assert_eq!(told.len(), 2, "{told:#?}");

    let once = "[ -e /tmp/died ] && exec sleep 1000; touch /tmp/died; sleep 2; exit 139";
    engine.run("crashing", &["--restart", "always"], once);
    // By the time of the look the engine may be about to start it again.
    let crashed = ["exited", "restarting"].map(|state| {
        format!("📦 容器: crashing\n❌ 状态: {state} (期望: running)\n💥 退出码: 139 (SIGSEGV，段错误)\n")
    });
    let is_told = |message: &String| crashed.iter().any(|lines| message.contains(lines));
    wait_until("the crash is told", || messages(&robot, prefix).iter().any(is_told));
    wait_for_message(&robot, prefix, "📦 容器: crashing\n✅ 状态: running (已恢复正常)\n");

    // A change during the agent's absence is told when it is back, and nothing from before is told again.
    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
    engine.docker(&["rm", "-f", "@crashing"]);
    let before = robot.received().len();
    engine.docker(&["kill", "-s", "USR1", "@web"]);
    engine.docker(&["wait", "@web"]);
    // Not by the engine, which takes any signal of its own for a stop.
    engine.docker(&["exec", "@mended", "kill", "-USR1", "1"]);
    wait_until("it runs again", || {
        engine.docker(&["inspect", "-f", "{{.RestartCount}} {{.State.Status}}", "@mended"]) == "1 running"
    });
    engine.docker(&["restart", "-t", "0", "@renewed"]);
    let agent = place.start(&["run"]);
    wait_for_message(&robot, prefix, "📦 容器: mended\n❌ 状态: exited (期望: running)\n💥 退出码: 9\n");
    wait_for_message(&robot, prefix, "📦 容器: mended\n✅ 状态: running (已恢复正常)\n");
    wait_for_message(&robot, prefix, "📦 容器: web\n❌ 状态: exited (期望: running)\n💥 退出码: 9\n");
    wait_for_message(&robot, prefix, "📦 容器: crashing\n❌ 状态: removed (期望: running)\n✋ 原因: 已删除\n");
    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
    let told = messages(&robot, prefix);
    assert_eq!(told.len(), before + 4, "{told:#?}");
}
