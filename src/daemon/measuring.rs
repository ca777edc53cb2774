//! Measurements: the host's collectors with their sampling windows, and the containers of its engine.
//!
//! A check and a report have collectors of their own, so that neither waits for the other. If they come together, one
//! survey of the engine serves both.

use std::collections::VecDeque;
use std::os::fd::BorrowedFd;

use nix::poll::PollFlags;

use super::bus_looks::BusLooks;
use super::causes::CauseFinder;
use super::oom_watch::OomWatch;
use crate::cause::Wanted;
use crate::clock::{self, Boot, Now};
use crate::collect::docker::{self, Engine, EngineUpdate, Memory, OwnShares, Scope};
use crate::collect::{Check, Plan, oom};
use crate::core::{Input, Purpose};
use crate::host::{Host, KnownKills};
use crate::snapshot::Snapshot;

/// The most events that an engine may raise in one turn.
const MAX_HAPPENED: usize = 16;

pub struct Measuring {
    pub host: Box<Host>,
    measurements: [Measurement; 2],
    engine: Engine,
    causes: CauseFinder,
    bus_looks: BusLooks,
    oom: Option<OomWatch>,
    /// The revision of the containers' memory that the core has.
    remembered: u64,
    /// A look at containers alone was asked for.
    look_is_wanted: bool,
}

/// The measurements of one purpose.
struct Measurement {
    purpose: Purpose,
    check: Check,
    /// The collectors are at work.
    is_collecting: bool,
    shares: OwnShares,
    /// The readings of the other collectors, while the engine is asked.
    found: Option<Snapshot>,
}

impl Measurement {
    /// When the collectors go on. Without collectors, everything is there at once.
    fn due(&self) -> Option<Boot> {
        self.is_collecting.then(|| self.check.next_due().unwrap_or(Boot::EARLIEST))
    }
}

impl Measuring {
    #[inline(never)]
    pub fn new(mut host: Box<Host>) -> Box<Measuring> {
        let nothing = Plan { sources: Vec::new(), docker: docker::DockerConfig::default() };
        let measurement = |purpose| Measurement {
            purpose,
            check: Check::new(&[], &host),
            is_collecting: false,
            shares: OwnShares::default(),
            found: None,
        };
        Box::new(Measuring {
            measurements: [measurement(Purpose::Check), measurement(Purpose::Report)],
            engine: Engine::new(&nothing.docker, Some(Memory::default())),
            causes: CauseFinder::default(),
            bus_looks: BusLooks::new(&nothing, &mut host),
            oom: None,
            remembered: 0,
            look_is_wanted: false,
            host,
        })
    }

    /// Takes over a new plan. A measurement that is under way is given up. `memory` and `kills` are an earlier agent's
    /// memory of containers and of kills, for the first plan. Findings of the former plan that wait in `inputs` are dropped: they are no answer
    /// to this one.
    #[inline(never)]
    pub fn watch(
        &mut self,
        plan: &Plan,
        memory: Option<Memory>,
        kills: Option<KnownKills>,
        inputs: &mut VecDeque<Input>,
    ) {
        inputs.retain(|input| !matches!(input, Input::Measured { .. } | Input::Looked { .. }));
        for measurement in &mut self.measurements {
            (measurement.check, measurement.is_collecting, measurement.found) =
                (Check::new(&plan.sources, &self.host), false, None);
        }
        self.bus_looks = BusLooks::new(plan, &mut self.host);
        // A kill meanwhile is not missed.
        if !plan.is_on(oom::OOM_KILL, "") {
            if self.oom.take().is_some() || kills.is_some() {
                inputs.push_back(Input::KillsKnown(None));
            }
        } else if self.oom.is_none() {
            self.oom = OomWatch::begin(&mut self.host, kills, clock::boot_now());
            inputs.extend(self.oom.as_mut().and_then(OomWatch::news_to_remember));
        }
        // The knowledge of containers outlives a reload that does not concern them.
        if memory.is_some() || self.engine.config() != &plan.docker {
            self.engine = Engine::new(&plan.docker, memory.or_else(|| Some(self.engine.memory())));
            self.remembered = self.engine.revision();
        }
    }

    pub fn begin(&mut self, purpose: Purpose, now: Boot) {
        self.bus_looks.watch_files();
        let measurement = self.measurements.iter_mut().find(|measurement| measurement.purpose == purpose);
        if let Some(measurement) = measurement {
            (measurement.is_collecting, measurement.found) = (true, None);
            measurement.shares.begin(&self.engine, self.host.cgroups.as_ref(), now);
            measurement.check.begin(&mut self.host, now);
        }
    }

    /// The memory of containers, if it has changed.
    fn news_to_remember(&mut self) -> Option<Input> {
        let revision = self.engine.revision();
        if std::mem::replace(&mut self.remembered, revision) == revision {
            return None;
        }
        Some(Input::ContainersRemembered(Box::new(self.engine.memory())))
    }

    /// The descriptors of what is followed by the system bus, and by files where it has nobody to tell.
    pub fn bus_fds(&self) -> [Option<(BorrowedFd<'_>, PollFlags)>; 2] {
        [self.host.bus.fd(), self.bus_looks.fd().map(|fd| (fd, PollFlags::POLLIN))]
    }

    /// Readable when a process may have been killed because memory ran out.
    pub fn oom_fd(&self) -> Option<BorrowedFd<'_>> {
        self.oom.as_ref().and_then(OomWatch::fd)
    }

    /// Looks for such processes, if there is a reason to.
    pub fn watch_oom(&mut self, now: Now, is_ready: bool) -> Vec<Input> {
        let advance = |watch: &mut OomWatch| watch.advance(is_ready, &mut self.host, &self.engine, now);
        self.oom.as_mut().map(advance).unwrap_or_default()
    }

    /// Puts the kills while no agent watched before the first check, which has found how containers fare.
    fn add_missed_kills(&mut self, inputs: &mut Vec<Input>, now: Now) {
        let Some(watch) = self.oom.as_mut().filter(|watch| watch.has_missed()) else { return };
        let is_check = |input: &Input| matches!(input, Input::Measured { purpose: Purpose::Check, .. });
        let Some(place) = inputs.iter().position(is_check) else { return };
        if let Input::Measured { snapshot, .. } = &inputs[place] {
            let missed = watch.take_missed(snapshot, &self.host, &self.engine, now);
            inputs.splice(place..place, missed);
        }
    }

    /// Counts the CPU time of units and containers from now on.
    #[inline(never)]
    pub fn count_cpu(&mut self, now: Boot) {
        self.causes.count_cpu(&self.host, now);
    }

    /// Finds the causes of alerts, which ends with [`Input::CausesFound`].
    #[inline(never)]
    pub fn find_causes(&mut self, wanted: Wanted, now: Boot) -> Option<Input> {
        self.causes.begin(wanted, &mut self.host, &self.engine, now)
    }

    /// Looks at all containers, which ends with [`Input::Looked`].
    #[inline(never)]
    pub fn look_at_containers(&mut self, now: Now) -> Option<Input> {
        match self.engine.survey(now) {
            Some(snapshot) => Some(Input::Looked { snapshot, scope: Scope::Everything }),
            None => {
                self.look_is_wanted = true;
                None
            }
        }
    }

    /// The engine's descriptors, each with its events.
    pub fn fds(&self) -> [Option<(BorrowedFd<'_>, PollFlags)>; 3] {
        let [look, events] = self.engine.fds();
        [look, events, self.causes.fd()]
    }

    /// When [`Measuring::advance`] has something to do though no descriptor is ready.
    pub fn due(&self) -> Option<Boot> {
        let [check, report] = &self.measurements;
        clock::earliest(&[
            check.due(),
            report.due(),
            self.engine.due(),
            self.causes.due(),
            self.host.bus.due(),
            self.bus_looks.due(),
            self.oom.as_ref().and_then(OomWatch::due),
        ])
    }

    /// Takes in a share of the system bus's bytes.
    pub fn advance_bus(&mut self, is_ready: bool, now: Boot) {
        if is_ready {
            self.bus_looks.wake_by_files();
        }
        let is_due = self.host.bus.due().is_some_and(|due| due <= now);
        if (is_ready || is_due) && self.host.bus.advance(now) {
            self.measurements.iter_mut().for_each(|measurement| measurement.check.wake(now));
            self.bus_looks.wake(&mut self.host, now);
        }
    }

    /// Goes on with everything that is due or ready.
    pub fn advance(&mut self, now: Now, engine_is_ready: bool) -> Vec<Input> {
        let mut inputs = Vec::new();
        for measurement in &mut self.measurements {
            if measurement.due().is_none_or(|due| due > now.boot) {
                continue;
            }
            let Some(mut found) = measurement.check.advance(&mut self.host, now) else { continue };
            measurement.is_collecting = false;
            match self.engine.survey(now) {
                Some(containers) => {
                    found.append(containers);
                    measurement.shares.collect(&self.engine, self.host.cgroups.as_ref(), now.boot, &mut found);
                    inputs.push(Input::Measured { purpose: measurement.purpose, snapshot: found });
                }
                None => measurement.found = Some(found),
            }
        }
        if let Some(snapshot) = self.bus_looks.advance(&mut self.host, now) {
            inputs.push(Input::Looked { snapshot, scope: Scope::Some });
        }
        if engine_is_ready || self.engine.due().is_some_and(|due| due <= now.boot) {
            for _ in 0..MAX_HAPPENED {
                let Some(happened) = self.engine.advance(now) else { break };
                self.take_in(happened, now.boot, &mut inputs);
            }
        }
        if let Some(found) = self.causes.advance(&mut self.host, &self.engine, now.boot) {
            inputs.push(found);
        }
        if let Some(news) = self.news_to_remember() {
            inputs.push(news);
        }
        self.add_missed_kills(&mut inputs, now);
        // Before the findings of the check that made the change: it is saved together with the alerts that they cause.
        if let Some(change) = self.host.mounts.take_change() {
            inputs.insert(0, Input::Mounts(Box::new(change)));
        }
        inputs
    }

    #[inline(never)]
    fn take_in(&mut self, happened: EngineUpdate, now: Boot, inputs: &mut Vec<Input>) {
        // Before the findings, so that it is saved together with the alerts that they cause.
        inputs.extend(self.news_to_remember());
        match happened {
            EngineUpdate::Surveyed(mut containers) => {
                let look_is_wanted = std::mem::take(&mut self.look_is_wanted);
                let mut waiting =
                    self.measurements.iter_mut().filter(|measurement| measurement.found.is_some()).peekable();
                while let Some(Measurement { purpose, found, shares, .. }) = waiting.next() {
                    let Some(mut snapshot) = found.take() else { continue };
                    // One snapshot of thousands of containers is enough if nobody else waits for it.
                    let is_last = waiting.peek().is_none() && !look_is_wanted;
                    snapshot.append(if is_last { std::mem::take(&mut containers) } else { containers.clone() });
                    shares.collect(&self.engine, self.host.cgroups.as_ref(), now, &mut snapshot);
                    inputs.push(Input::Measured { purpose: *purpose, snapshot });
                }
                if look_is_wanted {
                    inputs.push(Input::Looked { snapshot: containers, scope: Scope::Everything });
                }
            }
            EngineUpdate::Looked(looked) => {
                inputs.push(Input::Looked { snapshot: looked.snapshot, scope: looked.scope });
            }
            EngineUpdate::EventsLost(error) => inputs.push(Input::EngineEvents(error.map(|error| error.to_string()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Resolved};

    #[test]
    fn a_disks_memory_comes_before_the_check_that_made_it() {
        let list = tempfile::NamedTempFile::new().unwrap();
        let now_mounted =
            |options| std::fs::write(list.path(), format!("1 1 254:0 / / rw - ext4 /dev/vda {options}\n"));
        let mut host = Box::new(Host::new(None));
        host.mounts = crate::host::Mounts::listed_in(list.path());
        let mut measuring = Measuring::new(host);
        let config = Config::parse(
            "test",
            b"{system: {cpu: {enabled: false}}, network: {traffic: {enabled: false}}, docker: {enabled: false}}",
        );
        measuring.watch(&Resolved::new(&config.unwrap().value).plan, None, None, &mut VecDeque::new());
        // The first check asks as it begins, the second as it ends.
        for (options, is_news) in [("ro", false), ("rw", true)] {
            now_mounted(options).unwrap();
            measuring.begin(Purpose::Check, clock::boot_now());
            let mut inputs = Vec::new();
            while !inputs.iter().any(|input| matches!(input, Input::Measured { .. })) {
                inputs.extend(measuring.advance(clock::now(), false));
            }
            assert_eq!(matches!(inputs[0], Input::Mounts(..)), is_news, "{options}: {inputs:?}");
        }
    }

    #[test]
    fn what_the_former_plan_found_is_no_answer_to_the_next_one() {
        let mut measuring = Measuring::new(Box::new(Host::new(None)));
        let found = |purpose| Input::Measured { purpose, snapshot: Snapshot::default() };
        let looked = Input::Looked { snapshot: Snapshot::default(), scope: Scope::Everything };
        let mut inputs =
            VecDeque::from([found(Purpose::Check), Input::CheckNow, looked, found(Purpose::Report), Input::Time]);
        // A watch of kills would bring what it knows.
        let config = Config::parse("test", b"system: {oom: {enabled: false}}").unwrap().value;
        measuring.watch(&Resolved::new(&config).plan, None, None, &mut inputs);
        assert!(matches!(inputs.make_contiguous(), [Input::CheckNow, Input::Time]), "{inputs:?}");
    }
}
