//! Charts for the tests: a day of a web server, and each of the odd cases.

use std::time::Duration;

use jiff::tz::{TimeZone, offset};
use jiff::{SignedDuration, Timestamp};

use super::{Chart, ContainerRow, Episode, Panel, Span, State, Step, Strip};
use crate::message::{Language, Line};
use crate::metric::{self, Metric, Unit};
use crate::snapshot::Key;

/// Every case, by its name.
pub const CASES: [&str; 12] =
    ["report", "alert", "empty", "hour", "one", "forty", "boxes", "unknown", "far-over", "gaps", "many-alerts", "huge"];

const DAY_STEPS: usize = 1440;

/// A number between 0 and 1 that looks random and is the same in every run.
fn noise(seed: u64) -> f64 {
    let mixed =
        (seed ^ 0x9e37_79b9).wrapping_mul(0xbf58_476d_1ce4_e5b9).rotate_left(31).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed >> 40) as f64 / (1_u64 << 24) as f64
}

/// Steps of which each is `of` its place, a little up and down; none in a gap in the morning.
fn steps(count: usize, of: impl Fn(f64, f64) -> f64) -> Vec<Option<Step>> {
    let step = |number: usize| {
        let at = number as f64 / count as f64;
        let avg = of(at, noise(number as u64));
        let is_gap = (0.355..0.378).contains(&at);
        (!is_gap).then_some(Step { min: avg * 0.98, avg, max: avg * (1.0 + 0.03 * noise(number as u64 * 7)) })
    };
    (0..count).map(step).collect()
}

fn span(chart: &Chart, from: f64, to: f64) -> Span {
    let seconds = chart.to.duration_since(chart.from).as_secs_f64();
    let at = |place: f64| chart.from + SignedDuration::from_secs((seconds * place) as i64);
    Span { from: at(from), to: at(to) }
}

fn strip(metric: &'static Metric, now: f64, steps: Vec<Option<Step>>) -> Strip {
    let threshold = metric.default.and_then(|limits| limits.warning);
    Strip { key: Key::whole(metric), note: Line::default(), steps, now: Some(now), threshold, alerts: Vec::new() }
}

/// A chart of the last `hours`, without content.
pub fn bare(language: Language, hours: i64) -> Chart {
    let to: Timestamp = "2026-11-26T05:00:00Z".parse().unwrap();
    Chart {
        host: "hz-web-01".to_owned(),
        system_host: "hz-web-01".to_owned(),
        zone: TimeZone::get("Asia/Shanghai").unwrap_or_else(|_| TimeZone::fixed(offset(8))),
        language,
        from: to - SignedDuration::from_hours(hours),
        to,
        made_at: to + SignedDuration::from_secs(5),
        interval: Duration::from_secs(60),
        wrong: Vec::new(),
        panels: Vec::new(),
        containers: Vec::new(),
        episodes: Vec::new(),
    }
}

fn of_language(language: Language, zh: &'static str, en: &'static str) -> Line {
    (if language == Language::Chinese { zh } else { en }).into()
}

fn memory(chart: &Chart) -> Strip {
    let course = |at: f64, noise: f64| match at {
        at if at < 0.41 => 60.0 + at * 32.0 + noise * 0.4,
        at if at < 0.9 => 48.0 + (at - 0.41) * 35.0 + noise * 0.4,
        at => (65.0 + (at - 0.9) * 500.0).min(86.5) + noise * 0.6,
    };
    let mut memory = strip(metric::MEMORY, 88.5, steps(DAY_STEPS, course));
    memory.note = "3.4 / 3.8 GB".into();
    memory.alerts = vec![span(chart, 0.934, 1.0)];
    memory
}

fn cpu(chart: &Chart) -> Strip {
    let course = |at: f64, noise: f64| match at {
        at if (0.564..0.604).contains(&at) => 86.0 + noise * 4.0,
        at if [0.125, 0.25, 0.5, 0.75].iter().any(|spike| (at - spike).abs() < 0.003) => 50.0 + noise * 12.0,
        at => 18.0 + 70.0 * at * (1.0 - at) + noise * 9.0,
    };
    let mut cpu = strip(metric::CPU, 21.8, steps(DAY_STEPS, course));
    cpu.note = of_language(chart.language, "2 核", "2 cores");
    cpu.alerts = vec![span(chart, 0.564, 0.604)];
    cpu
}

fn container(name: &str, now: State, troubles: &[(f64, f64, State)]) -> ContainerRow {
    let state = |number: usize| {
        let at = number as f64 / DAY_STEPS as f64;
        let trouble = troubles.iter().find(|(from, to, _)| (*from..*to).contains(&at));
        trouble.map_or(if (0.355..0.378).contains(&at) { State::Unknown } else { State::Running }, |found| found.2)
    };
    let states: Vec<State> = (0..DAY_STEPS).map(state).collect();
    let known = states.iter().filter(|state| **state != State::Unknown).count();
    let well = states.iter().filter(|state| **state == State::Running).count();
    let well_percent = (known > 0).then(|| well as f64 * 100.0 / known as f64);
    ContainerRow { name: name.to_owned(), id: "3f2a9c81d0e7".to_owned(), states, now, well_percent }
}

/// A day of a web server on which two things are wrong.
pub fn report(language: Language) -> Chart {
    let mut chart = bare(language, 24);
    chart.wrong = vec![
        of_language(
            language,
            "内存 88.5%，超过阈值 80%，已持续 1 小时 35 分",
            "Memory 88.5%, threshold 80%, for 1 h 35 min",
        ),
        of_language(language, "容器 ", "Container ")
            + Line::foreign("worker-email-queue-3")
            + of_language(language, " 停止，已 2 小时 18 分", " exited, for 2 h 18 min"),
    ];
    let mut disk = strip(metric::DISK, 63.8, steps(DAY_STEPS, |at, _| 59.0 + at * 4.0));
    disk.key = Key::new(metric::DISK, "/");
    let traffic_in = steps(DAY_STEPS, |at, noise| 4.0 + 14.0 * at * (1.0 - at) + noise * noise * noise * 9.0);
    let of_out =
        |at: f64, noise: f64| if (0.12..0.15).contains(&at) { 55.0 } else { 4.0 + 60.0 * at * (1.0 - at) * noise };
    chart.panels = vec![
        Panel::Strip(cpu(&chart)),
        Panel::Strip(memory(&chart)),
        Panel::Strip(disk),
        Panel::Mirrored {
            title: of_language(language, "流量", "Traffic"),
            inward: strip(metric::TRAFFIC_IN, 2.7, traffic_in),
            outward: strip(metric::TRAFFIC_OUT, 5.6, steps(DAY_STEPS, of_out)),
        },
        Panel::Strip(strip(
            metric::CONNECTIONS,
            217.0,
            steps(DAY_STEPS, |at, noise| 180.0 + 900.0 * at * (1.0 - at) + noise * 20.0),
        )),
    ];
    chart.containers = vec![
        container("nginx", State::Running, &[]),
        container("shop-api", State::Running, &[(0.564, 0.603, State::Unhealthy)]),
        container("postgres", State::Running, &[]),
        container(
            "worker-email-queue-3",
            State::Stopped,
            &[(0.68, 0.7, State::Stopped), (0.71, 0.72, State::Stopped), (0.904, 1.0, State::Stopped)],
        ),
    ];
    chart.episodes = vec![
        Episode {
            subject: of_language(language, "内存", "Memory"),
            began: span(&chart, 0.934, 1.0).from,
            ended: None,
            worst: "89.5%".into(),
        },
        Episode {
            subject: "CPU".into(),
            began: span(&chart, 0.564, 0.604).from,
            ended: Some(span(&chart, 0.564, 0.604).to),
            worst: "97.0%".into(),
        },
    ];
    chart
}

/// The case of this name.
pub fn case(name: &str, language: Language) -> Chart {
    let mut chart = report(language);
    let nothing = |strip: &mut Strip| strip.steps.fill(None);
    match name {
        "report" => {}
        "alert" => {
            let mut alert = bare(language, 6);
            let course =
                |at: f64, noise: f64| 60.0 + (at * 5.0).min(4.0) + ((at - 0.6).max(0.0) * 120.0).min(23.0) + noise;
            let mut memory = Strip { steps: steps(360, course), ..memory(&chart) };
            memory.alerts = vec![span(&alert, 0.735, 1.0)];
            alert.panels = vec![Panel::Strip(memory)];
            alert.wrong = vec![of_language(language, "内存 88.5%，超过阈值 80%", "Memory 88.5%, threshold 80%")];
            return alert;
        }
        "empty" => {
            each(&mut chart, nothing);
            each(&mut chart, |strip| strip.alerts.clear());
            (chart.wrong, chart.containers, chart.episodes) = Default::default();
        }
        "hour" => {
            let recent = |strip: &mut Strip| strip.steps[..DAY_STEPS - 60].fill(None);
            each(&mut chart, recent);
            chart.containers.iter_mut().for_each(|row| row.states[..DAY_STEPS - 60].fill(State::Unknown));
        }
        "one" => {
            chart.panels.truncate(1);
            (chart.containers, chart.wrong, chart.episodes) = Default::default();
        }
        "forty" => {
            let troubled = [(0.2, 0.3, State::Unhealthy)];
            let row = |number: usize| {
                let name = format!("shop-worker-{number}.1.k3j9x0q2m8v7");
                container(&name, State::Running, if number % 4 == 3 { &troubled } else { &[] })
            };
            chart.containers.extend((0..36).map(row));
        }
        "boxes" => {
            chart.host = "サーバー🐳 ウェブ 01".to_owned();
            chart.containers[1].name = "магазин-апи".to_owned();
            chart.containers[2].name = "post👨‍💻gres-main".to_owned();
            chart.panels.truncate(3);
            if let Panel::Strip(disk) = &mut chart.panels[2] {
                disk.key = Key::new(metric::DISK, "/données/архив/резервные/backup");
            }
        }
        "unknown" => {
            each(&mut chart, nothing);
            each(&mut chart, |strip| (strip.now, strip.alerts) = (None, Vec::new()));
            for row in &mut chart.containers {
                row.states.fill(State::Unknown);
                (row.now, row.well_percent) = (State::Unknown, None);
            }
            (chart.wrong, chart.episodes) = Default::default();
        }
        "far-over" => {
            let grow = |strip: &mut Strip| {
                if strip.key.metric == metric::CONNECTIONS {
                    let at = |number: usize| 200.0 + if number > 1000 { 15_000.0 * noise(number as u64) } else { 0.0 };
                    let step = |number: usize| Some(Step { min: at(number), avg: at(number), max: at(number) });
                    (strip.steps, strip.now) = ((0..DAY_STEPS).map(step).collect(), Some(14_230.0));
                    strip.alerts = vec![];
                }
            };
            each(&mut chart, grow);
            let alert = span(&chart, 0.7, 1.0);
            each(&mut chart, |strip| {
                if strip.is_over() {
                    strip.alerts = vec![alert]
                }
            });
        }
        "huge" => {
            let grow = |strip: &mut Strip| {
                let factor = if strip.key.metric == metric::CONNECTIONS { 1e12 } else { 12_345.0 };
                if strip.key.metric.unit != Unit::Percent {
                    let grown = |step: Step| Step { min: -step.min, avg: step.avg * factor, max: step.max * factor };
                    strip.steps.iter_mut().for_each(|step| *step = step.map(grown));
                    strip.now = strip.now.map(|now| now * factor);
                }
            };
            each(&mut chart, grow);
            chart.host = "a-name-of-a-host-that-is-longer-than-the-picture-is-wide.example.com".to_owned();
        }
        "gaps" => {
            let holes = |strip: &mut Strip| {
                for (number, step) in strip.steps.iter_mut().enumerate() {
                    // Eleven in a row, and single ones among others.
                    if number / 60 % 3 == 1 || number / 60 % 7 == 2 && number % 2 == 0 {
                        *step = None;
                    }
                }
            };
            each(&mut chart, holes);
        }
        "many-alerts" => {
            let alerts: Vec<Span> = (0..24).map(|n| span(&chart, n as f64 / 24.0, (n as f64 + 0.3) / 24.0)).collect();
            each(&mut chart, |strip| strip.alerts = alerts.clone());
            let wrong = chart.wrong.clone();
            chart.wrong.extend(std::iter::repeat_n(wrong, 5).flatten());
        }
        name => panic!("no case {name}"),
    }
    chart
}

fn each(chart: &mut Chart, change: impl Fn(&mut Strip)) {
    for panel in &mut chart.panels {
        match panel {
            Panel::Strip(strip) => change(strip),
            Panel::Mirrored { inward, outward, .. } => [inward, outward].into_iter().for_each(&change),
        }
    }
}
