//! Notices when the wall clock is set.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

/// A timer that never fires, and that the kernel cancels when the clock is set (timerfd_create(2),
/// TFD_TIMER_CANCEL_ON_SET).
pub struct ClockWatch(TimerFd);

impl ClockWatch {
    /// # Errors
    /// The kernel gives no timer.
    pub fn new() -> io::Result<ClockWatch> {
        let watch =
            ClockWatch(TimerFd::new(ClockId::CLOCK_REALTIME, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?);
        watch.arm()?;
        Ok(watch)
    }

    /// Readable when the clock was set.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Whether the clock was set since the last call.
    pub fn was_set(&self) -> bool {
        // A set clock cancels the timer, and `wait` then returns; it does not fire before the year 2200.
        let was_set = self.0.wait().is_ok();
        if was_set {
            // Nothing is lost without this watch: the next wait that ends notices the change.
            let _ = self.arm();
        }
        was_set
    }

    fn arm(&self) -> nix::Result<()> {
        // 2200-01-01.
        let far = Expiration::OneShot(TimeSpec::new(7_258_118_400, 0));
        self.0.set(far, TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET)
    }
}
