//! The state machine of one alert: how a look changes it.

use std::time::Duration;

use super::policy::{Policy, RETURNS_ARE_REMEMBERED};
use super::record::{Alert, Firing, Pending, Phase, Recovery};
use super::streak::{Rate, Streak};
use super::{Episode, Extent, News, Transition};
use crate::clock::Now;
use crate::metric::Unit;
use crate::rule::{Finding, Level, Limit, Verdict};
use crate::snapshot::Value;

impl Alert {
    /// Takes in a look that could measure the alert's quantity.
    pub(super) fn look(
        &mut self,
        finding: &Finding<'_>,
        extent: Extent,
        now: Now,
        policy: &Policy,
    ) -> Option<Transition> {
        self.gone_since = None;
        // The quantity too: of one that is read from a state file only its name is known.
        self.key.clone_from(&finding.reading.key);
        if let (Value::Quota(told), Value::Quota(quota), Phase::Firing(firing)) =
            (&self.value, &finding.reading.value, &mut self.phase)
        {
            firing.told_value = firing.told_value.map(|percent| quota.known(told, percent));
        }
        self.value.clone_from(&finding.reading.value);
        if let Some(limit) = finding.limit() {
            self.limit = limit;
        }
        let seen = Seen::new(finding);
        match &mut self.phase {
            Phase::Clear if !seen.is_over => None,
            Phase::Clear => {
                let streak = Streak::follow(None, true, seen.warning, now.boot)?;
                self.phase =
                    Phase::Pending(Pending { since: now.wall, over: streak, critical: None, wait: finding.wait });
                self.pend(&seen, true, now, policy)
            }
            Phase::Pending(pending) => {
                let Some(over) = Streak::follow(Some(pending.over), seen.is_over, seen.warning, now.boot) else {
                    let transition = self.transition(News::RecoveredUntold, policy);
                    self.phase = Phase::Clear;
                    return Some(transition);
                };
                (pending.over, pending.wait) = (over, finding.wait);
                self.pend(&seen, false, now, policy)
            }
            Phase::Firing(_) if seen.is_over => self.last(&seen, extent, now, policy),
            Phase::Firing(_) => self.settle(now, policy),
        }
    }

    /// The quantity is over its limit and the alert was not told: is it told now? If it has just begun, the log gets a
    /// line.
    fn pend(&mut self, seen: &Seen, began: bool, now: Now, policy: &Policy) -> Option<Transition> {
        let cooldown_ends = self.cooldown_ends(policy);
        let Phase::Pending(pending) = &mut self.phase else { return None };
        pending.critical = Streak::follow(pending.critical, seen.is_critical, seen.critical, now.boot);
        let lasted = |streak: Streak| streak.has_lasted(pending.wait, now.boot);
        let is_critical = pending.critical.is_some_and(lasted);
        seen.name_limit(is_critical, &mut self.limit);
        let is_cooling_down = cooldown_ends.is_some_and(|end| now.boot < end);
        if !is_critical && (!lasted(pending.over) || is_cooling_down) {
            let news = if lasted(pending.over) { News::HeldBack } else { News::Pending };
            return began.then(|| self.transition(news, policy));
        }
        let level = if is_critical { Level::Critical } else { Level::Warning };
        let judged = match pending.critical.filter(|_| is_critical) {
            Some(critical) => critical.judged(seen.critical),
            None => pending.over.judged(seen.warning),
        };
        let peak = worst(self.key.metric.unit, self.value.number(), judged.map(|judged| judged.number));
        let returned = self.recovery.is_some_and(|recovery| now.boot - recovery.at < RETURNS_ARE_REMEMBERED);
        self.returns = if returned { self.returns.saturating_add(1) } else { 0 };
        self.phase = Phase::Firing(Firing {
            since: pending.since,
            level,
            is_critical_told: is_critical,
            critical_limit: seen.critical_limit.filter(|_| is_critical),
            critical: pending.critical,
            wait: pending.wait,
            told_value: None,
            peak,
            reminders: 0,
            checks: 1,
            well_since: None,
        });
        Some(self.tell(News::Fired, judged, now, policy))
    }

    /// The alert was told and is still over its limit: is it told again?
    fn last(&mut self, seen: &Seen, extent: Extent, now: Now, policy: &Policy) -> Option<Transition> {
        let is_cooling_down = self.is_cooling_down(now.boot, policy.cooldown);
        let number = self.value.number();
        let last_told = self.last_told.map(|told| told.boot);
        let Phase::Firing(firing) = &mut self.phase else { return None };
        firing.well_since = None;
        firing.wait = seen.wait;
        firing.checks = firing.checks.saturating_add(u32::from(extent == Extent::Check));
        firing.critical = Streak::follow(firing.critical, seen.is_critical, seen.critical, now.boot);
        firing.peak = worst(self.key.metric.unit, firing.peak, number);
        let is_critical = firing.critical.is_some_and(|streak| streak.has_lasted(firing.wait, now.boot));
        firing.level = if is_critical { Level::Critical } else { Level::Warning };
        seen.name_limit(is_critical, &mut self.limit);
        let is_worse = || {
            let (told, now) = firing.told_value.zip(number)?;
            Some(match &self.value {
                Value::Quota(quota) => quota.step(now) > quota.step(told),
                _ => self.key.metric.unit.is_half_way_worse(told, now),
            })
        };
        let is_due = |step: Duration| last_told.is_none_or(|told| now.boot - told >= step);
        let news = if is_critical && !firing.is_critical_told {
            firing.is_critical_told = true;
            firing.critical_limit = seen.critical_limit;
            News::Critical
        } else if is_cooling_down {
            return None;
        } else if is_worse() == Some(true) {
            News::Worse
        } else if extent == Extent::Check
            && !self.value.is_told_once()
            && policy.repeat.nth(firing.reminders).is_some_and(is_due)
        {
            firing.reminders = firing.reminders.saturating_add(1);
            News::Reminded
        } else {
            return None;
        };
        let judged = firing.critical.filter(|_| news == News::Critical).and_then(|streak| streak.judged(seen.critical));
        Some(self.tell(news, judged, now, policy))
    }

    /// The alert was told and is below its limit: is it over?
    fn settle(&mut self, now: Now, policy: &Policy) -> Option<Transition> {
        let settling = self.settling(policy);
        let Phase::Firing(firing) = &mut self.phase else { return None };
        firing.critical = None;
        let began = firing.well_since.is_none();
        let well_since = *firing.well_since.get_or_insert(now.into());
        if now.boot - well_since.boot < settling {
            return began.then(|| self.transition(News::Settling, policy));
        }
        let news = if policy.send_recovery { News::Recovered } else { News::RecoveredMuted };
        let mut transition = self.transition(news, policy);
        transition.episode.is_lasting |= !settling.is_zero();
        self.recovery = Some(Recovery { at: now.boot, is_told: policy.send_recovery });
        self.phase = Phase::Clear;
        Some(transition)
    }

    /// The key is no longer watched.
    pub(super) fn drop_it(&mut self, policy: &Policy) -> Transition {
        let transition = self.transition(News::Dropped, policy);
        (self.phase, self.gone_since) = (Phase::Clear, None);
        transition
    }

    /// It is told now as it is, though no look finds it. Before, it was told again so often. `None`: it is not firing.
    pub(super) fn tell_as_it_is(
        &mut self,
        news: News,
        reminders: u32,
        now: Now,
        policy: &Policy,
    ) -> Option<Transition> {
        let Phase::Firing(firing) = &mut self.phase else { return None };
        firing.reminders = reminders;
        Some(self.tell(news, None, now, policy))
    }

    /// A firing message is made now. It tells the judged value: a rate's last look may have been a dip below the limit
    /// that its mean is over.
    fn tell(&mut self, news: News, judged: Option<Rate>, now: Now, policy: &Policy) -> Transition {
        let mut transition = self.transition(news, policy);
        if let Some(Rate { number, limit, .. }) = judged {
            (transition.value, transition.limit) = (Value::Number(number), Limit::Threshold(limit));
        }
        let number = transition.value.number();
        if let Phase::Firing(firing) = &mut self.phase {
            firing.told_value =
                if news == News::Reminded { worst(self.key.metric.unit, firing.told_value, number) } else { number };
        }
        self.last_told = Some(now.into());
        transition
    }

    fn transition(&self, news: News, policy: &Policy) -> Transition {
        let firing = self.firing();
        Transition {
            key: self.key.clone(),
            news,
            value: self.value.clone(),
            limit: self.limit.clone(),
            since: self.since(),
            episode: Episode {
                is_told: firing.is_some(),
                level: firing.map_or(Level::Warning, |firing| firing.level),
                returns: firing.map_or(0, |_| self.returns),
                told_before: firing.and_then(|firing| firing.told_value),
                peak: firing.and_then(|firing| firing.peak),
                settling: firing.map_or(Duration::ZERO, |_| self.settling(policy)),
                is_lasting: firing.is_some_and(|firing| firing.checks > 1),
                well_since: firing.and_then(|firing| firing.well_since).map(|well| well.wall),
                // A new episode has none: it would be another one's, which may be forgotten.
                last_told: self.last_told.filter(|_| firing.is_some() && news != News::Fired).map(|told| told.wall),
                reminders: firing.map_or(0, |firing| firing.reminders),
                is_critical_told: firing.is_some_and(|firing| firing.is_critical_told),
                critical_limit: firing.and_then(|firing| firing.critical_limit),
            },
        }
    }
}

/// One look, as far as the state machine needs it.
struct Seen {
    is_over: bool,
    is_critical: bool,
    /// For rates: the reading beside each limit.
    warning: Option<Rate>,
    critical: Option<Rate>,
    warning_limit: Option<f64>,
    critical_limit: Option<f64>,
    wait: Duration,
}

impl Seen {
    fn new(finding: &Finding<'_>) -> Seen {
        let number = finding.reading.value.number().filter(|_| finding.reading.key.metric.is_rate);
        let mean = finding.reading.mean;
        let rate = |limit: Option<f64>| Some(Rate { number: number?, mean, limit: limit? });
        Seen {
            is_over: finding.verdict.is_breach(),
            is_critical: finding.verdict == Verdict::Breach(Level::Critical),
            warning: rate(finding.limits.warning),
            critical: rate(finding.limits.critical),
            warning_limit: finding.limits.warning,
            critical_limit: finding.limits.critical,
            wait: finding.wait,
        }
    }

    /// A reading that is not over its critical limit for long enough is a warning's, and named beside a warning's limit.
    fn name_limit(&self, is_critical: bool, limit: &mut Limit) {
        if let Some(warning) = self.warning_limit.filter(|_| self.is_critical && !is_critical) {
            *limit = Limit::Threshold(warning);
        }
    }
}

pub(super) fn worst(unit: Unit, before: Option<f64>, now: Option<f64>) -> Option<f64> {
    match (before, now) {
        (Some(before), Some(now)) => Some(unit.worse(before, now)),
        (before, now) => before.or(now),
    }
}
