//! The news that quiet hours and silences hold back, and the news at their end.

use jiff::Timestamp;

use super::super::hold::Holds;
use super::super::host::WATCHED;
use super::{Model, News, Told};

/// The debt of one alert: it burns, or it came and went.
#[derive(Clone, Debug, Default)]
pub struct Held {
    open: Option<Open>,
    over: Option<Over>,
}

/// It burns.
#[derive(Clone, Debug)]
struct Open {
    since: Timestamp,
    /// People were told before the hold that it began.
    is_known: bool,
    /// The number that they know.
    told: f64,
    reminders: u32,
    is_reminder_due: bool,
    /// The worst level of its news.
    is_critical: bool,
}

/// It came and went, so many times.
#[derive(Clone, Debug, PartialEq)]
pub struct Over {
    pub since: Timestamp,
    pub ended: Timestamp,
    pub times: u64,
    /// People were told before the hold that one of them began.
    pub is_known: bool,
    pub is_critical: bool,
}

/// A line of the message at the end of a hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Released {
    Burning(Told),
    Over(usize, Over),
}

impl Open {
    /// How often it was told again, once it is told at the end of the hold.
    fn told_again(&self) -> u32 {
        if self.is_known { self.reminders + u32::from(self.is_reminder_due) } else { 0 }
    }
}

impl Model {
    /// The news of one alert, unless it is held; `known`: the number that people knew before it.
    pub(super) fn hold_back(&mut self, told: Told, known: f64, holds: &Holds<'_>) -> Option<Told> {
        let place = told.place;
        let is_recovery = told.news == News::Recovered;
        let alert = &self.alerts[place];
        let is_known = self.held[place].open.as_ref().map(|open| open.is_known);
        // Who was told that it is critical is told its end.
        let is_held = holds.hold(place, told.is_of_critical)
            || (is_known.is_some() && !holds.hold(place, false))
            || (is_recovery && is_known == Some(false));
        match (is_held, is_recovery) {
            (false, _) => return Some(self.let_through(told, holds)),
            (true, true) => self.ends(place, true),
            (true, false) => {
                let is_reminder = matches!(told.news, News::Reminded { .. });
                let open = self.held[place].open.get_or_insert(Open {
                    since: alert.since,
                    is_known: !matches!(told.news, News::Fired { .. }),
                    told: known,
                    reminders: alert.reminders - u32::from(is_reminder),
                    is_reminder_due: false,
                    is_critical: false,
                });
                open.is_reminder_due |= is_reminder;
                open.is_critical |= told.is_critical;
            }
        }
        None
    }

    /// An alert is over; `is_told`: people are owed its end whatever they knew.
    pub(super) fn ends(&mut self, place: usize, is_told: bool) {
        let (alert, held) = (&self.alerts[place], &mut self.held[place]);
        let open = held.open.take();
        if !is_told && open.as_ref().is_none_or(|open| open.is_known) {
            return;
        }
        let (since, ended) = (alert.since, alert.well_since_wall);
        let over = held.over.get_or_insert(Over { since, ended, times: 0, is_known: false, is_critical: false });
        (over.ended, over.times) = (over.ended.max(ended), over.times + 1);
        over.is_known |= open.as_ref().is_none_or(|open| open.is_known);
        over.is_critical |= alert.is_at_critical || open.is_some_and(|open| open.is_critical);
    }

    /// It is told though the rest is held: as a beginning, if people do not know of one.
    fn let_through(&mut self, told: Told, holds: &Holds<'_>) -> Told {
        let place = told.place;
        let open = self.held[place].open.take();
        let Some(open) = open.filter(|_| told.news != News::Recovered) else { return told };
        let alert = &mut self.alerts[place];
        let news = match told.news {
            _ if !open.is_known => News::Fired { returns: alert.returns },
            News::Worse { .. } => News::Worse { told: open.told },
            news => news,
        };
        alert.tell_as_it_is(matches!(news, News::Reminded { .. }), open.told_again(), holds.now);
        let (number, limit) = alert.last;
        Told { news, number, limit, ..told }
    }

    /// The news that nothing holds any more.
    pub(super) fn release(&mut self, holds: &Holds<'_>) -> Vec<Released> {
        let mut released = Vec::new();
        for place in 0..WATCHED.len() {
            let (held, alert) = (&mut self.held[place], &mut self.alerts[place]);
            if let Some(open) = held.open.take_if(|open| !holds.hold(place, open.is_critical)) {
                alert.tell_as_it_is(open.is_known, open.told_again(), holds.now);
                let (number, limit) = alert.last;
                let (news, is_critical) = (News::Reminded { most: alert.most }, open.is_critical);
                let (ahead, since) = (alert.ahead, open.since);
                let is_of_critical = is_critical;
                let told = Told { place, news, number, limit, ahead, is_critical, is_of_critical, since };
                released.push(Released::Burning(told));
            }
            let over = held.over.take_if(|over| !holds.hold(place, over.is_critical));
            released.extend(over.map(|over| Released::Over(place, over)));
        }
        self.decisions += u64::from(!released.is_empty());
        released
    }

    /// Whether the next check tells held news.
    pub fn is_due(&self, holds: &Holds<'_>) -> bool {
        self.held.iter().enumerate().any(|(place, held)| {
            let open = held.open.as_ref().is_some_and(|open| !holds.hold(place, open.is_critical));
            open || held.over.as_ref().is_some_and(|over| !holds.hold(place, over.is_critical))
        })
    }
}
