//! The agent in the running system: one thread, one poll(2) over a list of descriptors, one match over effects.
//!
//! [`Core`] decides. The daemon brings it events and performs its effects. Only `Daemon::wait` waits: work that takes
//! time is a child process or a socket in that poll, and each source of events has a bounded share of a turn.

mod bus_looks;
mod causes;
mod clock_watch;
mod control;
mod disk_causes;
mod errands;
mod going_down;
mod loader;
mod measuring;
mod metrics_page;
mod oom_watch;
mod polling;
mod recorder;
mod stall;
mod start_watch;
mod turns;
mod zone_watch;

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use crate::clock::{self, Boot};
use crate::core::{Core, Effect, End, Input, LoopFacts, Readiness, Request, Ticket};
use crate::host::Host;
use crate::logging;
use crate::service::{self, ServiceManager};
use crate::signals::{Action, Signals};
use crate::store::Saver;
use crate::worker::SaveError;

pub use control::{Control, SOCKET_NAME, ask};
pub use loader::Loader;

use clock_watch::ClockWatch;
use errands::Errands;
use going_down::GoingDown;
use measuring::Measuring;
use polling::Source;
use recorder::Recorder;
use start_watch::StartWatch;
use turns::Turns;
use zone_watch::ZoneWatch;

/// The agent.
pub struct Daemon {
    core: Box<Core>,
    loader: Loader,
    signals: Signals,
    clock_watch: ClockWatch,
    zone_watch: Option<ZoneWatch>,
    start_watch: Option<StartWatch>,
    /// It is to stop, once it is known why.
    going_down: Option<GoingDown>,
    measuring: Box<Measuring>,
    errands: Errands,
    saver: Saver,
    recorder: Recorder,
    control: Option<Control>,
    service: ServiceManager,
    inputs: VecDeque<Input>,
    turns: Turns,
    /// The last poll(2) failed.
    poll_fails: bool,
}

impl Daemon {
    /// # Errors
    /// The kernel gives no timer.
    pub fn new(
        core: Box<Core>,
        loader: Loader,
        signals: Signals,
        host: Box<Host>,
        saver: Saver,
        control: Option<Control>,
    ) -> io::Result<Box<Daemon>> {
        Ok(Box::new(Daemon {
            core,
            loader,
            signals,
            clock_watch: ClockWatch::new()?,
            zone_watch: ZoneWatch::new(),
            start_watch: None,
            going_down: None,
            measuring: Measuring::new(host),
            errands: Errands::default(),
            saver,
            recorder: Recorder::default(),
            control,
            service: ServiceManager::of_this_process(clock::boot_now()),
            inputs: VecDeque::new(),
            turns: Turns::default(),
            poll_fails: false,
        }))
    }

    /// The machine's start has settled after this time; whether it has before is asked of the service manager.
    pub fn watch_start(&mut self, starts_for: Option<Duration>) {
        self.start_watch = starts_for.and_then(|starts_for| StartWatch::begin(clock::boot_now().after(starts_for)));
    }

    /// Runs until it is asked to stop, or until the one check is made.
    pub fn run(&mut self) -> End {
        let mut effects = self.core.start(clock::now());
        loop {
            for effect in effects {
                if let Some(end) = self.perform(effect) {
                    return end;
                }
            }
            while self.inputs.is_empty() {
                self.wait();
            }
            // The time is read anew for each: performing an effect may have taken some.
            effects = match self.inputs.pop_front() {
                Some(input) => self.core.step(input, clock::now()),
                None => Vec::new(),
            };
        }
    }

    fn perform(&mut self, effect: Effect) -> Option<End> {
        match effect {
            Effect::Watch { plan, memory, kills, logins_since, seen } => {
                self.measuring.host.seen.extend(seen);
                self.measuring.host.logins_since = logins_since;
                self.measuring.watch(&plan, memory.map(|memory| *memory), kills.map(|kills| *kills), &mut self.inputs);
            }
            Effect::Measure(purpose) => self.measuring.begin(purpose, clock::boot_now()),
            Effect::FindCauses(wanted) => self.inputs.extend(self.measuring.find_causes(wanted, clock::boot_now())),
            Effect::CountCpu => self.measuring.count_cpu(clock::boot_now()),
            Effect::LookAtContainers => self.inputs.extend(self.measuring.look_at_containers(clock::now())),
            Effect::Save(bytes) => {
                if let Err(error) = self.saver.start(&self.measuring.host.worker, bytes) {
                    self.saved(Err(error.into()));
                }
            }
            Effect::Record(order) => {
                self.inputs.extend(self.recorder.start(&mut self.saver, &self.measuring.host.worker, &order));
            }
            Effect::Post { ticket, request } => {
                let begun = self.measuring.host.worker.post(&request);
                self.inputs.extend(self.errands.posting(ticket, begun));
            }
            Effect::Draw { ticket, job, recipe } => {
                let worker = &self.measuring.host.worker;
                let begun = serde_json::to_vec(&recipe)
                    .map_err(io::Error::from)
                    .and_then(|recipe| self.saver.draw(worker, &job, &recipe));
                self.inputs.extend(self.errands.posting(ticket, begun));
            }
            Effect::Run { ticket, program } => {
                let begun = self.measuring.host.worker.run(&program);
                self.inputs.extend(self.errands.posting(ticket, begun));
            }
            Effect::File { ticket, path, content } => {
                let worker = &self.measuring.host.worker;
                self.inputs.extend(self.errands.publish(worker, ticket, &path, content.as_deref()));
            }
            Effect::Serve { ticket, address, text } => {
                self.inputs.push_back(self.errands.serve(ticket, address, text));
            }
            Effect::StopServing => self.errands.stop_serving(),
            Effect::Print { ticket, text } => self.print(ticket, &text),
            Effect::Announce(Readiness::Ready) => self.tell_service(service::Notification::Ready),
            Effect::Announce(Readiness::Stopping) => self.tell_service(service::Notification::Stopping),
            Effect::ShowStatus(status) => self.tell_service(service::Notification::Status(&status)),
            Effect::Answer(json) => {
                if let Some(control) = &mut self.control {
                    control.answer(json, clock::boot_now());
                }
            }
            Effect::End(end) => return Some(end),
        }
        None
    }

    fn tell_service(&mut self, notification: service::Notification<'_>) {
        self.service.tell(notification, clock::boot_now());
    }

    /// Prints to standard output. If its reader is gone the agent ends, as any other program would.
    #[inline(never)]
    fn print(&mut self, ticket: Option<Ticket>, text: &str) {
        let printed = logging::print(text);
        if printed.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            self.inputs.push_back(Input::OutputClosed);
        }
        // A check that cannot be printed was made all the same.
        if let Some(ticket) = ticket {
            self.inputs.push_back(Input::Printed { ticket, printed });
        }
    }

    /// Waits until something is due, a descriptor is ready, or a signal comes, and takes in the event.
    ///
    /// The wait's own clock stands still while the machine sleeps. A resume counts as a clock change, so the wait ends
    /// (timerfd_resume in fs/timerfd.c).
    fn wait(&mut self) {
        let now = clock::now();
        let core_due = self.core.next_due(now);
        let work_due = clock::earliest(&[core_due, self.measuring.due()]);
        let is_stalled = stall::is_stalled(work_due, now.boot);
        self.service.advance(is_stalled, now.boot);
        let parts_due = clock::earliest(&[
            self.errands.due(),
            self.saver.due(),
            self.recorder.due(),
            self.control.as_ref().and_then(Control::due),
            self.loader.due(),
            self.service.due(is_stalled),
            self.start_watch.as_ref().and_then(StartWatch::due),
            self.going_down.as_ref().map(GoingDown::due),
        ]);
        let mut now = now.boot;

        let mut is_all_taken_in = false;
        while self.inputs.is_empty() && !is_all_taken_in {
            let due = clock::earliest(&[core_due, self.measuring.due(), parts_due]);
            let ready = self.poll(due.map(|due| due - now));
            now = clock::boot_now();
            // Input that is ready and work that is due are both handled: neither waits for the other.
            is_all_taken_in = stall::takes_in_all(is_stalled, !ready.is_empty(), parts_due, now);
            if is_all_taken_in {
                self.take_in(&ready, now)
            } else {
                self.measure(&[])
            }
            if core_due.is_some_and(|due| due <= now) {
                self.inputs.push_back(Input::Time);
            }
        }
    }

    /// The end of a save. It is the one write that shows whether the disk below takes any.
    fn saved(&mut self, saved: Result<(), SaveError>) {
        match &saved {
            Ok(()) => self.measuring.host.mounts.written(self.saver.path(), false),
            Err(SaveError::Io(_)) => self.measuring.host.mounts.written(self.saver.path(), true),
            Err(_) => {}
        }
        self.inputs.push_back(Input::Saved(saved.map_err(|error| error.to_string())));
    }

    /// Takes in everything that is ready or due, the most urgent first.
    #[inline(never)]
    fn take_in(&mut self, ready: &[Source], now: Boot) {
        let is_ready = |source| ready.contains(&source);
        if is_ready(Source::Signals) {
            self.take_signals();
        }
        self.inputs.extend(self.loader.advance(now));
        self.inputs.extend(self.errands.advance(is_ready(Source::Errand), now));
        if let Some(saved) = self.saver.poll(&self.measuring.host.worker, now) {
            self.saved(saved);
        }
        self.inputs.extend(self.recorder.poll(now));
        if let Some(folder) = self.saver.take_new_folder() {
            self.control = Control::listen(folder);
        }
        if is_ready(Source::Clock) && self.clock_watch.was_set() {
            self.inputs.push_back(Input::ClockSet);
        }
        if self.start_watch.as_mut().is_some_and(|watch| watch.advance(is_ready(Source::Start), now)) {
            self.inputs.push_back(Input::StartSettled);
        }
        if is_ready(Source::Zone) && self.zone_watch.as_mut().is_some_and(ZoneWatch::changed) {
            self.inputs.extend(self.loader.with_system_zone().map(|config| Input::Changed(Box::new(config))));
        }
        self.measure(ready);
        let asked = self.going_down.as_ref();
        if let Some(goes_down) = asked.and_then(|asked| asked.advance(&mut self.measuring.host.bus, now)) {
            self.going_down = None;
            self.inputs.push_front(Input::Stop);
            if goes_down {
                self.inputs.push_front(Input::MachineStops);
            }
        }
        if let Some(control) = &mut self.control {
            let asked = control.advance(is_ready(Source::Control), now);
            let facts = || LoopFacts {
                longest_turn: self.turns.longest(),
                config: self.loader.file_in_force().map(Into::into),
            };
            self.inputs.extend(asked.into_iter().map(|request| match request {
                Request::Status => Input::StatusAsked(facts()),
                Request::Silence(request) => Input::SilenceAsked(request),
            }));
        }
    }

    /// Goes on with the measurements, as far as they are ready or due.
    fn measure(&mut self, ready: &[Source]) {
        let now = clock::now();
        self.measuring.advance_bus(ready.contains(&Source::Bus), now.boot);
        self.inputs.extend(self.measuring.advance(now, ready.contains(&Source::Engine)));
        self.inputs.extend(self.measuring.watch_oom(now, ready.contains(&Source::Oom)));
    }

    fn take_signals(&mut self) {
        let action = self.signals.take();
        // Only now: a child that ends while others are reaped makes the pipe readable again.
        self.measuring.host.worker.reap();
        match action {
            Some(Action::Stop) => {
                self.going_down = GoingDown::ask(&mut self.measuring.host.bus, clock::boot_now());
                if self.going_down.is_none() {
                    self.inputs.push_front(Input::Stop);
                }
            }
            Some(Action::Reload) => {
                self.tell_service(service::Notification::Reloading);
                let reloaded = self.loader.reload(&self.measuring.host.worker, clock::boot_now());
                self.inputs.extend(reloaded);
            }
            Some(Action::Check) => self.inputs.push_back(Input::CheckNow),
            None => {}
        }
    }
}
