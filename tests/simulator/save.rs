//! A save: four operations of the disk, one after the other, each of which takes its time.

use std::io;
use std::rc::Rc;

use vps_monitor::store::FILE_NAME;

use super::clock::SECOND;
use super::mishap::DiskFault;
use super::model::Saved;
use super::world::World;

const NEW_FILE_NAME: &str = "alert_state.json.new";

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

const OPERATIONS: [&str; 4] = ["write", "sync", "rename", "sync_folder"];

impl World {
    pub fn begin_save(&mut self, bytes: Vec<u8>) {
        assert!(self.save.is_none(), "there is one save at a time");
        self.groups[0].oracle.is_within_bounds(&bytes);
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
}
