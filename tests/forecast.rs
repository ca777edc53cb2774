//! How well disks are forecast: made disks of many kinds through `replay`'s code, and the share that is told in time.
//!
//! The disks are made from a fixed seed, so a change of the rule shows here.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value as Json;
use vps_monitor::config::{Config, Resolved};
use vps_monitor::metric;
use vps_monitor::replay::{Recorded, RecordedCheck, Replay};
use vps_monitor::snapshot::{Key, Reading, Value};

use crate::simulator::random::Random;

const STEPS_AN_HOUR: usize = 4;
const DAYS: usize = 14;
const STEPS: usize = DAYS * 24 * STEPS_AN_HOUR;
const HOURS_A_WEEK: f64 = 168.0;

/// A disk that is not full within this time after its forecast was told falsely.
const TRUE_WITHIN_HOURS: f64 = 48.0;

fn between(random: &mut Random, low: f64, high: f64) -> f64 {
    low + (high - low) * (random.next() as f64 / u64::MAX as f64)
}

/// Whether something that happens so often in an hour happens in this step.
fn happens(random: &mut Random, in_an_hour: f64) -> bool {
    between(random, 0.0, 1.0) < in_an_hour / STEPS_AN_HOUR as f64
}

fn hour(step: usize) -> f64 {
    step as f64 / STEPS_AN_HOUR as f64
}

/// More by day than by night, once on average.
fn by_day(step: usize) -> f64 {
    1.0 + 0.6 * ((hour(step) / 24.0 - 0.4) * std::f64::consts::TAU).sin()
}

type Kind = (usize, &'static str, fn(&mut Random) -> Vec<f64>);

/// So many of each kind, which makes the share of a disk, step by step. Those that take in much at once and keep it, or that
/// do so once a week, are told of falsely: for some hours they look as one that fills.
const KINDS: &[Kind] = &[
    (20, "fills steadily", |random| {
        let (mut share, from) = (between(random, 20.0, 85.0), between(random, 30.0, 150.0));
        let rate = (100.0 - share) / between(random, 30.0, 160.0);
        series(|step| {
            share += if hour(step) > from { rate * by_day(step) / STEPS_AN_HOUR as f64 } else { 0.0 };
            share + between(random, -0.1, 0.1)
        })
    }),
    (20, "fills faster and faster", |random| {
        let (mut share, from) = (between(random, 30.0, 80.0), between(random, 30.0, 100.0));
        let (mut rate, doubles) = (between(random, 0.02, 0.1), between(random, 14.0, 40.0));
        series(|step| {
            if hour(step) > from {
                rate *= 2_f64.powf(1.0 / doubles / STEPS_AN_HOUR as f64);
                share += rate / STEPS_AN_HOUR as f64;
            }
            share + between(random, -0.1, 0.1)
        })
    }),
    (20, "fills in bursts", |random| {
        let (mut share, from) = (between(random, 30.0, 80.0), between(random, 30.0, 150.0));
        let (often, rate) = (between(random, 0.2, 1.0), (100.0 - share) / between(random, 40.0, 150.0));
        series(|step| {
            if hour(step) > from && happens(random, often) {
                share += rate / often * between(random, 0.3, 1.7);
            }
            share
        })
    }),
    (20, "a log runs away", |random| {
        let (mut share, from) = (between(random, 20.0, 75.0), between(random, 30.0, 250.0));
        let rate = (100.0 - share) / between(random, 6.0, 36.0);
        series(|step| {
            share += if hour(step) > from { rate / STEPS_AN_HOUR as f64 } else { 0.0 };
            share + between(random, -0.05, 0.05)
        })
    }),
    (20, "a copy fills it", |random| {
        let (mut share, from) = (between(random, 20.0, 70.0), between(random, 30.0, 250.0));
        let rate = (100.0 - share) / between(random, 2.0, 10.0);
        series(|step| {
            share += if hour(step) > from { rate / STEPS_AN_HOUR as f64 } else { 0.0 };
            share
        })
    }),
    (40, "holds still", |random| {
        let (mut share, drift) = (between(random, 10.0, 92.0), between(random, -0.2, 0.4));
        series(|_| {
            share += drift / 24.0 / STEPS_AN_HOUR as f64;
            share + between(random, -0.3, 0.3)
        })
    }),
    (20, "backup at night", |random| {
        let (share, backup) = (between(random, 30.0, 65.0), between(random, 5.0, 30.0));
        let (from, lasts) = (between(random, 0.0, 5.0), between(random, 1.0, 4.0));
        series(|step| {
            let begun = (hour(step) + 24.0 - from) % 24.0;
            let grown = if begun < lasts { begun / lasts * backup } else { 0.0 };
            share + grown + between(random, -0.2, 0.2)
        })
    }),
    (10, "backup each week", |random| {
        let (share, backup) = (between(random, 30.0, 60.0), between(random, 5.0, 35.0));
        let (from, lasts) = (between(random, 0.0, 150.0), between(random, 2.0, 8.0));
        series(|step| {
            let begun = (hour(step) + HOURS_A_WEEK - from) % HOURS_A_WEEK;
            share + if begun < lasts { begun / lasts * backup } else { 0.0 } + between(random, -0.2, 0.2)
        })
    }),
    (10, "takes in something and keeps it", |random| {
        let (share, more) = (between(random, 20.0, 60.0), between(random, 5.0, 35.0));
        let (from, lasts) = (between(random, 30.0, 250.0), between(random, 0.2, 12.0));
        series(|step| share + ((hour(step) - from) / lasts).clamp(0.0, 1.0) * more + between(random, -0.1, 0.1))
    }),
    (20, "rotates its logs", |random| {
        let (share, days) = (between(random, 30.0, 75.0), if random.once_in(2) { 1.0 } else { 7.0 });
        let (grows, begun) = (between(random, 2.0, 18.0), between(random, 0.0, 24.0 * days));
        series(|step| {
            let since = (hour(step) + begun) % (24.0 * days);
            share + grows * since / (24.0 * days) + between(random, -0.2, 0.2)
        })
    }),
    (20, "images come and go", |random| {
        let (base, mut share) = (between(random, 25.0, 60.0), 0.0);
        let often = between(random, 0.01, 0.06);
        series(|_| {
            if happens(random, often) {
                share += between(random, 1.0, 12.0);
            }
            if share > 20.0 || happens(random, 0.01) {
                share = 0.0;
            }
            base + share + between(random, -0.1, 0.1)
        })
    }),
];

/// A disk ends when it is full.
fn series(mut share: impl FnMut(usize) -> f64) -> Vec<f64> {
    let mut series = Vec::new();
    for step in 0..STEPS {
        let share = share(step).max(0.0);
        if share >= 100.0 {
            break;
        }
        series.push(share);
    }
    series
}

struct Disk {
    kind: &'static str,
    shares: Vec<f64>,
    /// The hours of forecasts that were told first, and of their recoveries.
    fired: Vec<f64>,
    /// The hours that the former told.
    told_hours: Vec<f64>,
    withdrawn: Vec<f64>,
}

impl Disk {
    fn fills(&self) -> Option<f64> {
        (self.shares.len() < STEPS).then(|| hour(self.shares.len()))
    }

    fn hours(&self) -> f64 {
        hour(self.shares.len())
    }

    /// How long before it was full the forecast that stood then was told.
    fn lead_hours(&self) -> Option<f64> {
        let told = self.fired.last().filter(|told| self.withdrawn.last().is_none_or(|withdrawn| withdrawn < *told))?;
        Some(self.fills()? - told)
    }

    fn false_forecasts(&self) -> usize {
        let is_true = |told: &&f64| self.fills().is_some_and(|fills| fills - **told <= TRUE_WITHIN_HOURS);
        // One whose time is not over at the end is neither.
        let is_over = |told: &&f64| self.fills().is_some() || self.hours() - **told > TRUE_WITHIN_HOURS;
        self.fired.iter().filter(|told| !is_true(told) && is_over(told)).count()
    }
}

fn disks() -> Vec<Disk> {
    let mut random = Random::new(20_261_126);
    let of_kind = |(count, kind, make): &Kind| (0..*count).map(|_| (*kind, make(&mut random))).collect::<Vec<_>>();
    let all: Vec<_> = KINDS.iter().flat_map(of_kind).collect();
    all.into_iter()
        .map(|(kind, shares)| Disk { kind, shares, fired: Vec::new(), told_hours: Vec::new(), withdrawn: Vec::new() })
        .collect()
}

/// The messages of `replay` on all of them, a check a quarter of an hour. The disks' own alerts are beside the point.
fn tell(disks: &mut [Disk]) {
    let config = Config::parse("config", b"system: {disk: {threshold: 100}}").unwrap().value;
    let config = Resolved::new(&config);
    let mut replay = Replay::new(&config);
    let start: Timestamp = "2026-02-04T00:00:00Z".parse().unwrap();
    let targets: Vec<std::rc::Rc<str>> = (0..disks.len()).map(|number| number.to_string().into()).collect();
    for step in 0..STEPS {
        let time = start + Duration::from_secs_f64(hour(step) * 3600.0);
        let reading = |(disk, target): (&Disk, &std::rc::Rc<str>)| {
            let value = Value::Number(*disk.shares.get(step)?);
            let reading = Reading::new(Key::new(metric::DISK, target.clone()), value);
            Some(Recorded { reading, stands_for: Duration::ZERO })
        };
        let readings = disks.iter().zip(&targets).filter_map(reading).collect();
        for told in replay.check(RecordedCheck { time, readings }) {
            let told: Json = serde_json::from_str(&told.json(&config.style).unwrap()).unwrap();
            for alert in told["alerts"].as_array().unwrap().iter().filter(|alert| alert["metric"] == "disk_forecast") {
                let disk = &mut disks[alert["target"].as_str().unwrap().parse::<usize>().unwrap()];
                match alert["news"].as_str().unwrap() {
                    "fired" => {
                        disk.fired.push(hour(step));
                        disk.told_hours.push(alert["value"].as_f64().unwrap());
                    }
                    "recovered" => disk.withdrawn.push(hour(step)),
                    _ => {}
                }
            }
        }
    }
}

#[test]
fn most_disks_that_fill_are_told_hours_before_and_few_that_do_not() {
    let mut disks = disks();
    tell(&mut disks);
    let mut by_kind: BTreeMap<&str, Vec<&Disk>> = BTreeMap::new();
    disks.iter().for_each(|disk| by_kind.entry(disk.kind).or_default().push(disk));
    let median = |disks: &[&Disk]| {
        let mut leads: Vec<f64> = disks.iter().filter_map(|disk| disk.lead_hours()).collect();
        leads.sort_by(f64::total_cmp);
        leads.get(leads.len() / 2).copied()
    };
    let figures = |disks: &[&Disk]| {
        let fill = disks.iter().filter(|disk| disk.fills().is_some()).count();
        let told = disks.iter().filter(|disk| disk.lead_hours().is_some()).count();
        let falsely: usize = disks.iter().map(|disk| disk.false_forecasts()).sum();
        let weeks = disks.iter().map(|disk| disk.hours()).sum::<f64>() / HOURS_A_WEEK;
        (fill, told, falsely, weeks)
    };
    for (kind, disks) in &by_kind {
        let (fill, told, falsely, weeks) = figures(disks);
        eprintln!(
            "{kind:24} fill {fill:2} told {told:2} false {falsely:2} in {weeks:4.0} weeks, lead {:?} h",
            median(disks)
        );
    }
    let all: Vec<&Disk> = disks.iter().collect();
    let (fill, told, falsely, weeks) = figures(&all);
    let lead = median(&all).unwrap();
    eprintln!(
        "{} disks: {told} of {fill} told before they were full, {lead} h before (median); {falsely} false in {weeks:.0} disk-weeks",
        disks.len()
    );
    // Of the hours that were told, how many there were in truth.
    let ratio = |disk: &Disk| Some(disk.told_hours.last()? / disk.lead_hours()?);
    let mut ratios: Vec<f64> = disks.iter().filter_map(ratio).collect();
    ratios.sort_by(f64::total_cmp);
    let [quarter, half, three_quarters] = [1, 2, 3].map(|quarters| ratios[ratios.len() * quarters / 4]);
    eprintln!("told hours by true ones: {half:.2} (median), {quarter:.2} to {three_quarters:.2} (half of them)");
    assert!((0.8..1.25).contains(&half), "{half}");
    assert!(disks.len() >= 100 && fill >= 50, "{fill} of {}", disks.len());
    assert!(told as f64 >= 0.9 * fill as f64, "{told} of {fill}");
    assert!(falsely as f64 <= 0.03 * weeks, "{falsely} in {weeks} disk-weeks");
    assert!(lead >= 6.0, "{lead} h");
}
