//! `check --format nagios`, read by the parser of Nagios' own Perl module.

use std::process::Command;

use serde_json::Value as Json;

use super::metrics::fed;
use crate::support::agent::{Place, quick};

/// The performance data by Monitoring::Plugin (Debian: libmonitoring-plugin-perl): label, value, unit, warning, critical.
fn performance(line: &str) -> Option<Vec<Json>> {
    const SCRIPT: &str = r#"
        use Monitoring::Plugin::Performance use_die => 1;
        my $line = do { local $/; <STDIN> };
        print join("\t", $_->label, $_->value, $_->uom, $_->warning // "", $_->critical // ""), "\n"
            for Monitoring::Plugin::Performance->parse_perfstring($line);
    "#;
    let is_there = Command::new("perl").args(["-MMonitoring::Plugin", "-e", "1"]).output();
    let is_there = is_there.is_ok_and(|run| run.status.success());
    assert!(is_there || !crate::support::is_ci(), "libmonitoring-plugin-perl must be installed here");
    if !is_there {
        eprintln!("left out, as libmonitoring-plugin-perl is not installed");
        return None;
    }
    let (code, said) = fed(Command::new("perl").args(["-e", SCRIPT]), line);
    assert_eq!(code, 0, "{said}");
    Some(said.lines().map(|line| line.split('\t').collect()).collect())
}

#[test]
fn its_first_line_has_the_state_and_numbers_that_nagios_own_module_reads() {
    let yaml = quick("").replace("disk: {enabled: false}", "disk: {threshold: 99.9, critical: 99.95}");
    let place = Place::configured("small-vps", &yaml);
    let finished = place.run(&["check", "--format", "nagios"]);
    assert_eq!((finished.code, &*finished.stderr), (1, ""), "{finished:?}");
    let (said, numbers) = finished.stdout.lines().next().unwrap().split_once(" | ").unwrap();
    assert_eq!(said, "WARNING - Memory usage: 80.4% (threshold: 80%)");
    let Some(read) = performance(numbers) else { return };
    assert!(read.contains(&serde_json::json!(["memory", "80.4", "%", "80", ""])), "{read:?}");
    let disk = read.iter().find(|one| one[0] == "disk(/)").unwrap();
    assert_eq!((&disk[2], &disk[3], &disk[4]), (&"%".into(), &"99.9".into(), &"99.95".into()), "{read:?}");
    assert!(read.iter().any(|one| one[0] == "connections"), "{read:?}");

    let well = Place::configured("no-swap", &quick("")).run(&["check", "--format", "nagios"]);
    assert!(well.code == 0 && well.stdout.starts_with("OK - "), "{well:?}");
}

#[test]
fn json_is_a_format_too_and_two_at_once_are_refused() {
    let place = Place::configured("no-swap", &quick(""));
    let json = place.run(&["check", "--format", "json"]).stdout;
    assert!(serde_json::from_str::<Json>(&json).is_ok(), "{json}");
    assert!(place.run(&["check", "--format", "text"]).stdout.contains("memory"));
    assert_eq!(place.run(&["check", "--json", "--format", "nagios"]).code, 64);
    assert_eq!(place.run(&["check", "--format", "icinga"]).code, 64);
}
