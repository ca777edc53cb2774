//! The alerts since the last report: each that people were told of, and its duration.
//!
//! They are kept in the state, so they are bounded: of the alerts beyond the bounds only the number is kept.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::look::worst;
use super::{Alerts, News, Transition};
use crate::bounds::{MAX_COUNT, is_zero, keep};
use crate::rule::Level;
use crate::snapshot::{Key, Keyed, Value, by_key};
use crate::text;

/// As many alerts are kept, of which a report lists fewer.
const MAX_PASTS: usize = 64;

/// The most bytes of all names and words together.
const MAX_BYTES: usize = 16 * 1024;

/// An engine's word is cut here.
const MAX_WORD_BYTES: usize = 64;

/// Of the alerts since the last report those that are kept, and the number of the others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Happened {
    #[serde(default, with = "by_key")]
    pasts: BTreeMap<Key, Past>,
    /// Alerts that are over and not kept; one that came back is counted again.
    #[serde(default, skip_serializing_if = "is_zero")]
    others: u64,
}

/// One alert's episodes since the last report, as far as they are over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Past {
    #[serde(flatten)]
    pub key: Key,
    /// The worst number of them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak: Option<f64>,
    /// A container's word when it was last told of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
    #[serde(default)]
    pub level: Level,
    /// The number of episodes.
    #[serde(default)]
    pub times: u64,
    /// How long they lasted together.
    #[serde(default)]
    pub seconds: u64,
    /// When it last happened, if it is no condition that lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
    /// The last one ended because its subject is not watched any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_dropped: bool,
}

impl Happened {
    pub fn is_empty(&self) -> bool {
        self.pasts.is_empty() && self.others == 0
    }

    /// Takes in the news of one look.
    #[inline(never)]
    pub fn take_in(&mut self, transitions: &[Transition], now: Timestamp) {
        for transition in transitions {
            let episode = &transition.episode;
            let is_over = match transition.news {
                News::Happened => true,
                News::Recovered | News::RecoveredMuted => true,
                News::Dropped if episode.is_told => true,
                news if news.is_firing_message() => false,
                _ => continue,
            };
            let past = self.pasts.entry(transition.key.clone()).or_insert_with(|| Past::new(&transition.key));
            past.level = past.level.max(episode.level);
            if let Value::Event(detail) = &transition.value {
                past.times = past.times.saturating_add(detail.times);
                past.last = past.last.max(episode.well_since.or(Some(now)));
            } else if is_over {
                past.peak = worst(transition.key.metric.unit, past.peak, episode.peak);
                past.times = past.times.saturating_add(1);
                past.seconds = past.seconds.saturating_add(transition.lasted_seconds(now));
                past.is_dropped = transition.news == News::Dropped;
            } else if let Value::Container(word) = &transition.value {
                past.word = Some(text::beginning(&word.shown(), MAX_WORD_BYTES).to_owned());
            }
        }
        self.bound();
    }

    /// The alerts of which something is over.
    pub fn over(&self) -> impl Iterator<Item = &Past> {
        self.pasts.values().filter(|past| past.times > 0)
    }

    pub fn get(&self, key: &Key) -> Option<&Past> {
        self.pasts.get(key)
    }

    /// The number of alerts that are over and not kept.
    pub fn others(&self) -> u64 {
        self.others
    }

    /// A report has told all of it: a new time begins. The words of lasting alerts are remembered.
    pub fn begin_anew(&mut self, alerts: &Alerts) {
        self.others = 0;
        self.pasts.retain(|key, past| {
            (past.peak, past.times, past.seconds, past.last, past.is_dropped) = (None, 0, 0, None, false);
            past.word.is_some() && alerts.is_active(key)
        });
    }

    /// Forgets all of it but its number. How many alerts that were.
    pub fn forget(&mut self) -> usize {
        let forgotten = self.pasts.len();
        self.count(self.over().count());
        self.pasts.clear();
        forgotten
    }

    /// Corrects values that no agent wrote. Returns how many there were.
    pub fn correct(&mut self) -> usize {
        let before = self.pasts.len();
        let corrected = |past: &mut Past| {
            let long = past.word.take_if(|word| word.len() > MAX_WORD_BYTES).is_some();
            usize::from(long) + keep(&mut past.times, 0..=MAX_COUNT) + keep(&mut past.seconds, 0..=MAX_COUNT)
        };
        let values = self.pasts.values_mut().map(corrected).sum::<usize>();
        self.bound();
        values + keep(&mut self.others, 0..=MAX_COUNT) + before - self.pasts.len()
    }

    /// Keeps the most important: alerts that are over before lasting ones (those are told of anyway), the critical
    /// before others, the longest before the shorter.
    fn bound(&mut self) {
        let bytes = |past: &Past| past.key.target.len() + past.word.as_ref().map_or(0, String::len);
        let mut all_bytes: usize = self.pasts.values().map(bytes).sum();
        if self.pasts.len() <= MAX_PASTS && all_bytes <= MAX_BYTES {
            return;
        }
        let importance = |past: &Past| (past.times > 0, past.level, past.seconds);
        let mut least: Vec<(_, Key)> = self.pasts.iter().map(|(key, past)| (importance(past), key.clone())).collect();
        least.sort_unstable();
        let mut dropped = 0;
        for ((is_over, ..), key) in least {
            if self.pasts.len() <= MAX_PASTS && all_bytes <= MAX_BYTES {
                break;
            }
            all_bytes -= self.pasts.remove(&key).as_ref().map_or(0, bytes);
            dropped += usize::from(is_over);
        }
        self.count(dropped);
    }

    fn count(&mut self, others: usize) {
        self.others = self.others.saturating_add(others as u64);
    }
}

impl Keyed for Past {
    fn key(&self) -> &Key {
        &self.key
    }
}

impl Past {
    fn new(key: &Key) -> Past {
        Past {
            key: key.clone(),
            peak: None,
            word: None,
            level: Level::Warning,
            times: 0,
            seconds: 0,
            last: None,
            is_dropped: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;
    use crate::alert::Episode;
    use crate::metric;
    use crate::rule::Limit;
    use crate::snapshot::ContainerWord;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_770_000_000 + seconds).unwrap()
    }

    fn transition(target: &str, news: News, since: i64) -> Transition {
        Transition {
            key: Key::new(metric::CONTAINER_STATE, target),
            news,
            value: Value::from(ContainerWord::new("exited", "running")),
            limit: Limit::Expected("running".into()),
            since: at(since),
            episode: Episode { is_told: true, ..Episode::default() },
        }
    }

    fn told(happened: &Happened) -> Vec<(&str, u64, u64)> {
        happened.over().map(|past| (&*past.key.target, past.times, past.seconds)).collect()
    }

    #[test]
    fn episodes_of_one_alert_are_one_past_and_last_until_they_were_well() {
        let mut happened = Happened::default();
        happened.take_in(&[transition("web", News::Fired, 0)], at(0));
        assert!(told(&happened).is_empty() && !happened.is_empty());
        happened.take_in(&[transition("web", News::Recovered, 0)], at(60));
        let mut settled = transition("web", News::RecoveredMuted, 100);
        settled.episode.well_since = Some(at(130));
        settled.episode.settling = Duration::from_secs(3600);
        settled.episode.level = Level::Critical;
        happened.take_in(&[settled], at(3730));
        assert_eq!(told(&happened), [("web", 2, 90)]);
        let past = happened.get(&Key::new(metric::CONTAINER_STATE, "web")).unwrap();
        assert_eq!((past.word.as_deref(), past.level), (Some("exited"), Level::Critical));
    }

    #[test]
    fn what_nobody_was_told_of_did_not_happen() {
        let mut happened = Happened::default();
        let mut dropped = transition("web", News::Dropped, 0);
        dropped.episode.is_told = false;
        let untold = [News::Pending, News::HeldBack, News::RecoveredUntold].map(|news| transition("web", news, 0));
        happened.take_in(&untold, at(60));
        happened.take_in(&[dropped], at(60));
        assert!(happened.is_empty());
    }

    #[test]
    fn a_report_that_was_made_leaves_the_words_of_what_lasts() {
        let mut happened = Happened::default();
        happened.take_in(&[transition("web", News::Fired, 0), transition("db", News::Fired, 0)], at(0));
        happened.take_in(&[transition("db", News::Recovered, 0)], at(10));
        let json = serde_json::json!([{"metric": "container_state", "target": "web", "firing": true, "since": at(0),
            "told": true, "last_told": {"wall": at(0), "boot": 0}, "value": {"count": 1}, "limit": {"threshold": 1.0}}]);
        happened.begin_anew(&serde_json::from_value(json).unwrap());
        assert!(told(&happened).is_empty());
        happened.take_in(&[transition("web", News::Recovered, 0)], at(3600));
        let web = happened.over().next().unwrap();
        assert_eq!((web.word.as_deref(), web.seconds, happened.over().count()), (Some("exited"), 3600, 1));
    }

    #[test]
    fn beyond_the_bounds_the_critical_and_the_longest_are_kept_and_all_are_counted() {
        let mut happened = Happened::default();
        let mut all: Vec<_> = (0..500).map(|n| transition(&format!("c-{n}"), News::Recovered, -n)).collect();
        all[3].episode.level = Level::Critical;
        happened.take_in(&all, at(0));
        assert_eq!((happened.over().count(), happened.others()), (MAX_PASTS, 500 - MAX_PASTS as u64));
        let kept = |n: usize| happened.get(&Key::new(metric::CONTAINER_STATE, format!("c-{n}"))).is_some();
        assert!(kept(3) && kept(499) && kept(437) && !kept(436));
        // Lasting alerts are told of anyway.
        let fired: Vec<_> = (0..500).map(|n| transition(&format!("new-{n}"), News::Fired, 0)).collect();
        happened.take_in(&fired, at(0));
        assert_eq!((happened.over().count(), happened.others()), (MAX_PASTS, 500 - MAX_PASTS as u64));
    }

    proptest! {
        #[test]
        fn it_stays_small_is_read_as_it_was_written_and_loses_no_count(
            looks in prop::collection::vec((0..200usize, 0..3000usize, any::<bool>()), 0..120)
        ) {
            let mut happened = Happened::default();
            let mut ended = 0;
            for (number, (name, long, is_over)) in looks.into_iter().enumerate() {
                let news = if is_over { News::Recovered } else { News::Fired };
                let target = format!("{name}{}", "x".repeat(long));
                happened.take_in(&[transition(&target, news, 0)], at(number as i64));
                ended += u64::from(is_over);
            }
            let json = serde_json::to_string(&happened).unwrap();
            prop_assert!(json.len() <= MAX_BYTES + 200 * MAX_PASTS, "{} bytes", json.len());
            let mut read: Happened = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(read.correct(), 0);
            prop_assert_eq!(&read, &happened);
            let kept: u64 = happened.over().map(|past| past.times).sum();
            prop_assert!(kept + happened.others() <= ended);
            prop_assert_eq!(kept + happened.others() == 0, ended == 0);
            prop_assert!(happened.pasts.len() <= MAX_PASTS);
        }
    }

    #[test]
    fn a_clock_that_went_back_makes_no_negative_time() {
        let mut happened = Happened::default();
        happened.take_in(
            &[transition("web", News::Recovered, 100)],
            at(0).saturating_sub(SignedDuration::from_hours(1)).unwrap(),
        );
        assert_eq!(told(&happened), [("web", 1, 0)]);
    }
}
