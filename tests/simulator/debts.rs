//! The lines that a group is owed, and each line that was ever to be told.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use jiff::Timestamp;

use super::clock::SECOND;
use super::host::WATCHED;
use super::language::AS_FOUND;
use super::message::{Digested, Kind, LOSS, Message, about, past};
use super::model::held::{Over, Released};
use super::model::{News, Told};
use super::oracle::wrong;

/// A line that the group is owed.
#[derive(Clone, Debug)]
pub struct Owed {
    place: usize,
    /// When its alert began, and when the line was made, as messages tell times.
    since: Rc<str>,
    created: Rc<str>,
    line: Rc<str>,
    is_recovery: bool,
    true_time: i64,
}

/// A line that was to be told.
pub struct Predicted {
    line: Rc<str>,
    /// The alert's past, in the line behind it.
    pub past: Option<String>,
    pub is_critical: bool,
    /// When it was last found over its threshold.
    pub last_over: i64,
}

/// A digest's words for a state that was lost.
const LOST_FILE: [&str; 2] = ["状态文件已损坏", "The state file is damaged"];

/// In place of a quantity: the state itself.
const LOST: usize = usize::MAX;

#[derive(Default)]
pub struct Debts {
    pub owed: Vec<Owed>,
    /// Every line that was to be told, in any of the timelines that crashes cut off, by the time that its message tells.
    predicted: HashMap<Rc<str>, Vec<Predicted>>,
    /// The alerts that these lines tell of, each by its beginning.
    episodes: HashSet<(usize, Rc<str>)>,
}

impl Debts {
    /// The news of a check is to be told.
    pub fn owe(&mut self, told: &[Told], last_over: &[i64], now: Timestamp, true_time: i64) {
        if told.is_empty() {
            return;
        }
        let created: Rc<str> = as_told(now).into();
        for one in told {
            let (place, since): (usize, Rc<str>) = (one.place, as_told(one.since).into());
            let line: Rc<str> = line(one).into();
            let (is_critical, last_over) = (one.is_critical, last_over[place]);
            let predicted = Predicted { line: line.clone(), past: past_of(one), is_critical, last_over };
            self.predicted.entry(created.clone()).or_default().push(predicted);
            self.episodes.insert((place, since.clone()));
            let is_recovery = one.news == News::Recovered;
            self.owed.push(Owed { place, since, created: created.clone(), line, is_recovery, true_time });
        }
    }

    /// The state was damaged, which is to be told.
    pub fn owe_word_of_loss(&mut self, now: Timestamp, true_time: i64) {
        let created: Rc<str> = as_told(now).into();
        let since = created.clone();
        self.owed.push(Owed { place: LOST, since, created, line: LOSS.into(), is_recovery: false, true_time });
    }

    /// A hold is over, and its news is to be told in one message.
    pub fn owe_held(&mut self, released: Vec<&Released>, now: Timestamp, true_time: i64) {
        let created: Rc<str> = as_told(now).into();
        for one in released {
            let (place, since, text, is_critical) = match one {
                Released::Burning(told) => (told.place, told.since, line(told), told.is_critical),
                Released::Over(place, over) => (*place, over.since, over_line(*place, over), false),
            };
            let (since, line): (Rc<str>, Rc<str>) = (as_told(since).into(), text.into());
            let predicted = Predicted { line: line.clone(), past: None, is_critical, last_over: true_time };
            self.predicted.entry(created.clone()).or_default().push(predicted);
            self.episodes.insert((place, since.clone()));
            let is_recovery = matches!(one, Released::Over(..));
            self.owed.push(Owed { place, since, created: created.clone(), line, is_recovery, true_time });
        }
    }

    /// A line of an alert or of a recovery was to be told, then and so.
    pub fn must_be_true(&self, created: &str, line: &str, behind: Option<&str>) -> &Predicted {
        let behind = behind.filter(|behind| about(behind).is_none()).and_then(past);
        // A clock that is set back has a second twice.
        let all = self.predicted.get(created).map_or(&[][..], Vec::as_slice);
        let same = all.iter().find(|predicted| is_same(&predicted.line, line) && predicted.past == behind);
        let predicted = same.unwrap_or_else(|| self.must_be_known(created, line));
        if behind != predicted.past && !line.contains("已恢复正常") {
            wrong(format!("{created}: behind {line} stands {behind:?} for {:?}", predicted.past));
        }
        predicted
    }

    pub fn must_be_known(&self, created: &str, line: &str) -> &Predicted {
        let all = self.predicted.get(created).map_or(&[][..], Vec::as_slice);
        let Some(predicted) = all.iter().find(|predicted| is_same(&predicted.line, line)) else {
            let others: Vec<&str> = all.iter().map(|predicted| &*predicted.line).collect();
            wrong(format!("{created}: this was not to be told: {line}, but {others:?}"));
        };
        predicted
    }

    /// The lines that a message tells, and that were made by `by`, are not owed any more.
    pub fn settle(&mut self, message: &Message<'_>, by: i64) {
        match message.kind {
            Kind::Alert { .. } | Kind::Recovery => {
                for (_, line, _) in message.of_host() {
                    self.owed.retain(|owed| *owed.created != *message.created || !is_same(&owed.line, line));
                }
            }
            Kind::Held { .. } => {
                let over = message.lines.iter().filter_map(|line| over_in(line));
                for line in message.of_host().map(|(_, line, _)| line.to_owned()).chain(over) {
                    self.owed.retain(|owed| *owed.created != *message.created || !is_same(&owed.line, &line));
                }
            }
            Kind::Digest => message.lines.iter().for_each(|line| self.settle_digested(line, by)),
            Kind::Loss => self.owed.retain(|owed| owed.place != LOST),
            Kind::Report | Kind::Notice => {}
        }
    }

    fn settle_digested(&mut self, line: &str, by: i64) {
        // Past a digest's bound messages are only counted.
        if line.contains("另有 ") {
            return self.owed.clear();
        }
        if LOST_FILE.iter().any(|words| line.contains(words)) {
            return self.owed.retain(|owed| owed.place != LOST);
        }
        let Some(digested) = Digested::read(line) else { return };
        let Some(place) = about(digested.line) else { return };
        if digested.times > 1 {
            return self.owed.retain(|owed| owed.place != place);
        }
        if !self.episodes.contains(&(place, digested.began.into())) {
            let began = |(other, began): &(usize, Rc<str>)| (*other == place).then(|| began.clone());
            let mut others: Vec<Rc<str>> = self.episodes.iter().filter_map(began).collect();
            others.sort();
            wrong(format!("a digest tells of an alert that there was not: {line}, but since {others:?}"));
        }
        let is_told = |owed: &Owed| owed.place == place && *owed.since == *digested.began && owed.true_time <= by;
        self.owed.retain(|owed| !is_told(owed) || (owed.is_recovery && !digested.is_over));
    }

    /// The robot has worked for long enough: a debt of before `before` must have been paid.
    pub fn must_be_paid(&self, before: i64) {
        if let Some(owed) = self.owed.iter().find(|owed| owed.true_time < before) {
            wrong(format!("owed since {} s and never told: {owed:?}", owed.true_time / SECOND));
        }
    }
}

/// Whether a line that was to be told is told by this one.
fn is_same(owed: &str, line: &str) -> bool {
    owed == line || line.strip_suffix(AS_FOUND).is_some_and(|unit| owed.starts_with(unit))
}

/// A time as messages tell it, in UTC.
fn as_told(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `💾 磁盘使用率(/a): 81.3% (阈值: 80%)`
fn line(told: &Told) -> String {
    let quantity = &WATCHED[told.place];
    if quantity.is_word() {
        return match told.news {
            News::Recovered => format!("✅ {}: 已恢复正常", quantity.label),
            _ => format!("❌ {}: {}", quantity.label, quantity.shown(told.number)),
        };
    }
    if let Some(ahead) = told.ahead {
        // A rounded zero has no sign.
        let grown = (ahead.grown * 10.0).round() / 10.0 + 0.0;
        let growth = format!("现 {:.1}%，近 24 小时 {grown:+.1}%", ahead.share);
        return match (&told.news, ahead.hours) {
            (News::Recovered, _) => format!("{}: {growth} (已恢复正常)", quantity.label),
            (_, None) => format!("{}: {growth}", quantity.label),
            (_, Some(hours)) => format!("{}: 约 {}后写满 ({growth})", quantity.label, quantity.shown(-hours)),
        };
    }
    let behind = match told.news {
        News::Recovered => "已恢复正常".to_owned(),
        _ => format!("阈值: {}", quantity.shown_limit(told.limit)),
    };
    format!("{}: {} ({behind})", quantity.label, quantity.shown(told.number))
}

/// An alert that came and went, without the numbers: those of its message may be any of the hold's.
fn over_line(place: usize, over: &Over) -> String {
    let (since, ended) = (as_told(over.since), as_told(over.ended));
    format!("{}: {since} → {ended}, {} times", WATCHED[place].label, over.times)
}

/// The same of a message's line.
pub fn over_in(line: &str) -> Option<String> {
    let digested = Digested::read(line).filter(|digested| digested.is_over)?;
    let label = WATCHED[about(digested.line)?].label;
    Some(format!("{label}: {} → {}, {} times", digested.began, digested.ended, digested.times))
}

/// The past behind its line, as [`past`] reads it.
fn past_of(told: &Told) -> Option<String> {
    let shown = |number| WATCHED[told.place].shown(number);
    match &told.news {
        News::Fired { returns: 0 } | News::Recovered => None,
        News::Fired { returns } => Some(format!("🔁 {}", returns + 1)),
        // It can be critical because it lasts, and be no worse than people know.
        News::Worse { told: before } => {
            let is_worse = told.number >= *before && shown(told.number) != shown(*before);
            is_worse.then(|| format!("📈 {}", shown(*before)))
        }
        News::Reminded { .. } if WATCHED[told.place].is_word() => Some("⏳".to_owned()),
        News::Reminded { most } => Some(format!("⏳ {}", shown(*most))),
    }
}
