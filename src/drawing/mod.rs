//! Puts a chart together: of the history's rows, and of the configuration's limits for them.
//!
//! A [`Recipe`] has all that the history does not know, as a value: a child that draws gets it with its order. The store is
//! read at the coarsest level that a drawing shows as well as any finer one.

mod alerts;
mod conditions;
mod courses;
mod grid;
mod strips;

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::chart::Chart;
use crate::chart::picture::{self, Kind, Theme};
use crate::files::RealFolder;
use crate::history::{ReadError, Reader, Row, Series};
use crate::message::{Language, Line};
use crate::metric::{Metric, Unit};
use crate::pattern;
use crate::rule::Rules;
use crate::snapshot::Key;

use courses::Course;
use grid::Grid;

/// A chart shows no difference between checks and summaries of five minutes of a longer time than this, nor between these
/// and hours.
const LONGEST_RAW: i64 = 2 * 86_400;
const LONGEST_FIVE_MINUTES: i64 = 14 * 86_400;

/// The last check counts as now for so long, or for two intervals: rows are written every five minutes.
const NOW_SECONDS: i64 = 900;

/// The content of a chart, and all that the history does not know of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recipe {
    pub subject: Subject,
    pub from: Timestamp,
    pub to: Timestamp,
    pub made_at: Timestamp,
    pub host: String,
    /// The system's own name of the host.
    pub system_host: String,
    #[serde(with = "jiff::fmt::serde::tz::required")]
    pub zone: TimeZone,
    pub language: Language,
    pub interval: Duration,
    /// Of the series that have a limit or a note.
    pub known: Vec<Known>,
}

/// The content of a drawing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Subject {
    /// The quantities of a report, those with an alert, and the containers.
    Report,
    /// The quantities of these names: `memory`, `disk(/data)`, `container_state(shop-*)`.
    Named(Vec<String>),
    /// One alert's quantity.
    Alert(Key),
}

/// The knowledge of a series beside its values.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Known {
    pub key: Key,
    /// The lower one, where there are two.
    pub limit: Option<f64>,
    pub critical: Option<f64>,
    /// In a few words: `3.4 / 3.8 GB`.
    pub note: String,
}

/// The limits of these keys.
pub fn known<'a>(rules: &Rules, keys: impl IntoIterator<Item = &'a Key>) -> Vec<Known> {
    let of = |key: &Key| {
        let limits = rules.limits(key)?;
        let limit = Some(limits.warning.or(limits.critical)?);
        Some(Known { key: key.clone(), limit, critical: limits.critical, note: String::new() })
    };
    keys.into_iter().filter_map(of).collect()
}

/// The key of a series, whose unit is that of the store where nobody knows the quantity any more.
pub fn key(series: &Series) -> Key {
    let metric = Metric::named(&series.metric);
    Key::new(metric, series.target.as_str())
}

/// Whether one of the names says this key.
pub fn is_named(names: &[String], key: &Key) -> bool {
    names.iter().any(|name| {
        let (metric, target) = name.strip_suffix(')').and_then(|name| name.split_once('(')).unwrap_or((name, "*"));
        metric == key.metric.name && pattern::matches(target, &*key.target)
    })
}

/// The courses of a chart, and the last check before its end.
struct Past<'a> {
    recipe: &'a Recipe,
    reader: &'a Reader,
    courses: Vec<Course>,
    grid: Grid,
    /// `None`: nothing is known of that time.
    now: Option<Row>,
}

/// The chart of a recipe. It has no content where the history has none.
///
/// # Errors
/// The store cannot be read.
pub fn chart(reader: &Reader, recipe: &Recipe) -> Result<Chart, ReadError> {
    let (from, to) = (recipe.from.as_second(), recipe.to.as_second());
    let level = reader.level(from, to, LONGEST_RAW, LONGEST_FIVE_MINUTES)?;
    let span = [from - level.seconds(), to];
    let times = reader.times(level, span[0], span[1])?;
    let interval = recipe.interval.as_secs().cast_signed();
    let grid = Grid::new([from, to], interval, level, &times);
    let oldest_now = to - NOW_SECONDS.max(2 * interval);
    let now = reader.last_check(to)?.filter(|row| row.time >= oldest_now);
    let alerts = alerts::of(reader, recipe)?;
    let is_shown = |key: &Key| match is_condition(key) {
        true => conditions::is_shown(&recipe.subject, key),
        false => strips::is_shown(&recipe.subject, &alerts, key),
    };
    let rows = |take: &mut dyn FnMut(Row)| reader.each_row(level, span, usize::MAX, take);
    let courses = courses::read(reader, &grid, rows, is_shown)?;
    let past = Past { recipe, reader, courses, grid, now };
    Ok(Chart {
        host: recipe.host.clone(),
        system_host: recipe.system_host.clone(),
        zone: recipe.zone.clone(),
        language: recipe.language,
        from: recipe.from,
        to: recipe.to,
        made_at: recipe.made_at,
        interval: recipe.interval,
        wrong: alerts::lasting(&past, &alerts),
        panels: strips::panels(&past, &alerts),
        containers: conditions::rows(&past),
        episodes: alerts::episodes(&past, &alerts),
    })
}

/// The picture of a recipe, a PNG file, from the history in `folder`: the work of a child.
///
/// # Errors
/// The reason on one line: the recipe is none, the store cannot be read, or it has nothing of that time.
pub fn draw(folder: RealFolder, recipe: &[u8]) -> Result<Vec<u8>, String> {
    let recipe: Recipe = serde_json::from_slice(recipe).map_err(|error| error.to_string())?;
    let reader = Reader::open(&folder).map_err(|error| error.to_string())?;
    let chart = chart(&reader, &recipe).map_err(|error| error.to_string())?;
    if chart.is_empty() {
        return Err("the history has no readings of that time".to_owned());
    }
    let kind = if matches!(recipe.subject, Subject::Alert(_)) { Kind::Alert } else { Kind::Report };
    Ok(picture::draw(&chart, kind, Theme::Light))
}

impl Past<'_> {
    /// The series of one key, which may have had several slots.
    fn series_of(&self, key: &Key) -> Vec<&Series> {
        let is_it = |series: &&Series| series.metric == key.metric.name && series.target == *key.target;
        self.reader.series().iter().filter(is_it).collect()
    }

    /// The value now.
    fn value_now(&self, key: &Key) -> Option<f64> {
        let row = self.now.as_ref()?;
        self.series_of(key).into_iter().find_map(|series| row.value(series)).map(|value| value.average())
    }

    fn known(&self, key: &Key) -> Option<&Known> {
        self.recipe.known.iter().find(|known| known.key == *key)
    }

    /// The limit that a message would name: the critical one if the value now reaches it.
    fn limit(&self, key: &Key) -> Option<f64> {
        let known = self.known(key)?;
        let is_reached = |limit: &f64| self.value_now(key).is_some_and(|now| key.metric.unit.reaches(now, *limit));
        known.critical.filter(is_reached).or(known.limit)
    }

    fn said(&self, zh: &'static str, en: &'static str) -> &'static str {
        match self.recipe.language {
            Language::Chinese => zh,
            Language::English => en,
        }
    }

    /// `内存`, `磁盘 /data`; of a container its name.
    fn subject(&self, key: &Key) -> Line {
        let label = Line::from(self.recipe.language.words().label(&key.metric.label));
        match &*key.target {
            "" => label,
            target if key.metric.is_named_by_its_target => Line::foreign(target),
            target if is_condition(key) && key.metric.is_of_docker() => Line::foreign(target),
            target => label + " " + Line::foreign(target),
        }
    }
}

/// A condition is well or not; it has no numbers.
fn is_condition(key: &Key) -> bool {
    key.metric.unit == Unit::Word
}
