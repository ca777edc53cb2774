//! Conditions of the host that are a word: a unit of systemd that failed, a clock that is not synchronised.

use super::alert::label;
use super::episode::Wording;
use super::format::short;
use super::{Language, Line, Words};
use crate::alert::Transition;
use crate::snapshot::{Cause, ContainerWord, Key, Value};
use crate::text::counted;

/// A unit's description is cut here.
const MAX_DESCRIPTION_CHARS: usize = 60;

/// systemd's word for a unit that ended badly. One that is found in another state, such as a named one that is inactive, has
/// its own line: it has not failed. So has each named one: `systemd.ignore` does not leave it out.
const FAILED: &str = "failed";

/// From this number of units on that had failed before the agent was installed, one line has them all.
const MIN_AS_FOUND: usize = 2;

/// As many of them are named.
const MAX_AS_FOUND: usize = 20;

/// `❌ nginx.service: failed (exit-code 1, 02:14, 3 次重启)，A web server`; `None`: it is no condition.
pub(super) fn alert_line(transition: &Transition, wording: Wording<'_>) -> Option<Line> {
    let word = condition(transition)?;
    let mut line = Line::from("❌ ") + subject(transition, wording.words) + ": ";
    let facts: Vec<Line> = word.causes.iter().flat_map(|cause| facts(cause, wording)).collect();
    if let [Cause::RebootNeeded { .. }] = word.causes.as_slice() {
        return Some(line + Line::join(facts, ", "));
    }
    line = line + state(transition, wording.words);
    if !facts.is_empty() {
        line = line + " (" + Line::join(facts, ", ") + ")";
    }
    let description = word.causes.iter().find_map(|cause| match cause {
        Cause::UnitEnded { description, .. } if !description.is_empty() => Some(description),
        _ => None,
    });
    Some(match description {
        Some(text) => line + wording.words.comma + Line::foreign(text).first_chars(MAX_DESCRIPTION_CHARS),
        None => line,
    })
}

/// `✅ nginx.service: 已恢复正常`, `✅ 时钟: 已同步 (已恢复正常)`; `None`: it is no condition.
///
/// Of a unit no state is told: one that was reset, and a job that ended well, are well and not active.
pub(super) fn recovery_line(transition: &Transition, words: &Words) -> Option<Line> {
    condition(transition)?;
    let line = Line::from("✅ ") + subject(transition, words) + ": ";
    Some(if transition.key.metric.is_named_by_its_target {
        line + words.back_to_normal
    } else {
        line + state(transition, words) + " (" + words.back_to_normal + ")"
    })
}

/// One line for the units that had failed before the agent was installed, and the transitions that have their own.
pub(super) fn as_found<'a>(transitions: &[&'a Transition], words: &Words) -> (Option<Line>, Vec<&'a Transition>) {
    let is_of_line = |word: &ContainerWord| {
        &*word.word == FAILED && word.causes.contains(&Cause::AsFound) && !word.causes.contains(&Cause::Named)
    };
    let is_as_found = |t: &&&Transition| condition(t).is_some_and(is_of_line);
    let (found, others): (Vec<&Transition>, Vec<&Transition>) = transitions.iter().partition(is_as_found);
    if found.len() < MIN_AS_FOUND {
        return (None, transitions.to_vec());
    }
    let names = found.iter().take(MAX_AS_FOUND).map(|transition| Line::foreign(&transition.key.target));
    let more = if found.len() > MAX_AS_FOUND { ", …" } else { "" };
    (Some(Line::from(words.already_failed(found.len())) + Line::join(names, ", ") + more), others)
}

fn condition(transition: &Transition) -> Option<&ContainerWord> {
    let Key { metric, target } = &transition.key;
    let is_named = target.is_empty() || metric.is_named_by_its_target;
    match &transition.value {
        Value::Container(word) if !metric.is_of_docker() && is_named => Some(word),
        _ => None,
    }
}

/// The word of the condition. systemd's own words stay as they are.
fn state(transition: &Transition, words: &Words) -> Line {
    let word = condition(transition).map_or("", |word| &*word.word);
    match (words.language, word) {
        (Language::Chinese, "synchronized") => "已同步".into(),
        (Language::Chinese, "unsynchronized") => "未同步 (NTP)".into(),
        (Language::English, "unsynchronized") => "not synchronised (NTP)".into(),
        _ => short(transition.key.metric, &transition.value, words),
    }
}

/// A unit's name, or the quantity's.
fn subject(transition: &Transition, words: &Words) -> Line {
    match &*transition.key.target {
        "" => label(transition, words),
        target => Line::foreign(target),
    }
}

/// The known facts about the cause, behind the state.
fn facts(cause: &Cause, wording: Wording<'_>) -> Vec<Line> {
    match cause {
        Cause::UnitEnded { result, at, restarts, .. } => {
            let result = Some(Line::foreign(result)).filter(|result| !result.is_empty());
            let at = at.map(|at| Line::from(wording.time_of_day(at)));
            let restarts = (*restarts > 0).then(|| Line::from(wording.words.times_restarted(*restarts)));
            [result, at, restarts].into_iter().flatten().collect()
        }
        Cause::AsFound | Cause::Named => Vec::new(),
        _ => vec![wording.words.short_cause(cause)],
    }
}

impl Words {
    fn already_failed(&self, count: usize) -> String {
        match self.language {
            Language::Chinese => format!("⚙️ 已有 {count} 个失败单元 (可用 systemd.ignore 忽略): "),
            Language::English => {
                format!("⚙️ {} had failed before (systemd.ignore leaves them out): ", counted(count, "unit"))
            }
        }
    }

    fn times_restarted(&self, count: u64) -> String {
        match self.language {
            Language::Chinese => format!("{count} 次重启"),
            Language::English => counted(count, "restart"),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::alert::{Episode, News};
    use crate::message::{Escape, Style, alerts, recovery};
    use crate::metric::{Metric, Unit};
    use crate::rule::Limit;
    use crate::snapshot::Key;

    const UNIT_STATE: &Metric =
        &Metric { name: "unit_of_test", unit: Unit::Word, is_named_by_its_target: true, ..*crate::metric::MEMORY };

    fn failed(name: &str, result: &str, restarts: u64, others: &[Cause]) -> Transition {
        let at = Timestamp::from_second(8040).ok();
        let ended = Cause::UnitEnded { result: result.to_owned(), at, restarts, description: "A *server*".to_owned() };
        let causes = std::iter::once(ended).chain(others.iter().cloned()).collect();
        Transition {
            key: Key::new(UNIT_STATE, name),
            news: News::Fired,
            value: ContainerWord { causes, ..ContainerWord::new("failed", "active") }.into(),
            limit: Limit::Expected("active".into()),
            since: Timestamp::UNIX_EPOCH,
            episode: Episode::default(),
        }
    }

    fn told(transitions: &[Transition], language: Language) -> Vec<String> {
        let style = Style { language, host: "web-1".to_owned(), zone: TimeZone::UTC };
        let now = Timestamp::from_second(9000).unwrap();
        let messages = alerts(transitions, &style, now).into_iter().chain(recovery(transitions, &style, now));
        let text = messages.map(|message| message.text(&Escape::NONE)).collect::<Vec<_>>().join("\n");
        text.lines().filter(|line| line.contains(".service")).map(str::to_owned).collect()
    }

    #[test]
    fn a_failed_unit_is_told_with_its_result_its_time_and_its_restarts() {
        let one = [failed("nginx.service", "exit-code 1", 3, &[])];
        assert_eq!(
            told(&one, Language::Chinese),
            ["❌ nginx.service: failed (exit-code 1, 02:14, 3 次重启)，A *server*"]
        );
        assert_eq!(
            told(&one, Language::English),
            ["❌ nginx.service: failed (exit-code 1, 02:14, 3 restarts), A *server*"]
        );
        let mut over = failed("nginx.service", "", 0, &[]);
        (over.news, over.value) = (News::Recovered, ContainerWord::new("active", "active").into());
        assert_eq!(told(&[over], Language::Chinese), ["✅ nginx.service: 已恢复正常"]);
    }

    #[test]
    fn those_that_had_failed_before_are_one_line_and_one_alone_is_told_as_any_other() {
        let before = |name: &str| failed(name, "timeout", 0, &[Cause::AsFound]);
        let three = [before("a.service"), failed("new.service", "timeout", 1, &[]), before("b.service")];
        assert_eq!(
            told(&three, Language::Chinese),
            [
                "⚙️ 已有 2 个失败单元 (可用 systemd.ignore 忽略): a.service, b.service",
                "❌ new.service: failed (timeout, 02:14, 1 次重启)，A *server*",
            ]
        );
        let named = failed("named.service", "timeout", 0, &[Cause::Named, Cause::AsFound]);
        assert_eq!(
            told(&[before("a.service"), named, before("b.service")], Language::Chinese),
            [
                "⚙️ 已有 2 个失败单元 (可用 systemd.ignore 忽略): a.service, b.service",
                "❌ named.service: failed (timeout, 02:14)，A *server*",
            ]
        );
        assert_eq!(
            told(&[before("a.service")], Language::English),
            ["❌ a.service: failed (timeout, 02:14), A *server*"]
        );
    }

    #[test]
    fn one_that_is_found_in_another_state_than_failed_is_told_with_that_state() {
        let found = |name: &str, word: &str, cause: Option<Cause>| {
            let causes = cause.into_iter().chain([Cause::AsFound]).collect();
            let value = ContainerWord { causes, ..ContainerWord::new(word, "active") }.into();
            Transition { value, ..failed(name, "", 0, &[]) }
        };
        let many = [
            failed("a.service", "timeout", 0, &[Cause::AsFound]),
            found("b.service", "inactive", None),
            failed("c.service", "timeout", 0, &[Cause::AsFound]),
            found("d.service", "not-found", None),
            found("e.service", "restarting", Some(Cause::RestartLoop { times: 7, window_minutes: 10 })),
        ];
        assert_eq!(
            told(&many, Language::Chinese),
            [
                "⚙️ 已有 2 个失败单元 (可用 systemd.ignore 忽略): a.service, c.service",
                "❌ b.service: inactive",
                "❌ d.service: not-found",
                "❌ e.service: restarting (反复重启 (10 分钟内 7 次))",
            ]
        );
        assert_eq!(
            told(&many, Language::English)[..2],
            [
                "⚙️ 2 units had failed before (systemd.ignore leaves them out): a.service, c.service",
                "❌ b.service: inactive",
            ]
        );
    }
}
