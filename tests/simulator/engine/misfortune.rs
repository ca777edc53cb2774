//! The misfortunes of a container, and how compose and a swarm replace one.

use jiff::Timestamp;
use vps_monitor::docker::events::{Event, Kind};

use super::super::clock::{HOUR, MINUTE, SECOND};
use super::super::container::{Health, Run};
use super::super::random::Random;
use super::{Engine, NAMES, OF_COMPOSE, OF_SWARM, Plan, Step, signal};

impl Engine {
    /// An engine does not outlive its machine. It starts its containers anew: nothing but the wall clock, which may be
    /// another one, tells for how long a health check has been starting.
    pub fn start_with_machine(&mut self, time: i64, wall: Timestamp) {
        self.past.clear();
        self.stamps.keep(time, wall);
        for container in self.subjects.iter_mut().flat_map(|subject| &mut subject.containers) {
            if container.is_running() && matches!(container.health, Some(Health::Starting { .. })) {
                container.started = time;
            }
        }
    }

    pub(super) fn befall(&mut self, number: usize, time: i64, wall: Timestamp, later: i64, random: &mut Random) {
        let soon = |random: &mut Random| time + random.magnitude(SECOND / 10, 2 * MINUTE);
        match (random.range(0, 10), number) {
            (0 | 1, OF_SWARM) => {
                self.die(number, time, wall, random.pick(&[1, 3, 139]), None);
                self.plan(number, Plan::NextTask, time + random.magnitude(SECOND / 10, 30 * SECOND));
            }
            (2 | 3, OF_SWARM) => {
                self.die(number, time, wall, 143, Some("15"));
                self.plan(number, Plan::NextTask, time + random.magnitude(SECOND / 10, 30 * SECOND));
            }
            (4 | 5, OF_SWARM) => self.plan(number, Plan::NextTask, time),
            (_, OF_SWARM) => self.plan(number, Plan::Misfortune, later),
            (4..=6, OF_COMPOSE) => {
                let mut made = self.make(number, time);
                made.name = format!("{}_{}", &self.newest(number).id[..12], NAMES[number]);
                self.subjects[number].containers.insert(0, made);
                self.plan(number, Plan::Compose(Step::StopFormer), time + random.magnitude(SECOND / 100, 10 * SECOND));
            }
            (0 | 1, _) => {
                self.die(number, time, wall, random.pick(&[0, 1, 3, 139]), None);
                self.plan(number, Plan::Start { by_engine: random.once_in(2) }, soon(random));
            }
            (2, _) => {
                self.tell(number, Kind::Oom, wall);
                self.newest(number).oom = true;
                self.die(number, time, wall, 137, None);
                self.plan(number, Plan::Start { by_engine: true }, soon(random));
            }
            (3, _) => {
                self.die(number, time, wall, 0, Some("15"));
                self.plan(number, Plan::Start { by_engine: false }, time + random.magnitude(SECOND, 2 * HOUR));
            }
            (4, _) => {
                self.die(number, time, wall, 137, Some("9"));
                self.plan(number, Plan::Remove, time + random.range(1000, SECOND));
            }
            (5, _) => {
                let kill = Event { signal: Some(signal("1")), ..self.newest(number).event(Kind::Kill, wall) };
                self.push(kill);
                self.plan(number, Plan::Crash, soon(random));
            }
            (6, _) => self.plan(number, Plan::Loop { left: random.range(2, 12) as u32 }, time),
            _ => {
                self.change_health(number, time, wall);
                self.plan(number, Plan::Misfortune, later);
            }
        }
    }

    fn change_health(&mut self, number: usize, time: i64, wall: Timestamp) {
        let subject = &mut self.subjects[number];
        let Some(container) = subject.containers.last_mut() else { return };
        container.health = match container.health {
            Some(Health::Healthy) => Some(Health::Unhealthy),
            Some(Health::Unhealthy) => Some(Health::Healthy),
            Some(Health::Starting { .. }) | None => return,
        };
        subject.truth.health_troubles += u64::from(container.health == Some(Health::Unhealthy));
        subject.truth.since = time;
        self.tell(number, Kind::Health, wall);
    }

    /// The new one was created under a name of its own; it comes into the place of the one before.
    pub(super) fn compose(
        &mut self,
        number: usize,
        step: Step,
        time: i64,
        wall: Timestamp,
        later: i64,
        random: &mut Random,
    ) {
        let soon = time + random.magnitude(SECOND / 100, 5 * SECOND);
        match step {
            Step::StopFormer => {
                self.die(number, time, wall, 143, Some("15"));
                self.plan(number, Plan::Compose(Step::RemoveFormer), soon);
            }
            Step::RemoveFormer => {
                self.tell(number, Kind::Destroy, wall);
                self.subjects[number].containers.pop();
                let new = self.newest(number);
                let temporary = std::mem::replace(&mut new.name, NAMES[number].to_owned());
                let renamed = Event { old_name: Some(temporary), ..new.event(Kind::Rename, wall) };
                self.push(renamed);
                self.plan(number, Plan::Compose(Step::Start), soon);
            }
            Step::Start => {
                self.start(number, time, wall, random);
                self.plan(number, Plan::Misfortune, later);
            }
        }
    }

    /// The slot's task before the newest, if it runs, makes room.
    pub(super) fn stop_former_task(&mut self, time: i64, wall: Timestamp) {
        let former = self.subjects[OF_SWARM].containers.iter_mut().rev().nth(1);
        let Some(former) = former.filter(|former| former.is_running()) else { return };
        let kill = Event { signal: Some(signal("15")), ..former.event(Kind::Kill, wall) };
        (former.run, former.exit_code, former.finished) = (Run::Exited, 143, time);
        let die = Event { exit_code: Some(143), ..former.event(Kind::Die, wall) };
        let stop = former.event(Kind::Stop, wall);
        [kill, die, stop].into_iter().for_each(|event| self.push(event));
    }

    /// A swarm keeps a few tasks that are over.
    pub(super) fn forget_tasks(&mut self, number: usize, wall: Timestamp) {
        while self.subjects[number].containers.len() > 4 {
            let oldest = self.subjects[number].containers.remove(0);
            self.push(oldest.event(Kind::Destroy, wall));
        }
    }
}
