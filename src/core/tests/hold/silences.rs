//! Silences: which ones may be had, which alerts they hold, and their end.

use super::*;

impl Driven {
    fn asked(&mut self, request: SilenceRequest, now: Now) -> SilenceAnswer {
        self.effects.retain(|effect| !matches!(effect, Effect::Answer(_)));
        self.step(Input::SilenceAsked(request), now);
        let answer = self.effects.iter().find_map(|effect| match effect {
            Effect::Answer(json) => Some(serde_json::from_str(json).unwrap()),
            _ => None,
        });
        answer.expect("an answer")
    }

    fn silence(&mut self, target: &str, minutes: i64, now: Now) -> u64 {
        match self.asked(begin(target, minutes as f64 * 60.0, None), now) {
            SilenceAnswer::Begun(silence) => silence.number,
            answer => panic!("{answer:?}"),
        }
    }

    fn refusal(&mut self, request: SilenceRequest, now: Now) -> String {
        match self.asked(request, now) {
            SilenceAnswer::Refused(why) => why,
            answer => panic!("{answer:?}"),
        }
    }
}

fn begin(target: &str, seconds: f64, why: Option<&str>) -> SilenceRequest {
    SilenceRequest::Begin { target: target.to_owned(), seconds, why: why.map(str::to_owned) }
}

/// A look at a container that runs or does not, which a check of memory leaves as it is.
fn container(agent: &mut Driven, word: &str, now: Now) {
    agent.look(ContainerWord::new(word, "running"), now);
}

#[test]
fn a_silence_holds_its_target_alone_whatever_its_level_and_tells_at_its_end() {
    let mut agent = agent(quiet("[]"));
    agent.check(50.0, at(0));
    agent.silence("memory", 30, at(MINUTE));
    container(&mut agent, "exited", at(2 * MINUTE));
    assert_eq!(agent.told().len(), 1, "the container is none of its business");
    agent.check(97.0, at(3 * MINUTE));
    assert_eq!(agent.told(), [""; 0]);
    // At its end there is a check, and the message.
    agent.effects.clear();
    agent.core.checks.is_measuring = false;
    agent.core.checks.next = at(10 * HOUR).boot;
    assert_eq!(agent.core.next_due(at(4 * MINUTE)), Some(at(31 * MINUTE).boot.shifted(1)));
    agent.step(Input::Time, at(31 * MINUTE));
    assert_eq!((agent.measurements(), agent.core.state.get().silences.is_empty()), (1, true));
    let told = agent.check(97.0, at(31 * MINUTE + 10)).told();
    assert!(
        told.len() == 1 && told[0].starts_with("🚨 VPS Critical, Held Back [web-1]\n📊 Memory usage: 97.0%"),
        "{told:?}"
    );
}

#[test]
fn one_that_is_ended_early_tells_at_once_and_one_of_which_nothing_was_held_says_nothing() {
    let mut agent = agent(quiet("[]"));
    agent.check(50.0, at(0));
    let number = agent.silence("all", 60, at(0));
    agent.check(90.0, at(MINUTE));
    agent.effects.clear();
    agent.core.checks.is_measuring = false;
    let SilenceAnswer::Ended(ended) = agent.asked(SilenceRequest::End { number }, at(2 * MINUTE)) else { panic!() };
    assert_eq!((ended.number, ended.target.as_str(), agent.measurements()), (number, "all", 1));
    assert_eq!(agent.check(90.0, at(2 * MINUTE)).told().len(), 1);
    let number = agent.silence("all", 60, at(3 * MINUTE));
    agent.asked(SilenceRequest::End { number }, at(4 * MINUTE));
    assert_eq!(agent.check(90.0, at(4 * MINUTE)).told(), [""; 0]);
}

#[test]
fn where_silences_and_quiet_hours_overlap_each_alert_is_told_when_its_last_hold_ends() {
    let mut agent = agent(quiet(QUIET));
    agent.check(50.0, at(0));
    container(&mut agent, "running", at(0));
    // One ends inside of the quiet hours, one begins there and lasts beyond.
    agent.silence("memory", 60, at(0));
    agent.silence("container(web)", 170, at(BEGINS));
    agent.check(90.0, at(MINUTE));
    container(&mut agent, "exited", at(BEGINS + MINUTE));
    assert_eq!(agent.check(90.0, at(HOUR)).told(), [""; 0]);
    let told = agent.check(90.0, at(ENDS)).told();
    assert!(told.len() == 1 && told[0].contains("Memory") && !told[0].contains("web\n"), "{told:?}");
    let told = agent.check(90.0, at(BEGINS + 170 * MINUTE)).told();
    assert!(told.len() == 1 && told[0].starts_with("🔔") && told[0].contains("📦 Container: web"), "{told:?}");
    assert!(agent.core.state.get().held.is_empty());
}

#[test]
fn it_survives_a_restart_a_reload_and_a_clock_that_is_set() {
    let mut agent = agent(quiet("[]"));
    agent.check(50.0, at(0));
    agent.silence("memory", 60, at(0));
    agent.check(90.0, at(MINUTE));
    agent.reload(quiet("[]"), at(2 * MINUTE));
    let mut agent = agent.reread(quiet("[]"), at(3 * MINUTE));
    // A year ahead on the wall: the silence has as long to go as before.
    let ahead = |minutes: i64| set(at(minutes * MINUTE), 365 * 24 * HOUR + minutes * MINUTE);
    agent.step(Input::ClockSet, ahead(4));
    assert_eq!(agent.check(90.0, ahead(5)).told(), [""; 0]);
    let status = agent.core.status(&LoopFacts::default(), ahead(5));
    assert_eq!(status.silences[0].until, "2027-02-02T03:40:00+00:00");
    assert_eq!(status.alerts[0].held_until, Some(status.silences[0].until.clone()));
    assert_eq!(agent.check(90.0, ahead(60)).told().len(), 1);
    assert!(agent.core.state.get().silences.is_empty());
}

#[test]
fn a_report_counts_the_silences_and_says_when_the_last_one_ends() {
    let mut agent = agent(with("[]", "scheduled_report: {cron: '0 4 * * *'}"));
    agent.check(50.0, at(0));
    agent.silence("memory", 200, at(0));
    agent.silence("all", 90, at(0));
    let due = BEGINS + HOUR;
    agent.step(Input::Time, at(due));
    agent.step(Input::Measured { purpose: Purpose::Report, snapshot: Snapshot::default() }, at(due + 10));
    let told = agent.told();
    assert!(told.len() == 1 && told[0].ends_with("\n🔕 2 silences until 06:00\n"), "{told:?}");
}

#[test]
fn what_cannot_be_meant_is_refused_with_what_there_is() {
    let mut agent = agent(quiet("[]"));
    let why = agent.refusal(begin("memory", 60.0, None), at(0));
    assert!(why.contains("no check is complete yet"), "{why}");
    agent.check(50.0, at(0));
    container(&mut agent, "exited", at(0));
    for (target, seconds, said) in [
        ("memry", 60.0, "there is no `memry`; there is memory, container(web), or `all`, or a pattern with *"),
        ("container(wob)", 60.0, "there is no `container(wob)`; there is container(web), memory"),
        ("nginx*", 60.0, "there is no `nginx*`"),
        ("", 60.0, "there is no ``"),
        ("disk(/\u{1b}[2J)", 60.0, "there is no `disk(/\\u{1b}[2J)`"),
        (&"x".repeat(5000), 60.0, "so long a name"),
        ("memory", 0.0, "up to 30 days"),
        ("memory", -1.0, "up to 30 days"),
        ("memory", 30.0 * 86_400.0 + 1.0, "up to 30 days"),
        ("memory", 1e300, "up to 30 days"),
    ] {
        let why = agent.refusal(begin(target, seconds, None), at(MINUTE));
        assert!(why.contains(said) && why.len() < 1000, "{target}: {why}");
    }
    let why = agent.refusal(SilenceRequest::End { number: 7 }, at(MINUTE));
    assert_eq!(why, "there is no silence 7: there is none at all");
    agent.silence("memory", 1, at(MINUTE));
    let why = agent.refusal(SilenceRequest::End { number: 7 }, at(MINUTE));
    assert_eq!(why, "there is no silence 7: there is 1 (memory)");
    for _ in 1..100 {
        agent.silence("all", 1, at(MINUTE));
    }
    let why = agent.refusal(begin("memory", 60.0, None), at(MINUTE));
    assert!(why.contains("100 silences already"), "{why}");
    // They are over, and there is room.
    agent.silence("memory", 1, at(3 * MINUTE));
}

#[test]
fn targets_are_named_by_their_names_whatever_was_typed_but_for_the_one_that_was_meant() {
    let mut agent = agent(quiet("[]"));
    agent.check(50.0, at(0));
    let mut snapshot = Snapshot::default();
    for name in ["db", "api", "web", "cache"] {
        snapshot.push(metric::CONTAINER_STATE, name, Value::from(ContainerWord::new("running", "running")));
    }
    agent.step(Input::Looked { snapshot, scope: Scope::Everything }, at(0));
    let mut named = |target| {
        let why = agent.refusal(begin(target, 60.0, None), at(MINUTE));
        why.split_once("there is ").and_then(|(_, rest)| Some(rest.split_once("; there is ")?.1.to_owned())).unwrap()
    };
    let all = "container(api), container(cache), container(db), container(web), memory, or `all`, or a pattern with *";
    assert_eq!(["nginx", "postgres*", "x"].map(&mut named), [all; 3]);
    assert!(named("container(wob)").starts_with("container(web), container(api), container(cache), container(db), "));
}

#[test]
fn the_reason_is_one_bounded_line_without_secrets() {
    let mut config = quiet("[]");
    config.channels = super::super::config(KEY).channels;
    let mut agent = Driven::new(config, Mode::default());
    agent.check(50.0, at(0));
    let hostile = format!("backup\n\u{1b}[2J<@all> {KEY} token=abcdef{}", " x".repeat(100_000));
    let SilenceAnswer::Begun(silence) = agent.asked(begin("memory", 60.0, Some(&hostile)), at(0)) else { panic!() };
    let why = silence.why.unwrap();
    assert!(why.starts_with("backup  [2J<@all> …"), "{why}");
    assert!(why.len() <= 200 && !why.contains(char::is_control) && !why.contains("abcdef"), "{why}");
    assert!(!serde_json::to_string(agent.core.state.get()).unwrap().contains(KEY));
}

#[test]
fn thousands_of_containers_are_not_listed_and_what_was_half_written_comes_first() {
    let mut agent = agent(quiet("[]"));
    let mut snapshot = Snapshot::default();
    for number in 0..5000 {
        let word = Value::from(ContainerWord::new("running", "running"));
        snapshot.push(metric::CONTAINER_STATE, format!("shop-{number}"), word);
    }
    agent.core.checks.is_measuring = true;
    agent.step(Input::Measured { purpose: Purpose::Check, snapshot }, at(0));
    let why = agent.refusal(begin("shop-4321", 60.0, None), at(0));
    assert!(why.contains("; there is container(shop-4321), ") && why.contains(" and 4980 more"), "{why}");
    agent.silence("container(shop-4321)", 1, at(0));
}
