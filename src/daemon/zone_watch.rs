//! Notices changes of the system's time zone: `timedatectl set-timezone` replaces the link /etc/localtime, others copy
//! a file there, and without one the zone is UTC.

use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use crate::clock;

const FOLDER: &str = "/etc";
const NAMES: [&str; 2] = ["localtime", "timezone"];

/// The events of one turn; the others are taken in the next.
const MAX_READS: u32 = 16;

pub struct ZoneWatch {
    inotify: Inotify,
    /// Of the zone that was last seen.
    mark: u64,
}

impl ZoneWatch {
    /// `None` if it cannot be watched; then a reload takes over a changed zone.
    pub fn new() -> Option<ZoneWatch> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC).ok()?;
        let changes = AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVE
            | AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_ONLYDIR;
        inotify.add_watch(FOLDER, changes).ok()?;
        Some(ZoneWatch { inotify, mark: clock::system_zone_mark() })
    }

    /// Readable when something in the folder changed.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }

    /// Whether the zone has changed since the last call.
    pub fn changed(&mut self) -> bool {
        if !self.names_changed() {
            return false;
        }
        let mark = clock::system_zone_mark();
        std::mem::replace(&mut self.mark, mark) != mark
    }

    fn names_changed(&mut self) -> bool {
        let mut changed = false;
        for _ in 0..MAX_READS {
            match self.inotify.read_events() {
                Ok(events) => {
                    let is_zone = |name: &std::ffi::OsString| NAMES.iter().any(|zone| name == zone);
                    changed |= events.iter().any(|event| event.name.as_ref().is_none_or(is_zone));
                }
                Err(Errno::EINTR) => {}
                Err(_) => break,
            }
        }
        changed
    }
}
