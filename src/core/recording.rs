//! The history: rows wait in memory for the next batch. Nothing else waits for them, and the store's faults cost rows alone.

use std::time::Duration;

use super::{Core, Effect};
use crate::alert::{Alert, News, Transition};
use crate::clock::{Boot, Now};
use crate::history::{Batch, Buffer, Spell};
use crate::snapshot::{Key, Snapshot};
use crate::text;
use crate::worker::Recorded;

/// Rows wait so long for others, and after a failure for another attempt. A crash costs no more than that.
const BATCH_EVERY: Duration = Duration::from_secs(5 * 60);

/// The most alerts in a batch.
const MAX_ALERTS: usize = 100;

const DAY_SECONDS: i64 = 86_400;

#[derive(Debug, Default)]
pub(super) struct Recording {
    buffer: Buffer,
    /// Alerts that ended since the last batch.
    ended: Vec<Spell>,
    /// When the next batch is due.
    next: Option<Boot>,
    /// The batch on its way: how many rows and ended alerts it has.
    under_way: Option<(usize, usize)>,
    /// The last batch failed: the next one is not made before its time, however many rows there are.
    is_failing: bool,
    /// Rows that were given up since the last batch that was written.
    lost: u64,
    /// The day on which the file was looked through for damage, in days since 1970.
    checked_on: Option<i64>,
}

impl Recording {
    /// Whether rows wait that the store is likely to take.
    pub(super) fn has_rows(&self) -> bool {
        !self.is_failing && (self.under_way.is_some() || !self.buffer.is_empty())
    }

    /// Says which rows will not be written, or perhaps not.
    #[inline(never)]
    pub(super) fn log_what_is_left(&self) {
        let rows = self.buffer.len();
        let lost = self.lost + if self.under_way.is_none() { rows as u64 } else { 0 };
        if lost > 0 {
            log::warn!("history: lost rows={lost}");
        }
        if self.under_way.is_some() && rows > 0 {
            log::warn!("history: still being written rows={rows}");
        }
    }

    /// The waiting rows are written now.
    pub(super) fn write_now(&mut self, now: Boot) {
        self.next = Some(now);
    }
}

impl Core {
    /// Takes in a check.
    pub(super) fn record(&mut self, snapshot: &Snapshot, transitions: &[Transition], now: Now) {
        if !self.config.history.enabled {
            let waiting = self.recording.buffer.len();
            if waiting > 0 {
                log::warn!("history: dropped rows={waiting}, history.enabled is false");
            }
            self.recording = Recording { under_way: self.recording.under_way.take(), ..Recording::default() };
            return;
        }
        let recording = &mut self.recording;
        recording.buffer.take(now.wall.as_second(), &snapshot.readings);
        let ended = transitions.iter().filter(|transition| transition.episode.is_told && is_the_end(transition.news));
        recording.ended.extend(ended.map(|transition| {
            let until = transition.episode.well_since.unwrap_or(now.wall).as_second();
            let level = transition.episode.level.name();
            spell(&transition.key, transition.since.as_second(), Some(until), level, transition.episode.peak)
        }));
        let surplus = recording.ended.len().saturating_sub(MAX_ALERTS);
        if recording.under_way.is_none() {
            recording.ended.drain(..surplus);
        }
        recording.next.get_or_insert(now.boot.after(BATCH_EVERY));
        let lost = recording.buffer.take_lost();
        if lost > 0 {
            if recording.lost == 0 {
                log::warn!("history: the oldest rows are given up, more than two batches wait");
            }
            recording.lost += lost;
            // More rows came than were written: those of the batch on its way may be among the lost ones.
            if let Some((rows, _)) = &mut recording.under_way {
                *rows = rows.saturating_sub(usize::try_from(lost).unwrap_or(usize::MAX));
            }
        }
    }

    pub(super) fn record_due(&self) -> Option<Boot> {
        let Recording { next, under_way, .. } = self.recording;
        next.filter(|_| under_way.is_none())
    }

    /// It is the end: the waiting rows are written now.
    pub(super) fn record_the_rest(&mut self, now: Boot) {
        if !self.recording.is_failing {
            self.recording.next = Some(now);
        }
    }

    pub(super) fn is_recording(&self) -> bool {
        self.recording.under_way.is_some()
    }

    pub(super) fn record_if_due(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let Recording { buffer, is_failing, .. } = &self.recording;
        let is_full = buffer.is_full() && !is_failing && !self.is_recording();
        if is_full || self.record_due().is_some_and(|due| due <= now.boot) {
            self.write_batch(now, effects);
        }
    }

    #[inline(never)]
    fn write_batch(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.recording.next = None;
        if self.recording.buffer.is_empty() && self.recording.ended.is_empty() {
            return;
        }
        let day = now.wall.as_second().div_euclid(DAY_SECONDS);
        let lasting: Vec<Spell> = self.alerts().active().into_iter().filter_map(lasting_spell).collect();
        let Recording { buffer, ended, checked_on, .. } = &self.recording;
        let batch = Batch {
            now: now.wall.as_second(),
            is_checked: *checked_on != Some(day),
            limits: self.config.history.limits(self.config.check_interval),
            series: buffer.series(),
            rows: buffer.oldest(),
            has_every_alert: lasting.len() <= MAX_ALERTS,
            alerts: ended.iter().cloned().chain(lasting.into_iter().take(MAX_ALERTS)).collect(),
        };
        self.recording.under_way = Some((batch.rows.len(), ended.len()));
        self.recording.checked_on = Some(day);
        match serde_json::to_vec(&batch) {
            Ok(order) => effects.push(Effect::Record(order)),
            Err(error) => self.recorded(Err(error.to_string()), now),
        }
    }

    #[inline(never)]
    pub(super) fn recorded(&mut self, result: Result<Recorded, String>, now: Now) {
        let recording = &mut self.recording;
        let Some((rows, ended)) = recording.under_way.take() else { return };
        recording.is_failing = result.is_err();
        match &result {
            Ok(_) => {
                recording.buffer.written(rows);
                if recording.lost > 0 {
                    log::warn!("history: lost rows={}", std::mem::take(&mut recording.lost));
                }
                recording.ended.drain(..ended.min(recording.ended.len()));
                recording.next = (!recording.buffer.is_empty()).then_some(now.boot);
            }
            Err(_) => (recording.next, recording.checked_on) = (Some(now.boot.after(BATCH_EVERY)), None),
        }
        let folder = self.mode.state_folder.display();
        let dropped = result.as_ref().map_or(0, |recorded| recorded.dropped);
        if let Ok(Recorded { set_aside: Some(why), .. }) = &result {
            log::error!("{folder}: the history was damaged: {}", text::in_log(why));
        }
        let error = result.err().map(|error| format!("{folder}: {error}"));
        self.log_ongoing("history", error.as_deref(), "the history cannot be written, its rows wait");
        if error.is_none() {
            let error = (dropped > 0).then(|| format!("{} too many", text::counted(dropped, "series")));
            self.log_ongoing("series of the history", error.as_deref(), "not all are recorded");
        }
    }
}

const fn is_the_end(news: News) -> bool {
    matches!(news, News::Recovered | News::RecoveredMuted | News::Dropped)
}

/// An alert that people know of.
fn lasting_spell(alert: &Alert) -> Option<Spell> {
    let firing = alert.firing()?;
    Some(spell(&alert.key, firing.since.as_second(), None, firing.level.name(), firing.peak))
}

fn spell(key: &Key, since: i64, until: Option<i64>, level: &str, value: Option<f64>) -> Spell {
    let (metric, target) = (key.metric.name.to_owned(), key.target.to_string());
    Spell { metric, target, since, until, level: level.to_owned(), value }
}
