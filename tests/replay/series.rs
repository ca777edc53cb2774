//! Series of readings as hosts have them: made anew by each test run and the same each time, or recorded.

use std::fs;
use std::path::Path;

/// Readings over some days, as `replay` reads them.
pub struct Series {
    pub name: &'static str,
    pub history: String,
}

pub const RECORDED_CONTAINERS: &str = "recorded: one dies twice, one stays unhealthy";
pub const RECORDED_BUILD: &str = "recorded: a build takes all of the cpu";
pub const MEMORY: &str = "memory at 85 % for a week";
pub const TOGGLING_CPU: &str = "cpu over and under at each check for a day";
pub const BACKUP: &str = "a nightly backup, for a week";
pub const CRASHES: &str = "a container that crashes every 5 minutes, a day";
pub const LEAK: &str = "a slow leak, restarted after a week";

/// Checks of a real host, some seconds apart, in a file of fixtures/replay.
fn recorded(name: &'static str, file: &str) -> Series {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/replay").join(file);
    let history = fs::read_to_string(path).unwrap();
    Series { name, history }
}

/// 2026-02-02, a Monday.
const START: usize = 1_769_990_400;
const MINUTE: usize = 60;
const DAY: usize = 24 * 60;

/// A check each `step` minutes for so many; `rows` gives metric, target and value of a minute.
fn series<V: ToString>(
    name: &'static str,
    minutes: usize,
    step: usize,
    rows: impl Fn(usize) -> Vec<(&'static str, &'static str, V)>,
) -> Series {
    let mut history = String::from("time,metric,target,value\n");
    for minute in (0..minutes).step_by(step) {
        for (metric, target, value) in rows(minute) {
            history += &format!("{},{metric},{target},{}\n", START + minute * MINUTE, value.to_string());
        }
    }
    Series { name, history }
}

/// Between -1 and 1, without a pattern that anybody would see.
fn noise(minute: usize) -> f64 {
    let mixed = (minute as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

pub fn all() -> Vec<Series> {
    let is_night = |minute: usize| (180..225).contains(&(minute % DAY));
    vec![
        series(MEMORY, 7 * DAY, 15, |_| vec![("memory", "", 85)]),
        series(TOGGLING_CPU, DAY, 15, |minute| vec![("cpu", "", if minute / 15 % 2 == 0 { 97 } else { 60 })]),
        series("memory that hovers at its threshold, a day", DAY, 1, |minute| {
            vec![("memory", "", 80.0 + noise(minute))]
        }),
        series(BACKUP, 7 * DAY, 15, |minute| {
            let (cpu, traffic) = if is_night(minute) { (98.0, 412.0) } else { (12.0, 3.0) };
            vec![("cpu", "", cpu + noise(minute)), ("traffic_out", "", traffic + noise(minute))]
        }),
        series(CRASHES, DAY, 1, |minute| {
            vec![("container_state", "shop-web-1", if minute % 5 == 3 { "exited" } else { "running" })]
        }),
        series(LEAK, 8 * DAY, 15, |minute| {
            let leaked = if minute < 7 * DAY { 55.0 + 44.0 * minute as f64 / (7 * DAY) as f64 } else { 55.0 };
            vec![("memory", "", leaked + 0.3 * noise(minute))]
        }),
        series("a disk that fills up and is cleared at noon", 2 * DAY, 15, |minute| {
            let filled = if minute < DAY + DAY / 2 { 70.0 + minute as f64 / 75.0 } else { 45.0 };
            vec![("disk", "/", filled)]
        }),
        series("cpu spikes of a minute, a day", DAY, 1, |minute| {
            vec![("cpu", "", if minute % 40 == 7 { 99.0 } else { 20.0 + noise(minute) })]
        }),
        series("an hour of trouble, once", DAY, 15, |minute| {
            let value = if (600..660).contains(&minute) { 1 } else { 0 };
            vec![("connections", "", 300 + 4000 * value), ("cpu", "", 30 + 65 * value)]
        }),
        recorded(RECORDED_CONTAINERS, "containers.json"),
        recorded(RECORDED_BUILD, "host.csv"),
    ]
}

pub fn named(name: &str) -> Series {
    all().into_iter().find(|series| series.name == name).unwrap()
}
