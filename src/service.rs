//! What systemd is told: readiness, status, the watchdog (sd_notify(3)). Without systemd all of it does nothing.

use std::time::Duration;

use sd_notify::NotifyState;

/// What the agent says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase<'a> {
    /// The configuration is valid, the state is loaded, and it watches.
    Ready {
        status: &'a str,
    },
    Reloading,
    Stopping,
    /// It still turns round, and this is what it does.
    Alive {
        status: Option<&'a str>,
    },
}

/// Whether systemd (or what stands in for it) listens.
pub fn listens() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

/// Tells systemd, if it listens: in one datagram, which is all that it costs.
pub fn tell(phase: Phase<'_>) {
    let state = match phase {
        Phase::Ready { .. } => NotifyState::Ready,
        Phase::Reloading => NotifyState::Reloading,
        Phase::Stopping => NotifyState::Stopping,
        Phase::Alive { .. } => NotifyState::Watchdog,
    };
    let detail = match phase {
        Phase::Ready { status } | Phase::Alive { status: Some(status) } => Some(NotifyState::Status(status)),
        // systemd tells this reload's readiness from an earlier one's by it (sd_notify(3)).
        Phase::Reloading => match NotifyState::monotonic_usec_now() {
            Ok(now) => Some(now),
            Err(_) => return,
        },
        Phase::Alive { status: None } | Phase::Stopping => None,
    };
    let both: &[NotifyState<'_>] = match detail {
        Some(detail) => &[state, detail],
        None => &[state],
    };
    // Nobody listens, or nobody can be reached: the agent's work does not depend on it.
    let _ = sd_notify::notify(both);
}

/// How often systemd wants a sign of life at least; `None` where it wants none.
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}
