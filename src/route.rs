//! Routes: which news goes to which channel. A route without keys takes everything.
//!
//! The news of one look is parted by route before it is worded, so a channel for critical alerts is told nothing else
//! in the same message.

use std::borrow::Cow;

use crate::alert::Transition;
use crate::hold::{Names, level_of};
use crate::message::{self, Kind, Past, Released};
use crate::pattern;
use crate::rule::Level;
use crate::settings::{Complaint, Doc, NO_DOC, Section, Written, doc, meant, nearest};
use crate::snapshot::Value;

/// The kinds of news, as a route names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    Alert,
    Recovery,
    Event,
    Report,
    /// The summary at the end of quiet hours or of a silence.
    Digest,
}

const WORDS: [(&str, News); 5] = [
    ("alert", News::Alert),
    ("recovery", News::Recovery),
    ("event", News::Event),
    ("report", News::Report),
    ("digest", News::Digest),
];

const LEVELS: [(&str, Level); 2] = [("warning", Level::Warning), ("critical", Level::Critical)];

/// The news that a channel takes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Route {
    /// Empty: all.
    kinds: Vec<News>,
    /// From this level on.
    level: Level,
    /// The targets, as a silence names them, or their bare names. Empty: all.
    targets: Vec<String>,
}

const KINDS: Doc = doc(
    "发送哪几类消息，留空则全部；`digest` 是免打扰时段或静默结束后的汇总",
    "the kinds of messages that it takes; empty: all. `digest` is the summary after quiet hours or a silence",
)
.values(
    "`alert`、`recovery`、`event`、`report`、`digest` 的列表",
    "list of `alert`, `recovery`, `event`, `report`, `digest`",
)
.unique();

const TARGETS: Doc = doc(
    "只发送这些对象的消息，留空则全部；如 `nginx`、`disk(/data*)`、`container(shop-*)`、`memory`",
    "only messages about these; empty: all. For example `nginx`, `disk(/data*)`, `container(shop-*)`, `memory`",
)
.values("名称或含 `*` 模式的列表", "list of names or patterns with `*`")
.unique();

impl Route {
    /// The keys of a route. They are those of the channel's entry.
    pub fn read(entry: &mut Section<'_>) -> Route {
        let level = entry.choice(
            "level",
            Level::Warning,
            &LEVELS,
            doc(
                "发送哪一级别以上的消息；`critical` 不含状态报告，除非写在 `kinds` 里",
                "from this level on; `critical` leaves out reports, unless `kinds` names them",
            ),
        );
        let kinds = entry.list("kinds", KINDS, |item| {
            item.parse(NO_DOC.pattern("^(alert|recovery|event|report|digest)$"), |text| {
                let found = WORDS.iter().find(|(word, _)| *word == text);
                let names = WORDS.iter().map(|(word, _)| *word);
                let meant = || meant(nearest(text, names).or_else(|| (text == "alarm").then_some("alert")));
                let unknown = || Complaint::new(format!("there is no kind `{text}`{}", meant())).expected(words());
                found.map(|(_, kind)| *kind).ok_or_else(unknown)
            })
        });
        let kinds = kinds.unwrap_or_default();
        let is_named = |(word, kind): &(&'static str, News)| kinds.contains(kind).then_some(*word);
        entry.holds("kinds", Written::texts(WORDS.iter().filter_map(is_named)));
        let targets = entry.list("targets", TARGETS, |item| {
            item.parse(NO_DOC.pattern(r"\S").or_number(), |text| match text.trim() {
                "" => Err(Complaint::new("is empty").expected("a name, or a pattern such as container(shop-*)")),
                text => Ok(text.to_owned()),
            })
        });
        let targets = targets.unwrap_or_default();
        entry.holds("targets", Written::texts(&targets));
        Route { kinds, level, targets }
    }

    /// Whether it has no restriction.
    pub fn takes_everything(&self) -> bool {
        *self == Route::default()
    }

    /// Whether it takes alerts, of some level and target.
    pub fn takes_alerts(&self) -> bool {
        self.names(News::Alert)
    }

    /// Whether it takes a message that is about no alert: a report, a notice, a test.
    pub fn takes_message(&self, kind: Kind) -> bool {
        let is_of_all = self.level == Level::Warning && self.targets.is_empty();
        match kind {
            Kind::Report => self.kinds.contains(&News::Report) || (self.kinds.is_empty() && is_of_all),
            Kind::Notice => self.names(News::Event) && is_of_all,
            _ => true,
        }
    }

    /// Whether it takes the message about a transition.
    pub fn takes(&self, transition: &Transition) -> bool {
        let kind = match message::kind(transition) {
            Some(Kind::Recovery) => News::Recovery,
            Some(Kind::Event) => News::Event,
            Some(_) => News::Alert,
            None => return false,
        };
        self.names(kind) && level_of(transition).is_some_and(|level| self.is_about(transition, level))
    }

    /// Those of `transitions` that it takes.
    pub fn of<'a>(&self, transitions: &'a [Transition]) -> Cow<'a, [Transition]> {
        if self.takes_everything() {
            return Cow::Borrowed(transitions);
        }
        transitions.iter().filter(|transition| self.takes(transition)).cloned().collect()
    }

    /// Its part of news that was held. Without digests, a channel for alerts is told those that burn still, and one for
    /// recoveries the end of those that were told.
    pub fn of_held(&self, held: &Released) -> Released {
        if self.takes_everything() {
            return held.clone();
        }
        let takes_digest = self.names(News::Digest);
        let burns = |transition: &&Transition| {
            if takes_digest { self.is_about(transition, transition.episode.level) } else { self.takes(transition) }
        };
        let is_over = |past: &&Past| {
            let transition = &past.transition;
            let is_event = matches!(transition.value, Value::Event(_));
            let is_named =
                takes_digest || (is_event && self.names(News::Event)) || (past.is_known && self.names(News::Recovery));
            is_named && self.is_about(transition, transition.episode.level)
        };
        Released {
            burning: held.burning.iter().filter(burns).cloned().collect(),
            over: held.over.iter().filter(is_over).cloned().collect(),
            unlisted: held.unlisted.filter(|_| takes_digest && self.targets.is_empty()),
        }
    }

    fn names(&self, kind: News) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    /// Whether it takes news of this level about that key.
    fn is_about(&self, transition: &Transition, level: Level) -> bool {
        if level < self.level {
            return false;
        }
        if self.targets.is_empty() {
            return true;
        }
        let (key, names) = (&transition.key, Names::new(&transition.key));
        self.targets.iter().any(|target| names.are_meant_by(target) || pattern::matches(target, &*key.target))
    }
}

fn words() -> String {
    WORDS.map(|(word, _)| word).join(", ")
}
