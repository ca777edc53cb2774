//! The terminal that the process was started from: is it gone?
//!
//! SIGHUP means two things: a person or systemctl asks for a reload, or the terminal was closed (a connection lost, a
//! window shut). The terminal tells which.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;

use nix::fcntl::OFlag;

/// A process's knowledge of its terminal.
#[derive(Clone, Copy, Debug)]
pub struct ControllingTerminal {
    /// There is a terminal, and nobody asked the process to survive it.
    matters: bool,
}

impl ControllingTerminal {
    /// The terminal as it is now. Call this before SIGHUP is handled.
    pub fn of_this_process() -> ControllingTerminal {
        ControllingTerminal { matters: is_there() && !ignores_hangup() }
    }

    /// Whether the process had a terminal and has lost it.
    pub fn is_gone(self) -> bool {
        self.matters && !is_there()
    }
}

/// /dev/tty is the controlling terminal; without one it cannot be opened (tty(4)).
fn is_there() -> bool {
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    OpenOptions::new().read(true).custom_flags(flags.bits()).open("/dev/tty").is_ok()
}

/// Whether SIGHUP is ignored, as nohup(1) has it.
fn ignores_hangup() -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| is_first_ignored(&status))
}

/// Whether signal 1 is in the mask of those that are ignored (proc_pid_status(5)).
fn is_first_ignored(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_read_from_its_mask() {
        assert!(is_first_ignored("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000001\n"));
        assert!(is_first_ignored("SigIgn:\t0000000000001003\n"));
        assert!(!is_first_ignored("SigIgn:\t0000000000001000\nSigCgt:\t0000000000000001\n"));
        assert!(!is_first_ignored("SigIgn:\tnone\n") && !is_first_ignored(""));
    }
}
