//! Quantities that cannot be measured: each is told once after an hour, and once when it can be measured again.

use vps_monitor::metric::Label;

use super::clock::{HOUR, MINUTE, SECOND};
use super::host::{FORECAST, Found, Quantity, UNITS, WATCHED};
use super::message::{Kind, Message};
use super::oracle::wrong;
use super::settings::Settings;

/// Messages tell whole seconds.
const AN_HOUR: i64 = HOUR - 2 * SECOND;

/// The truth about them, as far as the state knows it: it goes with a save. Times are true ones.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Since when each cannot be measured, or can.
    spans: [Span; WATCHED.len()],
    /// When the machine was last started: what happened before has another time on its clock.
    pub machine_started: i64,
}

#[derive(Clone, Debug, Default)]
struct Span {
    is_unknown: bool,
    since: i64,
    /// Those before that lasted for an hour: a message may come late.
    unknown_before: Vec<(i64, i64)>,
}

/// The last word to a group about each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Word {
    #[default]
    Measured,
    Unknown,
    /// It was lost, is held, or stands in a digest.
    Any,
}

#[derive(Default)]
pub struct Told {
    words: [Word; WATCHED.len()],
    /// Until when news may have been held, or the rules were others.
    open_until: i64,
}

impl Measured {
    /// An agent goes on from a save, or from nothing.
    pub fn go_on_from(&mut self, saved: Option<&Measured>) {
        self.spans = saved.map(|saved| saved.spans.clone()).unwrap_or_default();
    }

    pub fn look(&mut self, found: &[Found], time: i64) {
        // A forecast is silent at first, and of units only the number of failed ones can be unknown.
        let can_be_unknown = |found: &&Found| found.place != FORECAST && !UNITS.contains(&found.place);
        for Found { place, number, .. } in found.iter().filter(can_be_unknown) {
            let span = &mut self.spans[*place];
            if span.is_unknown == number.is_none() {
                continue;
            }
            if span.is_unknown && time - span.since >= AN_HOUR {
                span.unknown_before.push((span.since, time));
            }
            (span.is_unknown, span.since) = (number.is_none(), time);
        }
    }

    /// Whether it could not be measured for an hour by that time.
    fn was_unknown(&self, place: usize, at: i64) -> bool {
        let Span { is_unknown, since, unknown_before } = &self.spans[place];
        let lasted = |(from, to): &(i64, i64)| at - from >= AN_HOUR && at <= to + 2 * SECOND;
        (*is_unknown && lasted(&(*since, i64::MAX / 2))) || unknown_before.iter().any(lasted)
    }
}

impl Told {
    /// Nothing is known any more.
    pub fn forget(&mut self, time: i64) {
        *self = Told { words: [Word::Any; WATCHED.len()], open_until: time };
    }

    /// A new message has arrived, that was made at a time that is known.
    pub fn read(&mut self, message: &Message<'_>, created: Option<i64>, truth: &Measured, settings: &Settings) {
        for line in &message.lines {
            let Some((place, is_unknown)) = read(line) else { continue };
            let is_direct = matches!(message.kind, Kind::Alert { .. } | Kind::Recovery);
            let Some(at) = created.filter(|at| is_direct && *at > self.open_until) else {
                self.words[place] = Word::Any;
                continue;
            };
            let label = WATCHED[place].label;
            match (self.words[place], is_unknown) {
                // Without recoveries nothing is told between the two.
                (Word::Unknown, true) if settings.rules().send_recovery => {
                    wrong(format!("{label} is told twice to be unknown: {line}"))
                }
                (Word::Measured, false) => wrong(format!("{label} is said to be measured again: {line}")),
                _ => {}
            }
            if is_unknown && truth.machine_started < at - 2 * HOUR && !truth.was_unknown(place, at) {
                wrong(format!("{label} was not unknown for an hour: {line}"));
            }
            self.words[place] = if is_unknown { Word::Unknown } else { Word::Measured };
        }
    }

    /// In a calm that has lasted since `before`, the last word is the truth.
    pub fn all_is_told(&self, truth: &Measured, settings: &Settings, before: i64) {
        let rules = settings.rules();
        for (place, span) in truth.spans.iter().enumerate() {
            if !settings.is_watched(place) || self.open_until.max(truth.machine_started) > span.since {
                continue;
            }
            let label = WATCHED[place].label;
            match (self.words[place], span.is_unknown) {
                (Word::Measured, true) if span.since + rules.cooldown + HOUR < before + MINUTE => {
                    wrong(format!("{label} is unknown since {} s, and nobody was told", span.since / SECOND))
                }
                (Word::Unknown, false) if rules.send_recovery && span.since + rules.longest_settling() < before => {
                    wrong(format!("{label} is measured since {} s, and nobody was told", span.since / SECOND))
                }
                _ => {}
            }
        }
    }
}

/// The quantity of a line, and whether it cannot be measured. A digest has more before it.
fn read(line: &str) -> Option<(usize, bool)> {
    let names = |quantity: &Quantity, language: fn(&Label) -> &str, before: &str, behind: &str| {
        let target = if quantity.target.is_empty() { String::new() } else { format!("({})", quantity.target) };
        line.contains(&format!("{before}{}{target}{behind}", language(&quantity.metric.label)))
    };
    WATCHED.iter().enumerate().find_map(|(place, quantity)| {
        let is_unknown =
            names(quantity, |label| label.zh, "未知: ", " ") || names(quantity, |label| label.en, "unknown: ", " ");
        let is_again = names(quantity, |label| label.zh, "", ": 已恢复测量")
            || names(quantity, |label| label.en, "", ": measured again");
        (is_unknown || is_again).then_some((place, is_unknown))
    })
}
