//! Things that happen once, found by a look or between two: told at once, or with others of their kind.

use super::Core;
use crate::alert::Extent;
use crate::cause::Causes;
use crate::clock::Now;
use crate::collect::logins::{self, LOGIN};
use crate::host::KnownKills;
use crate::snapshot::Occurrence;

impl Core {
    /// Takes in what happened. It is saved, so that no crash can lose it.
    pub(super) fn happened(&mut self, mut occurrences: Vec<Occurrence>) {
        self.count_logins(&occurrences);
        occurrences.retain(|occurrence| self.is_news(occurrence));
        if !occurrences.is_empty() {
            self.state.change().events.take_in(occurrences);
        }
    }

    /// All of them count for the report, news or not. The number is saved with whatever changes next, and in the end.
    fn count_logins(&mut self, occurrences: &[Occurrence]) {
        let of_login = |occurrence: &&Occurrence| occurrence.key.metric == LOGIN;
        let mut logins = occurrences.iter().filter(of_login).peekable();
        if logins.peek().is_some() {
            let logins = logins.map(|login| (logins::address(&login.key.target), login.at));
            self.state.update().logins.take_in(logins);
            self.state.save_in_the_end();
        }
    }

    /// Remembers the kills, so that the next agent tells only others. Those that are news are saved together with this.
    pub(super) fn kills_known(&mut self, known: Option<Box<KnownKills>>) {
        self.state.update().kills = known;
        self.state.save_in_the_end();
    }

    /// Whether it did not happen a short while ago, as far as that matters for it.
    fn is_news(&mut self, Occurrence { key, at, .. }: &Occurrence) -> bool {
        let Some(time) = self.config.plan.once_in(key.metric) else { return true };
        let time = (!time.is_zero()).then_some(time);
        self.state.change().known.take_in(key, *at, time)
    }

    /// Tells what is due. One check alone lets nothing wait.
    pub(super) fn tell_events(&mut self, now: Now) {
        let is_last = self.mode.once;
        let Some(due) = self.state.get().events.due() else { return };
        if !is_last && due > now.boot {
            return;
        }
        let transitions = self.state.change().events.tell(now, is_last);
        let extent = Extent::Named;
        self.tap(extent, &[], &[], &transitions, now);
        self.tell(&transitions, &Causes::default(), extent, now);
    }
}
