//! Whether the loop has stalled, and when it finds out that it has not any more. Pure.

use std::time::Duration;

use crate::clock::Boot;

/// Work that is overdue by this much will not be done by one more turn of the loop: then systemd gets no sign of life.
const STALLED: Duration = Duration::from_secs(10);

/// Whether the work that is due at `work_due` is overdue by so much.
pub fn is_stalled(work_due: Option<Boot>, now: Boot) -> bool {
    work_due.is_some_and(|due| now - due > STALLED)
}

/// Whether a turn of a wait takes in everything, after which the next wait looks at all of it anew; otherwise it goes on
/// with measurements alone. Most sampling windows begin and end while nothing else happens: then the other parts, which
/// are due at `parts_due`, are as they were, and stay in no cache. After a stall the sign of life is due as soon as the
/// work is done, and only the next wait sees that.
pub fn takes_in_all(is_stalled: bool, is_any_ready: bool, parts_due: Option<Boot>, now: Boot) -> bool {
    is_stalled || is_any_ready || parts_due.is_some_and(|due| due <= now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_of_life_resume_with_the_first_work_that_is_done_after_a_stall() {
        let (begun, second) = (Boot::from_millis(1_000_000), Duration::from_secs(1));
        let now = begun.after(STALLED + second);
        assert!(is_stalled(Some(begun), now));
        // The turn that does the work ends the wait, though nothing else is ready or due: no sign of life is, in a stall.
        assert!(takes_in_all(true, false, None, now));
        assert!(!is_stalled(Some(now.after(second)), now));
        // All other work goes on in the same wait.
        assert!(!takes_in_all(false, false, None, now));
        assert!(!takes_in_all(false, false, Some(now.after(second)), now));
    }

    #[test]
    fn work_that_is_a_little_late_or_none_at_all_is_no_stall() {
        let due = Boot::from_millis(1_000_000);
        assert!(!is_stalled(Some(due), due.after(STALLED)));
        assert!(!is_stalled(None, due));
    }

    #[test]
    fn what_is_ready_or_due_is_taken_in() {
        let now = Boot::from_millis(1_000_000);
        assert!(takes_in_all(false, true, None, now) && takes_in_all(false, false, Some(now), now));
    }
}
