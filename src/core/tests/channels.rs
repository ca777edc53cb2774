//! A reload or a restart that changes the channel: who judges an answer, and what it means for the new one.

use super::*;

#[test]
fn the_channel_that_sent_a_message_judges_its_answer_whatever_is_reloaded_meanwhile() {
    let mut agent = Driven::new(config(KEY), Mode::default());
    let (ticket, content, _) = agent.check(90.0, at(0)).post().unwrap();
    // To no channel at all: a robot's refusal must not be taken for a terminal's delivery.
    agent.reload(config(""), at(100));
    assert!(agent.post().is_none());
    let bad_gateway = Ok(http::Response::new(502, "<html>"));
    agent.step(Input::Posted { ticket, answer: bad_gateway }, at(200));
    let printed = agent.effects.iter().find_map(|effect| match effect {
        Effect::Print { ticket: Some(_), text } => Some(text.clone()),
        _ => None,
    });
    assert_eq!(printed.unwrap().trim_end(), content);
}

#[test]
fn an_answer_to_the_former_key_neither_holds_up_the_new_one_nor_loses_the_message() {
    // The robot is gone, takes no such message, is called too often, gives an unknown answer.
    for (errcode, answered, reloaded) in
        [(93000, 200, 100), (40058, 200, 100), (45009, 200, 100), (45009, 50, 100), (7, 200, 100)]
    {
        let mut agent = Driven::new(config(KEY), Mode::default());
        let (ticket, content, _) = agent.check(90.0, at(0)).post().unwrap();
        if answered < reloaded {
            agent.answered(ticket, errcode, at(answered)).reload(config(OTHER_KEY), at(reloaded));
        } else {
            agent.reload(config(OTHER_KEY), at(reloaded)).answered(ticket, errcode, at(answered));
        }
        let (ticket, again, url) = agent.step(Input::Time, at(2000)).post().unwrap();
        assert!(url.ends_with(OTHER_KEY) && again == content, "{errcode}: {url} {again}");
        agent.answered(ticket, 0, at(2100));
        assert_eq!(agent.core.waiting_count(), 0, "{errcode}");
    }
}

#[test]
fn a_restart_with_another_webhook_waits_for_no_pause_of_the_one_that_refused_everything() {
    let mut agent = Driven::new(config(KEY), Mode::default());
    let (ticket, content, _) = agent.check(90.0, at(0)).post().unwrap();
    agent.answered(ticket, 93000, at(100)).step(Input::Time, at(10_000));
    assert!(agent.post().is_none());
    let mut next = agent.restarted(config(OTHER_KEY), at(11_000));
    let (_, again, url) = next.post().unwrap();
    assert!(url.ends_with(OTHER_KEY) && again == content, "{url} {again}");
    // A rate limit is the robot's, whoever asks.
    let mut agent = Driven::new(config(KEY), Mode::default());
    let (ticket, ..) = agent.check(90.0, at(0)).post().unwrap();
    agent.answered(ticket, 45009, at(100));
    assert!(agent.restarted(config(KEY), at(1000)).post().is_none());
}

#[test]
fn a_channel_that_is_gone_for_a_moment_has_its_budget_and_its_pause_when_it_is_back() {
    let mut telling = every_change_is_told(config(KEY));
    telling.policy.cooldown = Duration::ZERO;
    let mut agent = Driven::new(telling.clone(), Mode::default());
    for second in 0..20 {
        let (ticket, ..) = agent.check([90.0, 10.0][second % 2], at(1000 * second as i64)).post().unwrap();
        agent.answered(ticket, 0, at(1000 * second as i64));
    }
    // A restart without it, too.
    let mut agent = agent.reload(config(""), at(20_000)).restarted(config(""), at(21_000));
    agent.reload(telling, at(22_000)).check(90.0, at(22_000));
    assert_eq!((agent.post(), agent.core.next_due(at(22_000))), (None, Some(at(60_000).boot)));
    assert!(agent.step(Input::Time, at(60_000)).post().is_some());

    let mut agent = Driven::new(config(KEY), Mode { is_service: true, ..Mode::default() });
    let (ticket, ..) = agent.check(90.0, at(0)).post().unwrap();
    agent.answered(ticket, 45009, at(100)).reload(config(""), at(200)).reload(config(KEY), at(300));
    assert!(agent.step(Input::Time, at(60_000)).post().is_none());
    let (ticket, ..) = agent.step(Input::Time, at(60_200)).post().unwrap();
    agent.answered(ticket, 0, at(60_200)).reload(config(""), at(4_000_000));
    assert_eq!(agent.core.state.get().outboxes.keys().collect::<Vec<_>>(), [""], "it is over");
}

#[test]
fn a_secret_that_was_ever_in_force_is_shown_nowhere() {
    let relay = |secret: &str| config(&format!("https://relay.example.com/hook/{secret}"));
    let mut agent = Driven::new(relay("Zx9kFirst"), Mode::default());
    let (first, ..) = agent.check(90.0, at(0)).post().unwrap();
    agent.reload(relay("Zx9kSecond"), at(100));
    let errmsg = "neither zx9k%46irst nor zx9ksecond";
    let refusal = || Ok(http::Response::new(200, format!(r#"{{"errcode":7,"errmsg":"{errmsg}"}}"#)));
    // The answer to the former URL, and one to the new URL that still speaks of the former.
    agent.step(Input::Posted { ticket: first, answer: refusal() }, at(200));
    for now in [at(200), at(10_000)] {
        agent.step(Input::Time, now);
        if let Some((ticket, ..)) = agent.post() {
            agent.step(Input::Posted { ticket, answer: refusal() }, now);
        }
        let status = agent.core.status(&Default::default(), now).to_json();
        assert!(status.contains("errcode 7 neither … nor …"), "{status}");
    }
}
