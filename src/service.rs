//! Notifies systemd: readiness, status, the watchdog (sd_notify(3)). Without systemd all of it does nothing.
//!
//! A service manager that hangs (a frozen process 1) costs no time: a notification that it does not take is repeated
//! later.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use sd_notify::NotifyState;

use crate::clock::{self, Boot};
use crate::datagram::Sender;

/// The pause before a notification that was not taken is repeated.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// The number of notifications that wait for a service manager that takes none: the last of each kind matters.
const MAX_UNSENT: usize = 8;

/// The agent's own state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notification<'a> {
    /// The configuration is valid, the state is loaded, and it watches.
    Ready,
    Reloading,
    Stopping,
    /// The line that `systemctl status` shows.
    Status(&'a str),
}

/// Whether systemd, or a stand-in for it, listens.
pub fn listens() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

/// The agent's way to systemd.
#[derive(Debug)]
pub struct ServiceManager {
    sender: Option<Sender>,
    /// It wants a sign of life this often.
    watchdog: Option<Duration>,
    alive_at: Boot,
    status: String,
    unsent: VecDeque<String>,
    retry_at: Boot,
    /// Attempts that failed since the last one that did not.
    failed: u64,
}

impl ServiceManager {
    /// The service manager that the environment names.
    pub fn of_this_process(now: Boot) -> ServiceManager {
        let sender = std::env::var_os("NOTIFY_SOCKET").and_then(|path| Sender::to(Path::new(&path)).ok());
        // Twice as often as required, as sd_watchdog_enabled(3) advises.
        ServiceManager::new(sender, sd_notify::watchdog_enabled().map(|interval| interval / 2), now)
    }

    fn new(sender: Option<Sender>, watchdog: Option<Duration>, now: Boot) -> ServiceManager {
        let (status, unsent) = (String::new(), VecDeque::new());
        ServiceManager { sender, watchdog, alive_at: now, status, unsent, retry_at: now, failed: 0 }
    }

    /// Tells it, at once or as soon as it listens.
    pub fn tell(&mut self, notification: Notification<'_>, now: Boot) {
        let status = format!("{}\n", NotifyState::Status(&self.status));
        let text = match notification {
            Notification::Ready if self.status.is_empty() => format!("{}\n", NotifyState::Ready),
            Notification::Ready => format!("{}\n{status}", NotifyState::Ready),
            // systemd tells this reload's readiness from an earlier one's by the time (sd_notify(3)).
            Notification::Reloading => match NotifyState::monotonic_usec_now() {
                Ok(time) => format!("{}\n{time}\n", NotifyState::Reloading),
                Err(_) => return,
            },
            Notification::Stopping => format!("{}\n", NotifyState::Stopping),
            Notification::Status(status) => {
                status.clone_into(&mut self.status);
                let text = NotifyState::Status(status).to_string();
                self.unsent.retain(|earlier| !earlier.starts_with("STATUS="));
                format!("{text}\n")
            }
        };
        if self.sender.is_none() {
            return;
        }
        self.unsent.push_back(text);
        if self.unsent.len() > MAX_UNSENT {
            self.unsent.pop_front();
        }
        // A new status is a sign of life as well.
        self.flush(matches!(notification, Notification::Status(_)), now);
    }

    /// When [`ServiceManager::advance`] has something to do. An agent that `is_stalled` gives no sign of life.
    pub fn due(&self, is_stalled: bool) -> Option<Boot> {
        let watchdog = self.watchdog.filter(|_| !is_stalled).map(|interval| self.alive_at.after(interval));
        let retry = Some(self.retry_at).filter(|_| !self.unsent.is_empty());
        clock::earliest(&[watchdog, retry])
    }

    /// Gives the sign of life that is due, and repeats the notifications that were not taken.
    pub fn advance(&mut self, is_stalled: bool, now: Boot) {
        if self.due(is_stalled).is_none_or(|due| due > now) {
            return;
        }
        if !self.unsent.is_empty() && self.retry_at <= now {
            self.flush(false, now);
        }
        let is_due = self.watchdog.is_some_and(|interval| self.alive_at.after(interval) <= now);
        if is_due && !is_stalled {
            self.alive_at = now;
            self.send(&sign_of_life());
        }
    }

    fn flush(&mut self, is_alive: bool, now: Boot) {
        while let Some(text) = self.unsent.pop_front() {
            let sign = if is_alive && self.unsent.is_empty() { sign_of_life() } else { String::new() };
            if !self.send(&format!("{sign}{text}")) {
                self.unsent.push_front(text);
                self.retry_at = now.after(RETRY_PAUSE);
                return;
            }
        }
        if is_alive {
            self.alive_at = now;
        }
    }

    /// Whether the notification was taken. The log says once that systemd takes none, and once that it takes them
    /// again.
    fn send(&mut self, text: &str) -> bool {
        let taken = self.sender.as_mut().map_or(Ok(()), |sender| sender.send(text.as_bytes()));
        match &taken {
            Ok(()) if self.failed > 0 => {
                log::info!("the service manager takes notifications again, after {} in vain", self.failed);
                self.failed = 0;
            }
            Ok(()) => {}
            Err(error) => {
                if self.failed == 0 {
                    log::warn!(
                        "the service manager takes no notifications ({error}); they are sent again until it does"
                    );
                }
                self.failed = self.failed.saturating_add(1);
            }
        }
        taken.is_ok()
    }
}

fn sign_of_life() -> String {
    format!("{}\n", NotifyState::Watchdog)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;

    fn at(milliseconds: i64) -> Boot {
        Boot::from_micros(milliseconds * 1000)
    }

    /// The notifications so far.
    fn told(receiver: &UnixDatagram) -> Vec<String> {
        let mut datagram = [0; 512];
        let next = || {
            receiver.recv(&mut datagram).ok().map(|length| String::from_utf8_lossy(&datagram[..length]).into_owned())
        };
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn one_that_stands_still_is_told_in_order_what_matters_once_it_listens() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let receiver = UnixDatagram::bind(&path).unwrap();
        receiver.set_nonblocking(true).unwrap();
        let mut filler = Sender::to(&path).unwrap();
        while filler.send(b"x").is_ok() {}

        let second = Some(Duration::from_secs(1));
        let mut manager = ServiceManager::new(Some(Sender::to(&path).unwrap()), second, at(0));
        assert_eq!((manager.due(false), manager.due(true)), (Some(at(1000)), None));
        manager.tell(Notification::Reloading, at(100));
        manager.tell(Notification::Status("one"), at(200));
        manager.tell(Notification::Ready, at(300));
        manager.tell(Notification::Status("two"), at(400));
        assert_eq!(manager.due(true), Some(at(1400)));
        manager.advance(false, at(1000));
        assert!(manager.failed >= 4);

        told(&receiver);
        manager.advance(true, at(1400));
        let told_later = told(&receiver);
        assert_eq!((told_later.len(), manager.due(true)), (3, None), "{told_later:?}");
        assert!(told_later[0].starts_with("RELOADING=1\nMONOTONIC_USEC="), "{told_later:?}");
        assert_eq!(told_later[1..], ["READY=1\nSTATUS=one\n", "STATUS=two\n"]);
        manager.advance(false, at(2000));
        assert_eq!(told(&receiver), ["WATCHDOG=1\n"]);
        manager.tell(Notification::Status("three"), at(2500));
        assert_eq!(told(&receiver), ["WATCHDOG=1\nSTATUS=three\n"]);
        assert_eq!(manager.due(false), Some(at(3500)));
    }

    #[test]
    fn what_waits_is_bounded_and_without_a_manager_nothing_does() {
        let folder = tempfile::tempdir().unwrap();
        let mut manager = ServiceManager::new(Sender::to(&folder.path().join("nobody")).ok(), None, at(0));
        for number in 0..100 {
            manager.tell(if number % 2 == 0 { Notification::Reloading } else { Notification::Ready }, at(number));
        }
        manager.tell(Notification::Stopping, at(100));
        assert_eq!((manager.unsent.len(), manager.unsent.back().unwrap().as_str()), (MAX_UNSENT, "STOPPING=1\n"));

        let mut nobody = ServiceManager::new(None, None, at(0));
        nobody.tell(Notification::Ready, at(0));
        assert_eq!((nobody.unsent.len(), nobody.due(false)), (0, None));
    }
}
