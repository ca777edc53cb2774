//! Another look at some known containers, because something happened to them.

use std::collections::{BTreeSet, VecDeque};

use super::id::Id;
use super::judge::Observation;
use super::{Docker, Next, Step};
use crate::clock::Now;
use crate::docker::{Answer, Error, Question};
use crate::snapshot::Snapshot;

/// Containers that are inspected one after the other.
#[derive(Debug)]
pub(super) struct Revisit {
    named: BTreeSet<Id>,
    /// Those that were not inspected yet, in the order of their readings, each with its id as the engine writes it.
    left: VecDeque<(Id, String)>,
    /// Those that were, with the findings.
    seen: Vec<(Id, Observation)>,
}

impl Revisit {
    pub fn question(&self) -> Option<Question<'_>> {
        self.left.front().map(|(_, id)| Question::Inspect(id))
    }
}

impl Docker {
    pub(super) fn begin_revisit(&self, named: BTreeSet<Id>) -> Revisit {
        let mut left: Vec<(Id, String)> = named.iter().map(|id| (id.clone(), id.to_string())).collect();
        left.sort_by_key(|(id, _)| self.inventory.get(id).map(|known| &known.place));
        Revisit { named, left: left.into(), seen: Vec::new() }
    }

    pub(super) fn answer_revisit(&mut self, mut revisit: Revisit, answer: Answer, now: Now) -> Result<Next, Error> {
        let inspected = match answer {
            Answer::Inspected(inspected) => inspected,
            Answer::Failed(error) => return Err(error),
            // Nobody asked for a list.
            Answer::Listed(_) | Answer::ListEnd { .. } | Answer::Happened(_) | Answer::Document(_) => {
                return Ok(Next::Ask(Step::Revisit(revisit)));
            }
        };
        let (Some(inspected), Some((id, _))) = (inspected, revisit.left.pop_front()) else {
            // A container that is gone changes who is watched as what.
            return Ok(Next::Ask(Step::Survey(self.begin_survey(revisit.named, now))));
        };
        self.inventory.see(&id, &inspected, now);
        revisit.seen.push((id, Observation::inspected(&inspected, now.wall, &mut self.interner)));
        if !revisit.left.is_empty() {
            return Ok(Next::Ask(Step::Revisit(revisit)));
        }
        revisit.seen.iter().for_each(|(id, observed)| self.inventory.settle(id, observed, now));
        self.inventory.replace(now);
        let mut snapshot = Snapshot::default();
        for (id, observed) in revisit.seen {
            self.read(&id, &observed, now, &mut snapshot.readings);
        }
        Ok(Next::Found(snapshot))
    }
}
