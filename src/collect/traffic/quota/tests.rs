//! The keys of the quota, and its counters.

use std::fs;

use super::super::SOURCE;
use super::*;
use crate::clock::Boot;
use crate::collect::{Check, Configured, read as read_sources};
use crate::settings::{self, Problems};

fn configured(text: &str) -> Result<settings::Read<Vec<Configured>>, Problems> {
    settings::read("c", text.as_bytes(), |document| read_sources(document, &[SOURCE, QUOTA], Duration::MAX))
}

fn parsed(keys: &str) -> Result<(QuotaPlan, Vec<String>), Problems> {
    let read = configured(&format!("network: {{quota: {{{keys}}}}}"))?;
    let plan = read.value.iter().find_map(Configured::quota).expect("a limit");
    Ok(((**plan).clone(), read.warnings.into_iter().map(|warning| warning.message).collect()))
}

fn problems(keys: &str) -> Vec<String> {
    parsed(keys).unwrap_err().list.into_iter().map(|problem| problem.message).collect()
}

#[test]
fn a_limit_alone_is_enough() {
    let (plan, warnings) = parsed("limit: 1TB").unwrap();
    assert_eq!((plan.limit.bytes, plan.limit.is_binary), (1_000_000_000_000, false));
    assert_eq!((plan.count, plan.reset.day, plan.reset.time), (Direction::Out, 1, Time::midnight()));
    assert_eq!((plan.warn_at, plan.correction, plan.reset.zone), (vec![80.0, 90.0, 100.0], None, None));
    assert!(warnings.is_empty());
}

#[test]
fn every_key_is_read() {
    let (plan, _) = parsed(
        "limit: 500GiB, count: max, reset_day: 31, reset_time: '6:30', timezone: Asia/Tokyo, warn_at: [95, 50], \
         used: 120GB, used_at: '2026-11-20 09:00'",
    )
    .unwrap();
    assert_eq!((plan.limit.bytes, plan.limit.is_binary, plan.count), (500 << 30, true, Direction::Max));
    assert_eq!((plan.reset.day, plan.reset.time), (31, jiff::civil::time(6, 30, 0, 0)));
    assert_eq!(plan.reset.zone.unwrap().iana_name(), Some("Asia/Tokyo"));
    assert_eq!(plan.warn_at, [50.0, 95.0]);
    let at = jiff::civil::date(2026, 11, 20).at(9, 0, 0, 0);
    assert_eq!(plan.correction, Some(Correction { used_bytes: 120_000_000_000, at }));
    assert_eq!(parsed("limit: 1TB, warn_at: 75").unwrap().0.warn_at, [75.0]);
}

#[test]
fn wrong_values_are_refused_each_with_its_place() {
    for (keys, problem) in [
        ("limit: -1TB", "is not a size"),
        ("limit: 0GB", "out of range"),
        ("limit: 1", "is not a size"),
        ("limit: 1TB, reset_day: 0", "network.quota.reset_day: 0 is out of range"),
        ("limit: 1TB, reset_day: 32", "network.quota.reset_day: 32 is out of range"),
        ("limit: 1TB, reset_time: '24:00'", "`24:00` is no time of day"),
        ("limit: 1TB, reset_time: '1'", "`1` is no time of day"),
        ("limit: 1TB, timezone: GMT+8", "there is no time zone"),
        ("limit: 1TB, count: up", "is none of the values"),
        ("limit: 1TB, warn_at: [0]", "network.quota.warn_at[0]: 0"),
        ("limit: 1TB, warn_at: [1, 2, 3, 4, 5, 6, 7, 8, 9]", "a list of 9 items"),
        ("limit: 1TB, used: 5GB", "network.quota.used_at: is missing beside `used`"),
        ("limit: 1TB, used_at: '2026-11-20 09:00'", "network.quota.used: is missing beside `used_at`"),
        ("limit: 1TB, used: 5GB, used_at: ''", "network.quota.used_at: is missing beside `used`"),
        ("limit: 1TB, used: 5GB, used_at: '2026-11-31 09:00'", "is no date and time"),
        ("limit: 1TB, used: 5GB, used_at: '2026-11-20T09:00+08:00'", "is no date and time"),
        ("limit: 1TB, used: -5GB, used_at: '2026-11-20 09:00'", "is not a size"),
        ("limit: 1TB, interfaces: ['a/b']", "not an interface's name"),
        ("limit: 1TB, critical: 80", "network.quota.critical: 80 is not beyond warn_at, which is 80"),
        ("limit: 1TB, critical: 75", "network.quota.critical: 75 is not beyond warn_at, which is 80"),
        ("limit: 1TB, critical: 75, warn_at: [0]", "network.quota.warn_at[0]: 0"),
    ] {
        let found = problems(keys);
        assert!(found.len() == 1 && found[0].contains(problem), "{keys}: {found:?}");
    }
}

#[test]
fn a_second_limit_is_beyond_the_lowest_step() {
    assert_eq!(problems("limit: 1TB, critical: 70, warn_at: [95, 75]").len(), 2);
    assert!(parsed("limit: 1TB, critical: 76, warn_at: [95, 75]").is_ok());
}

#[test]
fn a_correction_of_the_future_is_pointed_out_wherever_the_provider_is() {
    let now: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
    let ahead = |hour: i8, zone: Option<&str>| {
        let zone = zone.map(|zone| TimeZone::get(zone).unwrap());
        is_ahead(jiff::civil::date(2026, 11, 20).at(hour, 30, 0, 0), zone.as_ref(), now)
    };
    assert!(ahead(9, Some("UTC")) && !ahead(8, Some("UTC")) && ahead(4, Some("America/New_York")));
    assert!(ahead(23, None) && !ahead(22, None), "it is that late in Kiritimati");
    let (_, warnings) = parsed("limit: 1TB, used: 5GB, used_at: '9000-01-01 00:00'").unwrap();
    assert!(warnings[0].starts_with("network.quota.used_at: is in the future"), "{warnings:?}");
}

#[test]
fn keys_without_a_limit_are_pointed_out_and_nothing_is_counted() {
    let read = configured("network: {quota: {used: 5GB, used_at: '2026-11-20 09:00'}}").unwrap();
    assert!(read.warnings[0].message.contains("without `limit` no quota is counted"));
    let [_, quota] = &read.value[..] else { panic!("two sources") };
    assert!(quota.quota().is_none() && !quota.is_on(QUOTA_USE, ""));
}

const HEADINGS: &str = "Inter-|   Receive  |  Transmit\n face |bytes    packets errs drop |bytes\n";

fn check(config: &str, interfaces: &[&str]) -> Snapshot {
    let folder = tempfile::tempdir().unwrap();
    let line = |name: &&str| format!("{name}: 500 5 0 0 0 0 0 0 700 7 0 0 0 0 0 0\n");
    fs::create_dir(folder.path().join("net")).unwrap();
    fs::write(
        folder.path().join("net/dev"),
        interfaces.iter().map(line).fold(HEADINGS.to_owned(), |text, line| text + &line),
    )
    .unwrap();
    let mut host = Host::new(Some(folder.path()));
    let [_, quota] = configured(config).unwrap().value.try_into().unwrap();
    let mut check = Check::new(&[quota], &host);
    check.begin(&mut host, Boot::from_millis(0));
    check.advance(&mut host, Now { wall: jiff::Timestamp::UNIX_EPOCH, boot: Boot::from_millis(0) }).unwrap()
}

#[test]
fn the_interfaces_are_its_own_or_those_of_traffic_or_the_physical_ones() {
    let there = ["lo", "ens3", "ens4", "wg0"];
    let counted = |config: &str| {
        let totals = check(config, &there).totals.unwrap();
        totals.counted.into_iter().map(|interface| interface.name).collect::<Vec<_>>()
    };
    assert_eq!(counted("network: {quota: {limit: 1TB}}"), ["ens3", "ens4"]);
    assert_eq!(counted("network: {traffic: {interfaces: [ens4]}, quota: {limit: 1TB}}"), ["ens4"]);
    assert_eq!(counted("network: {traffic: {interfaces: [ens4]}, quota: {limit: 1TB, interfaces: [wg*]}}"), ["wg0"]);
}

#[test]
fn bytes_and_packets_are_read_both_ways() {
    let totals = check("network: {quota: {limit: 1TB}}", &["eth0", "veth1"]).totals.unwrap();
    let [eth0] = &totals.counted[..] else { panic!("{totals:?}") };
    assert_eq!((eth0.received.bytes, eth0.received.packets, eth0.sent.bytes, eth0.sent.packets), (500, 5, 700, 7));
    assert_eq!(totals.others, ["veth1"]);
}

#[test]
fn a_named_interface_that_is_missing_is_a_failure_that_names_it() {
    let snapshot = check("network: {quota: {limit: 1TB, interfaces: [ens9]}}", &["eth0"]);
    assert!(snapshot.failures[0].error.ends_with("net/dev: no interface is named ens9"), "{snapshot:?}");
    assert!(snapshot.totals.is_none() && snapshot.watched_keys().any(|key| key.metric == QUOTA_USE));
}

#[test]
fn more_interfaces_than_the_state_is_to_hold_are_a_failure() {
    let names: Vec<String> = (0..=MAX_INTERFACES).map(|number| format!("eth{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert!(
        check("network: {quota: {limit: 1TB}}", &names).failures[0].error.ends_with("more than 256 interfaces count")
    );
}
