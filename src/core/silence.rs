//! Silences: requests on the control socket, and the end of each silence.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Core, rfc3339};
use crate::clock::{Boot, Now};
use crate::hold::{ALL, LONGEST, MAX_SILENCES, MAX_TARGET_BYTES, MAX_WHY_BYTES, Names, Silence, target_of};
use crate::outbox;
use crate::secret::without_tokens;
use crate::settings::{nearest, nearest_first};
use crate::snapshot::Key;
use crate::text;

/// As many targets are named to somebody who named none of them.
const MAX_NAMED: usize = 20;

/// As many targets are compared with the one that somebody wrote.
const MAX_COMPARED: usize = 1000;

/// A client's request on the control socket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    Status,
    Silence(SilenceRequest),
}

/// A request for a silence, or for its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SilenceRequest {
    Begin {
        target: String,
        seconds: f64,
        #[serde(default)]
        why: Option<String>,
    },
    End {
        number: u64,
    },
}

/// The answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SilenceAnswer {
    Begun(SilenceStatus),
    Ended(SilenceStatus),
    /// With the reason and the remedy.
    Refused(String),
}

impl SilenceAnswer {
    pub(super) fn to_json(&self) -> String {
        // Strings and numbers alone: there is nothing in it that cannot be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A silence as `status` shows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SilenceStatus {
    pub number: u64,
    pub target: String,
    pub since: String,
    pub until: String,
    #[serde(default)]
    pub why: Option<String>,
}

impl Core {
    #[inline(never)]
    pub(super) fn silence_asked(&mut self, request: SilenceRequest, now: Now) -> SilenceAnswer {
        let zone = self.config.style.zone.clone();
        let shown = |silence: &Silence| SilenceStatus::new(silence, &zone, now);
        self.end_silences(now.boot);
        match request {
            SilenceRequest::Begin { target, seconds, why } => {
                let lasts = match self.permitted(&target, seconds) {
                    Ok(lasts) => lasts,
                    Err(why) => return SilenceAnswer::Refused(why),
                };
                let why = why.map(|why| self.clean(&why)).filter(|why| !why.is_empty());
                let silence = self.state.change().silences.begin(target, lasts, why, now);
                let (target, why) = (text::quoted(&silence.target), silence.why.as_deref().unwrap_or_default());
                let (number, until) = (silence.number, outbox::on_the_wall(silence.until, now));
                log::info!("silence={number} target={target} state=began until={until:.0} why={}", text::quoted(why));
                SilenceAnswer::Begun(shown(silence))
            }
            SilenceRequest::End { number } => match self.state.change().silences.end(number) {
                Some(silence) => {
                    log_end(&silence, "ended_early");
                    SilenceAnswer::Ended(shown(&silence))
                }
                None => {
                    SilenceAnswer::Refused(format!("there is no silence {number}: {}", self.silences_that_last(now)))
                }
            },
        }
    }

    /// Whether there may be such a silence, and how long it lasts.
    fn permitted(&self, target: &str, seconds: f64) -> Result<Duration, String> {
        let lasts = Duration::try_from_secs_f64(seconds).ok().filter(|lasts| !lasts.is_zero() && *lasts <= LONGEST);
        let lasts = lasts.ok_or("a silence lasts longer than 0 s, and up to 30 days")?;
        if target.len() > MAX_TARGET_BYTES {
            return Err("there is no target with so long a name".to_owned());
        }
        if self.state.get().silences.is_full() {
            return Err(format!("there are {MAX_SILENCES} silences already: `vps-monitor silence list`"));
        }
        if target != ALL {
            self.ensure_target(target)?;
        }
        Ok(lasts)
    }

    /// A target that nothing is measured of would silence nothing, and nobody would notice.
    fn ensure_target(&self, target: &str) -> Result<(), String> {
        let active = self.alerts().active();
        let known = || self.last_readings.keys().chain(active.iter().map(|alert| &alert.key));
        if known().any(|key: &Key| Names::new(key).are_meant_by(target)) {
            return Ok(());
        }
        let shown = text::shown_within(target, MAX_WHY_BYTES);
        if self.checks.count == 0 {
            return Err(format!(
                "no check is complete yet, so it is not known whether there is a `{shown}`: try again"
            ));
        }
        let mut names: Vec<String> = known().map(target_of).collect();
        names.sort_unstable();
        names.dedup();
        let count = names.len();
        // Whoever has thousands of containers wrote a part of a name at least.
        names.sort_by_key(|name| !name.contains(target));
        names.truncate(MAX_COMPARED);
        let mut named = nearest_first(target, &names);
        named.truncate(MAX_NAMED);
        named.sort_unstable();
        let meant = nearest(target, named.iter().copied());
        named.sort_by_key(|name| Some(*name) != meant && !name.contains(target));
        let named = named.into_iter().map(text::shown).collect::<Vec<_>>().join(", ");
        let more = count.saturating_sub(MAX_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        Err(format!("there is no `{shown}`; there is {named}{more}, or `{ALL}`, or a pattern with *"))
    }

    /// The reason for a silence as it is kept: on one line, without secrets.
    fn clean(&self, why: &str) -> String {
        let bounded = text::beginning(why, 4 * MAX_WHY_BYTES);
        let clean = without_tokens(&self.without_secrets(bounded));
        text::harmless(&clean, MAX_WHY_BYTES).trim().to_owned()
    }

    fn silences_that_last(&self, now: Now) -> String {
        let lasting = self.state.get().silences.lasting(now.boot);
        let named: Vec<String> =
            lasting.map(|silence| format!("{} ({})", silence.number, text::shown(&silence.target))).collect();
        let named = if named.is_empty() { "none at all".to_owned() } else { named.join(", ") };
        format!("there is {named}")
    }

    /// Takes out the silences that are over.
    pub(super) fn end_silences(&mut self, now: Boot) {
        if self.state.get().silences.has_ended(now) {
            for silence in self.state.change().silences.take_ended(now) {
                log_end(&silence, "ended");
            }
        }
    }
}

fn log_end(silence: &Silence, state: &str) {
    log::info!("silence={} target={} state={state}", silence.number, text::quoted(&silence.target));
}

impl SilenceStatus {
    pub(super) fn new(silence: &Silence, zone: &jiff::tz::TimeZone, now: Now) -> SilenceStatus {
        SilenceStatus {
            number: silence.number,
            target: silence.target.clone(),
            since: rfc3339(silence.since, zone),
            until: rfc3339(outbox::on_the_wall(silence.until, now), zone),
            why: silence.why.clone(),
        }
    }
}
