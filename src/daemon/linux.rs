//! The world around the loop, as it is: the kernel's clocks and timers, signals, /proc, a process that posts.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use super::control::Control;
use super::orders::Amendment;
use super::outside::{Event, Outside, Purpose};
use crate::clock::{self, Boot, Now};
use crate::collect::docker::{Docker, Scope};
use crate::collect::{Check, Plan};
use crate::config::{Config, ConfigFile};
use crate::docker::events::{Happening, Stream};
use crate::docker::{self, Burst, Gatherer, Patience};
use crate::host::Host;
use crate::http;
use crate::logging;
use crate::service::{self, Phase};
use crate::settings::{Problems, Read, WAIT_OF_THE_LOOP};
use crate::signals::Signals;
use crate::snapshot::Snapshot;
use crate::worker::PostTask;

/// The running system.
pub struct Linux {
    signals: Signals,
    /// A timer that never fires, and is cancelled when somebody sets the wall clock.
    clock_watch: TimerFd,
    host: Host,
    check: Check,
    report: Check,
    window: Duration,
    docker: Docker,
    /// The engine's events, once there is an engine.
    events: Option<Stream>,
    gatherer: Gatherer,
    posting: Option<PostTask>,
    control: Option<Control>,
    config_file: ConfigFile,
    amendment: Amendment,
    /// systemd wants a sign of life this often at least.
    watchdog: Option<Duration>,
    alive_at: Boot,
}

/// Which of the watched descriptors are readable, or that it is time.
struct Ready {
    is_due: bool,
    signals: bool,
    clock_watch: bool,
    posting: bool,
    events: bool,
    control: bool,
}

impl Linux {
    /// `config_file` is what a reload reads, `amendment` what the command line puts in its place, and `control` where
    /// status is asked for.
    ///
    /// # Errors
    /// The kernel gives no timer.
    pub fn new(
        signals: Signals,
        host: Host,
        config_file: ConfigFile,
        amendment: Amendment,
        control: Option<Control>,
    ) -> io::Result<Linux> {
        let clock_watch = TimerFd::new(ClockId::CLOCK_REALTIME, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?;
        watch_clock(&clock_watch)?;
        let nothing = Plan::default();
        Ok(Linux {
            signals,
            clock_watch,
            check: Check::new(&nothing, &host),
            report: Check::new(&nothing, &host),
            window: Duration::ZERO,
            docker: Docker::new(&nothing.docker),
            events: None,
            gatherer: Gatherer::default(),
            host,
            posting: None,
            control,
            config_file,
            amendment,
            // Twice as often as is asked for, as sd_watchdog_enabled(3) advises.
            watchdog: service::watchdog_interval().map(|interval| interval / 2),
            alive_at: clock::boot_now(),
        })
    }

    /// Listens for `vps-monitor status` in a folder whose lock the caller holds.
    pub fn listen(folder: &Path) -> Option<Control> {
        match Control::listen(folder) {
            Ok(control) => Some(control),
            Err(error) => {
                log::warn!("{}: `vps-monitor status` cannot ask this agent: {error}", folder.display());
                None
            }
        }
    }

    /// What is due first, of the loop's own and of what it waits for.
    fn first_due(&self, until: Option<Boot>) -> Option<Boot> {
        let posting = self.posting.as_ref().map(PostTask::deadline);
        let watchdog = self.watchdog.map(|interval| self.alive_at.after(interval));
        let events = self.events.as_ref().and_then(Stream::due);
        [until, posting, watchdog, events, self.gatherer.due()].into_iter().flatten().min()
    }

    /// Waits until an instant, until one of the descriptors is readable, or until a signal comes.
    ///
    /// The wait's own clock stands still while the machine sleeps. Nothing is late for it: the kernel takes a wake-up
    /// from sleep for a clock that was set (timerfd_resume in fs/timerfd.c), which ends the wait.
    fn poll(&self, until: Option<Boot>) -> Ready {
        let watched = [
            Some(self.signals.fd()),
            Some(self.clock_watch.as_fd()),
            self.posting.as_ref().map(PostTask::fd),
            self.events.as_ref().and_then(Stream::fd),
            self.control.as_ref().map(Control::fd),
        ];
        // What is not there is stood in for by a descriptor that is watched for nothing.
        let mut fds = watched.map(|fd| match fd {
            Some(fd) => PollFd::new(fd, PollFlags::POLLIN),
            None => PollFd::new(self.signals.fd(), PollFlags::empty()),
        });
        let left = until.map(|until| TimeSpec::from(until - clock::boot_now()));
        let is_due = ppoll(&mut fds, left, None) == Ok(0);
        let [signals, clock_watch, posting, events, control] = fds.map(|fd| fd.any().unwrap_or(true));
        Ready { is_due, signals, clock_watch, posting, events, control }
    }

    /// What happened, if anything did: the most urgent first. Only what is ready is asked: an accept(2) in vain, say,
    /// costs as much as reading a file of /proc.
    fn event(&mut self, ready: &Ready) -> Option<Event> {
        if ready.signals {
            let wish = self.signals.take();
            // Only now: a child that ends while others are reaped makes the pipe readable again.
            self.host.worker.reap();
            if let Some(wish) = wish {
                return Some(Event::Signal(wish));
            }
        }
        // What was waited for may be a deadline of theirs.
        if (ready.posting || ready.is_due)
            && let Some(answer) = self.posting.as_mut().and_then(|task| task.poll(clock::boot_now()))
        {
            self.posting = None;
            return Some(Event::Posted(answer));
        }
        if ready.clock_watch && self.clock_was_set() {
            return Some(Event::ClockSet);
        }
        if (ready.events || ready.is_due)
            && let Some(event) = self.container_event()
        {
            return Some(event);
        }
        if ready.control && self.control.as_mut().is_some_and(Control::accept) {
            return Some(Event::StatusAsked);
        }
        ready.is_due.then_some(Event::Time)
    }

    /// Takes in what the engine says of its containers, and what has been gathered long enough.
    fn container_event(&mut self) -> Option<Event> {
        let now = clock::boot_now();
        let mut event = None;
        for happening in self.events.as_mut().map(|stream| stream.read(now)).unwrap_or_default() {
            match happening {
                Happening::Event(event) => self.gatherer.push(event, now),
                Happening::Connected => {
                    self.gatherer.push_unknown(now);
                    event = Some(Event::EngineLost(None));
                }
                Happening::Lost(error) => {
                    self.gatherer.push_unknown(now);
                    event = Some(Event::EngineLost(Some(error.to_string())));
                }
            }
        }
        event.or_else(|| self.gatherer.take(now).map(Event::Containers))
    }

    /// Follows the engine's events, once there is one to be expected.
    fn follow_events(&mut self) {
        if self.events.is_none() && self.docker.is_expected() {
            self.events = self.docker.events();
        }
    }

    /// Whether the wall clock was set since the last call.
    fn clock_was_set(&mut self) -> bool {
        // It is cancelled then, which `wait` takes for its end; there is no other end before the year 2200.
        let was_set = self.clock_watch.wait().is_ok();
        if was_set {
            // Nothing is lost where it cannot be watched any more: the next wait that ends finds out.
            let _ = watch_clock(&self.clock_watch);
        }
        was_set
    }

    fn feed_watchdog(&mut self) {
        let now = clock::boot_now();
        if self.watchdog.is_some_and(|interval| now - self.alive_at >= interval) {
            service::tell(Phase::Alive { status: None });
            self.alive_at = now;
        }
    }
}

/// Sets a timer to a day that no agent lives to see, to be cancelled when the clock is set (timerfd_create(2)).
fn watch_clock(timer: &TimerFd) -> nix::Result<()> {
    // 2200-01-01.
    let far = Expiration::OneShot(TimeSpec::new(7_258_118_400, 0));
    timer.set(far, TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET)
}

/// How long the engine is waited for in one check; a signal to stop ends it.
fn patience(signals: &Signals) -> Patience<'_> {
    Patience::of(docker::TIMEOUT, Some(signals.stop_fd()))
}

impl Outside for Linux {
    fn now(&mut self) -> Now {
        clock::now()
    }

    fn wait(&mut self, until: Option<Boot>) -> Event {
        loop {
            self.feed_watchdog();
            let ready = self.poll(self.first_due(until));
            if let Some(event) = self.event(&ready) {
                return event;
            }
        }
    }

    fn watch(&mut self, plan: &Plan) {
        self.check = Check::new(plan, &self.host);
        self.report = Check::new(plan, &self.host);
        self.window = plan.window();
        // What is remembered of containers outlives a reload that does not concern them.
        if self.docker.config() != &plan.docker {
            self.docker = Docker::new(&plan.docker);
            self.events = None;
            self.gatherer = Gatherer::default();
        }
    }

    fn window(&self) -> Duration {
        self.window
    }

    fn begin(&mut self, purpose: Purpose, now: Now) {
        let Linux { host, check, report, .. } = self;
        match purpose {
            Purpose::Check => check.begin(host, now.boot),
            Purpose::Report => report.begin(host, now.boot),
        }
    }

    fn due(&self, purpose: Purpose) -> Option<Boot> {
        match purpose {
            Purpose::Check => self.check.next_due(),
            Purpose::Report => self.report.next_due(),
        }
    }

    fn advance(&mut self, purpose: Purpose, now: Now) -> Option<Snapshot> {
        let Linux { host, check, report, docker, signals, .. } = self;
        let mut snapshot = match purpose {
            Purpose::Check => check.advance(host, now),
            Purpose::Report => report.advance(host, now),
        }?;
        docker.collect(patience(signals), now, &mut snapshot);
        self.follow_events();
        Some(snapshot)
    }

    fn look(&mut self, burst: &Burst, now: Now) -> (Snapshot, Scope) {
        let mut snapshot = Snapshot::default();
        let scope = self.docker.look(burst, patience(&self.signals), now, &mut snapshot);
        (snapshot, scope)
    }

    fn post(&mut self, request: &http::Request, _now: Now) -> io::Result<()> {
        self.posting = Some(self.host.worker.post(request)?);
        Ok(())
    }

    fn print(&mut self, text: &str) -> io::Result<()> {
        logging::print(text)
    }

    fn load(&mut self) -> Result<Read<Config>, Problems> {
        let mut read = self.config_file.load(WAIT_OF_THE_LOOP)?;
        self.amendment.apply(&mut read.value);
        Ok(read)
    }

    fn tell_service(&mut self, phase: Phase<'_>) {
        if matches!(phase, Phase::Alive { .. }) {
            self.alive_at = clock::boot_now();
        }
        service::tell(phase);
    }

    fn answer_status(&mut self, json: &str) {
        if let Some(control) = &mut self.control {
            control.answer(json);
        }
    }
}
