//! Compares a group's messages with the messages that it is owed, one by one.

use std::collections::{BTreeMap, HashSet};
use std::panic::resume_unwind;

use jiff::Timestamp;

use super::clock::{MINUTE, SECOND};
use super::debts::{Debts, Owed, Predicted, over_in};
use super::host::WATCHED;
use super::message::{Kind, Message, seconds};
use super::pairs::{Alerted, Pairs};
use super::reports::Reports;
use super::rules::Rules;

/// Something that must be true is not.
pub struct Wrong(pub String);

pub fn wrong(what: impl Into<String>) -> ! {
    resume_unwind(Box::new(Wrong(what.into())))
}

/// The beginning of a line that a message carries for others, which were set aside.
pub const SAID_OF_OTHERS: &str = "📭 此前有 ";

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
    pub debts: Debts,
    pub pairs: Pairs,
    /// The messages that the robot took, by their text without the mark of its lateness; with it, how often a crash or a lost answer may
    /// have made the agent believe that it was not.
    taken: BTreeMap<String, u32>,
    /// Messages whose acceptance an agent has heard of, in that order; and whether a later one did not know of it.
    heard: Vec<(String, bool)>,
    /// Messages that the robot did not take, though it took others.
    rejected: HashSet<String>,
    reports: Reports,
    /// When the newest message that has arrived was made.
    newest: i64,
    /// Since when messages keep their order and know how long they wait.
    in_order_since: i64,
    /// They are told everything, and not some of it.
    is_told_all: bool,
}

/// A message may wait this long for a slow disk and a slow step before it is sent, and is late from a minute on.
const LATE: i64 = MINUTE;
const WAIT_FOR_DISK: i64 = 30 * SECOND;

impl Oracle {
    pub fn new(is_told_all: bool) -> Oracle {
        Oracle {
            debts: Debts::default(),
            pairs: Pairs::new(),
            taken: BTreeMap::new(),
            heard: Vec::new(),
            rejected: HashSet::new(),
            reports: Reports::default(),
            newest: i64::MIN / 2,
            in_order_since: 0,
            is_told_all,
        }
    }

    /// How many answers the agent has heard.
    pub fn answers(&self) -> usize {
        self.heard.len()
    }

    /// An agent starts from a save, or from nothing. A delivery that it does not know of may be repeated.
    pub fn started(&mut self, owed: Vec<Owed>, answers: usize, true_time: i64) {
        // A save of an agent before the last one may come back, which knows more than that one did: nothing is taken out.
        for (content, is_excused) in self.heard.iter_mut().skip(answers).filter(|(_, is_excused)| !is_excused) {
            *is_excused = true;
            self.taken.entry(content.clone()).and_modify(|excuses| *excuses += 1);
        }
        self.debts.owed = owed;
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
            // So can a quantity where the wall clock has a second twice.
            Some(_) if arrived.created.is_none() => {}
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
        if matches!(message.kind, Kind::Digest | Kind::Held { .. }) || (is_new && created.is_none()) {
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

    /// A message was taken by another channel, or is rejected there: its lines are not owed any more.
    pub fn takes_elsewhere(&mut self, content: &str, created: Option<i64>) {
        let text = without_lateness(content);
        self.debts.settle(&Message::read(&text), created.map_or(i64::MAX, |created| created + SECOND));
    }

    /// The agent hears that a message was taken, at last.
    pub fn heard(&mut self, content: &str) {
        self.heard.push((without_lateness(content), false));
    }

    /// The agent is gone, and will not hear the outcome of a message that the robot may take.
    pub fn excuse(&mut self, content: &str) {
        self.taken.entry(without_lateness(content)).and_modify(|excuses| *excuses += 1);
    }

    /// The robot does not take a message: its lines are owed no longer.
    pub fn refused(&mut self, content: &str, true_time: i64) {
        let text = without_lateness(content);
        let message = Message::read(&text);
        self.debts.settle(&message, i64::MAX);
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
        self.debts.settle(message, created.map_or(i64::MAX, |created| created + SECOND));
        match message.kind {
            Kind::Alert { is_critical } => {
                let mut is_any_critical = false;
                for (place, line, behind) in message.of_host() {
                    let Predicted { past, is_critical, .. } = self.debts.must_be_true(message.created, line, behind);
                    let (past, is_critical) = (past.clone(), *is_critical);
                    is_any_critical |= is_critical;
                    // Between two of some messages there may be others.
                    if let Some(at) = created.filter(|_| self.is_told_all) {
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
                    let last_over = self.debts.must_be_true(message.created, line, None).last_over;
                    if let Some(at) = created.filter(|_| self.is_told_all) {
                        self.pairs.recovered(place, at, last_over, rules);
                    }
                }
            }
            Kind::Held { is_critical } => {
                let known = |line: &str| self.debts.must_be_known(message.created, line).is_critical;
                let is_any_critical = message.of_host().map(|(_, line, _)| known(line)).fold(false, |any, is| any | is);
                message.lines.iter().filter_map(|line| over_in(line)).for_each(|line| _ = known(&line));
                let has_containers = message.lines.iter().any(|line| line.contains("📦") || line.starts_with("❌"));
                if (is_any_critical && !is_critical) || (is_critical && !is_any_critical && !has_containers) {
                    wrong(format!(
                        "{}: held news is called critical and is not, or the other way round",
                        message.created
                    ));
                }
            }
            Kind::Digest | Kind::Report | Kind::Loss | Kind::Notice => {}
        }
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
        self.debts.must_be_paid(before);
        if let Some(report) = self.reports.overdue(before).filter(|_| self.is_told_all) {
            wrong(format!("never told: {report}"));
        }
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
