//! The agent's loop: the only place that knows all the stations between /proc and a message in the group.
//!
//! One thread, one wait. Each turn does what is due (measure, judge, report, deliver) and never blocks: what takes its
//! time is waited for in [`Outside::wait`], together with signals and deadlines. Nothing that goes wrong in a turn ends
//! the loop. State is saved before the first byte of a message is sent, and again once it is delivered; where the disk
//! refuses, messages go out all the same.

mod control;
mod deliver;
mod linux;
mod measurement;
mod orders;
mod outside;
mod reading;
mod report;
mod status;
mod take_in;

use std::path::PathBuf;

use jiff::Timestamp;

use crate::clock::{self, Boot, Now};
use crate::config::{Config, ConfigFile};
use crate::files::Folder;
use crate::logging::{self, Change, Ongoing};
use crate::message;
use crate::notify::Channel;
use crate::schedule::{ReportState, Reporter};
use crate::service::Phase;
use crate::signals::Wish;
use crate::snapshot::Failure;
use crate::store::{LoadError, Loaded, State, Store};
use crate::text;

pub use control::{SOCKET_NAME, ask as ask_status};
pub use linux::Linux;
pub use orders::{Amendment, Orders};
pub use outside::{Event, Outside, Purpose};
pub use reading::{ReadingDocument, rfc3339};
pub use status::{AlertStatus, FailureStatus, PendingStatus, Status, counted};

use report::Reporting;
use status::{LastReadings, Standing, service_status};

/// Why a configuration that says nothing is not taken over while messages go to a group.
const EMPTY_CONFIGURATION: &str = "the configuration is empty, the one before stays in force (a restart takes it)";

/// How the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was asked to stop.
    Stopped,
    /// The one check was made; whether everything that was to be told was delivered.
    CheckedOnce { delivered: bool },
}

/// How the agent runs.
#[derive(Clone, Debug, Default)]
pub struct Mode {
    /// One check with its messages, and the end.
    pub once: bool,
    /// Somebody watches: each check is printed.
    pub print_checks: bool,
    /// systemd listens: it is told after each check that the agent is alive, and how things stand.
    pub has_service_manager: bool,
    /// Where the state is, for messages about it.
    pub state_folder: PathBuf,
    /// Which file the configuration is, for messages about it.
    pub config_file: ConfigFile,
}

/// The agent.
pub struct Daemon<O: Outside, F: Folder> {
    outside: O,
    store: Store<F>,
    mode: Mode,
    orders: Orders,
    state: State,
    /// The state is not yet saved as it is.
    unsaved: bool,
    /// Errors that go on are logged when they begin, change and end.
    ongoing: Ongoing,
    /// Whether a message is being posted.
    posting: bool,
    /// It is being posted to the channel of before a reload, whose refusal says nothing of the one in force.
    posting_to_former: bool,
    checking: bool,
    next_check: Boot,
    last_check: Option<Timestamp>,
    last_readings: LastReadings,
    /// Why the configuration on disk is not in force, since a reload that was refused.
    config_problem: Option<String>,
    /// What could not be measured in the last check, and since when that is so.
    failures: Vec<(Failure, Timestamp)>,
    checks: u64,
    reporter: Reporter,
    reporting: Reporting,
    end: Option<End>,
}

impl<O: Outside, F: Folder> Daemon<O, F> {
    /// An agent that goes on from the state in `store`.
    ///
    /// # Errors
    /// The state is of a newer version.
    pub fn new(config: &Config, mut outside: O, mut store: Store<F>, mode: Mode) -> Result<Self, LoadError> {
        let now = outside.now();
        let orders = Orders::new(config);
        let (state, unsaved) = load_state(&mut store, &mode, now)?;
        let reporter = new_reporter(&orders, state.report.clone(), now);
        outside.watch(&orders.plan);
        Ok(Daemon {
            outside,
            store,
            mode,
            orders,
            state,
            unsaved,
            ongoing: Ongoing::default(),
            posting: false,
            posting_to_former: false,
            checking: false,
            next_check: now.boot,
            last_check: None,
            last_readings: LastReadings::default(),
            config_problem: None,
            failures: Vec::new(),
            checks: 0,
            reporter,
            reporting: Reporting::default(),
            end: None,
        })
    }

    /// Runs until it is asked to stop, or until the one check is made.
    pub fn run(mut self) -> End {
        let now = self.outside.now();
        log::info!(
            "started version={} channel=\"{}\" interval={}s waiting={}",
            env!("CARGO_PKG_VERSION"),
            self.orders.channel,
            self.orders.check_interval.as_secs_f64(),
            self.state.outbox.len()
        );
        self.look_at_clock(now);
        self.outside.tell_service(Phase::Ready { status: &self.service_status(now) });
        loop {
            let now = self.outside.now();
            self.turn(now);
            if let Some(end) = self.end {
                return self.finish(end);
            }
            let deadline = self.deadline(now);
            let event = self.outside.wait(deadline);
            self.handle(event);
        }
    }

    /// Does all that is due.
    fn turn(&mut self, now: Now) {
        let was_changed = self.unsaved;
        self.check_if_due(now);
        if !self.mode.once {
            self.report_if_due(now);
        }
        let is_changed = was_changed || self.unsaved;
        self.deliver_if_due(now);
        self.save_if_changed(now);
        if is_changed && self.mode.has_service_manager {
            let status = self.service_status(now);
            self.outside.tell_service(Phase::Alive { status: Some(&status) });
        }
        if self.is_checked_once() && !self.posting && self.end.is_none() {
            self.end = self.is_done_once(now).map(|delivered| End::CheckedOnce { delivered });
        }
    }

    /// Ends one check and begins the next in one turn, where its window is as long as the interval: a wake-up for each
    /// would cost as much as a check.
    fn check_if_due(&mut self, now: Now) {
        self.end_check_if_due(now);
        if !self.checking && now.boot >= self.next_check && !self.is_checked_once() {
            self.outside.begin(Purpose::Check, now);
            self.checking = true;
            self.plan_next_check(now.boot);
            // Without a window it ends at once.
            self.end_check_if_due(now);
        }
    }

    fn end_check_if_due(&mut self, now: Now) {
        if self.checking
            && self.outside.due(Purpose::Check).is_none_or(|due| due <= now.boot)
            && let Some(snapshot) = self.outside.advance(Purpose::Check, now)
        {
            self.checking = false;
            self.take_in(&snapshot, now);
        }
    }

    /// Checks stay on their grid: however long one takes, the next is due where it would have been. Those that were
    /// missed (the machine slept) are not made up for.
    fn plan_next_check(&mut self, now: Boot) {
        let interval = self.orders.check_interval;
        let missed = clock::micros(now - self.next_check) / clock::micros(interval).max(1);
        let steps = u32::try_from(missed).unwrap_or(u32::MAX).saturating_add(1);
        self.next_check = self.next_check.after(interval.saturating_mul(steps));
    }

    /// When something is due next. What is due by the wall clock is as far away as that says now.
    fn deadline(&self, now: Now) -> Option<Boot> {
        let check = if self.checking {
            Some(self.outside.due(Purpose::Check).unwrap_or(now.boot))
        } else {
            Some(self.next_check).filter(|_| !self.is_checked_once())
        };
        let delivery = self.state.outbox.next_attempt().filter(|_| !self.posting);
        let report = self.report_deadline(now).filter(|_| !self.mode.once);
        [check, delivery, report].into_iter().flatten().min()
    }

    fn is_checked_once(&self) -> bool {
        self.mode.once && self.last_check.is_some()
    }

    fn handle(&mut self, event: Event) {
        let now = self.outside.now();
        match event {
            Event::Time => {}
            Event::ClockSet => self.look_at_clock(now),
            Event::Signal(Wish::Stop) => self.end = Some(End::Stopped),
            Event::Signal(Wish::Reload) => self.reload(now),
            Event::Signal(Wish::Check) => self.next_check = self.next_check.min(now.boot),
            Event::Posted(answer) => self.settle_posted(&answer, now),
            Event::Looked(looked) => self.take_in_looked(&looked, now),
            Event::EngineLost(error) => {
                self.log_ongoing(
                    "docker events",
                    error.as_deref(),
                    "Docker's events cannot be followed, it is tried again",
                );
            }
            Event::StatusAsked => {
                let json = self.status(now).to_json();
                self.outside.answer_status(&json);
            }
        }
    }

    /// Takes over a changed configuration, or none of it.
    fn reload(&mut self, now: Now) {
        self.outside.tell_service(Phase::Reloading);
        match self.outside.load() {
            // An editor empties a file before it writes it anew, a full disk leaves it so, and an unmounted one without it.
            Ok(read) if read.is_empty && self.orders.channel != Channel::Terminal => {
                log::error!("not reloaded: {EMPTY_CONFIGURATION}");
                self.config_problem = Some(EMPTY_CONFIGURATION.to_owned());
                self.next_check = now.boot;
            }
            Ok(read) => {
                for warning in &read.warnings {
                    log::warn!("{}", warning.in_log());
                }
                logging::set_level(read.value.general.log_level);
                self.orders = Orders::new(&read.value);
                self.outside.watch(&self.orders.plan);
                self.checking = false;
                self.reporter = new_reporter(&self.orders, Some(self.reporter.state().clone()), now);
                self.reporting = Reporting::default();
                self.look_at_clock(now);
                self.state.outbox.reopen();
                self.posting_to_former = self.posting;
                self.next_check = now.boot;
                self.config_problem = None;
                log::info!(
                    "reloaded channel=\"{}\" interval={}s",
                    self.orders.channel,
                    self.orders.check_interval.as_secs_f64()
                );
            }
            Err(problems) => {
                for problem in &problems.list {
                    log::error!("{}", problem.in_log());
                }
                log::error!("not reloaded: the configuration is not valid, the one before stays in force");
                self.next_check = now.boot;
                let problem = problems.list.first().map(ToString::to_string).unwrap_or_default();
                let problem = problem.lines().next().unwrap_or_default();
                // The group is told once, however often a file that is not valid is read.
                if self.config_problem.replace(problem.to_owned()).is_none() {
                    self.push(message::configuration_refused(problem, &self.orders.style, now.wall), now);
                }
            }
        }
        self.outside.tell_service(Phase::Ready { status: &self.service_status(now) });
    }

    fn save_if_changed(&mut self, now: Now) {
        if !self.unsaved {
            return;
        }
        self.state.report = Some(self.reporter.state().clone());
        let result = self.store.save(&self.state, now);
        self.unsaved = result.is_err();
        let error = result.err().map(|error| format!("{}: {error}", self.mode.state_folder.display()));
        self.log_ongoing("state", error.as_deref(), "the state cannot be saved, messages are sent all the same");
    }

    fn finish(mut self, end: End) -> End {
        self.outside.tell_service(Phase::Stopping);
        let now = self.outside.now();
        if self.posting {
            self.await_posting(now);
        }
        self.save_if_changed(now);
        log::info!("stopped waiting={}", self.state.outbox.len());
        end
    }

    /// Logs an error that goes on when it begins, changes and ends.
    fn log_ongoing(&mut self, subject: &str, error: Option<&str>, what: &str) {
        match self.ongoing.report(subject, error) {
            Some(Change::Began | Change::Changed) => log::error!("{what}: {}", text::in_log(error.unwrap_or_default())),
            Some(Change::Ended) => log::info!("{subject} works again"),
            None => {}
        }
    }

    /// The line that `systemctl status` shows.
    fn service_status(&self, now: Now) -> String {
        let standing = Standing {
            alerts: self.state.alerts.firing().len(),
            waiting: self.state.outbox.len(),
            last_error: self.state.outbox.waiting().next().and_then(|entry| entry.last_error.as_deref()),
            config_problem: self.config_problem.as_deref(),
            next_check: now.wall.checked_add(self.next_check - now.boot).unwrap_or(now.wall),
        };
        service_status(&standing, &self.orders.style.zone)
    }
}

fn new_reporter(orders: &Orders, saved: Option<ReportState>, now: Now) -> Reporter {
    Reporter::new(&orders.reports, orders.report_zone.clone(), &orders.style.host, saved, now.wall)
}

/// The state to go on from, and whether the file does not have it yet: what was set aside, or never there, is written
/// anew, so that a report that is missed from now on is known to be.
fn load_state<F: Folder>(store: &mut Store<F>, mode: &Mode, now: Now) -> Result<(State, bool), LoadError> {
    Ok(match store.load(now, &mode.state_folder)? {
        Loaded::Nothing => (State::default(), true),
        Loaded::State(state) => (*state, false),
        Loaded::Damaged { why, kept_as } => {
            let folder = mode.state_folder.display();
            match kept_as {
                Some(name) => {
                    log::error!("{folder}: the state cannot be read ({why}); kept as {name}, starting afresh")
                }
                None => log::error!("{folder}: the state cannot be read ({why}), nor set aside; starting afresh"),
            }
            (State::default(), true)
        }
    })
}
