//! The acts of a script on containers.

use jiff::Timestamp;
use vps_monitor::docker::events::{Event, Kind};

use super::super::container::{Container, Health, Run};
use super::super::random::Random;
use super::super::script::Act;
use super::{Engine, NAMES, OF_COMPOSE, OF_SWARM, Plan, signal};

impl Engine {
    /// Nothing happens by chance, and until then nothing at all.
    pub fn be_still(&mut self, until: i64) {
        self.mood_until = until;
        self.subjects.iter_mut().for_each(|subject| subject.next = until);
    }

    pub fn act(&mut self, act: Act, time: i64, wall: Timestamp, random: &mut Random) {
        match act {
            Act::Engine(mood) => self.mood = mood,
            Act::Dies(number, exit_code) => self.die(number, time, wall, exit_code, None),
            Act::Signalled(number, by) => {
                let kill = Event { signal: Some(signal(by)), ..self.newest(number).event(Kind::Kill, wall) };
                self.push(kill);
            }
            Act::RunsOutOfMemory(number) => {
                self.newest(number).oom = true;
                self.tell(number, Kind::Oom, wall);
            }
            Act::Stops(number) => self.die(number, time, wall, 143, Some("15")),
            Act::Starts(number) => {
                self.newest(number).restart_count = 0;
                self.start(number, time, wall, random);
            }
            Act::Restarted(number) => {
                self.newest(number).restart_count += 1;
                self.start(number, time, wall, random);
            }
            Act::Removed(number) => {
                self.tell(number, Kind::Destroy, wall);
                self.subjects[number].containers.pop();
            }
            Act::MadeAnew(number) => {
                let made = self.make(number, time);
                self.subjects[number].containers.push(made);
                self.start(number, time, wall, random);
            }
            Act::Beside(number, exit_code) => {
                let mut beside = self.make(number, time);
                beside.run = if exit_code.is_some() { Run::Exited } else { Run::Running };
                (beside.exit_code, beside.finished) = (exit_code.unwrap_or_default(), time);
                self.subjects[number].containers.push(beside);
            }
            Act::ComposeMakes => {
                let mut made = self.make(OF_COMPOSE, time);
                made.name = format!("{}_{}", &self.newest(OF_COMPOSE).id[..12], NAMES[OF_COMPOSE]);
                self.subjects[OF_COMPOSE].containers.insert(0, made);
            }
            Act::NextTask => {
                let made = self.make(OF_SWARM, time);
                self.subjects[OF_SWARM].containers.push(made);
                self.start(OF_SWARM, time, wall, random);
                self.stop_former_task(time, wall);
            }
            Act::Health(number, health) => self.set_health(number, health, time, wall),
            other => unreachable!("{other:?} is not about containers"),
        }
        // It is mended, and drilled, as any other once the calm comes.
        self.subjects.iter_mut().for_each(|subject| subject.plan = Plan::Misfortune);
    }

    fn set_health(&mut self, number: usize, health: Health, time: i64, wall: Timestamp) {
        let subject = &mut self.subjects[number];
        let Some(container) = subject.containers.last_mut() else { return };
        let was = container.health.replace(health);
        let is_trouble = health == Health::Unhealthy && was != Some(Health::Unhealthy);
        subject.truth.health_troubles += u64::from(is_trouble);
        subject.truth.since = time;
        self.tell(number, Kind::Health, wall);
    }

    /// So many containers that were there die in one moment.
    pub fn let_crowd_die(&mut self, count: usize, time: i64, wall: Timestamp) {
        for _ in 0..count.min(self.crowd.len()) {
            let Some(mut one) = self.crowd.pop() else { return };
            (one.run, one.exit_code, one.finished) = (Run::Exited, 3, time);
            let die = Event { exit_code: Some(3), ..one.event(Kind::Die, wall) };
            self.crowd.insert(0, one);
            self.push(die);
        }
    }

    /// So many more containers, which run.
    pub fn gather_crowd(&mut self, count: usize) {
        for number in 0..count {
            let made = self.make(0, 0);
            let name = format!("crowd-{number:03}");
            self.crowd.push(Container { name, run: Run::Running, ..made });
        }
    }
}
