//! A report tells each alert since the last one, once.

use super::*;

/// Reports at 02:45 and 03:45; the test's time begins at 02:40.
fn reporting() -> Resolved {
    let text = format!(
        "general: {{hostname: web-1, timezone: UTC, check_interval: 60, alert_cooldown: 0, alert_settle: 0}}\n\
         wechat: {{webhook_url: '{KEY}'}}\nsystem: {{disk: {{enabled: false}}, cpu: {{enabled: false}}}}\n\
         network: {{traffic: {{enabled: false}}}}\nscheduled_report: {{cron: '45 2,3 * * *', misfire_grace: 10m}}\nhistory: {{enabled: false}}\n"
    );
    Resolved::new(&Config::parse("test", text.as_bytes()).unwrap().value)
}

const FIRST: i64 = 300_000;
const SECOND: i64 = FIRST + 3_600_000;

fn agent() -> Driven {
    Driven::new(reporting(), Mode::default())
}

/// Delivers all that waits, and gives the report, if it is among it.
fn report(agent: &mut Driven, now: i64) -> Option<String> {
    agent.step(Input::Time, at(now));
    let snapshot = Snapshot::default();
    agent.step(Input::Measured { purpose: Purpose::Report, snapshot }, at(now));
    deliver(agent, now)
}

fn deliver(agent: &mut Driven, now: i64) -> Option<String> {
    let mut report = None;
    while let Some((ticket, told, _)) = agent.post() {
        agent.answered(ticket, 0, at(now));
        report = report.or(told.contains("报告").then_some(told));
    }
    report
}

#[test]
fn an_alert_that_came_and_went_is_in_the_next_report_alone() {
    let mut agent = agent();
    for (percent, now) in [(91.0, 0), (95.0, 60_000), (20.0, 120_000)] {
        agent.check(percent, at(now));
        assert_eq!(deliver(&mut agent, now), None);
    }
    let told = report(&mut agent, FIRST).unwrap();
    let lines =
        "🚨 告警\n  • 内存: 最高 95.0%, 历时 2 分钟, 已恢复\n  • 上次报告以来: 告警 1 次, 恢复 1 次\n\n⏰ 报告时间";
    assert!(told.contains(lines), "{told}");
    let told = report(&mut agent, SECOND).unwrap();
    assert!(!told.contains("告警") && told.lines().count() == 3, "{told}");
}

#[test]
fn an_alert_that_lasts_is_in_each_report_and_one_that_settles_is_told_as_well() {
    let mut config = reporting();
    config.policy.settle = Steps::new([Duration::from_secs(3600)]);
    let mut agent = Driven::new(config, Mode::default());
    agent.check(91.0, at(0)).check(20.0, at(60_000)).check(92.0, at(120_000));
    let told = report(&mut agent, FIRST).unwrap();
    assert!(told.contains("  • 内存: 92.0%, 已持续 3 分钟, 共 2 次 4 分钟\n"), "{told}");
    agent.check(20.0, at(FIRST + 60_000));
    let told = report(&mut agent, SECOND).unwrap();
    assert!(told.contains("  • 内存: 最高 92.0%, 历时 4 分钟, 02:46 起正常\n"), "{told}");
}

#[test]
fn a_report_that_was_given_up_leaves_what_happened_to_the_next() {
    let mut agent = agent();
    agent.check(91.0, at(0)).check(20.0, at(120_000));
    // The machine slept for longer than the grace.
    assert_eq!(report(&mut agent, FIRST + 20 * 60_000), None);
    let told = report(&mut agent, SECOND).unwrap();
    assert!(told.contains("  • 内存: 最高 91.0%, 历时 2 分钟, 已恢复\n"), "{told}");
}

#[test]
fn a_late_report_tells_what_happened_until_it_was_made() {
    let mut agent = agent();
    agent.check(91.0, at(0)).check(20.0, at(FIRST + 60_000));
    let told = report(&mut agent, FIRST + 5 * 60_000).unwrap();
    assert!(told.contains("(补发 02:45)") && told.contains("历时 6 分钟, 已恢复"), "{told}");
}

#[test]
fn a_restart_forgets_nothing_of_it_and_a_report_by_hand_takes_nothing_away() {
    let mut agent = agent();
    agent.check(91.0, at(0)).check(20.0, at(120_000));
    assert_eq!(report(&mut agent, 130_000), None);
    let by_hand = || sections(agent.core.state.get(), at(150_000));
    assert_eq!((by_hand().happened.over().count(), by_hand().happened.over().count()), (1, 1));
    let mut next = agent.restarted(reporting(), at(200_000));
    assert!(report(&mut next, FIRST).unwrap().contains("历时 2 分钟, 已恢复"));
}

#[test]
fn a_channel_that_was_down_loses_no_report_and_the_next_one_tells_of_the_wait() {
    let mut agent = agent();
    let (ticket, ..) = agent.check(91.0, at(0)).post().unwrap();
    agent.step(Input::Posted { ticket, answer: Ok(http::Response::new(502, "")) }, at(100));
    agent.check(20.0, at(120_000));
    agent.step(Input::Time, at(FIRST));
    let snapshot = Snapshot::default();
    agent.step(Input::Measured { purpose: Purpose::Report, snapshot }, at(FIRST));
    // The alert was tried again meanwhile, in vain.
    let failed = agent.post().map(|(ticket, ..)| ticket).unwrap();
    agent.step(Input::Posted { ticket: failed, answer: Ok(http::Response::new(502, "")) }, at(FIRST + 100));
    let told = report(&mut agent, FIRST + 1_800_000).unwrap();
    assert!(told.contains("(延迟 30 分钟)") && told.contains("历时 2 分钟, 已恢复"), "{told}");
    let told = report(&mut agent, SECOND).unwrap();
    assert!(told.contains("\n📭 3 条消息延迟送达，最长 35 分钟\n"), "{told}");
}
