//! The agent's debts to the group: the contract's rules of alerts in their shortest form, derived from the checks'
//! findings, and apart from the agent's own code.
//!
//! The model goes with the state: a save remembers it, and an agent that goes on from that save owes what it owed then.

use jiff::Timestamp;
use vps_monitor::clock::Now;

use super::host::{Found, Health, WATCHED};

/// The messages that are due about one stretch of readings over a threshold.
#[derive(Clone, Debug)]
pub struct Episode {
    pub place: usize,
    /// The beginnings of the lines that tell of its firing, one for each time it was to be told.
    pub firing: Vec<String>,
    pub firing_is_told: bool,
    /// It is over, whether or not its end is to be told.
    pub is_over: bool,
    /// The beginning of the line that tells of its end, once it is over.
    pub recovery: Option<String>,
    /// The true time since which something of it is owed.
    pub owed_since: i64,
}

impl Episode {
    /// Nothing of it is left to be told.
    pub fn is_done(&self) -> bool {
        self.firing_is_told && self.recovery.as_ref().map_or(self.is_over, String::is_empty)
    }
}

#[derive(Clone, Debug, Default)]
struct Track {
    firing: bool,
    /// This firing was to be told.
    told: bool,
    /// When a firing was last to be told, on the machine's clock.
    last_told: Option<i64>,
}

#[derive(Clone, Debug, Default)]
pub struct Model {
    tracks: [Track; WATCHED.len()],
    pub owed: Vec<Episode>,
    /// Grows with everything that is decided.
    pub decisions: u64,
}

/// The debts to each group, and the clocks, as of a save.
#[derive(Debug)]
pub struct Saved {
    pub groups: Vec<SavedGroup>,
    pub now: Now,
    pub boot_id: String,
    /// Until when the agent knew that each robot wanted to be left alone.
    pub held_until: Vec<i64>,
}

#[derive(Debug)]
pub struct SavedGroup {
    pub model: Model,
    /// How many answers the agent had heard.
    pub answers: usize,
}

#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub cooldown: i64,
    pub send_recovery: bool,
}

/// `💾 磁盘使用率(/a): 81.3% (`
fn beginning(found: &Found) -> String {
    format!("{}: {} (", WATCHED[found.place].2, found.shown)
}

impl Model {
    /// Takes in a check's findings, and returns the firing lines that are due.
    pub fn take_in(&mut self, found: &[Found], rules: &Rules, now: Now, true_time: i64) -> Vec<String> {
        let mut lines = Vec::new();
        self.drop_unwatched(found);
        for one in found {
            let track = &mut self.tracks[one.place];
            let boot = now.boot.as_micros();
            let is_cooling_down = track.last_told.is_some_and(|told| (boot - told).max(0) < rules.cooldown);
            match one.health {
                Health::Unknown => {}
                Health::Over => {
                    self.decisions += u64::from(!track.firing || !is_cooling_down);
                    if !track.firing {
                        *track = Track { firing: true, told: false, ..*track };
                    }
                    if is_cooling_down {
                        continue;
                    }
                    let is_new = !track.told;
                    (track.told, track.last_told) = (true, Some(boot));
                    let line = beginning(one);
                    lines.push(line.clone());
                    self.tell_firing(one.place, line, is_new, true_time);
                }
                Health::Under => {
                    self.decisions += u64::from(track.firing);
                    if track.firing && track.told {
                        let open = |episode: &&mut Episode| episode.place == one.place && !episode.is_over;
                        if let Some(episode) = self.owed.iter_mut().rfind(open) {
                            episode.is_over = true;
                            if rules.send_recovery {
                                (episode.recovery, episode.owed_since) = (Some(beginning(one)), true_time);
                            }
                        }
                    }
                    track.firing = false;
                }
            }
        }
        self.cool_down(rules, now);
        self.owed.retain(|episode| !episode.is_done());
        lines
    }

    /// The end of an alert that is no longer watched is not told.
    fn drop_unwatched(&mut self, found: &[Found]) {
        for (place, track) in self.tracks.iter_mut().enumerate() {
            if track.firing && !found.iter().any(|one| one.place == place) {
                self.decisions += 1;
                track.firing = false;
                let open = |episode: &&mut Episode| episode.place == place && !episode.is_over;
                self.owed.iter_mut().filter(open).for_each(|episode| episode.is_over = true);
            }
        }
    }

    /// An alert that is over and has cooled down is forgotten, whatever the cooldown becomes later.
    pub fn cool_down(&mut self, rules: &Rules, now: Now) {
        let boot = now.boot.as_micros();
        for track in self.tracks.iter_mut().filter(|track| !track.firing) {
            track.last_told.take_if(|told| (boot - *told).max(0) >= rules.cooldown);
        }
    }

    fn tell_firing(&mut self, place: usize, line: String, is_new: bool, true_time: i64) {
        let open = self.owed.iter_mut().filter(|episode| episode.place == place && !episode.is_over);
        match open.last().filter(|_| !is_new) {
            Some(episode) => episode.firing.push(line),
            None => self.owed.push(Episode {
                place,
                firing: vec![line],
                firing_is_told: false,
                is_over: false,
                recovery: None,
                owed_since: true_time,
            }),
        }
    }

    /// So many of the oldest that are over were told together; an empty label: whatever they were about.
    pub fn tell_oldest(&mut self, count: usize, label: &str) {
        let mut left = count;
        self.owed.retain(|episode| {
            let is_told = left > 0 && episode.is_over && (label.is_empty() || WATCHED[episode.place].2 == label);
            left -= usize::from(is_told);
            !is_told
        });
    }

    /// Debts from before `before`, not yet told.
    pub fn overdue(&self, before: i64) -> Option<&Episode> {
        let is_told = |episode: &Episode| episode.firing_is_told && episode.recovery.is_none();
        self.owed.iter().find(|episode| !is_told(episode) && episode.owed_since < before)
    }
}

impl Saved {
    /// The model of an agent that goes on from this save, at `now`.
    pub fn resumed(&self, group: usize, now: Now, boot_id: &str) -> Model {
        let mut model = self.groups[group].model.clone();
        if boot_id != self.boot_id {
            let shift = now.boot.as_micros() - away(self.now.wall, now) - self.now.boot.as_micros();
            for told in model.tracks.iter_mut().filter_map(|track| track.last_told.as_mut()) {
                *told += shift;
            }
        }
        model
    }
}

/// How long the machine was away, as far as its wall clock can tell.
fn away(saved: Timestamp, now: Now) -> i64 {
    (now.wall.as_microsecond() - saved.as_microsecond()).max(now.boot.as_micros())
}
