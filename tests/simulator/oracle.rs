//! Checks a run against the invariants, after every event.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::resume_unwind;

use jiff::Timestamp;
use vps_monitor::clock::Now;

use super::clock::SECOND;
use super::host::Found;
use super::model::{Model, Rules, Saved, SavedGroup};
use super::reports::Reports;

/// Something that must be true is not.
pub struct Wrong(pub String);

pub fn wrong(what: impl Into<String>) -> ! {
    resume_unwind(Box::new(Wrong(what.into())))
}

const MAX_MESSAGES: usize = 1000;
const MAX_TEXT_BYTES: usize = 1024 * 1024;
const MAX_STATE_BYTES: usize = 4 * 1024 * 1024;

/// The beginning of a line that a message carries for others, which were set aside.
pub const SAID_OF_OTHERS: &str = "📭 此前有 ";

/// The messages that the robot took, by their text without the mark of their lateness.
struct Taken {
    /// A crash or a lost answer may have made the agent believe that it was not.
    excuses: u32,
}

pub struct Oracle {
    pub model: Model,
    pub rules: Rules,
    /// Every firing line that was to be told, in any of the timelines that crashes cut off.
    predicted: BTreeSet<String>,
    /// Those of them that the robot took. No crash takes that back, whatever the next agent knows of it.
    told_firings: BTreeSet<String>,
    taken: BTreeMap<String, Taken>,
    /// Messages whose acceptance the agent has heard of, in that order.
    heard: Vec<String>,
    /// Messages that the robot did not take, though it took others.
    rejected: BTreeSet<String>,
    reports: Reports,
    saves: u64,
}

impl Oracle {
    pub fn new(rules: Rules) -> Oracle {
        Oracle {
            model: Model::default(),
            rules,
            predicted: BTreeSet::new(),
            told_firings: BTreeSet::new(),
            taken: BTreeMap::new(),
            heard: Vec::new(),
            rejected: BTreeSet::new(),
            reports: Reports::default(),
            saves: 0,
        }
    }

    pub fn checked(&mut self, found: &[Found], now: Now, true_time: i64) {
        self.predicted.extend(self.model.take_in(found, &self.rules, now, true_time));
    }

    /// Containers were looked at between two checks.
    pub fn looked(&mut self, now: Now) {
        self.model.cool_down(&self.rules, now);
    }

    /// The content of a save at this moment.
    pub fn saved(&self) -> SavedGroup {
        SavedGroup { model: self.model.clone(), answers: self.heard.len() }
    }

    /// An agent starts from a save, or from nothing. It may deliver again if it does not know of a delivery.
    pub fn started(&mut self, group: usize, from: Option<&Saved>, now: Now, boot_id: &str) {
        let answers = from.map_or(0, |saved| saved.groups[group].answers);
        for content in self.heard.drain(answers.min(self.heard.len())..) {
            self.taken.entry(content).and_modify(|taken| taken.excuses += 1);
        }
        self.model = from.map_or_else(Model::default, |saved| saved.resumed(group, now, boot_id));
    }

    /// The agent is made to forget its reports.
    pub fn forgets(&mut self) {
        self.reports.forget();
    }

    /// The robot took a message; says whether it is the first time. `is_heard`: the agent will hear of it; `is_orphan`: the
    /// one that posted it is gone, and the next may have posted it again already.
    pub fn accepted(&mut self, content: &str, is_heard: bool, is_orphan: bool) -> bool {
        let text = without_lateness(content);
        let mut is_new = true;
        match self.taken.get_mut(&text) {
            Some(_) if is_orphan => return false,
            Some(taken) if taken.excuses > 0 => {
                taken.excuses -= 1;
                is_new = false;
            }
            // A container can end twice in one second; that nothing is told twice of it is judged by its words.
            Some(_) if text.contains("📦") => {}
            Some(_) => wrong(format!("told twice without a reason: {text}")),
            None => {
                self.taken.insert(text.clone(), Taken { excuses: 0 });
            }
        }
        if !is_heard {
            self.excuse(&text);
        }
        self.read(&text);
        is_new
    }

    /// The agent hears that a message was taken, at last.
    pub fn heard(&mut self, content: &str) {
        self.heard.push(without_lateness(content));
    }

    /// The agent is gone, and will not hear the outcome of a message that the robot may take.
    pub fn excuse(&mut self, content: &str) {
        self.taken.entry(without_lateness(content)).and_modify(|taken| taken.excuses += 1);
    }

    /// The robot does not take a message: its content is owed no longer.
    pub fn refused(&mut self, content: &str) {
        self.rejected.insert(without_lateness(content));
        for episode in &mut self.model.owed {
            episode.firing_is_told |= episode.firing.iter().any(|line| content.contains(line));
        }
        self.model.owed.retain(|e| !e.recovery.as_ref().is_some_and(|line| content.contains(line)));
        // A digest's page may tell a known fact in another line.
        if content.contains("积压摘要") {
            self.model.owed.retain(|episode| !episode.is_over);
            self.model.owed.iter_mut().for_each(|episode| episode.firing_is_told = true);
        }
        self.read_reports(&without_lateness(content));
    }

    /// Whether the robot rejected a message before.
    pub fn was_rejected(&self, content: &str) -> bool {
        !self.rejected.is_empty() && self.rejected.contains(&without_lateness(content))
    }

    /// Takes note of a message's content.
    fn read(&mut self, text: &str) {
        self.read_reports(text);
        let title = text.lines().next().unwrap_or_default();
        for line in text.lines() {
            let firing = line.split_once("阈值: ").filter(|_| title.contains("告警"));
            if firing.is_some_and(|(beginning, _)| !self.predicted.contains(beginning)) {
                wrong(format!("a firing is told that is none, or inside its cooldown: {line}"));
            }
            self.read_line(line);
        }
    }

    /// Takes note of a report, or of the reports that a digest names.
    fn read_reports(&mut self, text: &str) {
        let own = text.lines().last().and_then(|line| line.strip_prefix("⏰ 报告时间: "));
        let named = text.lines().filter_map(|line| line.strip_prefix("✉️ ")?.split_once(": 📊 VPS 状态报告"));
        for time in own.into_iter().chain(named.map(|(time, _)| time)) {
            self.reports.tell(time).unwrap_or_else(|what| wrong(what));
        }
    }

    fn read_line(&mut self, line: &str) {
        let is_whole = line.starts_with("🟢");
        if let Some((count, what)) = told_together(line) {
            return self.model.tell_oldest(count, what);
        }
        for episode in &mut self.model.owed {
            if let Some(firing) = episode.firing.iter().find(|firing| line.contains(*firing)) {
                self.told_firings.insert(firing.clone());
                episode.firing_is_told = true;
                if is_whole {
                    episode.recovery.get_or_insert_default().clear();
                }
            } else if episode.recovery.as_ref().is_some_and(|recovery| !recovery.is_empty() && line.contains(recovery))
            {
                let is_known = episode.firing_is_told || episode.firing.iter().any(|f| self.told_firings.contains(f));
                if !is_known && !is_whole {
                    wrong(format!("a recovery is told before its firing: {line}"));
                }
                episode.firing_is_told = true;
                episode.recovery.get_or_insert_default().clear();
            }
        }
        // An episode with nothing left to tell.
        self.model.owed.retain(|episode| !episode.is_done());
    }

    pub fn passed(&mut self, from: Timestamp, to: Timestamp, true_time: i64) {
        self.reports.pass(from, to, true_time);
    }

    pub fn disturbed(&mut self, true_time: i64) {
        self.reports.disturb(true_time);
    }

    /// The robot has worked for long enough: debts from before `before` must have been paid.
    pub fn all_is_told(&self, before: i64) {
        if let Some(episode) = self.model.overdue(before) {
            wrong(format!("owed since {} s and never told: {episode:?}", episode.owed_since / SECOND));
        }
        if let Some(report) = self.reports.overdue(before) {
            wrong(format!("never told: {report}"));
        }
    }

    /// The state as a save writes it is within its bounds.
    pub fn is_within_bounds(&mut self, state: &[u8]) {
        if state.len() > MAX_STATE_BYTES {
            wrong(format!("the state is {} bytes long", state.len()));
        }
        // Every save makes a turn of the loop longer by this; an excess lasts for some saves.
        self.saves += 1;
        if !self.saves.is_multiple_of(64) {
            return;
        }
        let json: serde_json::Value = serde_json::from_slice(state).unwrap_or_else(|error| wrong(error.to_string()));
        let waiting = json["outboxes"]["wechat"]["waiting"].as_array().map_or(&[][..], Vec::as_slice);
        let bytes_of = |entry: &serde_json::Value| entry["message"]["lines"].to_string().len();
        if waiting.len() > MAX_MESSAGES || waiting.iter().map(bytes_of).sum::<usize>() > MAX_TEXT_BYTES {
            wrong(format!("{} messages wait", waiting.len()));
        }
    }
}

/// How many things a digest's line tells together, and their label; none for those past its bound.
fn told_together(line: &str) -> Option<(usize, &str)> {
    if let Some((_, rest)) = line.split_once("另有 ") {
        return Some((rest.split_once(" 项")?.0.parse().ok()?, ""));
    }
    let (_, rest) = line.strip_prefix("🟢")?.split_once("(共 ")?;
    let (count, what) = rest.split_once(" 次): ")?;
    Some((count.parse().ok()?, what.split_once(": ")?.0))
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
