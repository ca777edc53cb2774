//! One measurement: the collectors' window, and then the containers.

use crate::clock::{Boot, Now};
use crate::collect::docker::Engine;
use crate::collect::{Check, Plan};
use crate::host::Host;
use crate::snapshot::Snapshot;

pub struct Measurement {
    check: Check,
    step: Step,
}

enum Step {
    Collecting,
    /// All but the containers is there.
    Surveying(Snapshot),
    /// All is there since this instant.
    Complete(Snapshot, Boot),
}

impl Measurement {
    pub fn new(plan: &Plan, host: &Host) -> Measurement {
        Measurement { check: Check::new(plan, host), step: Step::Collecting }
    }

    pub fn begin(&mut self, host: &mut Host, now: Boot) {
        self.step = Step::Collecting;
        self.check.begin(host, now);
    }

    /// When [`Measurement::advance`] has something to do: never, while containers are waited for.
    pub fn due(&self) -> Option<Boot> {
        match &self.step {
            Step::Collecting => self.check.next_due(),
            Step::Surveying(_) => Some(Boot::from_micros(i64::MAX)),
            Step::Complete(_, at) => Some(*at),
        }
    }

    /// Goes on, and gives what was found once all is there.
    pub fn advance(&mut self, host: &mut Host, engine: &mut Engine, now: Now) -> Option<Snapshot> {
        match std::mem::replace(&mut self.step, Step::Collecting) {
            Step::Complete(snapshot, _) => Some(snapshot),
            Step::Surveying(snapshot) => {
                self.step = Step::Surveying(snapshot);
                None
            }
            Step::Collecting => {
                let mut snapshot = self.check.advance(host, now)?;
                if let Some(containers) = engine.survey(now) {
                    snapshot.append(containers);
                    return Some(snapshot);
                }
                self.step = Step::Surveying(snapshot);
                None
            }
        }
    }

    /// Takes in what was found of containers, if it is waited for.
    pub fn complete(&mut self, containers: &Snapshot, now: Boot) {
        self.step = match std::mem::replace(&mut self.step, Step::Collecting) {
            Step::Surveying(mut snapshot) => {
                snapshot.append(containers.clone());
                Step::Complete(snapshot, now)
            }
            other => other,
        };
    }
}
