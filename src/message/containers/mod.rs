//! The words on containers that fail or recover: up to three as blocks, more with one line each. Their causes
//! (`cause.rs`) and the report's section (`section.rs`) are beside it.

mod cause;
mod section;

use std::collections::HashMap;

use super::episode::{Wording, without_picture};
use super::format::short;
use super::{Line, MAX_LINES, Words};
use crate::alert::Transition;
use crate::metric;
use crate::rule::Limit;
use crate::snapshot::{Cause, ContainerWord, Value};

pub(super) use section::containers;

/// From this number of containers on each has one line: ten blocks would be thirty lines.
const MAX_BLOCKS: usize = 3;

/// The lines of those that fail.
pub(super) fn alert_lines(transitions: &[&Transition], wording: Wording<'_>) -> Vec<Line> {
    let words = wording.words;
    let (mut lines, containers) = engine_first(transitions, words.docker_unavailable);
    if containers.len() > MAX_BLOCKS {
        lines.extend(containers.iter().map(listed(|container| container.alert_line(wording))));
        return lines;
    }
    for container in containers {
        let past = container.past(wording);
        let Container { target, of_this } = container;
        lines.push(Line::from(words.container) + ": " + Line::foreign(target));
        for transition in of_this {
            let label = words.label(&transition.key.metric.alert_label);
            lines.push(Line::from("❌ ") + label + ": " + state_and_expected(transition, words));
            lines.extend(causes(transition).map(|cause| words.cause(cause)));
        }
        lines.extend(past);
    }
    lines
}

/// The lines of those that are well again.
pub(super) fn recovery_lines(transitions: &[&Transition], wording: Wording<'_>) -> Vec<Line> {
    let words = wording.words;
    let (mut lines, containers) = engine_first(transitions, words.docker_available);
    if containers.len() > MAX_BLOCKS {
        lines.extend(containers.iter().map(listed(|container| container.recovery_line(wording))));
        return lines;
    }
    for container in containers {
        let past = container.past(wording);
        let Container { target, of_this } = container;
        lines.push(Line::from(words.container) + ": " + Line::foreign(target));
        lines.extend(of_this.into_iter().map(|transition| {
            let label = words.label(&transition.key.metric.alert_label);
            let state = short(transition.key.metric, &transition.value, words);
            Line::from("✅ ") + label + ": " + state + " (" + words.back_to_normal + ")"
        }));
        lines.extend(past);
    }
    lines
}

/// The lines of those that a message lists. Of the others it tells the number alone: a word stands for each.
fn listed<'a, 'b>(line: impl Fn(&'b Container<'a>) -> Line) -> impl FnMut(&'b Container<'a>) -> Line
where
    'a: 'b,
{
    let mut left = MAX_LINES;
    move |container| {
        let is_listed = left > 0;
        left = left.saturating_sub(1);
        if is_listed { line(container) } else { "…".into() }
    }
}

/// The news of one container, its state before its health.
struct Container<'a> {
    target: &'a str,
    of_this: Vec<&'a Transition>,
}

/// The line of the engine, which is no container, if there is one; then the containers in the order in which they first
/// appear.
fn engine_first<'a>(transitions: &[&'a Transition], engine: &'static str) -> (Vec<Line>, Vec<Container<'a>>) {
    let mut lines = Vec::new();
    let mut containers: Vec<Container<'a>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for transition in transitions {
        if transition.key.metric == metric::DOCKER_ENGINE {
            lines.push(engine.into());
            continue;
        }
        let target = &*transition.key.target;
        let place = *places.entry(target).or_insert_with(|| {
            containers.push(Container { target, of_this: Vec::new() });
            containers.len() - 1
        });
        if let Some(container) = containers.get_mut(place) {
            container.of_this.push(transition);
        }
    }
    containers.iter_mut().for_each(|container| container.of_this.sort_by_key(|transition| transition.key.metric.order));
    (lines, containers)
}

impl Container<'_> {
    /// The past of the alert that began first, among all that are told of the container.
    fn past(&self, wording: Wording<'_>) -> Option<Line> {
        let mut by_age = self.of_this.clone();
        by_age.sort_by_key(|transition| transition.since);
        by_age.into_iter().find_map(|transition| wording.episode(transition))
    }

    /// `❌ nginx: exited (期望: running)，退出码 3`
    fn alert_line(&self, wording: Wording<'_>) -> Line {
        let words = wording.words;
        let facts = self.of_this.iter().flat_map(|transition| {
            let short = causes(transition).map(|cause| words.short_cause(cause));
            std::iter::once(state_and_expected(transition, words)).chain(short)
        });
        let facts = facts.chain(self.past(wording).map(without_picture));
        Line::from("❌ ") + Line::foreign(self.target) + ": " + Line::join(facts, words.comma)
    }

    /// `✅ nginx: running (已恢复正常)`
    fn recovery_line(&self, wording: Wording<'_>) -> Line {
        let words = wording.words;
        let states = self.of_this.iter().map(|transition| short(transition.key.metric, &transition.value, words));
        let states = Line::join(states, words.comma);
        let well = Line::from("✅ ") + Line::foreign(self.target) + ": " + states + " (" + words.back_to_normal + ")";
        Line::join([Some(well), self.past(wording).map(without_picture)].into_iter().flatten(), words.comma)
    }
}

/// `exited (期望: running)`
fn state_and_expected(transition: &Transition, words: &Words) -> Line {
    let expected = match &transition.limit {
        Limit::Expected(word) => Line::foreign(ContainerWord::shown_expected(word)),
        Limit::Threshold(limit) => transition.key.metric.unit.show_limit(*limit).into(),
        Limit::LeftBytes(_) | Limit::None => Line::default(),
    };
    short(transition.key.metric, &transition.value, words) + " (" + words.expected + ": " + expected + ")"
}

fn causes(transition: &Transition) -> impl Iterator<Item = &Cause> {
    let causes = match &transition.value {
        Value::Container(container) => container.causes.as_slice(),
        _ => &[],
    };
    causes.iter()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::alert::{Episode, News};
    use crate::message::{Language, Style};
    use crate::metric::Metric;
    use crate::snapshot::Key;

    fn of(metric: &'static Metric, target: &str, word: &str, expected: &str, causes: Vec<Cause>) -> Transition {
        let word = ContainerWord { causes, well: Some(false), ..ContainerWord::new(word, expected) };
        Transition {
            key: Key::new(metric, target),
            news: News::Fired,
            value: Value::from(word),
            limit: Limit::Expected(expected.into()),
            since: Timestamp::UNIX_EPOCH,
            episode: Episode::default(),
        }
    }

    fn state(target: &str, word: &str, causes: Vec<Cause>) -> Transition {
        of(metric::CONTAINER_STATE, target, word, "running", causes)
    }

    fn lines(
        how: fn(&[&Transition], Wording<'_>) -> Vec<Line>,
        transitions: &[Transition],
        language: Language,
    ) -> Vec<Line> {
        let style = Style { language, host: "web-1".to_owned(), zone: TimeZone::UTC };
        how(&transitions.iter().collect::<Vec<_>>(), Wording::new(&style, Timestamp::UNIX_EPOCH))
    }

    fn four() -> Vec<Transition> {
        vec![
            state("nginx", "exited", vec![Cause::ExitCode(3)]),
            state("db", "exited", vec![Cause::OomKilled]),
            of(metric::CONTAINER_HEALTH, "web", "unhealthy", "healthy", vec![Cause::HealthOutput("no\nanswer".into())]),
            state("web", "restarting", vec![Cause::RestartLoop { times: 4, window_minutes: 10 }, Cause::ExitCode(137)]),
            state("gone", "removed", vec![Cause::Removed]),
        ]
    }

    #[test]
    fn three_containers_are_blocks_and_four_a_line_each() {
        assert_eq!(
            lines(alert_lines, &four()[..2], Language::Chinese),
            [
                "📦 容器: nginx",
                "❌ 状态: exited (期望: running)",
                "💥 退出码: 3",
                "📦 容器: db",
                "❌ 状态: exited (期望: running)",
                "💥 原因: 内存不足被系统杀死 (OOM)",
            ]
        );
        assert_eq!(lines(alert_lines, &four()[..4], Language::Chinese).len(), 6 + 6);
        assert_eq!(
            lines(alert_lines, &four(), Language::Chinese),
            [
                "❌ nginx: exited (期望: running)，退出码 3",
                "❌ db: exited (期望: running)，内存不足被系统杀死 (OOM)",
                "❌ web: restarting (期望: running)，反复重启 (10 分钟内 4 次)，退出码 137 (SIGKILL，可能内存不足)，\
                 unhealthy (期望: healthy)，健康检查: no answer",
                "❌ gone: removed (期望: running)，已删除",
            ]
        );
        assert_eq!(
            lines(alert_lines, &four(), Language::English)[..2],
            ["❌ nginx: exited (expected: running), exit code 3", "❌ db: exited (expected: running), OOM killed"]
        );
    }

    #[test]
    fn four_that_are_well_again_are_a_line_each() {
        let well: Vec<Transition> = ["a", "b", "c", "d"].map(|target| state(target, "running", vec![])).into();
        assert_eq!(
            lines(recovery_lines, &well[..1], Language::Chinese),
            ["📦 容器: a", "✅ 状态: running (已恢复正常)"]
        );
        assert_eq!(lines(recovery_lines, &well, Language::Chinese)[0], "✅ a: running (已恢复正常)");
        assert_eq!(lines(recovery_lines, &well, Language::English)[3], "✅ d: running (back to normal)");
    }

    #[test]
    fn the_engine_is_no_container() {
        let mut transitions = four()[..3].to_vec();
        transitions.push(of(metric::DOCKER_ENGINE, "Docker", "unavailable", "available", vec![]));
        let told = lines(alert_lines, &transitions, Language::Chinese);
        assert_eq!((told[0].plain(), told[1].plain()), ("⚠️ Docker 服务不可用", "📦 容器: nginx"));
    }

    #[test]
    fn a_job_is_expected_to_end_with_0() {
        let job = |word, causes| of(metric::CONTAINER_STATE, "job", word, "exited", causes);
        let told = |job| lines(alert_lines, &[job], Language::Chinese);
        let failed = told(job("exited", vec![Cause::ExitCode(3)]));
        assert_eq!(failed, ["📦 容器: job", "❌ 状态: exited 3 (期望: exited 0)", "💥 退出码: 3"]);
        assert_eq!(told(job("missing", vec![]))[1], "❌ 状态: missing (期望: exited 0)");
    }

    #[test]
    fn forty_thousand_containers_are_laid_out_at_once() {
        let many: Vec<Transition> =
            (0..40_000).map(|number| state(&format!("c{number}"), "exited", vec![Cause::ExitCode(1)])).collect();
        assert_eq!(lines(alert_lines, &many, Language::Chinese).len(), 40_000);
    }
}
