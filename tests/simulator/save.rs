//! A save: four operations of the disk, one after the other, each of which takes its time.

use std::collections::BTreeSet;
use std::io;
use std::rc::Rc;

use jiff::Timestamp;
use vps_monitor::clock::Now;
use vps_monitor::store::FILE_NAME;

use super::clock::SECOND;
use super::debts::Owed;
use super::disk::Content;
use super::host::WATCHED;
use super::mishap::DiskFault;
use super::model::Model;
use super::oracle::wrong;
use super::unmeasured::Measured;
use super::world::World;

const NEW_FILE_NAME: &str = "alert_state.json.new";

/// The debts, and the clocks, as of a save.
#[derive(Debug)]
pub struct Saved {
    pub model: Model,
    pub last_over: [i64; WATCHED.len()],
    pub measured: Measured,
    pub groups: Vec<SavedGroup>,
    pub now: Now,
    pub boot_id: String,
    /// How far the wall clock was ahead of the truth.
    pub wall_ahead: i64,
    /// Until when the agent knew that each robot wanted to be left alone.
    pub held_until: Vec<i64>,
}

#[derive(Debug)]
pub struct SavedGroup {
    pub owed: Vec<Owed>,
    /// How many answers the agent had heard.
    pub answers: usize,
    /// The things that happened and were told, as the agent knew.
    pub known: BTreeSet<usize>,
}

impl Saved {
    /// The model of an agent that goes on from this save, at `now`.
    pub fn resumed(&self, now: Now, boot_id: &str) -> Model {
        let mut model = self.model.clone();
        if boot_id != self.boot_id {
            let by = now.boot.as_micros() - away(self.now.wall, now) - self.now.boot.as_micros();
            model.shift(by, now.boot.as_micros());
        }
        model.wait_ends = None;
        model
    }
}

/// How long the machine was away, as far as its wall clock can tell.
fn away(saved: Timestamp, now: Now) -> i64 {
    (now.wall.as_microsecond() - saved.as_microsecond()).max(now.boot.as_micros())
}

/// The process that replaces the state file.
pub struct Save {
    bytes: Vec<u8>,
    /// The oracle's knowledge when the state was written down.
    saved: Rc<Saved>,
    /// The time of that.
    pub began: i64,
    done: usize,
    /// When the operation under way ends.
    pub next: i64,
}

const MAX_MESSAGES: usize = 1000;
const MAX_TEXT_BYTES: usize = 1024 * 1024;
const MAX_STATE_BYTES: usize = 4 * 1024 * 1024;

const OPERATIONS: [&str; 4] = ["write", "sync", "rename", "sync_folder"];

impl World {
    pub fn begin_save(&mut self, bytes: Vec<u8>) {
        assert!(self.save.is_none(), "there is one save at a time");
        self.is_within_bounds(&bytes);
        let saved = Rc::new(self.saved());
        let began = self.clock.true_time;
        self.save = Some(Save { bytes, saved, began, done: 0, next: began + self.operation_time() });
    }

    fn operation_time(&mut self) -> i64 {
        self.weather.operation_time(&mut self.random)
    }

    /// Does the operation that is due; returns the outcome of the save, once it is known.
    pub fn go_on_saving(&mut self) -> Option<io::Result<()>> {
        let time = self.clock.true_time;
        let mut save = self.save.take_if(|save| save.next <= time)?;
        if let Err(error) = self.do_operation(&save) {
            return Some(Err(error));
        }
        save.done += 1;
        save.next = self.clock.true_time + self.operation_time();
        if save.done < OPERATIONS.len() {
            self.save = Some(save);
            return None;
        }
        if time - save.began > SECOND {
            self.slow_ended = time;
        }
        Some(Ok(()))
    }

    fn do_operation(&mut self, save: &Save) -> io::Result<()> {
        let half = &save.bytes[..save.bytes.len() / 2];
        let name = OPERATIONS[save.done];
        let fault = match name {
            "write" => self.operate(name, |disk| disk.write(NEW_FILE_NAME, half, None))?,
            _ => self.operate(name, |_| {})?,
        };
        let is_honest = fault != DiskFault::Lie;
        match name {
            "write" => self.disk.write(NEW_FILE_NAME, &save.bytes, Some(Rc::clone(&save.saved))),
            "sync" => self.disk.sync(NEW_FILE_NAME, is_honest),
            "rename" => self.disk.rename(NEW_FILE_NAME, FILE_NAME)?,
            _ => {
                self.disk.sync_folder(is_honest);
                // Until then a loss of power can bring back the former file.
                self.unsaved.take_if(|since| *since <= save.began);
                let is_whole = self.disk.files.get(FILE_NAME).is_some_and(|content| content.saved.is_some());
                self.torn_by_lie &= !(is_honest && is_whole);
            }
        }
        self.must_be_whole();
        if fault == DiskFault::CrashAfter {
            self.crash(false);
        }
        Ok(())
    }

    /// The agent is gone, and the process that saves may come to its end all the same.
    pub fn finish_orphaned_save(&mut self) {
        let Some(mut save) = self.save.take() else { return };
        if !self.random.once_in(2) {
            return;
        }
        while save.done < OPERATIONS.len() {
            match OPERATIONS[save.done] {
                "write" => self.disk.write(NEW_FILE_NAME, &save.bytes, Some(Rc::clone(&save.saved))),
                "sync" => self.disk.sync(NEW_FILE_NAME, true),
                "rename" => drop(self.disk.rename(NEW_FILE_NAME, FILE_NAME)),
                _ => self.disk.sync_folder(true),
            }
            save.done += 1;
        }
        self.unsaved.take_if(|since| *since <= save.began);
    }

    /// The state as a save writes it is within its bounds.
    fn is_within_bounds(&mut self, state: &[u8]) {
        if state.len() > MAX_STATE_BYTES {
            wrong(format!("the state is {} bytes long", state.len()));
        }
        // Every save is a turn of the loop longer by this than it need be; too much stays too much for some saves.
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

    /// The agent reads its state, and goes on from there.
    pub fn start_from(&mut self, content: Option<&Content>) {
        let saved: Option<Rc<Saved>> = content.and_then(|content| content.saved.clone());
        let (now, boot_id, time) = (self.clock.now(), self.clock.boot_id(), self.clock.true_time);
        if content.is_none() {
            // Nothing tells a first start from one whose predecessor was gone before its first save had ended.
            self.loses_budget();
        }
        let is_damaged = content.is_some() && saved.is_none();
        self.asked = None;
        self.model = saved.as_ref().map_or_else(Model::default, |saved| saved.resumed(now, &boot_id));
        self.measured.go_on_from(saved.as_ref().map(|saved| &saved.measured));
        // Nobody knows a look that an agent could not save before it was killed.
        self.last_over = saved.as_ref().map_or([i64::MIN / 2; WATCHED.len()], |saved| saved.last_over);
        // The machine was away for as long as the wall clock says.
        let is_clock_true =
            saved.as_ref().is_some_and(|saved| saved.boot_id == boot_id || saved.wall_ahead == self.clock.wall_ahead);
        for (number, group) in self.groups.iter_mut().enumerate() {
            let (owed, answers, known) = saved.as_ref().map_or_else(Default::default, |saved| {
                let SavedGroup { owed, answers, known } = &saved.groups[number];
                (owed.clone(), *answers, known.clone())
            });
            group.oracle.started(owed, answers, time);
            group.heard.started(known);
            if number == 0 && is_damaged {
                group.oracle.debts.owe_word_of_loss(now.wall, time);
            }
            if !is_clock_true {
                group.oracle.pairs.forget(time);
            }
        }
        for (robot, pace) in self.paces.iter_mut().enumerate() {
            pace.held_until = saved.as_ref().map_or(i64::MIN, |saved| saved.held_until[robot]);
        }
    }
}
