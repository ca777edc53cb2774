//! Another look at some containers that are known, because something happened to them.

use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

use super::judge::Facts;
use super::{Docker, Next, Step};
use crate::clock::Now;
use crate::docker::{Answer, Error, Question};
use crate::snapshot::Snapshot;

/// Containers that are inspected one after the other.
#[derive(Debug)]
pub(super) struct Revisit {
    named: BTreeSet<Rc<str>>,
    /// Those that were not inspected yet, in the order of their readings.
    left: VecDeque<Rc<str>>,
    snapshot: Snapshot,
}

impl Revisit {
    pub fn question(&self) -> Option<Question<'_>> {
        self.left.front().map(|id| Question::Inspect(id))
    }
}

impl Docker {
    pub(super) fn begin_revisit(&self, named: BTreeSet<Rc<str>>) -> Revisit {
        let mut left: Vec<Rc<str>> = named.iter().cloned().collect();
        left.sort_by_key(|id| self.known.get(id).map(|known| &known.place));
        Revisit { named, left: left.into(), snapshot: Snapshot::default() }
    }

    pub(super) fn answer_revisit(&mut self, mut revisit: Revisit, answer: Answer, now: Now) -> Result<Next, Error> {
        let inspected = match answer {
            Answer::Inspected(inspected) => inspected,
            Answer::Failed(error) => return Err(error),
            // Nobody asked for a list.
            Answer::Listed(_) | Answer::ListEnd { .. } => return Ok(Next::Ask(Step::Revisit(revisit))),
        };
        let id = revisit.left.pop_front();
        let known = id.as_ref().and_then(|id| self.known.get_mut(id));
        let (Some(inspected), Some(id), Some(known)) = (inspected, id, known) else {
            // One that is not there any more changes who is watched as what.
            return Ok(Next::Ask(Step::Survey(self.begin_survey(revisit.named))));
        };
        known.see(&inspected, now, self.config.restart_loop_window);
        let facts = Facts::inspected(&inspected, now.wall, &mut self.words);
        self.read(&id, &facts, now, &mut revisit.snapshot.readings);
        Ok(if revisit.left.is_empty() { Next::Found(revisit.snapshot) } else { Next::Ask(Step::Revisit(revisit)) })
    }
}
