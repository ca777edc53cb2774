//! The world around the loop, as it is: the kernel's clocks and timers, signals, /proc, a process that posts.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use super::control::Control;
use super::measurement::Measurement;
use super::orders::Amendment;
use super::outside::{Event, Outside, Purpose};
use crate::clock::{self, Boot, Now};
use crate::collect::Plan;
use crate::collect::docker::{Engine, Happened};
use crate::config::{Config, ConfigFile};
use crate::host::Host;
use crate::http;
use crate::logging;
use crate::service::{self, Phase};
use crate::settings::{Problems, Read, WAIT_OF_THE_LOOP};
use crate::signals::Signals;
use crate::snapshot::Snapshot;
use crate::worker::PostTask;

/// How long to wait where poll(2) itself fails.
const FAILED_POLL_PAUSE: Duration = Duration::from_millis(100);

/// The running system.
pub struct Linux {
    signals: Signals,
    /// A timer that never fires, and is cancelled when somebody sets the wall clock.
    clock_watch: TimerFd,
    host: Host,
    check: Measurement,
    report: Measurement,
    window: Duration,
    engine: Engine,
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
    engine: bool,
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
            check: Measurement::new(&nothing, &host),
            report: Measurement::new(&nothing, &host),
            window: Duration::ZERO,
            engine: Engine::new(&nothing.docker),
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
        [until, posting, watchdog, self.engine.due()].into_iter().flatten().min()
    }

    /// Waits until an instant, until one of the descriptors is readable, or until a signal comes.
    ///
    /// The wait's own clock stands still while the machine sleeps. Nothing is late for it: the kernel takes a wake-up
    /// from sleep for a clock that was set (timerfd_resume in fs/timerfd.c), which ends the wait.
    fn poll(&self, until: Option<Boot>) -> Ready {
        let readable = |fd| (fd, PollFlags::POLLIN);
        let [look, events] = self.engine.fds();
        let watched = [
            Some(readable(self.signals.fd())),
            Some(readable(self.clock_watch.as_fd())),
            self.posting.as_ref().map(PostTask::fd).map(readable),
            look,
            events,
            self.control.as_ref().map(Control::fd).map(readable),
        ];
        // What is not there is stood in for by a descriptor that is watched for nothing.
        let mut fds = watched.map(|watched| match watched {
            Some((fd, flags)) => PollFd::new(fd, flags),
            None => PollFd::new(self.signals.fd(), PollFlags::empty()),
        });
        let left = until.map(|until| TimeSpec::from(until - clock::boot_now()));
        let polled = ppoll(&mut fds, left, None);
        if polled.is_err_and(|errno| errno != Errno::EINTR) {
            // There is no memory for it, or a limit is too low (poll(2)): trying again at once would only spin.
            std::thread::sleep(FAILED_POLL_PAUSE);
        }
        // By the clock, whatever ended the wait: one descriptor that is always ready must not keep all else from its time.
        let is_due = until.is_some_and(|until| until <= clock::boot_now());
        let [signals, clock_watch, posting, look, events, control] = fds.map(|fd| fd.any().unwrap_or(true));
        Ready { is_due, signals, clock_watch, posting, engine: look || events, control }
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
        if (ready.engine || ready.is_due)
            && let Some(happened) = self.engine.advance(clock::now())
        {
            return Some(match happened {
                Happened::Surveyed(snapshot) => self.surveyed(snapshot),
                Happened::Looked(looked) => Event::Looked(looked),
                Happened::EventsLost(error) => Event::EngineLost(error.map(|error| error.to_string())),
            });
        }
        if ready.control && self.control.as_mut().is_some_and(Control::accept) {
            return Some(Event::StatusAsked);
        }
        ready.is_due.then_some(Event::Time)
    }

    /// Gives what was found of containers to whoever waits for it.
    fn surveyed(&mut self, containers: Snapshot) -> Event {
        let now = clock::boot_now();
        self.check.complete(&containers, now);
        self.report.complete(&containers, now);
        Event::Time
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
        self.check = Measurement::new(plan, &self.host);
        self.report = Measurement::new(plan, &self.host);
        self.window = plan.window();
        // What is remembered of containers outlives a reload that does not concern them.
        if self.engine.config() != &plan.docker {
            self.engine = Engine::new(&plan.docker);
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
            Purpose::Check => self.check.due(),
            Purpose::Report => self.report.due(),
        }
    }

    fn advance(&mut self, purpose: Purpose, now: Now) -> Option<Snapshot> {
        let Linux { host, check, report, engine, .. } = self;
        match purpose {
            Purpose::Check => check.advance(host, engine, now),
            Purpose::Report => report.advance(host, engine, now),
        }
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
