//! Lessons of a channel's answers: a pause until tomorrow, no markup, another address; and messages that others know.

use super::*;

#[test]
fn a_channel_that_asks_for_it_is_left_alone_until_tomorrow_and_no_longer() {
    for (asked_hours, hours) in [(7, 7), (100, 24)] {
        let mut outbox = outbox(&["a"]);
        let hold = Duration::from_secs(asked_hours * 3600);
        let _ = send(&mut outbox, at(0), &Outcome::Throttled { reason: "enough for today".to_owned(), hold });
        assert_eq!(next_attempt(&outbox), Some(at(hours * 3_600_000)));
        // A reload does not change a channel's number of messages a day.
        outbox.reopen();
        let kept: Outbox = serde_json::from_str(&serde_json::to_string(&outbox).unwrap()).unwrap();
        assert_eq!(next_attempt(&kept), Some(at(hours * 3_600_000)));
    }
}

#[test]
fn a_message_whose_markup_is_refused_is_sent_again_at_once_and_plain_and_only_once() {
    let refused = || Outcome::FormRefused { reason: "can't parse".to_owned() };
    let mut outbox = outbox(&["a", "b"]);
    assert!(!begin(&mut outbox, at(0)).unwrap().0.is_plain);
    assert_eq!(outbox.settle(&refused(), at(0)), Conclusion::Waits);
    assert!(begin(&mut outbox, at(0)).unwrap().0.is_plain);
    assert!(matches!(outbox.settle(&refused(), at(0)), Conclusion::SetAside(_)));
    assert!(!begin(&mut outbox, at(0)).unwrap().0.is_plain, "the next one has its markup");
}

#[test]
fn a_destination_that_has_moved_is_followed_at_once_and_kept_but_not_in_a_circle() {
    let moved = |to: &str| Outcome::Moved {
        reason: "moved".to_owned(),
        moved: Moved { from: "-1".to_owned(), to: to.to_owned() },
    };
    let mut outbox = outbox(&["a"]);
    let _ = send(&mut outbox, at(0), &moved("-100"));
    assert_eq!(next_attempt(&outbox), Some(Boot::EARLIEST));
    let mut outbox: Outbox = serde_json::from_str(&serde_json::to_string(&outbox).unwrap()).unwrap();
    assert_eq!(outbox.moved().map(|moved| &*moved.to), Some("-100"));
    let _ = send(&mut outbox, at(0), &moved("-1"));
    assert!(next_attempt(&outbox) > Some(at(0)), "it is not asked again and again");
}

#[test]
fn a_digest_is_known_to_another_channel_only_if_that_was_given_all_of_it() {
    for (second_knows, knows) in [(true, true), (false, false)] {
        let mut outbox = Outbox::default();
        let also = || vec!["other".to_owned()];
        outbox.push_shared(message("a"), also(), at(0));
        outbox.push_shared(message("b"), if second_knows { also() } else { Vec::new() }, at(0));
        outbox.fold(|_| vec![Message { kind: Kind::Digest, ..message("digest") }]);
        assert_eq!(outbox.has_untold("other"), !knows);
        assert_eq!(outbox.share_with("other").len(), usize::from(!knows));
        assert!(!outbox.has_untold("other"), "it was given all by now");
    }
}
