//! Compares a group's messages with the messages that it is owed, one by one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::panic::resume_unwind;
use std::rc::Rc;

use jiff::Timestamp;

use super::clock::{MINUTE, SECOND};
use super::host::WATCHED;
use super::message::{Digested, Kind, Message, about, past, seconds};
use super::model::{News, Rules, Told};
use super::pairs::{Alerted, Pairs};
use super::reports::Reports;

/// Something that must be true is not.
pub struct Wrong(pub String);

pub fn wrong(what: impl Into<String>) -> ! {
    resume_unwind(Box::new(Wrong(what.into())))
}

/// The beginning of a line that a message carries for others, which were set aside.
pub const SAID_OF_OTHERS: &str = "📭 此前有 ";

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
struct Predicted {
    line: Rc<str>,
    /// The alert's past, in the line behind it.
    past: Option<String>,
    is_critical: bool,
    /// When it was last found over its threshold.
    last_over: i64,
}

/// A message that arrived.
pub struct Arrived<'a> {
    pub content: &'a str,
    /// The agent will hear of it.
    pub is_heard: bool,
    /// The agent that posted it is gone, and the next may have posted it again already.
    pub is_orphan: bool,
    /// It is, and the next agent knows nothing of it.
    pub is_forgotten: bool,
    pub posted: i64,
    /// When it was made, where the wall clock tells.
    pub created: Option<i64>,
}

pub struct Oracle {
    pub owed: Vec<Owed>,
    /// Every line that was to be told, in any of the timelines that crashes cut off, by the time that its message tells.
    predicted: HashMap<Rc<str>, Vec<Predicted>>,
    /// The alerts that these lines tell of, each by its beginning.
    episodes: HashSet<(usize, Rc<str>)>,
    pub pairs: Pairs,
    /// The messages that the robot took, by their text without the mark of its lateness; with it, how often a crash or a lost answer may
    /// have made the agent believe that it was not.
    taken: BTreeMap<String, u32>,
    /// Messages whose acceptance the agent has heard of, in that order.
    heard: Vec<String>,
    /// Messages that the robot did not take, though it took others.
    rejected: HashSet<String>,
    reports: Reports,
    /// When the newest message that has arrived was made.
    newest: i64,
    /// Since when messages keep their order and know how long they wait.
    in_order_since: i64,
}

/// A message may wait this long for a slow disk and a slow step before it is sent, and is late from a minute on.
const LATE: i64 = MINUTE;
const WAIT_FOR_DISK: i64 = 30 * SECOND;

impl Oracle {
    pub fn new() -> Oracle {
        Oracle {
            owed: Vec::new(),
            predicted: HashMap::new(),
            episodes: HashSet::new(),
            pairs: Pairs::new(),
            taken: BTreeMap::new(),
            heard: Vec::new(),
            rejected: HashSet::new(),
            reports: Reports::default(),
            newest: i64::MIN / 2,
            in_order_since: 0,
        }
    }

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

    /// How many answers the agent has heard.
    pub fn answers(&self) -> usize {
        self.heard.len()
    }

    /// An agent starts from a save, or from nothing. A delivery that it does not know of may be repeated.
    pub fn started(&mut self, owed: Vec<Owed>, answers: usize, true_time: i64) {
        for content in self.heard.drain(answers.min(self.heard.len())..) {
            self.taken.entry(content).and_modify(|excuses| *excuses += 1);
        }
        self.owed = owed;
        self.disorder(true_time);
    }

    /// Messages that were made before this may come in another order, and not know how long they waited.
    pub fn disorder(&mut self, true_time: i64) {
        (self.newest, self.in_order_since) = (i64::MIN / 2, true_time);
    }

    /// The agent is made to forget all that it knew.
    pub fn forgets(&mut self, true_time: i64) {
        self.reports.forget();
        self.pairs.forget(true_time);
    }

    /// The robot took a message; says whether it is the first time.
    pub fn accepted(&mut self, arrived: &Arrived<'_>, rules: &Rules) -> bool {
        let text = without_lateness(arrived.content);
        let mut is_new = true;
        match self.taken.get_mut(&text) {
            Some(_) if arrived.is_orphan => return false,
            Some(excuses) if *excuses > 0 => {
                *excuses -= 1;
                is_new = false;
            }
            // A container can end twice in one second; that nothing is told twice of it is judged by its words.
            Some(_) if text.contains("📦") => {}
            Some(_) => wrong(format!("told twice without a reason: {text}")),
            None => {
                self.taken.insert(text.clone(), 0);
            }
        }
        if !arrived.is_heard {
            self.excuse(&text);
        }
        let message = Message::read(arrived.content);
        if !arrived.is_orphan {
            self.is_in_time(&message, arrived);
        }
        // One that others went before is no last word.
        let created = arrived.created.filter(|_| is_new && !self.was_rejected(arrived.content));
        self.read(&message, created, rules);
        if arrived.is_forgotten {
            self.reports.forget();
        }
        // A message that cannot be put in order is not compared with others.
        if message.kind == Kind::Digest || (is_new && created.is_none()) {
            self.pairs.forget(arrived.posted);
        }
        is_new
    }

    /// Messages come in the order in which they were made, and say how late they are.
    fn is_in_time(&mut self, message: &Message<'_>, arrived: &Arrived<'_>) {
        // A digest was made later than a report behind it.
        let Some(created) = arrived.created.filter(|created| *created >= self.in_order_since) else { return };
        if message.kind == Kind::Digest || self.was_rejected(arrived.content) {
            return;
        }
        if created < self.newest - SECOND {
            wrong(format!("this was made before what came before it: {}", arrived.content));
        }
        self.newest = self.newest.max(created);
        let waited = arrived.posted - created;
        let told = match message.late {
            None => 0,
            Some(late) => seconds(late).unwrap_or_else(|| wrong(format!("late by {late:?}"))) * SECOND,
        };
        // In words of hours and minutes, or of days and hours.
        let rounded = if told >= 24 * 60 * MINUTE { 60 * MINUTE } else { MINUTE };
        let is_told_right = if told == 0 {
            waited < LATE + WAIT_FOR_DISK
        } else {
            told <= waited + 2 * SECOND && waited < told + rounded + WAIT_FOR_DISK
        };
        if !is_told_right {
            wrong(format!("it waited for {} s and says {:?}: {}", waited / SECOND, message.late, arrived.content));
        }
    }

    /// The agent hears that a message was taken, at last.
    pub fn heard(&mut self, content: &str) {
        self.heard.push(without_lateness(content));
    }

    /// The agent is gone, and will not hear the outcome of a message that the robot may take.
    pub fn excuse(&mut self, content: &str) {
        self.taken.entry(without_lateness(content)).and_modify(|excuses| *excuses += 1);
    }

    /// The robot does not take a message: its lines are owed no longer.
    pub fn refused(&mut self, content: &str, true_time: i64) {
        let text = without_lateness(content);
        let message = Message::read(&text);
        self.settle(&message, i64::MAX);
        self.pairs.forget(true_time);
        self.read_reports(&message);
        self.rejected.insert(text);
    }

    /// Whether the robot rejected a message before.
    pub fn was_rejected(&self, content: &str) -> bool {
        !self.rejected.is_empty() && self.rejected.contains(&without_lateness(content))
    }

    /// Takes note of a message's lines.
    fn read(&mut self, message: &Message<'_>, created: Option<i64>, rules: &Rules) {
        self.read_reports(message);
        self.settle(message, created.map_or(i64::MAX, |created| created + SECOND));
        match message.kind {
            Kind::Alert { is_critical } => {
                let mut is_any_critical = false;
                for (place, line, behind) in message.of_host() {
                    let Predicted { past, is_critical, .. } = self.must_be_true(message.created, line, behind);
                    let (past, is_critical) = (past.clone(), *is_critical);
                    is_any_critical |= is_critical;
                    if let Some(at) = created {
                        let alert = Alerted { at, is_critical, past: past.as_deref() };
                        self.pairs.alerted(WATCHED[place].label, &alert, rules);
                    }
                }
                if is_critical != is_any_critical && message.of_host().next().is_some() {
                    wrong(format!(
                        "{}: an alert is called critical and is not, or the other way round",
                        message.created
                    ));
                }
            }
            Kind::Recovery => {
                for (place, line, _) in message.of_host() {
                    let last_over = self.must_be_true(message.created, line, None).last_over;
                    if let Some(at) = created {
                        self.pairs.recovered(WATCHED[place].label, at, last_over, rules);
                    }
                }
            }
            Kind::Digest | Kind::Report | Kind::Notice => {}
        }
    }

    /// A line of an alert or of a recovery was to be told, then and so.
    fn must_be_true(&self, created: &str, line: &str, behind: Option<&str>) -> &Predicted {
        let all = self.predicted.get(created).map_or(&[][..], Vec::as_slice);
        let Some(predicted) = all.iter().find(|predicted| *predicted.line == *line) else {
            wrong(format!("{created}: this was not to be told: {line}"));
        };
        let behind = behind.filter(|behind| about(behind).is_none()).and_then(past);
        if behind != predicted.past && !line.contains("已恢复正常") {
            wrong(format!("{created}: behind {line} stands {behind:?} for {:?}", predicted.past));
        }
        predicted
    }

    /// The lines that a message tells, and that were made by `by`, are not owed any more.
    fn settle(&mut self, message: &Message<'_>, by: i64) {
        match message.kind {
            Kind::Alert { .. } | Kind::Recovery => {
                for (_, line, _) in message.of_host() {
                    self.owed.retain(|owed| *owed.created != *message.created || *owed.line != *line);
                }
            }
            Kind::Digest => message.lines.iter().for_each(|line| self.settle_digested(line, by)),
            Kind::Report | Kind::Notice => {}
        }
    }

    fn settle_digested(&mut self, line: &str, by: i64) {
        // Past a digest's bound messages are only counted.
        if line.contains("另有 ") {
            return self.owed.clear();
        }
        let Some(digested) = Digested::read(line) else { return };
        let Some(place) = about(digested.line) else { return };
        if digested.is_together {
            return self.owed.retain(|owed| owed.place != place);
        }
        if !self.episodes.contains(&(place, digested.began.into())) {
            wrong(format!("a digest tells of an alert that there was not: {line}"));
        }
        let is_told = |owed: &Owed| owed.place == place && *owed.since == *digested.began && owed.true_time <= by;
        self.owed.retain(|owed| !is_told(owed) || (owed.is_recovery && !digested.is_over));
    }

    /// Takes note of a report, or of the reports that a digest names.
    fn read_reports(&mut self, message: &Message<'_>) {
        let named = message.lines.iter().filter_map(|line| line.strip_prefix("✉️ ")?.split_once(": 📊 VPS 状态报告"));
        let own = Some(message.created).filter(|_| message.kind == Kind::Report);
        for time in own.into_iter().chain(named.map(|(time, _)| time)) {
            self.reports.tell(time).unwrap_or_else(|what| wrong(what));
        }
    }

    pub fn passed(&mut self, from: Timestamp, to: Timestamp, true_time: i64) {
        self.reports.pass(from, to, true_time);
    }

    pub fn disturbed(&mut self, true_time: i64) {
        self.reports.disturb(true_time);
    }

    /// The robot has worked for long enough: a debt of before `before` must have been told.
    pub fn all_is_told(&self, before: i64) {
        if let Some(owed) = self.owed.iter().find(|owed| owed.true_time < before) {
            wrong(format!("owed since {} s and never told: {owed:?}", owed.true_time / SECOND));
        }
        if let Some(report) = self.reports.overdue(before) {
            wrong(format!("never told: {report}"));
        }
    }
}

/// A time as messages tell it, in UTC.
fn as_told(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `💾 磁盘使用率(/a): 81.3% (阈值: 80%)`
fn line(told: &Told) -> String {
    let quantity = &WATCHED[told.place];
    let behind = match told.news {
        News::Recovered => "已恢复正常".to_owned(),
        _ => format!("阈值: {}", quantity.shown_limit(told.limit)),
    };
    format!("{}: {} ({behind})", quantity.label, quantity.shown(told.number))
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
        News::Reminded { most } => Some(format!("⏳ {}", shown(*most))),
    }
}

/// `content` as it was before it waited, and without its words about other messages.
fn without_lateness(content: &str) -> String {
    if content.contains(SAID_OF_OTHERS) {
        let own: Vec<&str> = content.lines().filter(|line| !line.starts_with(SAID_OF_OTHERS)).collect();
        return without_lateness(&own.join("\n"));
    }
    let Some((before, rest)) = content.split_once(" (延迟 ") else { return content.to_owned() };
    let after = rest.split_once(')').map_or("", |(_, after)| after);
    format!("{before}{after}")
}
