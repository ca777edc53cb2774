//! Hands every judged look to the taps, and does for them what they ask. No save and no message waits for a tap.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Core, Effect, Ticket};
use crate::alert::{Extent, Transition};
use crate::clock::{Boot, Now};
use crate::http::{self, Answer, Request};
use crate::rule::Finding;
use crate::snapshot::Failure;
use crate::tap::metrics::fires;
use crate::tap::{Agent, Job, Judged, Tap};

/// The most jobs of taps on their way at once: each is a process, and messages need some, too.
const MAX_UNDER_WAY: usize = 8;

/// The most jobs in the queue. Of more the oldest fail.
const MAX_QUEUED: usize = 256;

const TOO_MANY: &str = "too many requests wait";

#[derive(Debug, Default)]
pub(super) struct Tapping {
    taps: Vec<Box<dyn Tap>>,
    under_way: BTreeMap<Ticket, UnderWay>,
    queue: Vec<(usize, Job)>,
    /// Files of taps that are gone, to be removed.
    left_over: Vec<PathBuf>,
    /// The one that had a text served is gone.
    stops_serving: bool,
    /// The state after the last check, of whose save taps are not told yet.
    awaits_save: Option<u64>,
}

/// A job on its way.
#[derive(Debug)]
struct UnderWay {
    /// The place of its tap, which is told the answer; `None`: that is gone.
    tap: Option<usize>,
    /// The file that it is about.
    file: Option<PathBuf>,
    /// It was begun for a tap that is gone: a stop waits for it a moment.
    is_last: bool,
}

impl Tapping {
    fn ask(&mut self, place: usize, ask: impl FnOnce(&mut dyn Tap) -> Vec<Job>) {
        if let Some(tap) = self.taps.get_mut(place) {
            self.queue.extend(ask(&mut **tap).into_iter().map(|job| (place, job)));
        }
    }

    /// Fails the oldest jobs beyond the bound. Jobs that follow from that wait for their turn, or fail later.
    #[inline(never)]
    fn shorten_queue(&mut self, now: Now) {
        let surplus = self.queue.len().saturating_sub(MAX_QUEUED);
        for (place, job) in self.queue.drain(..surplus).collect::<Vec<_>>() {
            self.ask(place, |tap| match job {
                Job::Post(_) => tap.answered(&Err(http::Error(TOO_MANY.to_owned())), now),
                Job::File { .. } | Job::Serve { .. } => tap.done(&Err(TOO_MANY.to_owned()), now),
            });
        }
    }

    fn files(&self) -> impl Iterator<Item = PathBuf> {
        self.taps.iter().filter_map(|tap| tap.file()).map(Into::into)
    }
}

impl Core {
    /// Opens the taps of the configuration. Answers to jobs of the former taps are dropped, and so are the files that
    /// nobody writes any more.
    pub(super) fn open_taps(&mut self) {
        let setups = &self.config.taps;
        setups.iter().filter_map(|setup| setup.secret()).for_each(|secret| self.delivery.learn(secret));
        let taps = setups.iter().map(|setup| setup.open()).collect();
        self.take_leave(taps, |_| true);
    }

    /// It is the end: nothing more is handed over, and no file is left to lie.
    pub(super) fn close_taps(&mut self, now: Now, effects: &mut Vec<Effect>) {
        // One check alone leaves its file for those who look later.
        let is_service = !self.mode.once;
        let agent = self.agent(now);
        let taps = self.tapping.taps.iter().filter(|_| is_service);
        let last_words: Vec<Request> = taps.filter_map(|tap| tap.leave(&agent)).collect();
        self.take_leave(Vec::new(), |_| is_service);
        effects.extend(last_words.into_iter().map(|request| self.begin_job(None, Job::Post(request))));
        self.work_for_taps(now, effects);
    }

    /// Puts `taps` in the place of the former ones, and removes the files that none of them keeps up.
    fn take_leave(&mut self, taps: Vec<Box<dyn Tap>>, is_removed: impl Fn(&PathBuf) -> bool) {
        for tap in &self.tapping.taps {
            self.troubles.remove(&tap.name());
        }
        let former = std::mem::replace(&mut self.tapping, Tapping { taps, ..Tapping::default() });
        let left: Vec<PathBuf> = former.files().filter(is_removed).collect();
        self.tapping.left_over = left.into_iter().chain(former.left_over).collect();
        let own: Vec<PathBuf> = self.tapping.files().collect();
        self.tapping.left_over.retain(|file| !own.contains(file));
        let serves = |taps: &[Box<dyn Tap>]| taps.iter().any(|tap| tap.serves());
        self.tapping.stops_serving = serves(&former.taps) && !serves(&self.tapping.taps);
        self.tapping.under_way = former.under_way;
        self.tapping.under_way.values_mut().for_each(|job| job.tap = None);
    }

    pub(super) fn tap(
        &mut self,
        extent: Extent,
        findings: &[Finding<'_>],
        failures: &[Failure],
        transitions: &[Transition],
        now: Now,
    ) {
        if self.tapping.taps.is_empty() {
            return;
        }
        let mut tapping = std::mem::take(&mut self.tapping);
        let (alerts, unknown, agent) = (self.alerts(), &self.state.get().unknown, self.agent(now));
        let judged = Judged { extent, findings, failures, transitions, alerts, unknown, agent };
        for place in 0..tapping.taps.len() {
            tapping.ask(place, |tap| tap.take(&judged, now));
        }
        self.tapping = tapping;
    }

    /// The agent as its taps see it.
    fn agent(&self, now: Now) -> Agent<'_> {
        Agent {
            style: &self.config.style,
            checks: self.checks.count,
            last_check: self.checks.last,
            check_took: self.checks.took,
            interval: self.config.check_interval,
            alerts: self.alerts().lasting_at(now.boot).filter(|alert| fires(alert)).count(),
            waiting: self.messages().count(),
            waits_since: self.oldest_message(),
        }
    }

    /// Whether a post was a tap's; then the tap is told the answer.
    pub(super) fn answer_tap(&mut self, ticket: Ticket, answer: &Answer, now: Now) -> bool {
        let Some(job) = self.tapping.under_way.remove(&ticket) else { return false };
        if let Some(place) = job.tap {
            self.tapping.ask(place, |tap| tap.answered(answer, now));
            self.log_tap(place);
        }
        true
    }

    /// When a tap has something to do.
    pub(super) fn taps_due(&self) -> Option<Boot> {
        self.tapping.taps.iter().filter_map(|tap| tap.due()).min()
    }

    pub(super) fn advance_taps(&mut self, now: Now) {
        if self.taps_due().is_some_and(|due| due <= now.boot) {
            self.ask_taps(now, |tap, agent| {
                if tap.due().is_some_and(|due| due <= now.boot) { tap.advance(agent, now) } else { Vec::new() }
            });
        }
    }

    /// The state as it is now has to be saved before taps are told of the check.
    pub(super) fn await_save_for_taps(&mut self) {
        self.tapping.awaits_save = Some(self.state.revision()).filter(|_| !self.tapping.taps.is_empty());
    }

    /// Tells taps that the last check is complete and saved, once it is.
    pub(super) fn tell_taps_of_save(&mut self, now: Now) {
        if self.tapping.awaits_save.take_if(|revision| self.state.has(*revision)).is_some() {
            self.ask_taps(now, |tap, agent| tap.saved(agent, now));
            // One that works is known by its answer.
            let fails = |place: &usize| self.tapping.taps[*place].error().is_some();
            let failing: Vec<usize> = (0..self.tapping.taps.len()).filter(fails).collect();
            failing.into_iter().for_each(|place| self.log_tap(place));
        }
    }

    #[inline(never)]
    fn ask_taps(&mut self, now: Now, ask: impl Fn(&mut dyn Tap, &Agent<'_>) -> Vec<Job>) {
        let mut tapping = std::mem::take(&mut self.tapping);
        let agent = self.agent(now);
        for place in 0..tapping.taps.len() {
            tapping.ask(place, |tap| ask(tap, &agent));
        }
        self.tapping = tapping;
    }

    /// A file of a tap was replaced or removed, or its text is served; or that could not be.
    #[inline(never)]
    pub(super) fn tap_is_done(&mut self, ticket: Ticket, result: &Result<(), String>, now: Now) {
        let Some(job) = self.tapping.under_way.remove(&ticket) else { return };
        match job.tap {
            Some(place) => {
                self.tapping.ask(place, |tap| tap.done(result, now));
                self.log_tap(place);
            }
            None => self.log_ongoing("removal", result.as_ref().err().map(|error| &**error), "a file stays behind"),
        }
    }

    /// Logs how it is with a tap, if that has changed.
    fn log_tap(&mut self, place: usize) {
        let Some(tap) = self.tapping.taps.get(place) else { return };
        let (name, error) = (tap.name(), tap.error().map(|error| self.without_secrets(error)));
        self.log_ongoing(&name, error.as_deref(), &format!("{name}: not handed over, the next one is tried"));
    }

    /// Whether something is on its way for a tap, or waits for a save.
    pub(super) fn is_tapping(&self) -> bool {
        let awaits_save = self.tapping.awaits_save.is_some_and(|revision| !self.state.failed(revision));
        !self.tapping.under_way.is_empty() || awaits_save
    }

    /// Whether a file is being replaced or removed, or is to be, or a last word is on its way.
    pub(super) fn is_leaving(&self) -> bool {
        let mut under_way = self.tapping.under_way.values();
        !self.tapping.left_over.is_empty() || under_way.any(|job| job.file.is_some() || job.is_last)
    }

    /// Begins as many jobs as may be on their way at once, the oldest first. A file is removed once nobody writes it.
    pub(super) fn work_for_taps(&mut self, now: Now, effects: &mut Vec<Effect>) {
        for path in std::mem::take(&mut self.tapping.left_over) {
            if self.tapping.under_way.values().any(|job| job.file.as_ref() == Some(&path)) {
                self.tapping.left_over.push(path);
            } else {
                effects.push(self.begin_job(None, Job::File { path, content: None }));
            }
        }
        if std::mem::take(&mut self.tapping.stops_serving) {
            effects.push(Effect::StopServing);
        }
        if self.tapping.queue.is_empty() {
            return;
        }
        // One check alone is over before anybody could ask.
        let is_once = self.mode.once;
        self.tapping.queue.retain(|(_, job)| !is_once || !matches!(job, Job::Serve { .. }));
        self.tapping.shorten_queue(now);
        let room = MAX_UNDER_WAY.saturating_sub(self.tapping.under_way.len()).min(self.tapping.queue.len());
        for (place, job) in self.tapping.queue.drain(..room).collect::<Vec<_>>() {
            effects.push(self.begin_job(Some(place), job));
        }
    }

    fn begin_job(&mut self, tap: Option<usize>, job: Job) -> Effect {
        let ticket = self.delivery.next_ticket();
        let (file, effect) = match job {
            Job::Post(request) => (None, Effect::Post { ticket, request }),
            Job::File { path, content } => (Some(path.clone()), Effect::File { ticket, path, content }),
            Job::Serve { address, text } => (None, Effect::Serve { ticket, address, text }),
        };
        self.tapping.under_way.insert(ticket, UnderWay { tap, file, is_last: tap.is_none() });
        effect
    }
}
