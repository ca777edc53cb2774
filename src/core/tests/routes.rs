//! Several channels: the messages of each, also of channels that come, change and go.

use super::*;

const MINUTE: i64 = 60_000;

/// The channel of the plan's section, and these entries of the list, each with a robot of its own.
fn with(first: &str, entries: &[(&str, &str)]) -> Resolved {
    let entry = |(key, rest): &(&str, &str)| format!("- {{wechat: {{webhook_url: {key}}}, {rest}}}\n");
    let text = format!(
        "general: {{hostname: web-1, timezone: UTC, check_interval: 60, alert_cooldown: 0, alert_settle: 0}}\n\
         wechat: {{webhook_url: '{first}'}}\nchannels:\n{}\
         system: {{memory: {{critical: 95}}, swap: {{critical: 95}}, disk: {{enabled: false}}, cpu: {{enabled: false}}}}\n\
         network: {{traffic: {{enabled: false}}}}\nscheduled_report: {{enabled: false}}\n",
        entries.iter().map(entry).collect::<String>()
    );
    Resolved::new(&Config::parse("test", text.as_bytes()).unwrap().value)
}

/// The same with quiet hours until 03:00; at(0) is 02:40.
fn quiet_from(from: &str, first: &str, entries: &[(&str, &str)]) -> Resolved {
    let quiet = format!("quiet_hours: [{{from: '{from}', to: '03:00'}}]\ngeneral: {{timezone: UTC}}\n");
    let quiet_hours = Config::parse("test", quiet.as_bytes()).unwrap().value.quiet_hours;
    Resolved { quiet_hours, ..with(first, entries) }
}

const A: &str = "aaaaaaaa-7bcd-4bc4-97a0-0ec2f1fa5aaa";
const B: &str = "bbbbbbbb-7bcd-4bc4-97a0-0ec2f1fa5aaa";
const C: &str = "cccccccc-7bcd-4bc4-97a0-0ec2f1fa5aaa";

impl Driven {
    fn check_both(&mut self, memory: f64, swap: f64, now: Now) -> &mut Driven {
        let mut snapshot = Snapshot::default();
        for (metric, percent) in [(metric::MEMORY, memory), (metric::SWAP, swap)] {
            snapshot.push(metric, "", Value::Usage { percent, used_bytes: 1, total_bytes: 2 });
        }
        self.core.checks.is_measuring = true;
        self.step(Input::Measured { purpose: Purpose::Check, snapshot }, now)
    }

    /// Answers every post of now, and gives the robots' first letters, each with those of the words that it was told.
    fn deliver_all(&mut self, errcode: i64, now: Now, words: &[&str]) -> Vec<String> {
        let mut told = Vec::new();
        while let Some((ticket, content, url)) = self.post() {
            let key = url.rsplit('=').next().unwrap_or_default();
            let found = words.iter().filter(|word| content.contains(**word)).copied().collect::<Vec<_>>();
            told.push(format!("{}: {}", &key[..1], found.join(" ")));
            self.answered(ticket, errcode, now);
        }
        told.sort();
        told
    }

    fn waiting(&self, name: &str) -> usize {
        self.core.state.get().outboxes.get(name).map_or(0, |outbox| outbox.len())
    }
}

const WORDS: [&str; 4] = ["内存", "Swap", "严重", "恢复"];

#[test]
fn news_of_mixed_levels_is_parted_by_route_before_it_is_worded() {
    let entries = [(B, "name: b, level: critical"), (C, "name: c, targets: [swap]")];
    let mut agent = Driven::new(with(A, &entries), Mode::default());
    agent.check_both(97.0, 85.0, at(0));
    assert_eq!(agent.deliver_all(0, at(100), &WORDS), ["a: 内存 Swap 严重", "b: 内存 严重", "c: Swap"]);
    // Whoever was told of the critical one is told its end.
    agent.check_both(10.0, 10.0, at(MINUTE));
    assert_eq!(agent.deliver_all(0, at(MINUTE), &WORDS), ["a: 内存 Swap 恢复", "b: 内存 恢复", "c: Swap 恢复"]);
    agent.check_both(85.0, 10.0, at(2 * MINUTE));
    assert_eq!(agent.deliver_all(0, at(2 * MINUTE), &WORDS), ["a: 内存"]);
}

#[test]
fn a_kind_that_is_not_named_is_not_sent_and_a_notice_always_finds_a_channel() {
    let mut agent =
        Driven::new(with("", &[(A, "name: a, kinds: [recovery]"), (B, "name: b, kinds: [alert]")]), Mode::default());
    agent.check(90.0, at(0));
    assert_eq!(agent.deliver_all(0, at(100), &WORDS), ["b: 内存"]);
    agent.check(10.0, at(MINUTE));
    assert_eq!(agent.deliver_all(0, at(MINUTE), &WORDS), ["a: 内存 恢复"]);
    agent.step(Input::NotReloaded { problem: "p".to_owned() }, at(2 * MINUTE));
    assert_eq!(agent.deliver_all(0, at(2 * MINUTE), &["配置无效"]), ["a: 配置无效", "b: 配置无效"]);
}

#[test]
fn at_the_end_of_quiet_hours_one_for_alerts_is_told_what_burns_and_one_for_digests_everything() {
    let entries = [(B, "name: b, kinds: [alert]"), (C, "name: c, kinds: [digest], targets: [swap]")];
    let mut agent = Driven::new(quiet_from("02:00", A, &entries), Mode::default());
    agent.check_both(85.0, 10.0, at(0)).check_both(85.0, 85.0, at(MINUTE)).check_both(10.0, 85.0, at(2 * MINUTE));
    assert!(agent.post().is_none());
    agent.check_both(10.0, 85.0, at(20 * MINUTE));
    assert_eq!(agent.deliver_all(0, at(20 * MINUTE), &WORDS[..2]), ["a: 内存 Swap", "b: Swap", "c: Swap"]);
}

#[test]
fn an_alert_that_was_told_before_quiet_hours_is_called_over_for_one_without_digests_and_no_other_is() {
    let entries = [(B, "name: b, kinds: [alert, recovery]"), (C, "name: c, kinds: [alert]")];
    let mut agent = Driven::new(quiet_from("02:41", A, &entries), Mode::default());
    agent.check_both(85.0, 10.0, at(0));
    assert_eq!(agent.deliver_all(0, at(100), &WORDS[..2]), ["a: 内存", "b: 内存", "c: 内存"]);
    // Both are over inside the quiet hours, and of one nobody was told.
    agent.check_both(85.0, 85.0, at(2 * MINUTE)).check_both(10.0, 10.0, at(3 * MINUTE));
    assert!(agent.post().is_none());
    agent.check_both(10.0, 10.0, at(20 * MINUTE));
    assert_eq!(agent.deliver_all(0, at(20 * MINUTE), &WORDS[..2]), ["a: 内存 Swap", "b: 内存"]);
}

#[test]
fn a_fallback_steps_in_once_its_channel_is_stuck_for_ten_minutes_and_no_longer_than_that() {
    let config = || with(A, &[(B, "name: b, fallback_for: wechat")]);
    let mut agent = Driven::new(config(), Mode::default());
    agent.check(90.0, at(0));
    // The robot refuses everything.
    assert_eq!(agent.deliver_all(93000, at(100), &WORDS), ["a: 内存"]);
    assert!(agent.step(Input::Time, at(10 * MINUTE - 1)).post().is_none());
    assert_eq!(agent.core.next_due(at(10 * MINUTE - 1)), Some(at(10 * MINUTE).boot));
    assert_eq!(agent.step(Input::Time, at(10 * MINUTE)).deliver_all(0, at(10 * MINUTE), &WORDS), ["b: 内存"]);
    // While it is stuck, news goes there at once, and never twice; the channel itself is told it all later.
    agent.check(10.0, at(11 * MINUTE));
    assert_eq!(agent.deliver_all(0, at(11 * MINUTE), &WORDS), ["b: 内存 恢复"]);
    let mut agent = agent.restarted(config(), at(12 * MINUTE));
    assert_eq!(agent.deliver_all(0, at(12 * MINUTE), &WORDS), ["a: 内存", "a: 内存 恢复"]);
    assert_eq!((agent.waiting("wechat"), agent.waiting("b")), (0, 0));
    agent.check(90.0, at(30 * MINUTE));
    assert_eq!(agent.deliver_all(0, at(30 * MINUTE), &WORDS), ["a: 内存"]);
}

#[test]
fn of_a_channel_that_goes_the_messages_that_no_other_was_given_find_a_new_one() {
    let mut agent = Driven::new(with(A, &[(B, "name: b"), (C, "name: c, level: critical")]), Mode::default());
    agent.disk_is_slow = true;
    agent.check_both(97.0, 85.0, at(0));
    assert_eq!(["wechat", "b", "c"].map(|name| agent.waiting(name)), [1, 1, 1]);
    // The first one has all that the others have.
    agent.reload(with(A, &[]), at(100));
    assert_eq!(["wechat", "b", "c"].map(|name| agent.waiting(name)), [1, 0, 0]);
    // Of the first one's news the last one was given a part alone.
    let mut agent = Driven::new(with(A, &[(C, "name: c, level: critical")]), Mode::default());
    agent.disk_is_slow = true;
    agent.check_both(97.0, 85.0, at(0));
    agent.reload(with("", &[(C, "name: c, level: critical")]), at(100));
    assert_eq!(["wechat", "c"].map(|name| agent.waiting(name)), [0, 2]);
}

#[test]
fn a_channel_that_is_renamed_goes_on_with_its_messages_and_its_pause() {
    let mut agent = Driven::new(with(A, &[(B, "name: b")]), Mode::default());
    agent.check(90.0, at(0));
    let [(first, ..), (second, ..)] = [agent.post().unwrap(), agent.post().unwrap()];
    // The answer to the former name comes after the reload: both are asked too often.
    agent.reload(with(A, &[(B, "name: night")]), at(100));
    agent.answered(first, 45009, at(200)).answered(second, 45009, at(200));
    assert_eq!(["wechat", "b", "night"].map(|name| agent.waiting(name)), [1, 0, 1]);
    assert!(agent.step(Input::Time, at(30_000)).post().is_none());
    assert_eq!(agent.step(Input::Time, at(61_000)).deliver_all(0, at(61_000), &WORDS), ["a: 内存", "b: 内存"]);
}

#[test]
fn a_channel_that_is_renamed_over_a_restart_goes_on_with_its_messages() {
    // Shown, they end in other characters.
    let (b, c) = (&*B.replace("5aaa", "5bbb"), &*C.replace("5aaa", "5ccc"));
    let mut agent = Driven::new(with(A, &[(b, "name: b")]), Mode::default());
    agent.check(90.0, at(0));
    let [(first, ..), (second, ..)] = [agent.post().unwrap(), agent.post().unwrap()];
    agent.answered(first, 0, at(100)).answered(second, 93000, at(200));
    // Both were given it, so that as a removed channel's it would be dropped.
    let mut agent = agent.restarted(with(A, &[(b, "name: night")]), at(MINUTE));
    assert_eq!(["wechat", "b", "night"].map(|name| agent.waiting(name)), [0, 0, 1]);
    assert_eq!(agent.deliver_all(0, at(MINUTE), &WORDS), ["b: 内存"]);
    // Names that change places are names, and go on with what waits for them.
    agent.check(10.0, at(30 * MINUTE));
    let [(first, ..), (second, ..)] = [agent.post().unwrap(), agent.post().unwrap()];
    agent.answered(first, 0, at(30 * MINUTE)).answered(second, 93000, at(30 * MINUTE));
    let agent = agent.restarted(with(A, &[(c, "name: night"), (b, "name: c")]), at(31 * MINUTE));
    assert_eq!(["wechat", "night", "c"].map(|name| agent.waiting(name)), [0, 1, 0]);
    assert!(!serde_json::to_string(agent.core.state.get()).unwrap().contains(b));
    // Of two that are shown as one, nobody knows which has the new name.
    let mut agent = Driven::new(with(A, &[(B, "name: b")]), Mode::default());
    agent.check(90.0, at(0));
    let [(first, ..), (second, ..)] = [agent.post().unwrap(), agent.post().unwrap()];
    agent.answered(first, 93000, at(100)).answered(second, 93000, at(200));
    let agent = agent.restarted(with(A, &[(B, "name: d"), (C, "name: e")]), at(MINUTE));
    assert_eq!(["wechat", "d", "e"].map(|name| agent.waiting(name)), [1, 0, 0]);
}

#[test]
fn one_that_is_down_holds_up_no_other() {
    let mut agent = Driven::new(with(A, &[(B, "name: b")]), Mode::default());
    agent.check(90.0, at(0));
    let (ticket, _, url) = agent.post().unwrap();
    assert!(url.ends_with(A));
    agent.answered(ticket, 93000, at(100));
    let (ticket, ..) = agent.post().unwrap();
    agent.answered(ticket, 0, at(100)).check(10.0, at(MINUTE));
    assert_eq!(agent.deliver_all(0, at(MINUTE), &WORDS), ["b: 内存 恢复"]);
    assert_eq!(["wechat", "b"].map(|name| agent.waiting(name)), [2, 0]);
}
