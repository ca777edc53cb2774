//! The report's section on containers: always those in trouble, and as many of the others as there is room for.

use std::collections::HashMap;

use jiff::Timestamp;

use super::super::{Line, Words};
use crate::bounds::seconds_between;
use crate::metric;
use crate::snapshot::{ContainerWord, Reading, Restarted, Snapshot, Value};

/// How many containers are listed, unless more are in trouble.
const MAX_LINES: usize = 40;

/// The section's lines, its heading first; the heading alone if there is no container.
pub(in super::super) fn containers(snapshot: &Snapshot, words: &Words, now: Timestamp) -> Vec<Line> {
    let mut lines = vec![Line::from(words.docker)];
    if snapshot.failures.iter().any(|failure| failure.is_of_docker() && failure.target.is_none()) {
        lines.push(Line::from("  ") + words.docker_unavailable);
        return lines;
    }
    let of = |metric| snapshot.readings.iter().filter(move |reading| reading.key.metric == metric);
    let health: HashMap<&str, &ContainerWord> = of(metric::CONTAINER_HEALTH)
        .filter_map(|reading| Some((&*reading.key.target, of_container(reading)?)))
        .collect();
    let row = |state: &Reading| Row::new(state, health.get(&*state.key.target).copied(), words, now);
    let mut rows: Vec<Row> = of(metric::CONTAINER_STATE).filter_map(row).collect();
    let unmeasured = snapshot.failures.iter().filter(|failure| failure.is_of_docker());
    rows.extend(unmeasured.filter_map(|failure| {
        let target = Line::from("  • ") + Line::foreign(failure.target.as_deref()?);
        let line = target + ": " + words.unknown + " (" + Line::foreign(&failure.error) + ")";
        Some(Row { line, standing: Standing::Trouble })
    }));
    let troubled = rows.iter().filter(|row| row.standing == Standing::Trouble).count();
    let mut room = MAX_LINES.saturating_sub(troubled);
    let (mut well, mut as_found) = (0, 0);
    for row in rows {
        match row.standing {
            Standing::Trouble => {}
            Standing::Well if room == 0 => well += 1,
            Standing::AsFound if room == 0 => as_found += 1,
            Standing::Well | Standing::AsFound => room -= 1,
        }
        lines.extend(Some(row.line).filter(|_| row.standing == Standing::Trouble || well + as_found == 0));
    }
    lines.extend((well > 0).then(|| words.others_well(well).into()));
    lines.extend((as_found > 0).then(|| words.others_as_found(as_found).into()));
    lines
}

struct Row {
    line: Line,
    standing: Standing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Trouble,
    Well,
    /// It did not run when it was first seen, and nobody named it.
    AsFound,
}

impl Row {
    fn new(state: &Reading, health: Option<&ContainerWord>, words: &Words, now: Timestamp) -> Option<Row> {
        let word = of_container(state)?;
        let is_well = word.well == Some(true) && health.is_none_or(|health| health.well == Some(true));
        let sign = match (&*word.word, health.map(|health| &*health.word)) {
            ("paused", _) => "⏸️",
            ("restarting", _) => "🔁",
            ("running", Some("starting")) => "⏳",
            ("running", Some("unhealthy")) => "⚠️",
            _ if is_well => "✅",
            _ => "❌",
        };
        let target = Line::from("  • ") + Line::foreign(&state.key.target);
        let mut line = target + ": " + sign + " " + Line::foreign(&word.shown());
        // The health of a container that does not run is the one from its last run.
        if let Some(health) = health.filter(|_| &*word.word == "running") {
            line = line + " (" + Line::foreign(&health.word) + ")";
        }
        if !is_well {
            line = line + history(word, words, now);
        }
        let standing = match word.well {
            _ if is_well => Standing::Well,
            Some(_) => Standing::Trouble,
            None => Standing::AsFound,
        };
        Some(Row { line, standing })
    }
}

/// The number of restarts, and the last start: it matters for a container that restarts again and again.
fn history(word: &ContainerWord, words: &Words, now: Timestamp) -> String {
    let Some(Restarted { count, last }) = word.restarts.as_deref() else { return String::new() };
    let mut text = format!(", {}", words.restarts(*count));
    if let Some(last) = last {
        text.push_str(&format!(", {}", words.started_ago(&words.duration(seconds_between(*last, now)))));
    }
    text
}

fn of_container(reading: &Reading) -> Option<&ContainerWord> {
    match &reading.value {
        Value::Container(word) => Some(word),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Language;
    use crate::snapshot::Failure;

    fn add(snapshot: &mut Snapshot, target: &str, state: &str, health: Option<(&str, Option<bool>)>) {
        snapshot.push(metric::CONTAINER_STATE, target, Value::from(ContainerWord::new(state, "running")));
        if let Some((word, well)) = health {
            let word = ContainerWord { well, ..ContainerWord::new(word, "healthy") };
            snapshot.push(metric::CONTAINER_HEALTH, target, Value::from(word));
        }
    }

    fn lines(snapshot: &Snapshot) -> Vec<Line> {
        containers(snapshot, Language::Chinese.words(), Timestamp::from_second(10_000).unwrap())
    }

    #[test]
    fn each_state_has_its_sign() {
        let mut snapshot = Snapshot::default();
        add(&mut snapshot, "nginx", "running", Some(("healthy", Some(true))));
        add(&mut snapshot, "redis", "running", None);
        add(&mut snapshot, "a", "running", Some(("unhealthy", Some(false))));
        add(&mut snapshot, "b", "running", Some(("starting", None)));
        add(&mut snapshot, "c", "exited", Some(("unhealthy", Some(false))));
        for state in ["paused", "restarting", "missing", "dead", "removing", "created"] {
            add(&mut snapshot, state, state, None);
        }
        assert_eq!(
            lines(&snapshot),
            [
                "🐳 Docker 容器",
                "  • nginx: ✅ running (healthy)",
                "  • redis: ✅ running",
                "  • a: ⚠️ running (unhealthy)",
                "  • b: ⏳ running (starting)",
                "  • c: ❌ exited",
                "  • paused: ⏸️ paused",
                "  • restarting: 🔁 restarting",
                "  • missing: ❌ missing",
                "  • dead: ❌ dead",
                "  • removing: ❌ removing",
                "  • created: ❌ created",
            ]
        );
    }

    #[test]
    fn of_one_that_is_restarted_again_and_again_it_is_told_how_often_and_when() {
        let mut snapshot = Snapshot::default();
        let word = ContainerWord {
            restarts: Some(Box::new(Restarted { count: 12, last: Some(Timestamp::from_second(10_000 - 65).unwrap()) })),
            ..ContainerWord::new("restarting", "running")
        };
        snapshot.push(metric::CONTAINER_STATE, "app", Value::from(word));
        assert_eq!(lines(&snapshot)[1], "  • app: 🔁 restarting, 重启 12 次, 1 分钟前启动");
    }

    #[test]
    fn those_in_trouble_are_always_shown() {
        let mut snapshot = Snapshot::default();
        for number in 0..60 {
            add(&mut snapshot, &format!("c{number}"), if number % 2 == 0 { "running" } else { "exited" }, None);
        }
        let lines = lines(&snapshot);
        assert_eq!(lines.len(), 42);
        assert_eq!(lines.iter().filter(|line| line.plain().contains("❌")).count(), 30);
        assert_eq!(lines[41], "  … 另有 20 个正常");
    }

    #[test]
    fn what_was_found_as_it_is_gives_way_to_trouble() {
        let mut snapshot = Snapshot::default();
        for number in 0..60 {
            let well = if number < 50 { None } else { Some(false) };
            let word = ContainerWord { well, ..ContainerWord::new("exited", "running") };
            snapshot.push(metric::CONTAINER_STATE, format!("c{number}"), Value::from(word));
        }
        let lines = lines(&snapshot);
        assert_eq!((lines.len(), lines[41].plain()), (42, "  … 另有 20 个早已停止"));
        assert!((50..60).all(|number| lines.iter().any(|line| *line == &*format!("  • c{number}: ❌ exited"))));
    }

    #[test]
    fn an_engine_that_cannot_be_reached_is_told_and_one_that_is_off_is_not() {
        let mut snapshot = Snapshot::default();
        assert_eq!(lines(&snapshot).len(), 1);
        snapshot.failures.push(Failure {
            collector: "docker",
            metrics: &[metric::CONTAINER_STATE],
            target: None,
            error: "refused".to_owned(),
        });
        assert_eq!(lines(&snapshot)[1], "  ⚠️ Docker 服务不可用");
    }
}
