//! The cost of 40,000 containers that exit at once: messages, digests and a report in n log n. With the square of their
//! number each of these would take minutes.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use vps_monitor::alert::{Episode, News, Transition};
use vps_monitor::message::{self, Language, Message, Sections, Style};
use vps_monitor::metric;
use vps_monitor::rule::Limit;
use vps_monitor::snapshot::{ContainerWord, Key, Snapshot, Value};

const CONTAINERS: i64 = 40_000;

/// A debug build on a machine that is busy with other tests.
const SOON: Duration = Duration::from_secs(20);

fn style() -> Style {
    Style { language: Language::Chinese, host: "web-1".to_owned(), zone: TimeZone::UTC }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_770_190_200 + second).unwrap()
}

fn value(word: &str) -> Value {
    Value::from(ContainerWord::new(word, "running"))
}

/// Each container's transition, as of one check.
fn transitions(news: News, since: impl Fn(i64) -> i64) -> Vec<Transition> {
    let transition = |number| Transition {
        key: Key::new(metric::CONTAINER_STATE, format!("web-{number}")),
        news,
        value: value(if news == News::Recovered { "running" } else { "exited" }),
        limit: Limit::Expected("running".into()),
        since: at(since(number)),
        episode: Episode::default(),
    };
    (0..CONTAINERS).map(transition).collect()
}

#[test]
fn messages_of_all_at_once_and_one_by_one_are_worded_and_folded_at_once() {
    let begun = Instant::now();
    let style = style();
    let mut messages = message::alerts(&transitions(News::Fired, |_| 0), &style, at(0));
    messages.extend(message::recovery(&transitions(News::Recovered, |_| 0), &style, at(9)));
    let mut pages = message::digest(messages, &style, at(10));
    for transition in transitions(News::Fired, |number| 100 + number) {
        pages.extend(message::alerts(&[transition], &style, at(100)));
    }
    let pages = message::digest(pages, &style, at(50_000));
    let told: u64 = pages.iter().flat_map(|page| &page.facts).map(|fact| fact.times).sum();
    assert_eq!(told, 2 * CONTAINERS as u64);
    assert!(pages.iter().map(Message::bytes).sum::<usize>() < 1 << 20);
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

#[test]
fn a_report_of_all_is_made_at_once_and_bounded() {
    let begun = Instant::now();
    let mut snapshot = Snapshot::default();
    for number in 0..CONTAINERS {
        snapshot.push(metric::CONTAINER_STATE, format!("web-{number}"), value("exited"));
        snapshot.push(metric::CONTAINER_HEALTH, format!("web-{number}"), value("unhealthy"));
    }
    (0..1000).for_each(|number| snapshot.watch(metric::DISK, format!("/mnt/{number}")));
    let report = message::report(&snapshot, &Sections::default(), &style(), at(0));
    assert!(report.bytes() < 70_000, "{} bytes", report.bytes());
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}
