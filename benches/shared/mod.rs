//! The parts that the benches of a check share, in time (benches/check.rs) and in instructions (benches/instructions):
//! the fixture hosts, and each step between the kernel and a message. The time is a constant, so that each run does the
//! same.

mod half_full;

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;
use vps_monitor::alert::{Alerts, Extent, Policy, Transition};
use vps_monitor::clock::{Boot, Now};
use vps_monitor::collect::{Check, Plan};
use vps_monitor::host::Host;
use vps_monitor::message::{self, Language, Message, Style};
use vps_monitor::metric::{self, Limits};
use vps_monitor::rule::{self, Rule, Rules};
use vps_monitor::snapshot::Snapshot;

use half_full::half_full;

// Everything is over the second one, and nothing over the first.
thread_local! {
    static HIGH: Rules = rules(1e9);
    static LOW: Rules = rules(0.0);
}

fn rules(limit: f64) -> Rules {
    let metrics = [
        metric::MEMORY,
        metric::SWAP,
        metric::CPU,
        metric::DISK,
        metric::TRAFFIC_IN,
        metric::TRAFFIC_OUT,
        metric::CONNECTIONS,
    ];
    metrics.map(|metric| Rule::for_every(metric, Limits::warning(limit))).into_iter().collect()
}

/// A host, and the check that measures it again and again.
pub struct Watched {
    host: Host,
    check: Check,
}

impl Watched {
    pub fn new(host: Host) -> Watched {
        Watched { check: Check::new(&Plan::default().sources, &host), host }
    }

    pub fn fixture(name: &str) -> Watched {
        // The package that this is compiled into is the program's, or one in a folder of it.
        let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        let hosts = above.map(|folder| folder.join("fixtures/hosts")).find(|hosts| hosts.is_dir());
        let mut host = Host::new(Some(&hosts.unwrap_or_default().join(name).join("proc")));
        host.ask_file_system = half_full;
        Watched::new(host)
    }

    /// Both readings of one check, as if its windows had passed.
    pub fn measure(&mut self) -> Snapshot {
        let begin = now().boot;
        self.check.begin(&mut self.host, begin);
        let end = Now { boot: begin.after(Duration::from_secs(5)), ..now() };
        self.check.advance(&mut self.host, end).unwrap_or_default()
    }
}

fn now() -> Now {
    Now { wall: jiff::Timestamp::UNIX_EPOCH, boot: Boot::from_millis(1_000_000) }
}

pub fn snapshot() -> Snapshot {
    Watched::fixture("small-vps").measure()
}

pub fn style() -> Style {
    Style { language: Language::default(), host: "web-1".to_owned(), zone: TimeZone::UTC }
}

pub fn find_nothing_new(snapshot: &Snapshot, book: &mut Alerts) -> Vec<Transition> {
    HIGH.with(|rules| {
        let findings = rule::evaluate(black_box(snapshot), rules);
        book.step(&findings, snapshot, Extent::Check, now(), &Policy::default())
    })
}

pub fn word_an_alert(snapshot: &Snapshot, style: &Style) -> Vec<Message> {
    let transitions = LOW.with(|rules| {
        let findings = rule::evaluate(black_box(snapshot), rules);
        Alerts::default().step(&findings, snapshot, Extent::Check, now(), &Policy::default())
    });
    message::alerts(&transitions, style, now().wall)
}
