//! The contents of a digest: everything, in one line an episode, worst first, within its bounds.

use jiff::tz;
use proptest::prelude::*;

use super::*;
use crate::alert::{Episode, News, Transition};
use crate::message::{Escape, alerts, recovery};
use crate::metric;
use crate::rule::Limit;
use crate::snapshot::{Key, Value};

fn style(language: Language) -> Style {
    Style { language, host: "web-1".to_owned(), zone: tz::TimeZone::fixed(tz::offset(8)) }
}

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_770_190_200 + minute * 60).unwrap()
}

fn transition(target: &str, news: News, percent: f64, since: i64) -> Transition {
    Transition {
        key: Key::new(metric::DISK, target),
        news,
        value: Value::Number(percent),
        limit: Limit::Threshold(80.0),
        since: at(since),
        episode: Episode::default(),
    }
}

fn fired(target: &str, minute: i64) -> Message {
    alerts(&[transition(target, News::Fired, 90.0, minute)], &style(Language::Chinese), at(minute)).remove(0)
}

fn recovered(target: &str, since: i64, minute: i64) -> Message {
    recovery(&[transition(target, News::Recovered, 40.0, since)], &style(Language::Chinese), at(minute)).unwrap()
}

fn plain(kind: Kind, title: &'static str, minute: i64) -> Message {
    style(Language::Chinese).message(kind, title, vec!["line".into()], at(minute))
}

fn of(messages: Vec<Message>) -> Vec<Message> {
    digest(messages, &style(Language::Chinese), at(600))
}

#[test]
fn an_alert_and_its_recovery_are_one_line_and_what_is_not_over_comes_first() {
    let reminder = alerts(&[transition("/a", News::Reminded, 95.0, 0)], &style(Language::Chinese), at(30)).remove(0);
    let messages = vec![fired("/a", 0), reminder, recovered("/a", 0, 90), fired("/b", 100), recovered("/c", -9, 1)];
    let pages = of(messages);
    assert_eq!(
        pages[0].text(&Escape::NONE),
        "📚 VPS 积压摘要 [web-1]\n━━━━━━━━━━━━━━━━\n📮 积压的 5 条消息合并如下\n\
         🔴 2026-02-04 17:10:00 起: 💾 磁盘使用率(/b): 90.0% (阈值: 80%)\n\
         🟢 2026-02-04 15:30:00 → 2026-02-04 17:00:00 (1 小时 30 分): 💾 磁盘使用率(/a): 95.0% (阈值: 80%)\n\
         🟢 2026-02-04 15:21:00 → 2026-02-04 15:31:00 (10 分钟): 💾 磁盘使用率(/c): 40.0% (已恢复正常)\n\
         ⏰ 时间: 2026-02-05 01:30:00"
    );
    assert_eq!(pages.len(), 1);
}

#[test]
fn a_digest_is_folded_again_with_what_came_after_it() {
    let first = of(vec![fired("/a", 0), fired("/b", 1)]);
    let again = of([first, vec![recovered("/a", 0, 5)]].concat());
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].folded, 3);
    assert_eq!(again[0].facts.iter().map(|fact| fact.ended).collect::<Vec<_>>(), [None, Some(at(5))]);
}

#[test]
fn the_newest_report_stays_as_it_is_and_older_ones_are_told_by_their_title() {
    let report = |minute| plain(Kind::Report, "report", minute);
    let pages = of(vec![report(0), fired("/", 1), report(60)]);
    assert_eq!(pages[1..], [report(60)]);
    assert_eq!(pages[0].lines[0], "📮 积压的 2 条消息合并如下");
    assert_eq!(pages[0].lines[2], "✉️ 2026-02-04 15:30:00: report [web-1]");
}

#[test]
fn parts_whose_first_was_delivered_are_told_line_by_line_and_others_by_the_firsts_facts() {
    let part = |number: usize, target| {
        let mut message = Message { part: Some((number, 2)), ..fired("/", 0) };
        message.lines = vec![format!("line of {target}").into()];
        message.facts.truncate(usize::from(number == 1));
        message
    };
    let lines = |messages| of(messages)[0].facts.iter().map(|fact| fact.line.clone()).collect::<Vec<_>>();
    assert_eq!(lines(vec![part(2, "b")]), ["line of b"]);
    assert_eq!(lines(vec![part(1, "a"), part(2, "b")]), ["💾 磁盘使用率(/): 90.0% (阈值: 80%)"]);
}

#[test]
fn a_page_that_a_channel_split_is_told_once() {
    let all = of((0..20).map(|number| fired(&format!("/{number}"), number)).collect());
    let halves = |page: &Message| {
        let half = |number, lines: &[Line]| Message { part: Some((number, 3)), lines: lines.to_vec(), ..page.clone() };
        let (first, second) = page.lines.split_at(page.lines.len() / 2);
        [half(1, first), Message { facts: Vec::new(), folded: 0, ..half(2, second) }]
    };
    let [first, second] = halves(&all[1]);
    let told_of = |messages| of(messages).iter().map(|page| page.facts.len()).sum::<usize>();
    assert_eq!(told_of(vec![all[0].clone(), first, second.clone()]), 20);
    // Its first part was delivered.
    assert_eq!(told_of(vec![all[0].clone(), second.clone()]), 14 + second.lines.len());
}

#[test]
fn past_a_thousand_lines_the_oldest_that_are_over_are_told_together_with_their_count() {
    let mut messages = Vec::new();
    for minute in 0..1500 {
        messages.extend([fired("/", 2 * minute), recovered("/", 2 * minute, 2 * minute + 1)]);
    }
    messages.push(fired("/data", -5));
    let pages = of(messages);
    let lines: Vec<&str> = pages.iter().flat_map(|page| &page.lines).map(Line::plain).collect();
    assert_eq!(lines[0], "📮 积压的 3001 条消息合并如下");
    assert!(lines[1].starts_with("🔴 2026-02-04 15:25:00 起: 💾 磁盘使用率(/data)"));
    assert!(lines.iter().any(|line| line.contains("(共 750 次): 💾 磁盘使用率(/)")));
    assert_eq!(lines.len(), 1 + 1 + 1 + 750);
}

#[test]
fn past_a_thousand_alerts_the_oldest_are_counted() {
    let messages = (0..1200).map(|number| fired(&format!("/{number}"), number)).collect();
    let pages = of(messages);
    let lines: Vec<&str> = pages.iter().flat_map(|page| &page.lines).map(Line::plain).collect();
    assert_eq!(lines.len(), 1 + merge::MAX_FACTS);
    assert!(lines.last().unwrap().ends_with("另有 201 项较早的消息不再逐条列出"));
}

/// The number of things that pages tell.
fn told(pages: &[Message]) -> u64 {
    pages.iter().flat_map(|page| &page.facts).map(|fact| fact.times).sum()
}

/// One message of each kind about `count` disks.
fn batch(news: News, count: usize, since: i64, minute: i64) -> Vec<Message> {
    let transitions: Vec<Transition> =
        (0..count).map(|number| transition(&format!("/{number}"), news, 90.0, since)).collect();
    let style = style(Language::Chinese);
    let messages = alerts(&transitions, &style, at(minute));
    messages.into_iter().chain(recovery(&transitions, &style, at(minute))).collect()
}

#[test]
fn an_episode_counts_once_however_often_it_is_told_and_folded() {
    for count in [10, 2500] {
        let mut pages = Vec::new();
        for round in 0..3 {
            let (since, later) = (round * 100, round * 100 + 10);
            for messages in [
                batch(News::Fired, count, since, since),
                batch(News::Reminded, count, since, later),
                batch(News::Recovered, count, since, later + 1),
            ] {
                pages = of([pages, messages].concat());
                assert_eq!(told(&pages), (round + 1) as u64 * count as u64, "{count} in round {round}");
            }
            assert!(pages.iter().flat_map(|page| &page.facts).all(|fact| !fact.is_open() && fact.open.is_empty()));
        }
    }
}

#[test]
fn an_alert_that_ends_without_a_message_is_over_in_what_waits() {
    let style = style(Language::Chinese);
    let muted = transition("/a", News::RecoveredMuted, 40.0, 0);
    let ended = Ended::new([&muted].into_iter(), at(9));
    let mut alert = fired("/a", 0);
    let text = alert.text(&Escape::NONE);
    assert!(ended.mark(&mut alert, &style) && !ended.mark(&mut alert, &style));
    assert_eq!(alert.text(&Escape::NONE), text);
    assert_eq!(of(vec![alert])[0].facts[0].ended, Some(at(9)));

    let mut page = of(vec![fired("/a", 0), fired("/b", 1)]).remove(0);
    assert!(ended.mark(&mut page, &style));
    assert_eq!(
        page.lines,
        [
            "📮 积压的 2 条消息合并如下",
            "🟢 2026-02-04 15:30:00 → 2026-02-04 15:39:00 (9 分钟): 💾 磁盘使用率(/a): 90.0% (阈值: 80%)",
            "🔴 2026-02-04 15:31:00 起: 💾 磁盘使用率(/b): 90.0% (阈值: 80%)",
        ]
    );
    let other_episode = transition("/b", News::Dropped, 40.0, 7);
    assert!(!Ended::new([&other_episode].into_iter(), at(9)).mark(&mut page, &style));
}

#[test]
fn an_alert_whose_end_went_first_is_over_in_what_waits() {
    let ended = Ended::told_by(&recovered("/a", 0, 9));
    let mut rejected = fired("/a", 0);
    assert!(ended.mark(&mut rejected, &style(Language::Chinese)));
    assert_eq!(of(vec![rejected, fired("/b", 1)])[0].facts[1].ended, Some(at(9)));
    assert!(Ended::told_by(&fired("/a", 0)).is_empty());
}

#[test]
fn english_has_the_same_layout() {
    let pages = digest(vec![fired("/", 0), recovered("/", 0, 1)], &style(Language::English), at(5));
    assert_eq!(pages[0].title, "📚 VPS Backlog Digest [web-1]");
    assert_eq!(pages[0].lines[0], "📮 In place of 2 messages that were waiting");
    assert!(pages[0].lines[1].plain().starts_with("🟢 2026-02-04 15:30:00 → 2026-02-04 15:31:00 (1 min): 💾"));
}

/// The next thing that can happen to an alert, and the start of its firing afterwards.
fn step(news: News, since: Option<i64>, minute: i64) -> (News, Option<i64>, i64) {
    match (news, since) {
        (News::Fired, None) => (News::Fired, Some(minute), minute),
        (News::Recovered, Some(since)) => (News::Recovered, None, since),
        (_, Some(since)) => (News::Reminded, Some(since), since),
        (_, None) => (News::HeldBack, None, minute),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn however_messages_come_and_are_folded_no_episode_is_lost_or_counted_twice(
        rounds in prop::collection::vec((0usize..3, 0usize..1600, any::<bool>()), 1..8),
    ) {
        let mut pages = Vec::new();
        let mut episodes = std::collections::BTreeSet::new();
        // Half of them fire since before the waiting messages.
        let mut since: Vec<Option<i64>> = (0..1600).map(|number| (number % 2 == 0).then_some(-5)).collect();
        let mut minute = 0;
        for (kind, count, folds) in rounds {
            minute += 1;
            let wish = [News::Fired, News::Reminded, News::Recovered][kind];
            let mut transitions = Vec::new();
            for (number, since) in since.iter_mut().take(count).enumerate() {
                let (news, next, began) = step(wish, *since, minute);
                *since = next;
                if news != News::HeldBack {
                    episodes.insert((number, began));
                    transitions.push(transition(&format!("/{number}"), news, 90.0, began));
                }
            }
            let style = style(Language::Chinese);
            pages.extend(alerts(&transitions, &style, at(minute)));
            pages.extend(recovery(&transitions, &style, at(minute)));
            if folds {
                pages = of(pages);
            }
        }
        prop_assert_eq!(told(&of(pages)), episodes.len() as u64);
    }

    #[test]
    fn no_episode_is_lost_and_pages_stay_bounded(
        events in prop::collection::vec((0u8..30, 0i64..400, any::<bool>()), 0..400),
        host in "\\PC{0,40}",
    ) {
        let messages: Vec<Message> = events.iter().map(|(target, minute, over)| {
            let target = format!("/{target}{}", "长".repeat(90));
            if *over { recovered(&target, *minute, minute + 7) } else { fired(&target, *minute) }
        }).collect();
        let style = Style { host, ..style(Language::Chinese) };
        let pages = digest(messages.clone(), &style, at(0));
        for fact in messages.iter().flat_map(|message| &message.facts) {
            let told = pages.iter().flat_map(|page| &page.facts).find(|told| told.is_same_episode(fact)).unwrap();
            prop_assert!(fact.ended.is_none() || told.ended == fact.ended);
        }
        prop_assert!(pages.iter().all(|page| page.text(&Escape::NONE).len() <= 4000), "{:?}", pages.iter().map(|p| p.text(&Escape::NONE).len()).max());
        prop_assert!(pages.len() <= 80);
    }
}
