//! One channel: its name, its vendor, and its route.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use super::{Form, Job, Lack, NAMELESS, Vendor, split};
use crate::http::Answer;
use crate::message::Message;
use crate::outbox::{Budget, Outcome};
use crate::route::Route;
use crate::secret::Secret;
use crate::text;
use crate::worker::{Illustrated, PictureJob};

/// One destination of messages. Two are the same if they have one name and one destination.
#[derive(Clone, Debug)]
pub struct Channel {
    name: Rc<str>,
    vendor: Rc<dyn Vendor>,
    route: Rc<Route>,
    fallback_for: Option<Rc<str>>,
}

impl Channel {
    /// A channel that has its kind's name, and takes every message.
    pub fn new(vendor: impl Vendor + 'static) -> Channel {
        Channel { name: vendor.kind().into(), vendor: Rc::new(vendor), route: Rc::default(), fallback_for: None }
    }

    /// The same under a name of its own, for one of several channels of a kind.
    #[must_use]
    pub fn named(self, name: &str) -> Channel {
        Channel { name: name.into(), ..self }
    }

    /// The same for some messages only.
    #[must_use]
    pub fn only(self, route: Route) -> Channel {
        Channel { route: Rc::new(route), ..self }
    }

    /// The same for the messages that the channel of that name does not get rid of.
    #[must_use]
    pub fn fallback(self, of: &str) -> Channel {
        Channel { fallback_for: Some(of.into()), ..self }
    }

    /// The name of its outbox in the state.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its name in the log; empty for the one that most people have.
    pub fn name_in_log(&self) -> &str {
        if NAMELESS.contains(&&*self.name) { "" } else { &self.name }
    }

    /// ` channel=NAME` in a line of the log, or nothing: see [`Channel::name_in_log`].
    pub fn field_in_log(&self) -> String {
        let name = self.name_in_log();
        if name.is_empty() { String::new() } else { format!(" channel={name}") }
    }

    /// Its destination, behind its name if it has one of its own: `night (webhook 127.0.0.1/…)`.
    pub fn described(&self) -> String {
        if self.name() == self.kind() { self.to_string() } else { format!("{} ({self})", self.name) }
    }

    /// The messages that it takes.
    pub fn route(&self) -> &Rc<Route> {
        &self.route
    }

    /// The channel that it steps in for.
    pub fn fallback_for(&self) -> Option<&str> {
        self.fallback_for.as_deref()
    }

    /// See [`Vendor::kind`].
    pub fn kind(&self) -> &'static str {
        self.vendor.kind()
    }

    /// See [`Vendor::setting`].
    pub fn setting(&self) -> &'static str {
        self.vendor.setting()
    }

    /// See [`Vendor::address_setting`].
    pub fn address_setting(&self) -> &'static str {
        self.vendor.address_setting()
    }

    /// Whether both lead to one destination, whatever their names.
    pub fn leads_where(&self, other: &Channel) -> bool {
        self.kind() == other.kind() && self.secrets() == other.secrets() && self.to_string() == other.to_string()
    }

    /// A number of its destination as it is shown, with nothing of its secret but the characters that are.
    pub fn destination(&self) -> u64 {
        text::fingerprint(format!("{} {self}", self.kind()).as_bytes())
    }

    /// The number of jobs that it takes within a time; `None`: any number.
    pub fn budget(&self) -> Option<Budget> {
        self.vendor.limits().budget
    }

    /// The message in parts that the channel takes, in order; mostly the message itself.
    pub fn split(&self, message: Message) -> Vec<Message> {
        match self.vendor.limits().part {
            Some(limit) => split::split(message, limit, &self.vendor.escape()),
            None => vec![message],
        }
    }

    /// The text of `message` as the channel shows it.
    pub fn text(&self, message: &Message) -> String {
        message.text(&self.vendor.escape())
    }

    /// See [`Vendor::encode`].
    pub fn encode(&self, message: &Message, form: Form<'_>) -> Vec<Job> {
        self.vendor.encode(message, form)
    }

    /// Whether it takes pictures behind messages.
    pub fn takes_pictures(&self) -> bool {
        self.vendor.picture(Form::default()).is_some()
    }

    /// See [`Vendor::picture`].
    pub fn picture(&self, form: Form<'_>) -> Option<PictureJob> {
        self.vendor.picture(form)
    }

    /// See [`Vendor::has_pictures_inside`].
    pub fn has_pictures_inside(&self) -> bool {
        self.vendor.has_pictures_inside()
    }

    /// See [`Vendor::illustrated`].
    pub fn illustrated(&self, message: &Message, form: Form<'_>) -> Option<Illustrated> {
        self.vendor.illustrated(message, form)
    }

    /// See [`Vendor::receipt`].
    pub fn receipt(&self, answer: &Answer) -> Option<String> {
        self.vendor.receipt(answer)
    }

    /// See [`Vendor::lacks`].
    pub fn lacks(&self, answer: &Answer) -> Vec<Lack> {
        self.vendor.lacks(answer)
    }

    /// See [`Vendor::classify`].
    pub fn classify(&self, answer: &Answer) -> Outcome {
        self.vendor.classify(answer)
    }

    /// See [`Vendor::advice`].
    pub fn advice(&self, answer: &Answer) -> Option<Cow<'static, str>> {
        self.vendor.advice(answer)
    }

    /// See [`Vendor::secrets`].
    pub fn secrets(&self) -> Vec<&Secret> {
        self.vendor.secrets()
    }
}

impl PartialEq for Channel {
    fn eq(&self, other: &Channel) -> bool {
        self.name == other.name && self.leads_where(other)
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.vendor.fmt(f)
    }
}
