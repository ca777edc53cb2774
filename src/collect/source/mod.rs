//! Sources: each has its quantities, its keys, its limits and its collector in its own file.
//!
//! The code that composes the configuration, compiles rules or makes a check takes all that from here, so another
//! source is another file and another line in [`SOURCES`](super::SOURCES).

mod limits;
mod quota;

use std::fmt;
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::time::Duration;

use super::Collector;
use crate::bus::Follow;
use crate::host::Host;
use crate::metric::{self, Limits, Metric};
use crate::pattern;
use crate::settings::{Complaint, Doc, NO_DOC, Section, Values, Written, doc, duration_text};
use crate::snapshot::{Failure, Key, Watched};

pub use limits::{LONGEST_FOR, read_limits, read_limits_within, refuse_out_of_order};
pub use quota::{Correction, QuotaPlan, Reset};

/// The origin of some quantities' readings.
#[derive(Debug)]
pub struct Source {
    /// In failures, and as the name of its section in the configuration.
    pub name: &'static str,
    /// The section around its own.
    pub group: &'static Group,
    /// Whether it is read: its key `enabled`.
    pub switch: Switch,
    pub metrics: &'static [&'static Metric],
    /// Reads its keys behind `enabled`; a sampling window has to fit into the interval between checks.
    pub read: fn(&mut Section<'_>, check_interval: Duration) -> Setup,
}

impl Source {
    /// Whether the section of its group is its own.
    pub fn is_its_group(&self) -> bool {
        self.name == self.group.key
    }

    /// Its quantities, and the forecasts of these.
    pub fn metrics(&self) -> impl Iterator<Item = &'static Metric> {
        self.metrics.iter().flat_map(|metric| [Some(*metric), metric.forecast].into_iter().flatten())
    }

    /// Why none of its quantities could be read.
    pub const fn failure(&self, error: String) -> Failure {
        Failure { collector: self.name, metrics: self.metrics, target: None, error }
    }
}

/// A section of the configuration that contains those of several sources.
#[derive(Debug)]
pub struct Group {
    pub key: &'static str,
    pub doc: Doc,
}

/// The default and the values of a source's key `enabled`, with its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// Every host has it.
    On(Doc),
    Off(Doc),
    /// On where the host has it.
    Auto(Doc),
    /// These words, each with whether it is on then; the first is the default.
    Words(&'static [(&'static str, bool)], Doc),
}

/// The words of [`Switch::Auto`].
const AUTO: &[(&str, bool)] = &[("auto", true), ("true", true), ("false", false)];

impl Switch {
    /// Whether it is on, and whether the configuration asks for it: then it is a failure that the host has none of it.
    fn read(self, section: &mut Section<'_>) -> (bool, bool) {
        const KEY: &str = "enabled";
        let (words, doc) = match self {
            Switch::On(doc) => return (section.boolean(KEY, true, doc), false),
            Switch::Off(doc) => {
                let is_on = section.boolean(KEY, false, doc);
                return (is_on, is_on);
            }
            Switch::Auto(doc) => (AUTO, doc),
            Switch::Words(words, doc) => (words, doc),
        };
        let default = words.first().copied().unwrap_or_default();
        let options: Vec<_> = words.iter().map(|chosen| (chosen.0, *chosen)).collect();
        let chosen = section.choice(KEY, default, &options, doc);
        (chosen.1, chosen.1 && chosen != default)
    }
}

pub const SYSTEM: &Group = &Group {
    key: "system",
    doc: doc("系统监控：达到阈值即告警", "System: an alert fires at or above its threshold"),
};

pub const NETWORK: &Group = &Group { key: "network", doc: doc("网络监控", "Network") };

/// A source's work, by its keys.
pub struct Setup {
    /// The targets of its quantities; an empty name if the host has each once.
    pub targets: Vec<Rc<str>>,
    /// The words of its keys on its quantities; the first that fits a target wins.
    pub limits: Vec<TargetLimits>,
    /// How far apart its two readings are; zero where one will do.
    pub window: Duration,
    /// The quantity of which it has as many targets as it finds, if there is one.
    pub of_every: Option<&'static Metric>,
    /// Signals of the system bus after which it is read at once.
    pub follows: Option<Follow>,
    /// Of things that happen: one of a target is news if none was within this time.
    pub once_in: Option<Duration>,
    /// The quota that its counters are counted for.
    pub quota: Option<Rc<QuotaPlan>>,
    /// Its keys name something that is to be watched: then it is a failure that the host has none of it.
    pub is_asked_for: bool,
    pub open: Box<Open>,
}

/// The words of the keys on one quantity.
pub struct TargetLimits {
    pub metric: &'static Metric,
    /// A target, or a pattern of targets with `*`.
    pub target: Rc<str>,
    /// `None`: it is not measured.
    pub limits: Option<Limits>,
}

impl TargetLimits {
    fn fit(&self, metric: &'static Metric, target: &str) -> bool {
        self.metric == metric && pattern::matches(&*self.target, target)
    }
}

/// Every target.
pub const EVERY: &str = "*";

/// Makes the collector, unless that of another source in `watched` reads this one too.
pub type Open = dyn Fn(&[Watched], &Host) -> Option<Box<dyn Collector>>;

impl Setup {
    /// Quantities that the host has once, from one reading.
    pub fn new(open: impl Fn(&[Watched], &Host) -> Option<Box<dyn Collector>> + 'static) -> Setup {
        Setup {
            targets: vec!["".into()],
            limits: Vec::new(),
            window: Duration::ZERO,
            of_every: None,
            follows: None,
            once_in: None,
            quota: None,
            is_asked_for: false,
            open: Box::new(open),
        }
    }

    /// With a quantity of targets that nobody names: a target without a reading is unknown, unless the list is whole.
    #[must_use]
    pub fn of_every(self, metric: &'static Metric) -> Setup {
        Setup { of_every: Some(metric), ..self }
    }

    /// With signals of the system bus after which it is read at once.
    #[must_use]
    pub fn woken_by(self, follow: Follow) -> Setup {
        Setup { follows: Some(follow), ..self }
    }

    /// With the time within which something that happens again is no news.
    #[must_use]
    pub fn once_in(self, time: Duration) -> Setup {
        Setup { once_in: Some(time), ..self }
    }

    /// With the limits of one of the quantities, for all targets that no earlier limits are for.
    #[must_use]
    pub fn limited(self, metric: &'static Metric, limits: Limits) -> Setup {
        self.with(metric, EVERY, Some(limits))
    }

    /// With the limits of a quantity for a target, or for a pattern of them; `None`: it is not measured there.
    #[must_use]
    pub fn with(mut self, metric: &'static Metric, target: impl Into<Rc<str>>, limits: Option<Limits>) -> Setup {
        self.limits.push(TargetLimits { metric, target: target.into(), limits });
        self
    }

    /// Whether a quantity is measured of this target.
    pub fn is_on(&self, metric: &'static Metric, target: &str) -> bool {
        self.limits.iter().find(|own| own.fit(metric, target)).is_none_or(|own| own.limits.is_some())
    }

    fn is_on_anywhere(&self, metric: &'static Metric) -> bool {
        let mut own = self.limits.iter().filter(|own| own.metric == metric).peekable();
        own.peek().is_none() || own.any(|own| own.limits.is_some())
    }
}

/// A source as the configuration has it.
#[derive(Clone)]
pub struct Configured {
    pub source: &'static Source,
    pub is_enabled: bool,
    /// It is a failure that this host has none of its quantities.
    pub is_required: bool,
    values: Rc<Values>,
    setup: Rc<Setup>,
}

impl Configured {
    fn read(source: &'static Source, section: &mut Section<'_>, check_interval: Duration) -> Configured {
        let (is_enabled, is_required) = source.switch.read(section);
        let mut setup = (source.read)(section, check_interval);
        let is_required = is_required || setup.is_asked_for;
        // Most have the limits of one quantity, and a list's first place is room for four.
        setup.limits.shrink_to_fit();
        Configured { source, is_enabled, is_required, values: Rc::new(section.values().clone()), setup: Rc::new(setup) }
    }

    /// Its keys with their values.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// Everything that it reads: without a reading in a check it is unknown.
    pub fn watched(&self) -> impl Iterator<Item = Watched> {
        self.source.metrics().flat_map(move |metric| {
            let is_every = self.setup.of_every == Some(metric);
            let every = (is_every && self.is_on(metric, "")).then_some(Watched::Every(metric));
            let targets = self.setup.targets.iter().filter(move |target| !is_every && self.is_on(metric, target));
            every.into_iter().chain(targets.map(move |target| Watched::One(Key::new(metric, target.clone()))))
        })
    }

    /// Whether one of them is measured of this target, or derived from a measured one.
    pub fn is_on(&self, metric: &'static Metric, target: &str) -> bool {
        self.is_enabled && self.setup.is_on(metric, target)
    }

    /// All of them, each with whether it is measured of any target: a forecast never is.
    pub fn metrics(&self) -> impl Iterator<Item = (&'static Metric, bool)> {
        let is_measured =
            |metric| self.source.metrics.contains(&metric) && self.is_enabled && self.setup.is_on_anywhere(metric);
        self.source.metrics().map(move |metric| (metric, is_measured(metric)))
    }

    pub fn window(&self) -> Duration {
        if self.is_enabled { self.setup.window } else { Duration::ZERO }
    }

    /// The limits of its quantities, each with the target or the pattern of targets that it is for: those of its keys,
    /// and behind them the quantities' own.
    pub fn limits(&self) -> impl Iterator<Item = (&'static Metric, Rc<str>, Limits)> {
        let of_keys = self.setup.limits.iter();
        let of_keys = of_keys.filter_map(|own| Some((own.metric, Rc::clone(&own.target), own.limits?)));
        let own = self.source.metrics().filter_map(|metric| Some((metric, EVERY.into(), metric.default?)));
        of_keys.chain(own)
    }

    /// Whether the same is read in the same way, however it is judged.
    pub(super) fn measures_the_same(&self, other: &Configured) -> bool {
        self.source.name == other.source.name && self.values.agree_on_work(&other.values)
    }

    /// The time within which something of it that happens again is no news.
    pub fn once_in(&self) -> Option<Duration> {
        self.setup.once_in
    }

    /// The quota that its counters are counted for, while it is on.
    pub fn quota(&self) -> Option<&Rc<QuotaPlan>> {
        self.setup.quota.as_ref().filter(|_| self.is_enabled)
    }

    /// The signals of the system bus after which it is read at once, while it is on.
    pub fn follows(&self) -> Option<&Follow> {
        self.setup.follows.as_ref().filter(|_| self.is_enabled)
    }

    pub(super) fn open(&self, watched: &[Watched], host: &Host) -> Option<Box<dyn Collector>> {
        if self.is_enabled { (self.setup.open)(watched, host) } else { None }
    }
}

/// The same if all keys have the same values.
impl PartialEq for Configured {
    fn eq(&self, other: &Configured) -> bool {
        self.source.name == other.source.name && self.values == other.values
    }
}

impl fmt::Debug for Configured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.source.name, self.values)
    }
}

/// Reads the sections of `sources`, each in that of its group. From now on their quantities are known by their names.
pub fn read(document: &mut Section<'_>, sources: &[&'static Source], check_interval: Duration) -> Vec<Configured> {
    metric::know(sources.iter().flat_map(|source| source.metrics()));
    let mut configured = Vec::new();
    for group in groups(sources.iter().copied()) {
        document.section(group.key, group.doc, |section| {
            for source in sources.iter().filter(|source| source.group.key == group.key) {
                let read = |section: &mut Section<'_>| Configured::read(source, section, check_interval);
                configured.push(if source.is_its_group() {
                    read(section)
                } else {
                    section.section(source.name, NO_DOC, read)
                });
            }
        });
    }
    configured
}

/// The groups of sources, each once, in the order of the sources.
pub fn groups(sources: impl Iterator<Item = &'static Source>) -> Vec<&'static Group> {
    let mut groups: Vec<&'static Group> = Vec::new();
    for source in sources {
        if groups.iter().all(|group| group.key != source.group.key) {
            groups.push(source.group);
        }
    }
    groups
}

/// The bounds of the time between the two readings of a rate.
const SAMPLE_INTERVAL: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(300);

/// The key `sample_interval`, which must fit between two checks: a written one is refused if it does not, the default
/// is shortened.
pub fn sample_interval(section: &mut Section<'_>, default: Duration, check_interval: Duration) -> Duration {
    const KEY: &str = "sample_interval";
    let doc =
        doc("采样间隔（秒），不长于 `check_interval`", "the time between the two readings, at most `check_interval`");
    let read = section.duration(KEY, default, SAMPLE_INTERVAL, doc);
    if read > check_interval && section.is_written(KEY) {
        let (sample, check) = (duration_text(read), duration_text(check_interval));
        let complaint = Complaint::new(format!("{sample} is longer than general.check_interval, which is {check}"));
        section.problem(KEY, complaint.expected(format!("at most {check}")));
    }
    let window = read.min(check_interval);
    section.holds(KEY, Written::Duration(window));
    window
}
