//! Order, backoff, budget and bounds of the queue.

mod lessons;

use proptest::prelude::*;

use super::refused::MAX_REJECTIONS;
use super::*;
use crate::message::Kind;

fn message(title: &str) -> Message {
    Message { rule_width: 16, footer: String::new(), ..Message::sample(Kind::Alert, title.to_owned(), Vec::new()) }
}

fn at(millis: i64) -> Boot {
    Boot::from_millis(millis)
}

/// The robot's.
const BUDGET: Option<Budget> = Some(Budget {
    attempts: MAX_MESSAGES_A_MINUTE,
    window: Duration::from_secs(60),
    longest_attempt: Duration::from_secs(10),
});

fn begin(outbox: &mut Outbox, now: Boot) -> Option<(&Entry, Duration)> {
    outbox.begin(now, BUDGET, |message| vec![message])
}

fn next_attempt(outbox: &Outbox) -> Option<Boot> {
    outbox.next_attempt(BUDGET)
}

fn rejected() -> Outcome {
    Outcome::Rejected { reason: "errcode 12345".to_owned() }
}

fn retry() -> Outcome {
    Outcome::Retry { reason: "connection refused".to_owned() }
}

fn outbox(titles: &[&str]) -> Outbox {
    let mut outbox = Outbox::default();
    for title in titles {
        outbox.push(message(title), at(0));
    }
    outbox
}

fn send(outbox: &mut Outbox, now: Boot, outcome: &Outcome) -> Option<String> {
    let title = begin(outbox, now)?.0.message.title.plain().to_owned();
    let _ = outbox.settle(outcome, now);
    Some(title)
}

#[test]
fn messages_go_in_order_and_at_once() {
    let mut outbox = outbox(&["a", "b"]);
    assert_eq!(send(&mut outbox, at(0), &Outcome::Delivered).as_deref(), Some("a"));
    assert_eq!(send(&mut outbox, at(0), &Outcome::Delivered).as_deref(), Some("b"));
    assert_eq!(next_attempt(&outbox), None);
}

#[test]
fn while_a_message_is_on_its_way_no_other_is() {
    let mut outbox = outbox(&["a", "b"]);
    assert!(begin(&mut outbox, at(0)).is_some());
    assert_eq!(next_attempt(&outbox), None);
    assert_eq!(begin(&mut outbox, at(100_000)), None);
}

#[test]
fn a_failure_is_tried_again_after_one_two_and_four_seconds_and_then_ever_more_rarely() {
    let mut outbox = outbox(&["a", "b"]);
    let mut now = at(0);
    let mut pauses = Vec::new();
    for _ in 0..11 {
        assert_eq!(send(&mut outbox, now, &retry()).as_deref(), Some("a"));
        let next = next_attempt(&outbox).unwrap();
        pauses.push((next - now).as_secs());
        assert_eq!(begin(&mut outbox, next.shifted(-1)), None);
        now = next;
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    assert_eq!(outbox.waiting().next().unwrap().attempts, 11);
}

#[test]
fn no_more_than_twenty_attempts_reach_the_channel_in_any_minute() {
    let mut outbox = outbox(&["m"; 45]);
    let mut arrivals = Vec::new();
    let mut now = at(0);
    while let Some(next) = next_attempt(&outbox) {
        now = now.max(next);
        assert!(begin(&mut outbox, now).is_some());
        // Each takes half a second, and arrives at the end of it.
        now = now.after(Duration::from_millis(500));
        arrivals.push(now);
        let _ = outbox.settle(&Outcome::Delivered, now);
    }
    assert_eq!(arrivals.len(), 45);
    for pair in arrivals.windows(MAX_MESSAGES_A_MINUTE + 1) {
        assert!(pair[MAX_MESSAGES_A_MINUTE] - pair[0] >= Duration::from_secs(60));
    }
    // 20, 20 and 5: two waits of a minute and no more.
    assert!(arrivals[44] - arrivals[0] < Duration::from_secs(135));
}

const MAX_MESSAGES_A_MINUTE: usize = 20;

#[test]
fn an_attempt_that_a_crash_cut_off_still_counts() {
    let mut outbox = outbox(&["m"; 30]);
    for _ in 0..20 {
        assert!(begin(&mut outbox, at(0)).is_some());
        // As if the agent had crashed here: only the saved state is left.
        outbox = serde_json::from_str(&serde_json::to_string(&outbox).unwrap()).unwrap();
    }
    assert_eq!(begin(&mut outbox, at(60_000)), None);
    assert!(next_attempt(&outbox).unwrap() > at(60_000));
    assert_eq!(outbox.len(), 30);
}

#[test]
fn attempts_of_which_a_state_does_not_know_count_until_a_minute_after_their_arrival() {
    let pause = Duration::from_secs(5);
    let sent_after = |gap: Range<Boot>, now| {
        let mut outbox = outbox(&["m"; 30]);
        outbox.presume(&gap, pause, BUDGET.unwrap());
        let sent = std::iter::from_fn(|| send(&mut outbox, now, &Outcome::Delivered)).count();
        (sent, next_attempt(&outbox))
    };
    // Six of them, the first at 75 s, which arrived by 85 s.
    assert_eq!(sent_after(at(68_000)..at(100_000), at(100_000)), (14, Some(at(145_000))));
    // None, as the agent ended at once.
    assert_eq!(sent_after(at(96_000)..at(100_000), at(100_000)).0, 20);
    // Whenever that state was saved: the machine's start ended them all, and half of the minute is over.
    assert_eq!(sent_after(Boot::EARLIEST..at(0), at(20_000)), (10, Some(at(25_000))));
}

#[test]
fn a_throttled_channel_is_left_alone_and_the_message_is_not_blamed() {
    let mut outbox = outbox(&["a"]);
    let throttled = Outcome::Throttled { reason: "errcode 45009".to_owned(), hold: Duration::from_secs(60) };
    let _ = send(&mut outbox, at(0), &throttled);
    assert_eq!(next_attempt(&outbox), Some(at(60_000)));
    let waiting = outbox.waiting().next().unwrap();
    assert_eq!((waiting.attempts, waiting.last_error.as_deref()), (0, Some("errcode 45009")));

    let mut restarted: Outbox = serde_json::from_str(&serde_json::to_string(&outbox).unwrap()).unwrap();
    assert_eq!(begin(&mut restarted, at(59_999)), None);
    restarted.reopen();
    assert_eq!(begin(&mut restarted, at(59_999)), None);
    assert!(begin(&mut restarted, at(60_000)).is_some());
}

#[test]
fn a_message_that_is_refused_does_not_block_those_behind_it() {
    let mut outbox = outbox(&["a", "b"]);
    assert!(begin(&mut outbox, at(0)).is_some());
    let conclusion = outbox.settle(&Outcome::MessageRefused { reason: "errcode 40058".to_owned() }, at(1));
    assert!(matches!(conclusion, Conclusion::SetAside(entry) if entry.message.title == "a"));
    assert_eq!(outbox.set_aside().next().unwrap().reason, "errcode 40058");
    assert_eq!(outbox.set_aside_untold(), 1);
    assert_eq!(send(&mut outbox, at(1), &Outcome::Delivered).as_deref(), Some("b"));
    assert_eq!(outbox.set_aside_untold(), 0);
}

#[test]
fn a_message_that_the_channel_rejects_again_and_again_lets_others_go_first_and_is_given_up_after_a_day() {
    let mut outbox = outbox(&["stuck", "b", "c"]);
    let mut now = at(0);
    for _ in 0..MAX_REJECTIONS {
        now = now.max(next_attempt(&outbox).unwrap());
        assert_eq!(send(&mut outbox, now, &rejected()).as_deref(), Some("stuck"));
    }
    assert!(now - at(0) < Duration::from_secs(20));
    for title in ["b", "c"] {
        assert_eq!(send(&mut outbox, now, &Outcome::Delivered).as_deref(), Some(title));
    }
    let mut tries = 0;
    while let Some(next) = next_attempt(&outbox) {
        assert_eq!(next - now, REJECTED_PAUSE);
        now = next;
        let _ = begin(&mut outbox, now);
        tries += 1;
        if let Conclusion::SetAside(entry) = outbox.settle(&rejected(), now) {
            assert_eq!((entry.message.title.plain(), entry.attempts), ("stuck", MAX_REJECTIONS + tries));
        }
        // A message that comes meanwhile is not held up.
        outbox.push(message("news"), now);
        assert_eq!(send(&mut outbox, now, &Outcome::Delivered).as_deref(), Some("news"));
    }
    assert_eq!(tries, 24);
    assert_eq!(outbox.set_aside().map(|aside| aside.title.as_str()).collect::<Vec<_>>(), ["stuck"]);
}

#[test]
fn what_no_channel_answered_is_never_given_up() {
    let mut outbox = outbox(&["a", "b"]);
    let mut now = at(0);
    for _ in 0..1000 {
        now = now.max(next_attempt(&outbox).unwrap());
        assert_eq!(send(&mut outbox, now, &retry()).as_deref(), Some("a"));
    }
    assert_eq!(outbox.len(), 2);
}

#[test]
fn each_job_of_a_message_is_done_once_and_all_anew_by_another_channel() {
    let mut outbox = outbox(&["a", "b"]);
    assert_eq!(begin(&mut outbox, at(0)).unwrap().0.jobs_done, 0);
    outbox.go_on(at(10));
    let done = |outbox: &mut Outbox, now| {
        begin(outbox, now).map(|(entry, _)| (entry.message.title.plain().to_owned(), entry.jobs_done))
    };
    assert_eq!(done(&mut outbox, at(10)), Some(("a".to_owned(), 1)));
    assert_eq!(outbox.settle(&retry(), at(10)), Conclusion::Waits);
    assert_eq!(done(&mut outbox, at(1010)), Some(("a".to_owned(), 1)));
    outbox.call_back();
    let mut other = Outbox::default();
    other.take_over(outbox, &[]);
    assert_eq!(done(&mut other, at(1010)), Some(("a".to_owned(), 0)));
}

#[test]
fn a_message_is_split_when_it_is_sent_and_its_other_parts_follow() {
    let mut outbox = outbox(&["a", "b"]);
    let split =
        |whole: Message| ["1", "2"].map(|part| Message { title: whole.title.clone() + part, ..whole.clone() }).to_vec();
    let (first, _) = outbox.begin(at(0), BUDGET, split).unwrap();
    assert_eq!(first.message.title, "a1");
    assert_eq!(outbox.settle(&retry(), at(0)), Conclusion::Waits);
    assert_eq!(outbox.waiting().map(|entry| entry.message.title.plain()).collect::<Vec<_>>(), ["a1", "a2", "b"]);
    assert_eq!(outbox.waiting().map(|entry| entry.attempts).collect::<Vec<_>>(), [1, 0, 0]);
}

#[test]
fn a_channel_without_a_budget_takes_as_many_as_there_are() {
    let mut outbox = outbox(&["m"; 90]);
    for _ in 0..90 {
        assert!(outbox.begin(at(0), None, |message| vec![message]).is_some());
        let _ = outbox.settle(&Outcome::Delivered, at(0));
    }
    assert!(outbox.is_empty());
}

#[test]
fn what_waited_for_a_channel_that_is_gone_is_taken_over_in_order() {
    let mut former = Outbox::default();
    former.push(message("first"), at(1));
    let _ = send(&mut former, at(1), &retry());
    former.push(message("third"), at(3));
    let mut outbox = Outbox::default();
    outbox.push(message("second"), at(2));
    outbox.take_over(former, &[]);
    for title in ["first", "second", "third"] {
        assert_eq!(send(&mut outbox, at(3), &Outcome::Delivered).as_deref(), Some(title));
    }
}

#[test]
fn a_channel_that_refuses_everything_keeps_its_messages_until_a_reload_or_an_hour() {
    let mut outbox = outbox(&["a"]);
    let refused = Outcome::ChannelRefused { reason: "errcode 93000".to_owned() };
    let _ = send(&mut outbox, at(0), &refused);
    assert_eq!(next_attempt(&outbox), Some(at(3_600_000)));
    assert!(outbox.hold().is_some_and(|hold| hold.refused));
    outbox.reopen();
    assert_eq!(send(&mut outbox, at(5), &Outcome::Delivered).as_deref(), Some("a"));
}

#[test]
fn more_than_five_minutes_of_the_budget_or_a_mebibyte_is_overfull() {
    let mut outbox = outbox(&["m"; 100]);
    assert!(!outbox.is_overfull());
    outbox.push(message("one more"), at(0));
    assert!(outbox.is_overfull());

    let mut long = message("long");
    long.lines = vec!["x".repeat(MAX_BYTES).into()];
    let mut outbox = Outbox::default();
    outbox.push(long, at(0));
    assert!(outbox.is_overfull());
}

#[test]
fn what_is_folded_goes_behind_the_message_on_its_way_and_keeps_its_age_and_its_pause() {
    let mut outbox = outbox(&["a", "b", "c"]);
    assert!(begin(&mut outbox, at(70_000)).is_some());
    let fold = |titles: &'static str| {
        move |messages: Vec<Message>| {
            assert_eq!(messages.iter().map(|message| message.title.plain()).collect::<String>(), titles);
            vec![message("digest"), message("page 2")]
        }
    };
    assert_eq!(outbox.fold(fold("bc")), 2);
    assert_eq!(outbox.settle(&retry(), at(71_000)), Conclusion::Waits);
    outbox.push(message("d"), at(71_000));
    assert_eq!(outbox.fold(fold("adigestpage 2d")), 4);
    assert_eq!(next_attempt(&outbox), Some(at(72_000)));
    let (first, waited) = begin(&mut outbox, at(72_000)).unwrap();
    assert_eq!((first.message.title.plain(), waited), ("digest", Duration::from_secs(72)));
    assert_eq!(outbox.len(), 2);
}

#[test]
fn what_is_rejected_after_a_long_outage_lets_others_go_first_within_a_minute() {
    let mut outbox = outbox(&["poison", "b"]);
    let mut now = at(0);
    for _ in 0..20 {
        now = next_attempt(&outbox).unwrap().max(now);
        assert_eq!(send(&mut outbox, now, &retry()).unwrap(), "poison");
    }
    let works_from = next_attempt(&outbox).unwrap();
    now = works_from;
    while send(&mut outbox, now, &rejected()).unwrap() == "poison" {
        now = next_attempt(&outbox).unwrap();
    }
    assert!(now - works_from < Duration::from_secs(60), "{:?}", now - works_from);
}

#[test]
fn what_a_digest_leaves_as_it_is_keeps_its_own_age_and_its_picture_and_the_digest_has_none() {
    let report = Message { kind: Kind::Report, created: "2026-02-04T08:00:00Z".parse().unwrap(), ..message("report") };
    let mut outbox = outbox(&["a", "b"]);
    outbox.push(report.clone(), at(60_000));
    for (kind, to) in [(Kind::Alert, message("a").created), (Kind::Report, report.created)] {
        outbox.illustrate(kind, &Picture { key: None, from: to, to });
    }
    outbox.fold(|_| vec![Message { kind: Kind::Digest, ..message("digest") }, report]);
    let mut waited = || {
        let (entry, waited) = begin(&mut outbox, at(70_000))?;
        let told = (entry.message.title.plain().to_owned(), waited.as_secs(), entry.picture.is_some());
        let _ = outbox.settle(&Outcome::Delivered, at(70_000));
        Some(told)
    };
    assert_eq!([waited(), waited()], [Some(("digest".to_owned(), 70, false)), Some(("report".to_owned(), 10, true))]);
}

#[test]
fn a_restart_of_the_machine_keeps_the_pauses() {
    let mut outbox = outbox(&["a"]);
    let _ = send(&mut outbox, at(100_000), &retry());
    outbox.shift(-95_000_000, -100_000_000);
    assert_eq!(next_attempt(&outbox), Some(at(6_000)));
}

proptest! {
    #[test]
    fn everything_is_delivered_once_and_in_order_once_the_channel_works(
        outcomes in prop::collection::vec(0u8..5, 0..60),
    ) {
        let titles: Vec<String> = (0..15).map(|number| number.to_string()).collect();
        let mut outbox = Outbox::default();
        for title in &titles {
            outbox.push(message(title), at(0));
        }
        let (mut now, mut outcomes, mut delivered) = (at(0), outcomes.into_iter(), Vec::new());
        while let Some(next) = next_attempt(&outbox) {
            now = now.max(next);
            let title = begin(&mut outbox, now).unwrap().0.message.title.plain().to_owned();
            let reason = String::new();
            let outcome = match outcomes.next() {
                Some(0 | 1) => Outcome::Retry { reason },
                Some(2) => Outcome::Throttled { reason, hold: Duration::from_secs(60) },
                Some(3) => Outcome::ChannelRefused { reason },
                _ => Outcome::Delivered,
            };
            if outcome == Outcome::Delivered {
                delivered.push(title);
            }
            let _ = outbox.settle(&outcome, now);
        }
        prop_assert_eq!(delivered, titles);
    }
}
