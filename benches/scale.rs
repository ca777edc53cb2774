//! Simulates many hosts on one robot, on a virtual clock: makes the table of docs/scale.md.
//!
//! `cargo bench --bench scale`. Hosts are real reporters and real outboxes; the robot is a model of the vendor's rule:
//! 20 messages in any minute, then none for a minute (developer.work.weixin.qq.com, document path 91770).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use vps_monitor::clock::Boot;
use vps_monitor::message::{self, Language, Message, Sections, Style};
use vps_monitor::metric;
use vps_monitor::notify::wecom;
use vps_monitor::outbox::{Budget, Conclusion, Outbox, Outcome};
use vps_monitor::schedule::{ReportConfig, Reporter};
use vps_monitor::snapshot::{Snapshot, Value};

const TAKEN_IN_A_MINUTE: usize = 20;
const BUDGET: Option<Budget> = Some(wecom::BUDGET);
const MINUTE: Duration = Duration::from_secs(60);
/// Name, connection, TLS and answer of one call.
const CALL: Duration = Duration::from_millis(200);
/// Past this a simulated day is over.
const DAY: Duration = Duration::from_secs(86_400);

/// One robot, as all hosts see it together.
#[derive(Default)]
struct Robot {
    taken: VecDeque<Boot>,
    blocked_until: Option<Boot>,
    calls: u64,
    refused: u64,
}

impl Robot {
    fn call(&mut self, now: Boot) -> Outcome {
        self.calls += 1;
        if self.blocked_until.is_none_or(|until| until <= now) {
            while self.taken.front().is_some_and(|first| first.after(MINUTE) <= now) {
                self.taken.pop_front();
            }
            if self.taken.len() < TAKEN_IN_A_MINUTE {
                self.taken.push_back(now);
                return Outcome::Delivered;
            }
            self.blocked_until = Some(now.after(MINUTE));
        }
        self.refused += 1;
        Outcome::Throttled { reason: "errcode 45009".to_owned(), hold: MINUTE }
    }
}

struct Day {
    robot: Robot,
    delivered: usize,
    last: Duration,
}

/// The morning report of so many hosts.
fn reports(hosts: usize, jitter: Duration) -> Day {
    let midnight: Timestamp = "2026-02-04T00:00:00Z".parse().unwrap_or_default();
    let start = Boot::from_millis(0);
    let config = ReportConfig { enabled: true, jitter, ..ReportConfig::default() };
    let mut outboxes: Vec<Outbox> = Vec::new();
    let mut due = BinaryHeap::new();
    for host in 0..hosts {
        let name = format!("web-{host}");
        let reporter = Reporter::new(&config, TimeZone::UTC, &name, None, midnight);
        let time = reporter.next_after(midnight).unwrap_or(midnight);
        let after = Duration::try_from(time.duration_since(midnight)).unwrap_or_default();
        let mut outbox = Outbox::default();
        outbox.push(report(&name, time), start.after(after));
        outboxes.push(outbox);
        due.push(Reverse((start.after(after), host)));
    }
    let nine = start.after(Duration::from_secs(9 * 3600));
    let mut day = Day { robot: Robot::default(), delivered: 0, last: Duration::ZERO };
    while let Some(Reverse((now, host))) = due.pop() {
        let outbox = &mut outboxes[host];
        if now - nine > DAY || outbox.begin(now, BUDGET, |message| vec![message]).is_none() {
            continue;
        }
        let answered = now.after(CALL);
        if matches!(outbox.settle(&day.robot.call(now), answered), Conclusion::Delivered(_)) {
            day.delivered += 1;
            day.last = answered - nine;
        }
        due.extend(outbox.next_attempt(BUDGET).map(|next| Reverse((next.max(answered), host))));
    }
    day
}

fn report(host: &str, time: Timestamp) -> Message {
    let mut snapshot = Snapshot::default();
    snapshot.push(metric::MEMORY, "", Value::Usage { percent: 45.2, used_bytes: 3 << 30, total_bytes: 8 << 30 });
    snapshot.push(metric::CPU, "", Value::Number(23.5));
    snapshot.push(metric::CONNECTIONS, "", Value::Number(156.0));
    let style = Style { language: Language::default(), host: host.to_owned(), zone: TimeZone::UTC };
    message::report(&snapshot, &Sections::default(), &style, time)
}

/// The outbox as it stands in the state file, in bytes, with so many reports that wait.
fn waiting_bytes(messages: usize) -> usize {
    let mut outbox = Outbox::default();
    for _ in 0..messages {
        outbox.push(report("web-1", Timestamp::UNIX_EPOCH), Boot::from_millis(0));
    }
    serde_json::to_vec_pretty(&outbox).unwrap_or_default().len()
}

fn main() {
    for messages in [0, 1, 10, 100] {
        println!("{messages} messages that wait: {} bytes", waiting_bytes(messages));
    }
    println!("\n| hosts | jitter | calls | refused | delivered in a day | the last one after |");
    println!("|---:|---:|---:|---:|---:|---:|");
    for hosts in [1, 20, 100, 1_000, 10_000] {
        for jitter_minutes in [0, 5, 15, 60] {
            let day = reports(hosts, Duration::from_secs(jitter_minutes * 60));
            println!(
                "| {hosts} | {jitter_minutes} min | {} | {} | {} | {:.1} min |",
                day.robot.calls,
                day.robot.refused,
                day.delivered,
                day.last.as_secs_f64() / 60.0
            );
        }
    }
}
