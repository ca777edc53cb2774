//! Whether a disk can be written: one that turned read-only has failed, or will soon.

use std::rc::Rc;

use crate::host::{Host, WriteState};
use crate::metric::{ExpectedWord, Label, Metric, Unit};
use crate::snapshot::{ContainerWord, Snapshot, Value};

/// For each watched path that is on a disk. In a report only where it is not as expected, among the alerts.
pub const DISK_STATE: &Metric = &Metric {
    name: "disk_state",
    unit: Unit::Word,
    label: Label { zh: "磁盘状态", en: "Disk state" },
    alert_label: Label { zh: "🔒 磁盘状态", en: "🔒 Disk state" },
    order: 75,
    expected: Some(ExpectedWord { word: WRITABLE, is_critical: true, may_begin_otherwise: true }),
    ..Metric::BASE
};

const WRITABLE: &str = "writable";
const READ_ONLY: &str = "read-only";
const FAILING: &str = "write-error";

/// The values, made once.
pub struct Words {
    writable: Value,
    /// As it was from the beginning.
    read_only: Value,
    turned: Value,
    failing: Value,
}

impl Default for Words {
    fn default() -> Words {
        let word = |word, expected| ContainerWord { is_critical: true, ..ContainerWord::new(word, expected) }.into();
        let (writable, read_only) = (word(WRITABLE, WRITABLE), word(READ_ONLY, READ_ONLY));
        Words { writable, read_only, turned: word(READ_ONLY, WRITABLE), failing: word(FAILING, WRITABLE) }
    }
}

impl Words {
    /// Adds the state of a path, unless it is on no disk.
    pub fn take(&self, path: &Rc<str>, host: &Host, into: &mut Snapshot) {
        let value = match host.mounts.write_state(path) {
            None => return,
            Some(WriteState::OfNoDisk) => return into.unwatch(DISK_STATE, path),
            Some(WriteState::Writable) => &self.writable,
            Some(WriteState::ReadOnly) => &self.read_only,
            Some(WriteState::TurnedReadOnly) => &self.turned,
            Some(WriteState::Failing) => &self.failing,
        };
        into.push(DISK_STATE, Rc::clone(path), value.clone());
    }
}
