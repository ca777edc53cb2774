//! An alert's past, told beside its value: its return, its duration, a change for the worse, its end. Each is a line of
//! its own behind the alert's.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Language, Line, Style, Words};
use crate::alert::{News, Transition};
use crate::bounds::seconds_between;
use crate::cause::Causes;
use crate::metric::Unit;
use crate::snapshot::Value;

/// Times are told by the minute.
const TOLD_LATE_SECONDS: u64 = 60;

/// The wording of transitions.
#[derive(Clone, Copy)]
pub(super) struct Wording<'a> {
    pub words: &'static Words,
    zone: &'a TimeZone,
    now: Timestamp,
    /// How much of an alert's past is told with it.
    past: Past,
    causes: Option<&'a Causes>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Past {
    Nothing,
    /// Its news.
    News,
    /// Since when it lasts, and all that was held meanwhile.
    Held,
}

impl<'a> Wording<'a> {
    pub fn new(style: &'a Style, now: Timestamp) -> Wording<'a> {
        Wording { words: style.language.words(), zone: &style.zone, now, past: Past::News, causes: None }
    }

    pub fn with_causes(self, causes: &'a Causes) -> Wording<'a> {
        Wording { causes: Some(causes), ..self }
    }

    /// For a digest, which has the times of each alert, and no causes, which are over by then.
    pub fn without_past(self) -> Wording<'a> {
        Wording { past: Past::Nothing, causes: None, ..self }
    }

    /// For the end of a hold.
    pub fn of_held(self) -> Wording<'a> {
        Wording { past: Past::Held, ..self }
    }

    /// The line of an alert's causes, behind that of its past.
    pub fn causes(self, transition: &Transition) -> Option<Line> {
        self.words.causes(self.causes?.of(&transition.key))
    }

    /// The line behind that of `transition`; none if there is nothing to tell.
    pub fn episode(self, transition: &Transition) -> Option<Line> {
        match self.past {
            Past::Nothing => return None,
            Past::Held => return Some(self.since(transition).into()),
            Past::News => {}
        }
        let Transition { key, news, episode, since, .. } = transition;
        let unit = key.metric.unit;
        let (words, shown) = (self.words, |number| self.words.number(unit, number));
        if let (Value::Quota(quota), true) = (&transition.value, news.is_firing_message()) {
            return Some((String::from("📅 ") + &words.quota_details(quota)).into());
        }
        let text = match news {
            News::Fired if episode.returns > 0 => {
                words.came_back(episode.returns.saturating_add(1), episode.settling.as_secs())
            }
            News::Critical | News::Worse => {
                let (told, now) = episode.told_before.zip(transition.value.number())?;
                // It can be critical because it lasts, though it is no worse than people know.
                let is_worse = unit.worse(told, now) == now && shown(told) != shown(now);
                Some(words.rising(unit, &shown(told))).filter(|_| is_worse)?
            }
            News::Reminded => {
                let lasted = words.duration(seconds_between(*since, self.now));
                words.still(unit, &lasted, episode.peak.map(shown).as_deref())
            }
            News::Recovered if episode.is_lasting => {
                let well_since = episode.well_since.unwrap_or(self.now);
                words.lasted(&words.duration(seconds_between(*since, well_since)), &self.time_of_day(well_since))
            }
            _ => return None,
        };
        Some(text.into())
    }

    /// `⏳ 23:30 起，已持续 8 小时，最高 91.2%`
    fn since(self, transition: &Transition) -> String {
        let Transition { key, episode, since, .. } = transition;
        let words = self.words;
        let mut facts = vec![words.since(&self.time_of_day(*since))];
        facts.extend(
            episode.well_since.is_none().then(|| words.lasting(&words.duration(seconds_between(*since, self.now)))),
        );
        facts.extend(episode.peak.map(|peak| words.at_most(key.metric.unit, &words.number(key.metric.unit, peak))));
        if let Some(well_since) = episode.well_since {
            facts.push(words.settling(&self.time_of_day(well_since), episode.settling.as_secs()));
        }
        format!("⏳ {}", facts.join(words.comma))
    }

    /// Whether something that happened then is told so late that the message's own time is not that of it. A digest has
    /// its time.
    pub fn is_late(self, happened: Timestamp) -> bool {
        self.past != Past::Nothing && seconds_between(happened, self.now) >= TOLD_LATE_SECONDS
    }

    /// `10:15`, with the date unless it is today's.
    pub fn time_of_day(self, time: Timestamp) -> String {
        let (time, now) = (time.to_zoned(self.zone.clone()), self.now.to_zoned(self.zone.clone()));
        let format = if time.date() == now.date() { "%H:%M" } else { "%m-%d %H:%M" };
        time.strftime(format).to_string()
    }
}

/// The same behind other facts of one line.
pub(super) fn without_picture(line: Line) -> Line {
    let text = line.plain().split_once(' ').map_or(line.plain(), |(_, text)| text);
    text.to_owned().into()
}

impl Words {
    /// It is told for the `nth` time in a day, and is over after so many seconds below its limit.
    fn came_back(&self, nth: u32, settling_seconds: u64) -> String {
        let settling = self.duration(settling_seconds);
        match (self.language, settling_seconds) {
            (Language::Chinese, 0) => format!("🔁 反复: 一天内第 {nth} 次"),
            (Language::Chinese, _) => format!("🔁 反复: 一天内第 {nth} 次，连续正常 {settling}后才报恢复"),
            (Language::English, 0) => format!("🔁 came back: {} time in a day", ordinal(nth)),
            (Language::English, _) => {
                format!("🔁 came back: {} time in a day, called over after {settling} below", ordinal(nth))
            }
        }
    }

    fn rising(&self, unit: Unit, told: &str) -> String {
        match (self.language, unit) {
            (Language::Chinese, Unit::Hours) => format!("📈 已逼近 (上次通知{told})"),
            (Language::English, Unit::Hours) => format!("📈 closer (last told: {told})"),
            (Language::Chinese, _) => format!("📈 继续升高 (上次通知 {told})"),
            (Language::English, _) => format!("📈 rising (last told: {told})"),
        }
    }

    fn still(&self, unit: Unit, lasted: &str, peak: Option<&str>) -> String {
        let peak = peak.map(|peak| self.at_most(unit, peak));
        let facts: Vec<String> = std::iter::once(self.lasting(lasted)).chain(peak).collect();
        format!("⏳ {}", facts.join(self.comma))
    }

    pub(super) fn at_most(&self, unit: Unit, peak: &str) -> String {
        match (self.language, unit) {
            (Language::Chinese, Unit::Hours) => format!("最短{peak}"),
            (Language::English, Unit::Hours) => format!("at worst {peak}"),
            (Language::Chinese, _) => format!("最高 {peak}"),
            (Language::English, _) => format!("at most {peak}"),
        }
    }

    fn since(&self, time: &str) -> String {
        match self.language {
            Language::Chinese => format!("{time} 起"),
            Language::English => format!("since {time}"),
        }
    }

    /// It is below its limit, and is called over once it was so for that many seconds.
    fn settling(&self, well_since: &str, settling_seconds: u64) -> String {
        let settling = self.duration(settling_seconds);
        match self.language {
            Language::Chinese => format!("{well_since} 起正常，连续正常 {settling}后才报恢复"),
            Language::English => format!("well since {well_since}, called over after {settling} below"),
        }
    }

    fn lasted(&self, lasted: &str, well_since: &str) -> String {
        match self.language {
            Language::Chinese => format!("⏳ 历时 {lasted}，{well_since} 起正常"),
            Language::English => format!("⏳ lasted {lasted}, well since {well_since}"),
        }
    }
}

/// `2nd`, `11th`, `23rd`
fn ordinal(number: u32) -> String {
    let suffix = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{suffix}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::tz;

    use super::*;
    use crate::alert::Episode;
    use crate::message::{alerts, recovery};
    use crate::metric::{self, Metric};
    use crate::rule::{Level, Limit};
    use crate::snapshot::{ContainerWord, Key, Value};

    const BEGAN: &str = "2026-02-04T05:30:00+08:00";

    fn transition(metric: &'static Metric, news: News, value: Value, episode: Episode) -> Transition {
        let limit = match &value {
            Value::Container(word) => Limit::Expected(word.expected.clone()),
            _ => Limit::Threshold(80.0),
        };
        let target = if metric.is_of_docker() { "web" } else { "" };
        Transition { key: Key::new(metric, target), news, value, limit, since: BEGAN.parse().unwrap(), episode }
    }

    fn memory(news: News, percent: f64, episode: Episode) -> Transition {
        transition(metric::MEMORY, news, Value::Usage { percent, used_bytes: 1, total_bytes: 2 }, episode)
    }

    fn container(news: News, word: &str, episode: Episode) -> Transition {
        transition(metric::CONTAINER_STATE, news, Value::from(ContainerWord::new(word, "running")), episode)
    }

    /// The title and the lines of the message that a transition gives, at half past ten.
    fn told(transition: Transition, language: Language) -> Vec<String> {
        let style = Style { language, host: "web-1".to_owned(), zone: tz::TimeZone::fixed(tz::offset(8)) };
        let now: Timestamp = "2026-02-04T10:50:00+08:00".parse().unwrap();
        let transitions = [transition];
        let message = alerts(&transitions, &style, now).pop().or(recovery(&transitions, &style, now)).unwrap();
        let lines = message.lines.iter().map(|line| line.plain().to_owned());
        std::iter::once(message.title.plain().to_owned()).chain(lines).collect()
    }

    /// The line behind the alert's own.
    fn line(transition: &Transition) -> [String; 2] {
        [Language::Chinese, Language::English].map(|language| told(transition.clone(), language).pop().unwrap())
    }

    #[test]
    fn a_return_tells_its_number_and_when_it_is_called_over() {
        let back = |returns, hours: u64| Episode {
            returns,
            settling: Duration::from_secs(hours * 3600),
            ..Episode::default()
        };
        assert_eq!(
            line(&memory(News::Fired, 85.2, back(2, 24))),
            [
                "🔁 反复: 一天内第 3 次，连续正常 1 天后才报恢复",
                "🔁 came back: 3rd time in a day, called over after 1 day below"
            ]
        );
        assert_eq!(
            line(&container(News::Fired, "exited", back(1, 1)))[0],
            "🔁 反复: 一天内第 2 次，连续正常 1 小时后才报恢复"
        );
        assert_eq!(line(&memory(News::Fired, 85.2, back(1, 0)))[1], "🔁 came back: 2nd time in a day");
        assert_eq!(told(memory(News::Fired, 85.2, back(0, 0)), Language::Chinese).len(), 2);
    }

    #[test]
    fn a_reminder_tells_how_long_it_lasts_and_its_worst_value() {
        let lasting = Episode { peak: Some(91.23), ..Episode::default() };
        assert_eq!(
            line(&memory(News::Reminded, 85.2, lasting)),
            ["⏳ 已持续 5 小时 20 分，最高 91.2%", "⏳ for 5 h 20 min, at most 91.2%"]
        );
        assert_eq!(line(&container(News::Reminded, "exited", Episode::default()))[0], "⏳ 已持续 5 小时 20 分");
    }

    #[test]
    fn a_worse_value_is_told_beside_the_one_that_people_know() {
        let told_before = Episode { told_before: Some(85.2), ..Episode::default() };
        assert_eq!(
            line(&memory(News::Worse, 92.8, told_before)),
            ["📈 继续升高 (上次通知 85.2%)", "📈 rising (last told: 85.2%)"]
        );
        assert_eq!(line(&memory(News::Critical, 97.0, told_before))[1], "📈 rising (last told: 85.2%)");
        // It was told as critical because it lasts, and has not risen since.
        for value in [85.2, 85.22, 84.0] {
            assert_eq!(told(memory(News::Critical, value, told_before), Language::Chinese).len(), 2, "{value}");
        }
    }

    #[test]
    fn a_critical_alert_has_a_title_of_its_own() {
        let critical = Episode { level: Level::Critical, ..Episode::default() };
        let titles = |transition: Transition| {
            [Language::Chinese, Language::English].map(|language| told(transition.clone(), language).remove(0))
        };
        assert_eq!(titles(memory(News::Fired, 97.0, critical)), ["🚨 VPS 严重告警 [web-1]", "🚨 VPS Critical [web-1]"]);
        assert_eq!(
            titles(container(News::Fired, "exited", critical)),
            ["🚨 Docker 严重告警 [web-1]", "🚨 Docker Critical [web-1]"]
        );
    }

    #[test]
    fn a_recovery_tells_how_long_it_lasted_where_more_than_one_check_found_it() {
        let well_since = Some("2026-02-04T10:15:00+08:00".parse().unwrap());
        let over = Episode { well_since, is_lasting: true, ..Episode::default() };
        assert_eq!(
            line(&memory(News::Recovered, 60.0, over)),
            ["⏳ 历时 4 小时 45 分，10:15 起正常", "⏳ lasted 4 h 45 min, well since 10:15"]
        );
        let yesterday = Episode { well_since: Some("2026-02-03T10:15:00+08:00".parse().unwrap()), ..over };
        assert!(line(&memory(News::Recovered, 60.0, yesterday))[0].ends_with("02-03 10:15 起正常"));
        // The plan's message of an alert that the next check found over.
        let short = Episode { is_lasting: false, ..over };
        assert_eq!(told(memory(News::Recovered, 60.0, short), Language::Chinese).len(), 2);
    }

    #[test]
    fn ordinals_are_as_people_say_them() {
        let ordinals = [1, 2, 3, 4, 11, 12, 13, 21, 22, 103, 111].map(ordinal);
        assert_eq!(ordinals, ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "103rd", "111th"]);
    }
}
