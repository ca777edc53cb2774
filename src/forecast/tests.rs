//! Forecasts of one path's readings, one by one; gaps, restarts and other clocks; bounds, and states that no agent wrote.

use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::metric::{self, DISK, DISK_FORECAST};
use crate::snapshot::Forecast;

const SHORT: Duration = Duration::from_secs(900);

/// The checks of one path, by one agent after another.
struct Checks {
    forecasts: Forecasts,
    now: Boot,
}

impl Checks {
    fn new() -> Checks {
        Checks { forecasts: Forecasts::default(), now: Boot::from_millis(5_000_000) }
    }

    /// A check of `/` so long after the one before.
    fn check(&mut self, after: Duration, percent: f64) -> Option<Forecast> {
        self.now = self.now.after(after);
        check(&mut self.forecasts, &[("/", percent)], self.now).first().map(|(_, forecast)| *forecast)
    }

    /// A check an hour; the last forecast.
    fn hours(&mut self, percents: impl IntoIterator<Item = f64>) -> Option<Forecast> {
        percents.into_iter().map(|percent| self.check(HOUR, percent)).last().flatten()
    }

    /// The agent ends, and another one goes on from its state.
    fn restart(&mut self) {
        let saved = serde_json::to_vec(&self.forecasts).unwrap();
        self.forecasts = serde_json::from_slice(&saved).unwrap();
        assert_eq!(self.forecasts.correct(Now { wall: Timestamp::UNIX_EPOCH, boot: self.now }), 0);
    }

    /// The machine starts anew: its clock begins somewhere else.
    fn reboot(&mut self, micros: i64) {
        self.forecasts.shift(micros);
        self.now = self.now.shifted(micros);
        self.restart();
    }
}

fn check(forecasts: &mut Forecasts, disks: &[(&str, f64)], now: Boot) -> Vec<(String, Forecast)> {
    let mut snapshot = Snapshot::default();
    for (path, percent) in disks {
        snapshot.watch(DISK, *path);
        snapshot.push(DISK, *path, Value::Usage { percent: *percent, used_bytes: 1, total_bytes: 2 });
    }
    forecasts.derive(&mut snapshot, |_, _| true, now);
    let derived = snapshot.readings.into_iter().skip(disks.len());
    let forecast = |reading: Reading| match reading.value {
        Value::Forecast(forecast) if reading.key.metric == DISK_FORECAST => (reading.key.target.to_string(), *forecast),
        value => panic!("{value:?}"),
    };
    derived.map(forecast).collect()
}

fn rounded(hours: Option<f64>) -> Option<f64> {
    hours.map(|hours| (hours * 10.0).round() / 10.0)
}

#[test]
fn a_share_that_grows_for_a_day_is_full_where_its_line_ends() {
    let mut checks = Checks::new();
    assert_eq!(
        checks.hours((0..23).map(|hour| 60.0 + f64::from(hour))),
        None,
        "too little is known in the first 23 hours"
    );
    let found = checks.check(HOUR, 83.0).unwrap();
    // By the day 23 points in 24 hours; by each of the last three hours a point.
    assert_eq!((rounded(found.eta_hours), rounded(found.hours)), (Some(17.7), Some(17.0)));
    assert_eq!((found.percent, found.day_points), (83.0, 23.0));
}

#[test]
fn what_grows_no_more_has_no_end() {
    let mut checks = Checks::new();
    let found = checks.hours((0..60).map(|_| 70.0)).unwrap();
    assert_eq!((found.eta_hours, found.hours, found.day_points), (None, None, 0.0));
    // Growth by hardly anything is as good as none.
    let found = checks.hours((0..60).map(|hour| 70.0 + f64::from(hour) / 1000.0)).unwrap();
    assert_eq!((found.eta_hours, found.hours), (None, None));
}

#[test]
fn a_backup_each_night_is_no_growth() {
    let mut checks = Checks::new();
    for hour in 0..24 * 9 {
        let percent = if hour % 24 < 3 { 90.0 } else { 60.0 };
        let found = checks.check(HOUR, percent);
        assert!(hour < 26 || found.is_some_and(|found| found.eta_hours.is_none()), "hour {hour}: {found:?}");
    }
}

/// On its first day nothing tells it from a disk that fills: only the days that follow differ.
#[test]
fn a_log_that_is_rotated_each_day_has_a_forecast_on_its_first_day_alone() {
    let mut checks = Checks::new();
    let mut is_soon = |hour: &u32| {
        let found = checks.check(HOUR, 60.0 + f64::from(hour % 24) * 25.0 / 24.0);
        found.and_then(|found| found.eta_hours).is_some_and(|eta| eta <= 24.0)
    };
    assert_eq!((0..24 * 9).filter(&mut is_soon).collect::<Vec<_>>(), [23]);
}

#[test]
fn what_two_days_have_in_common_counts_where_the_last_hours_stand_still() {
    let mut checks = Checks::new();
    // It grows by 12 points each morning, and not for the rest of the day.
    let of_hour = |hour: u32| 40.0 + f64::from(hour / 24 * 12) + f64::from((hour % 24).min(4) * 3);
    let found = checks.hours((0..72).map(of_hour)).unwrap();
    assert_eq!((found.percent, rounded(found.eta_hours)), (76.0, Some(48.0)));
}

#[test]
fn at_its_end_the_disks_own_alert_speaks() {
    let mut checks = Checks::new();
    checks.hours((0..30).map(|hour| 60.0 + f64::from(hour)));
    assert!(checks.check(SHORT, 99.4).is_some());
    assert_eq!(checks.check(SHORT, 99.5), None);
}

#[test]
fn where_readings_are_missing_there_is_no_forecast() {
    let mut checks = Checks::new();
    assert!(checks.hours((0..40).map(|_| 50.0)).is_some());
    assert_eq!(checks.check(4 * HOUR, 50.0), None, "of three hours ago nothing is known");
    assert!(checks.hours([50.0, 50.0, 50.0]).is_some());
    assert_eq!(checks.check(HOUR * 1000, 50.0), None);
    assert_eq!(checks.hours((0..22).map(|_| 50.0)), None, "as if it were new");
}

#[test]
fn a_path_that_is_not_watched_is_forgotten_after_a_day_and_one_that_hangs_is_not() {
    let mut forecasts = Forecasts::default();
    let mut now = Boot::from_millis(0);
    let mut an_hour = |forecasts: &mut Forecasts, read: &[&str], watched: &[&str]| {
        let mut snapshot = Snapshot::default();
        watched.iter().for_each(|path| snapshot.watch(DISK, *path));
        read.iter().for_each(|path| snapshot.push(DISK, *path, Value::Number(50.0)));
        forecasts.derive(&mut snapshot, |_, _| true, now);
        now = now.after(HOUR);
        forecasts.series.keys().map(|key| key.target.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(an_hour(&mut forecasts, &["/a", "/b", "/c"], &["/a", "/b", "/c"]), ["/a", "/b", "/c"]);
    for _ in 1..24 {
        assert_eq!(an_hour(&mut forecasts, &["/c"], &["/a", "/c"]), ["/a", "/b", "/c"]);
    }
    assert_eq!(an_hour(&mut forecasts, &["/c"], &["/a", "/c"]), ["/a", "/c"]);
    for _ in 25..50 {
        an_hour(&mut forecasts, &["/c"], &["/a", "/c"]);
    }
    assert_eq!(an_hour(&mut forecasts, &["/c"], &["/a", "/c"]), ["/c"], "nothing is known of it any more");
}

#[test]
fn what_is_off_is_neither_remembered_nor_derived() {
    let mut forecasts = Forecasts::default();
    let mut snapshot = Snapshot::default();
    snapshot.push(DISK, "/", Value::Number(50.0));
    snapshot.push(metric::CPU, "", Value::Number(50.0));
    forecasts.derive(&mut snapshot, |_, _| false, Boot::from_millis(0));
    assert!(forecasts.is_empty() && snapshot.readings.len() == 2);
    forecasts.derive(&mut snapshot, |_, _| true, Boot::from_millis(0));
    assert_eq!(forecasts.series.len(), 1, "a CPU is never full");
}

#[test]
fn a_check_says_what_it_changed() {
    let mut forecasts = Forecasts::default();
    let mut now = Boot::from_millis(0);
    let mut change = |after: Duration, percent: f64| {
        let mut snapshot = Snapshot::default();
        snapshot.push(DISK, "/", Value::Number(percent));
        now = now.after(after);
        forecasts.derive(&mut snapshot, |_, _| true, now)
    };
    let changes =
        [change(SHORT, 50.0), change(SHORT, 50.0), change(SHORT, 51.0), change(SHORT, 50.0), change(HOUR, 50.0)];
    assert_eq!(changes, [Change::Higher, Change::Nothing, Change::Higher, Change::Nothing, Change::Hour]);
}

#[test]
fn more_paths_than_anybody_has_are_not_remembered_and_the_state_stays_small() {
    let mut forecasts = Forecasts::default();
    let paths: Vec<String> = (0..3 * MAX_SERIES).map(|number| format!("/{number}")).collect();
    let disks: Vec<(&str, f64)> = paths.iter().map(|path| (path.as_str(), 50.0)).collect();
    for hour in 0..HOURS as u64 {
        check(&mut forecasts, &disks, Boot::from_millis(0).after(HOUR * hour as u32));
    }
    assert_eq!(forecasts.series.len(), MAX_SERIES);
    let bytes = serde_json::to_vec(&forecasts).unwrap().len();
    assert!(bytes < MAX_SERIES * 300, "{bytes}");
}

#[test]
fn what_no_agent_wrote_is_dropped() {
    let series = |metric: &str, target: &str| serde_json::json!({"metric": metric, "target": target, "peaks": "c350"});
    let mut all: Vec<_> = (0..2 * MAX_SERIES).map(|number| series("disk", &number.to_string())).collect();
    all.extend([series("memory", ""), series("of_nobody", "x"), series("disk", &"x".repeat(100_000))]);
    let saved = serde_json::json!({"hour_began": i64::MAX, "series": all});
    let mut forecasts: Forecasts = serde_json::from_value(saved).unwrap();
    let now = Now { wall: Timestamp::UNIX_EPOCH, boot: Boot::from_millis(1000) };
    assert_eq!(forecasts.correct(now), MAX_SERIES + 3 + 1);
    assert_eq!((forecasts.series.len(), forecasts.hour_began), (MAX_SERIES, now.boot));
}

/// Anything that can be between two checks.
#[derive(Clone, Debug)]
enum Between {
    Nothing,
    Restart,
    Reboot(i64),
}

fn between() -> impl Strategy<Value = Between> {
    let day = 86_400_000_000_i64;
    prop_oneof![8 => Just(Between::Nothing), 1 => Just(Between::Restart), 1 => (-day..day).prop_map(Between::Reboot)]
}

fn step() -> impl Strategy<Value = (Duration, f64, Between)> {
    let seconds = prop_oneof![8 => 1..7200_u64, 1 => 0..400_000_u64];
    let percent = prop_oneof![8 => 0.0..105.0_f64, 1 => any::<f64>()];
    (seconds.prop_map(Duration::from_secs), percent, between())
}

proptest! {
    #[test]
    fn restarts_and_other_clocks_change_no_forecast(steps in prop::collection::vec(step(), 0..150)) {
        let (mut one, mut other) = (Checks::new(), Checks::new());
        for (after, percent, between) in steps {
            match between {
                Between::Nothing => {}
                Between::Restart => other.restart(),
                Between::Reboot(micros) => other.reboot(micros),
            }
            prop_assert_eq!(one.check(after, percent), other.check(after, percent));
        }
    }

    #[test]
    fn nothing_is_forecast_from_less_than_23_hours_nor_without_bounds(steps in prop::collection::vec(step(), 1..150)) {
        let mut checks = Checks::new();
        let mut began = None;
        for (after, percent, _) in steps {
            let found = checks.check(after, percent);
            if percent.is_finite() {
                began.get_or_insert(checks.now);
            }
            let Some(Forecast { eta_hours, hours, percent, day_points }) = found else { continue };
            prop_assert!(began.is_some_and(|began| checks.now - began >= 23 * HOUR));
            prop_assert_eq!(eta_hours.is_some(), hours.is_some());
            for hours in [eta_hours, hours].into_iter().flatten() {
                prop_assert!(hours > 0.0 && hours <= 1000.0, "{}", hours);
            }
            prop_assert!(hours <= eta_hours && (0.0..99.5).contains(&percent) && (-131.1..99.5).contains(&day_points));
        }
    }

    #[test]
    fn any_state_is_read_or_refused(text in "\\PC{0,200}", hour_began: i64, metric in "disk|inodes|cpu|\\PC{0,9}", now: i64) {
        let series = serde_json::json!([{"metric": metric, "target": text, "peaks": text}]);
        let saved = serde_json::json!({"hour_began": hour_began, "series": series});
        let mut forecasts: Forecasts = serde_json::from_value(saved).unwrap();
        let boot = Boot::from_micros(now);
        forecasts.correct(Now { wall: Timestamp::UNIX_EPOCH, boot });
        check(&mut forecasts, &[("/", 50.0)], boot);
        prop_assert!(forecasts.hour_began <= boot);
    }
}
