//! Pictures behind messages, and in them: which are to follow, when their turn comes, and the order for the child that draws and posts.
//!
//! A picture is the last hours of the history, so the rows that wait are written first. It is tried once. Whatever
//! happens to it costs a line of the log: the message has said it all.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::deliver::SAVE_PATIENCE;
use super::sender::{Flight, Stage, Work};
use super::{Core, Ticket};
use crate::alert::{News, Transition};
use crate::clock::{Boot, Now};
use crate::drawing::{self, Known, Recipe, Subject};
use crate::host;
use crate::message::{self, Kind, Message, Picture};
use crate::metric::Unit;
use crate::notify::{Channel, Form};
use crate::outbox::Outcome;
use crate::schedule::ReportPicture;
use crate::snapshot::{Key, Value};
use crate::text;
use crate::worker::Illustrated;

const OF_A_REPORT: SignedDuration = SignedDuration::from_hours(24);
const OF_AN_ALERT: SignedDuration = SignedDuration::from_hours(6);

/// After an outage nobody wants a picture of the time before it.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(1);

const OUT_OF_DATE: &str = "its message waited for more than an hour, or history.enabled is false";

/// A store that does not take its rows is not waited for.
const ROWS_PATIENCE: Duration = Duration::from_secs(30);

/// The picture for which the waiting rows are written.
#[derive(Debug, Default)]
pub(super) struct Pictures {
    /// Until when it waits for them; `None`: none does.
    rows_until: Option<Boot>,
}

impl Core {
    /// A report was given to the channels: its picture follows in those that take one.
    pub(super) fn picture_of_report(&mut self, now: Now) {
        if self.config.reports.picture == ReportPicture::Auto {
            let picture = picture(None, OF_A_REPORT, now);
            let of = |channel: &Channel| channel.route().takes_message(Kind::Report).then(|| picture.clone());
            self.push_pictures(Kind::Report, of);
        }
    }

    /// Alerts were given to the channels.
    #[inline(never)]
    pub(super) fn pictures_of_alerts(&mut self, told: &[Transition], now: Now) {
        if !self.config.alert_picture {
            return;
        }
        self.push_pictures(Kind::Alert, |channel| {
            let told = channel.route().of(told);
            let of_numbers = told.iter().filter(|t| message::kind(t) == Some(Kind::Alert) && has_course(&t.key));
            let gravest = of_numbers.filter(|t| t.news != News::Happened).max_by_key(|t| t.episode.level)?;
            Some(picture(Some(gravest.key.clone()), OF_AN_ALERT, now))
        });
    }

    fn push_pictures(&mut self, kind: Kind, of: impl Fn(&Channel) -> Option<Picture>) {
        if !self.config.history.enabled {
            return;
        }
        let takes = |channel: &&Channel| {
            channel.fallback_for().is_none() && (channel.takes_pictures() || channel.has_pictures_inside())
        };
        let pictures: Vec<(Channel, Picture)> = self
            .delivery
            .channels()
            .filter(takes)
            .filter_map(|channel| Some((channel.clone(), of(channel)?)))
            .collect();
        for (channel, picture) in pictures {
            let outbox = self.state.change().outboxes.entry(channel.name().to_owned()).or_default();
            if channel.has_pictures_inside() {
                outbox.illustrate(kind, &picture);
            } else {
                outbox.push_picture(picture);
            }
        }
    }

    /// Nobody wants it any more, or nobody can draw it.
    fn is_out_of_date(&self, picture: &Picture, now: Now) -> bool {
        now.wall.duration_since(picture.to) > LONGEST_WAIT || !self.config.history.enabled
    }

    /// The work that sends `message` with its picture in it. The rows that wait are written meanwhile.
    pub(super) fn draw_into(
        &mut self,
        channel: &Channel,
        message: &Message,
        form: Form<'_>,
        picture: &Picture,
        now: Now,
    ) -> Option<Work> {
        if self.is_out_of_date(picture, now) {
            log::warn!("picture left out: {OUT_OF_DATE}");
            return None;
        }
        let job = channel.illustrated(message, form)?;
        if self.recording.has_rows() {
            self.recording.write_now(now.boot);
        }
        Some(Work::Draw(job, Box::new(self.recipe(picture, now))))
    }

    /// The message of that attempt is sent without its picture from now on.
    pub(super) fn take_picture_out(&mut self, ticket: Ticket) {
        let Some(sender) = self.delivery.sender_of(ticket) else { return };
        let name = sender.channel.name().to_owned();
        self.state.change().outboxes.get_mut(&name).into_iter().for_each(|outbox| outbox.take_picture_out());
    }

    /// Begins a picture, if one's turn has come.
    pub(super) fn begin_picture(&mut self, place: usize, now: Now) {
        let outbox = self.state.get().outboxes.get(self.delivery.senders[place].channel.name());
        if outbox.is_some_and(|outbox| outbox.next_picture().is_some()) {
            self.begin_next_picture(place, now);
        }
    }

    #[inline(never)]
    fn begin_next_picture(&mut self, place: usize, now: Now) {
        let channel = self.delivery.senders[place].channel.clone();
        let Some(outbox) = self.state.get().outboxes.get(channel.name()) else { return };
        let Some(next) = outbox.next_picture() else { return };
        let moved = outbox.moved().cloned();
        if self.is_out_of_date(next, now) {
            log::warn!("picture dropped: {OUT_OF_DATE}");
            self.state.change().outboxes.get_mut(channel.name()).into_iter().for_each(|outbox| outbox.drop_picture());
            return;
        }
        if outbox.picture_due(channel.budget()).is_none_or(|due| due > now.boot) || self.waits_for_rows(now) {
            return;
        }
        self.pictures.rows_until = None;
        let form = Form { moved: moved.as_ref(), now: now.wall, ..Form::default() };
        let job = channel.picture(form);
        let outboxes = &mut self.state.change().outboxes;
        let begun =
            outboxes.get_mut(channel.name()).and_then(|outbox| outbox.begin_picture(now.boot, channel.budget()));
        let Some(picture) = begun else { return };
        let Some(job) = job else {
            // Another channel has the name by now.
            return self
                .state
                .change()
                .outboxes
                .get_mut(channel.name())
                .into_iter()
                .for_each(|outbox| outbox.call_back());
        };
        let recipe = Box::new(self.recipe(&picture, now));
        let until = now.boot.after(SAVE_PATIENCE);
        let stage =
            Stage::Saving { revision: self.state.revision(), until, work: Work::Draw(Illustrated::Post(job), recipe) };
        let ticket = self.delivery.next_ticket();
        self.delivery.senders[place].flight = Some(Flight { ticket, channel, is_last: true, is_picture: true, stage });
    }

    /// The rows that wait are written now, and the picture waits for that, but not for long.
    fn waits_for_rows(&mut self, now: Now) -> bool {
        if !self.recording.has_rows() {
            return false;
        }
        let until = *self.pictures.rows_until.get_or_insert(now.boot.after(ROWS_PATIENCE));
        if now.boot >= until {
            return false;
        }
        self.recording.write_now(now.boot);
        true
    }

    /// When a picture of this channel has something to do.
    pub(super) fn picture_due(&self, channel: &Channel) -> Option<Boot> {
        let due = self.state.get().outboxes.get(channel.name())?.picture_due(channel.budget())?;
        Some(self.pictures.rows_until.map_or(due, |until| due.max(until)))
    }

    fn recipe(&self, picture: &Picture, now: Now) -> Recipe {
        let style = &self.config.style;
        let readings = self.last_readings.readings();
        let mut known = drawing::known(&self.config.rules, readings.iter().map(|reading| &reading.key));
        for reading in readings {
            if let Value::Usage { used_bytes, total_bytes, .. } = reading.value {
                let note = message::size_of(used_bytes, total_bytes);
                match known.iter_mut().find(|known| known.key == reading.key) {
                    Some(known) => known.note = note,
                    None => known.push(Known { key: reading.key.clone(), limit: None, critical: None, note }),
                }
            }
        }
        Recipe {
            subject: picture.key.clone().map_or(Subject::Report, Subject::Alert),
            from: picture.from,
            to: picture.to,
            made_at: now.wall,
            host: style.host.clone(),
            system_host: host::name(),
            zone: style.zone.clone(),
            language: style.language,
            interval: self.config.check_interval,
            known,
        }
    }

    /// The answer to a picture.
    pub(super) fn picture_landed(&mut self, channel: &Channel, outcome: &Outcome, now: Now) {
        if let Some(outbox) = self.state.change().outboxes.get_mut(channel.name()) {
            outbox.settle_picture(outcome, now.boot);
        }
        let to = channel.field_in_log();
        match outcome {
            Outcome::Delivered => log::info!("delivered kind=picture{to}"),
            refused => {
                log::warn!("picture not delivered{to}, it is not tried again: {}", text::in_log(refused.reason()))
            }
        }
    }
}

fn picture(key: Option<Key>, time: SignedDuration, now: Now) -> Picture {
    let from = now.wall.checked_sub(time).unwrap_or(Timestamp::UNIX_EPOCH);
    Picture { key, from, to: now.wall }
}

/// A condition has no numbers to draw.
fn has_course(key: &Key) -> bool {
    key.metric.unit != Unit::Word
}
