//! Containers: stopped on purpose, gone, made anew, looping.

use super::*;
use crate::snapshot::ContainerWord;

/// The verdict of a look at containers on `web`.
#[derive(Clone, Copy)]
enum Web {
    Runs,
    Crashed,
    Stopped,
    NotThere,
    EngineAway,
    NoEngineYet,
}

const GRACE: Duration = Duration::from_secs(10);

fn look(book: &mut Alerts, web: Web, extent: Extent, second: u32, policy: &Policy) -> Vec<News> {
    let mut snapshot = Snapshot::default();
    let word = |word: &str| Value::from(ContainerWord::new(word, "running"));
    match web {
        Web::Runs => snapshot.push(metric::CONTAINER_STATE, "web", word("running")),
        Web::Crashed | Web::Stopped => snapshot.push(metric::CONTAINER_STATE, "web", word("exited")),
        Web::NotThere => {}
        Web::EngineAway | Web::NoEngineYet => snapshot.watched.push(Watched::Every(metric::CONTAINER_STATE)),
    }
    let judge = |reading| Finding {
        wait: if matches!(web, Web::Stopped) { GRACE } else { Duration::ZERO },
        ..finding(reading, if matches!(web, Web::Runs) { Verdict::Clear } else { Verdict::Breach(Level::Warning) })
    };
    let findings: Vec<_> = snapshot.readings.iter().map(judge).collect();
    book.step(&findings, &snapshot, extent, at(second), policy).iter().map(|transition| transition.news).collect()
}

fn looks(script: &[(u32, Web)]) -> Vec<Option<News>> {
    let mut book = Alerts::default();
    script
        .iter()
        .map(|(second, web)| look(&mut book, *web, Extent::Docker, *second, &Policy::default()).first().copied())
        .collect()
}

#[test]
fn what_was_stopped_on_purpose_is_told_after_its_grace_and_not_at_all_where_it_runs_again() {
    let pending = Some(News::Pending);
    assert_eq!(looks(&[(0, Web::Stopped), (9, Web::Stopped), (10, Web::Stopped)]), [pending, None, Some(News::Fired)]);
    assert_eq!(looks(&[(0, Web::Stopped), (9, Web::Runs)]), [pending, Some(News::RecoveredUntold)]);
    assert_eq!(looks(&[(0, Web::Stopped), (3, Web::Crashed)]), [pending, Some(News::Fired)]);
    assert_eq!(looks(&[(0, Web::Stopped), (3, Web::NotThere)]), [pending, Some(News::Dropped)]);
}

#[test]
fn a_told_container_is_waited_for_under_its_name_for_a_day() {
    let fired = Some(News::Fired);
    assert_eq!(
        looks(&[(0, Web::Crashed), (60, Web::NotThere), (DAY, Web::Runs)]),
        [fired, None, Some(News::Recovered)]
    );
    assert_eq!(
        looks(&[(0, Web::Crashed), (60, Web::NotThere), (DAY + 60, Web::NotThere), (DAY + 61, Web::Runs)]),
        [fired, None, Some(News::Dropped), None]
    );
}

#[test]
fn an_engine_that_is_away_or_not_there_yet_drops_nothing() {
    let year = 365 * 24 * 60 * 60;
    for away in [Web::EngineAway, Web::NoEngineYet] {
        assert_eq!(
            looks(&[(0, Web::Crashed), (60, away), (year, away), (year + 1, Web::Runs)]),
            [Some(News::Fired), None, None, Some(News::Recovered)]
        );
    }
}

#[test]
fn an_event_tells_no_lasting_alert_again_and_a_check_does() {
    let mut book = Alerts::default();
    let policy = as_before();
    assert_eq!(look(&mut book, Web::Crashed, Extent::Docker, 0, &policy), [News::Fired]);
    assert_eq!(look(&mut book, Web::Crashed, Extent::Docker, 1000, &policy), []);
    assert_eq!(look(&mut book, Web::Crashed, Extent::Named, 1000, &policy), []);
    assert_eq!(look(&mut book, Web::Crashed, Extent::Check, 1000, &policy), [News::Reminded]);
}

#[test]
fn a_container_that_dies_again_is_told_at_once_and_called_over_after_an_hour_then_after_a_day() {
    let (fired, recovered, settling) = (Some(News::Fired), Some(News::Recovered), Some(News::Settling));
    let (second, third) = (600 + HOUR, 1200 + HOUR);
    assert_eq!(
        looks(&[
            (0, Web::Crashed),
            (1, Web::Runs),
            // A minute later, inside the cooldown.
            (60, Web::Crashed),
            (61, Web::Runs),
            (60 + HOUR, Web::Runs),
            (61 + HOUR, Web::Runs),
            (second, Web::Crashed),
            (third, Web::Runs),
            (third + DAY - 1, Web::Runs),
            (third + DAY, Web::Runs),
        ]),
        [fired, recovered, fired, settling, None, recovered, fired, settling, None, recovered]
    );
}

#[test]
fn a_container_that_loops_is_told_by_its_reminders_alone() {
    let mut looks = Vec::new();
    for round in 0..288 {
        looks.extend([(round * 300, Web::Crashed), (round * 300 + 5, Web::Runs)]);
    }
    let mut book = Alerts::default();
    let mut told = Vec::new();
    for (second, web) in looks {
        let news = look(&mut book, web, Extent::Check, second, &Policy::default());
        told.extend(news.into_iter().filter(|news| news.is_firing_message() || news.is_recovery_message()));
    }
    assert_eq!(told, [News::Fired, News::Recovered, News::Fired, News::Reminded]);
}
