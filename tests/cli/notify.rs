//! `test-notify`, `report` and `report --send` against a robot.

use crate::support::agent::{Place, quick};
use crate::support::robot::{Answer, KEY, Robot, refusing_url};

#[test]
fn a_test_message_that_arrives_is_said_to_have_arrived() {
    let robot = Robot::start([]);
    let place = Place::configured("this-vm", &quick(&robot.url()));
    let told = place.run(&["test-notify"]);
    assert_eq!((told.code, told.stderr.as_str()), (0, ""));
    assert!(told.stdout.ends_with(": delivered\n"), "{}", told.stdout);
    let received = robot.received();
    assert_eq!(received.len(), 1);
    assert!(received[0].path.ends_with(&format!("/send?key={KEY}")), "{}", received[0].path);
    assert!(received[0].content().contains("[web-1]"), "{}", received[0].content());
    assert!(!place.state().exists());
}

#[test]
fn a_key_that_is_not_valid_is_told_at_once_with_what_to_do() {
    let robot = Robot::start([Answer::Errcode(93000)]);
    let place = Place::configured("this-vm", &quick(&robot.url()));
    let told = place.run(&["test-notify"]);
    assert_eq!(told.code, 1);
    assert!(told.stdout.contains("errcode 93000"), "{}", told.stdout);
    assert!(told.stdout.contains("what to do: the key is not valid"), "{}", told.stdout);
    assert_eq!(robot.received().len(), 1, "it makes no sense to try again");
}

#[test]
fn a_robot_that_fails_for_a_moment_is_tried_again() {
    let robot = Robot::start([Answer::Http(502, "bad gateway")]);
    let place = Place::configured("this-vm", &quick(&robot.url()));
    let told = place.run(&["test-notify"]);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.stderr.contains("HTTP 502") && told.stderr.contains("trying again in 1 s"), "{}", told.stderr);
    assert_eq!(robot.received().len(), 2);
}

/// Two robots, the second one under the name `night`.
fn with_night(first: &Robot, night: &Robot, rest: &str) -> Place {
    let more = format!("channels: [{{wechat: {{webhook_url: \"{}\"}}, name: night, {rest}}}]\n", night.url());
    Place::configured("small-vps", &(quick(&first.url()) + &more))
}

#[test]
fn every_channel_is_tried_by_its_name_or_one_alone() {
    let (first, night) = (Robot::start([]), Robot::start([Answer::Errcode(93000), Answer::Errcode(93000)]));
    let place = with_night(&first, &night, "level: critical");
    let told = place.run(&["test-notify"]);
    assert_eq!(told.code, 1);
    assert!(
        told.stdout.contains(": delivered\n") && told.stdout.contains("night (WeChat Work robot"),
        "{}",
        told.stdout
    );
    assert!(told.stderr.contains("not delivered to 1 of 2 channels"), "{}", told.stderr);
    let told = place.run(&["test-notify", "--channel", "night"]);
    assert_eq!((told.code, first.received().len(), night.received().len()), (1, 1, 2));
    let told = place.run(&["test-notify", "--channel", "nigth"]);
    assert_eq!(told.code, 64);
    assert!(told.stderr.contains("there is no channel nigth; there are: wechat, night"), "{}", told.stderr);
}

#[test]
fn a_report_goes_to_the_channels_that_take_reports() {
    let (first, night) = (Robot::start([]), Robot::start([]));
    let place = with_night(&first, &night, "level: critical");
    assert_eq!(place.run(&["report", "--send"]).code, 0);
    assert_eq!((first.received().len(), night.received().len()), (1, 0));
    let place = with_night(&first, &night, "level: critical, kinds: [report]");
    assert_eq!(place.run(&["report", "--send"]).code, 0);
    assert_eq!((first.received().len(), night.received().len()), (2, 1));
}

#[test]
fn a_refused_connection_is_tried_four_times_and_then_given_up() {
    let place = Place::configured("this-vm", &quick(&refusing_url()));
    let told = place.run(&["test-notify"]);
    assert_eq!(told.code, 1);
    assert!(told.stdout.contains("not delivered") && told.stdout.contains("refused"), "{told:?}");
    for seconds in [1, 2, 4] {
        assert!(told.stderr.contains(&format!("trying again in {seconds} s")), "{}", told.stderr);
    }
    assert_eq!(told.stderr.matches("trying again").count(), 3);
}

#[test]
fn without_a_channel_the_test_message_is_printed_and_where_to_set_one_is_said() {
    let place = Place::configured("this-vm", &quick(""));
    let told = place.run(&["test-notify"]);
    assert_eq!(told.code, 0);
    assert!(told.stdout.contains("[web-1]\n━━━━━━━━━━━━━━━━\n"), "{}", told.stdout);
    assert!(told.stderr.contains("wechat.webhook_url in") && told.stderr.contains("config.yaml"), "{}", told.stderr);
}

const REPORT: &str = "📊 VPS 状态报告 [web-1]\n━━━━━━━━━━━━━━━━━━━━━━\n🖥️ 系统状态\n  • CPU: 0.0%\n  • \
    内存: 80.4% (385.3MB / 479.4MB)\n  • Swap: 36.8%\n\n🌐 网络状态\n  • 入站: 0.0 Mbps\n  • 出站: 0.0 Mbps\n  • \
    连接数: 39\n\n⏰ 报告时间: ";

#[test]
fn a_report_is_printed_whole_and_sent_only_when_asked_to() {
    let robot = Robot::start([]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    let printed = place.run(&["report"]);
    assert_eq!(printed.code, 0);
    assert!(printed.stdout.starts_with(REPORT), "{}", printed.stdout);
    assert!(robot.received().is_empty());

    let sent = place.run(&["report", "--send"]);
    assert_eq!(sent.code, 0);
    assert_eq!(robot.wait_for(1)[0].content(), sent.stdout.trim_end());
}

#[test]
fn a_report_that_cannot_be_sent_is_printed_all_the_same() {
    let robot = Robot::start([Answer::Errcode(93000)]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    let sent = place.run(&["report", "--send"]);
    assert_eq!(sent.code, 1);
    assert!(sent.stdout.starts_with(REPORT), "{}", sent.stdout);
    assert!(sent.stderr.contains("errcode 93000") && sent.stderr.contains("what to do"), "{}", sent.stderr);
}
