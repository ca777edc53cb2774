//! From a snapshot to messages in the outbox: judge, decide what is news, word it.

use std::fmt;
use std::io;

use jiff::Timestamp;

use super::{Daemon, End, Outside};
use crate::alert::{Extent, News, Transition};
use crate::clock::Now;
use crate::collect::docker::{Looked, Scope};
use crate::files::Folder;
use crate::logging::Change;
use crate::message::{self, Message};
use crate::rules::{self, Limit, Verdict};
use crate::service::Phase;
use crate::snapshot::{Failure, Snapshot, Value};
use crate::text;

impl<O: Outside, F: Folder> Daemon<O, F> {
    /// Takes in what a check found.
    pub(super) fn take_in(&mut self, snapshot: &Snapshot, now: Now) {
        let findings = rules::evaluate(snapshot, &self.orders.thresholds);
        let transitions = self.state.alerts.step(&findings, snapshot, Extent::Check, now, self.orders.policy);
        self.last_check = Some(now.wall);
        self.last_readings.take(&findings);
        self.checks += 1;
        let over = findings.iter().filter(|finding| finding.verdict == Verdict::Breach).count();
        log::debug!("checked readings={} over={over} failures={}", findings.len(), snapshot.failures.len());
        if self.mode.print_checks {
            let text = message::table(&findings, &snapshot.failures, &self.orders.style, now.wall, self.checks > 1);
            // What cannot be printed does not undo the check.
            let _ = self.print(&text);
        }
        self.take_failures(&snapshot.failures, |_| true, now.wall);
        self.tell(&transitions, now);
        if self.mode.has_service_manager {
            let status = self.service_status(now);
            self.outside.tell_service(Phase::Alive { status: Some(&status) });
        }
    }

    /// Prints to standard output. One that nobody reads any more ends the agent, as it would end any other program.
    pub(super) fn print(&mut self, text: &str) -> io::Result<()> {
        let printed = self.outside.print(text);
        if printed.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            self.end = Some(End::Stopped);
        }
        printed
    }

    /// Words what is news, and puts it into the outbox.
    pub(super) fn tell(&mut self, transitions: &[Transition], now: Now) {
        if transitions.is_empty() {
            return;
        }
        self.unsaved = true;
        transitions.iter().for_each(log_transition);
        let style = &self.orders.style;
        let alerts = message::alerts(transitions, style, now.wall);
        let recovery = message::recovery(transitions, style, now.wall);
        self.state.since_report.count(transitions);
        for message in alerts.into_iter().chain(recovery) {
            self.push(message, now);
        }
    }

    /// Puts a message into the outbox, in parts that the channel takes.
    pub(super) fn push(&mut self, message: Message, now: Now) {
        self.unsaved = true;
        for part in self.orders.channel.split(message) {
            self.state.outbox.push(part, now.boot);
        }
        self.fold_if_overfull(now);
    }

    /// Takes in what a look at containers between two checks found.
    pub(super) fn take_in_looked(&mut self, Looked { snapshot, scope }: &Looked, now: Now) {
        let findings = rules::evaluate(snapshot, &self.orders.thresholds);
        let extent = if *scope == Scope::Everything { Extent::Docker } else { Extent::Named };
        let transitions = self.state.alerts.step(&findings, snapshot, extent, now, self.orders.policy);
        log::debug!("looked readings={} failures={}", findings.len(), snapshot.failures.len());
        if *scope == Scope::Everything || !snapshot.failures.is_empty() {
            self.take_failures(&snapshot.failures, |failure| failure.collector == "docker", now.wall);
        }
        self.tell(&transitions, now);
    }

    /// Remembers since when something cannot be measured, and logs what is new about it. Of those that were `looked_at`,
    /// what is not among `failures` works again.
    fn take_failures(&mut self, failures: &[Failure], looked_at: impl Fn(&Failure) -> bool, now: Timestamp) {
        let same = |a: &Failure, b: &Failure| a.collector == b.collector && a.target == b.target;
        let is_over = |known: &Failure| looked_at(known) && !failures.iter().any(|failure| same(known, failure));
        for (known, _) in self.failures.extract_if(.., |(known, _)| is_over(known)) {
            if self.ongoing.report(&subject(&known), None).is_some() {
                log::info!("collector={} state=works_again", subject(&known));
            }
        }
        for failure in failures {
            match self.failures.iter_mut().find(|(known, _)| same(known, failure)) {
                Some((known, _)) => known.clone_from(failure),
                None => self.failures.push((failure.clone(), now)),
            }
            if let Some(Change::Began | Change::Changed) = self.ongoing.report(&subject(failure), Some(&failure.error))
            {
                log::warn!("collector={} state=failed error={}", subject(failure), text::quoted(&failure.error));
            }
        }
    }
}

fn subject(failure: &Failure) -> String {
    text::subject(failure.collector, failure.target.as_deref().unwrap_or_default())
}

/// One line a transition: `alert=memory state=firing reason=began value=85.2 threshold=80`.
fn log_transition(transition: &Transition) {
    let Transition { key, news, value, limit, .. } = transition;
    let level = match news {
        News::Fired | News::Reminded | News::Pending | News::HeldBack => log::Level::Warn,
        News::Recovered | News::RecoveredUntold | News::RecoveredMuted | News::Dropped => log::Level::Info,
    };
    let target = if key.target.is_empty() { String::new() } else { format!(" target={}", text::quoted(&key.target)) };
    log::log!(
        level,
        "alert={}{target} state={} reason={} value={} {}",
        key.metric,
        news.name(),
        news.reason(),
        InLog(value),
        match limit {
            Limit::Threshold(threshold) => format!("threshold={threshold}"),
            Limit::Expected(word) => format!("expected={}", text::field(word)),
        }
    );
}

/// A value for the log: a number with one decimal, a count, or a word.
struct InLog<'a>(&'a Value);

impl fmt::Display for InLog<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Usage { percent: number, .. } | Value::Percent(number) | Value::Mbps(number) => {
                write!(f, "{number:.1}")
            }
            Value::Count(count) => write!(f, "{count}"),
            Value::Container(container) => f.write_str(&text::field(&container.word)),
        }
    }
}
