//! `check`: measures once and prints; the exit code tells the result.

use std::io::{self, IsTerminal};
use std::thread;
use std::time::Duration;

use nix::poll::{PollFd, ppoll};
use nix::sys::time::TimeSpec;
use serde::Serialize;

use super::nagios::{plugin_output, unable};
use super::options::CheckFormat;
use super::saved::Saved;
use super::{Error, Options, exit, output};
use crate::clock;
use crate::collect;
use crate::collect::docker::{Engine, EngineUpdate, OwnShares};
use crate::config::Resolved;
use crate::core::{ReadingDocument, rfc3339};
use crate::host::Host;
use crate::message;
use crate::rule::{self, Finding, Level};
use crate::settings::duration_text;
use crate::snapshot::{Failure, Snapshot};
use crate::text;

/// The time over which containers' CPU time is counted.
const CPU_WINDOW: Duration = Duration::from_secs(1);

/// A person takes a command that is silent for longer to be stuck.
const NOTICEABLE: Duration = Duration::from_secs(1);

pub fn check(options: &Options, format: CheckFormat) -> Result<u8, Error> {
    match (measured(options, format), format) {
        // Nagios takes any other code for critical, and shows nothing.
        (Err(error), CheckFormat::Nagios) => {
            output::print(&unable(&error.to_string()))?;
            Ok(exit::UNKNOWN)
        }
        (result, _) => result,
    }
}

fn measured(options: &Options, format: CheckFormat) -> Result<u8, Error> {
    let config = Resolved::new(&options.config()?);
    let mut saved = Saved::for_measuring(options, &config);
    let snapshot = measure(&config, &mut saved, &mut options.host()?);
    let now = clock::now().wall;
    let findings = rule::evaluate(&snapshot, &config.rules);
    let code = exit_code(&findings, &snapshot.failures);
    let printed = match format {
        CheckFormat::Json => {
            let time = rfc3339(now, &config.style.zone);
            let document = Document::new(&config.style.host, &time, &findings, &snapshot.failures);
            format!("{}\n", text::json(&serde_json::to_string_pretty(&document).map_err(anyhow::Error::from)?))
        }
        CheckFormat::Nagios => plugin_output(&findings, &snapshot.failures, code),
        CheckFormat::Text => message::table(&findings, &snapshot.failures, &config.style, now, false),
    };
    output::print(&printed)?;
    Ok(code)
}

/// Measures everything that is enabled, going on from the state that the agent has saved. It takes as long as the longest
/// sampling window. A signal ends the wait, and the process with it.
pub fn measure(config: &Resolved, saved: &mut Saved, host: &mut Host) -> Snapshot {
    let window = config.plan.window();
    if window >= NOTICEABLE && io::stderr().is_terminal() {
        output::complain(&format!("measuring, which takes {} ...", duration_text(window)));
    }
    saved.remember_mounts(config, host);
    let mut check = collect::Check::new(&config.plan.sources, host);
    check.begin(host, clock::boot_now());
    loop {
        if let Some(mut snapshot) = check.advance(host, clock::now()) {
            let mut engine = Engine::new(&config.plan.docker, None);
            snapshot.append(survey(&mut engine));
            // Which containers there are is known only now.
            let mut shares = OwnShares::default();
            if shares.begin(&engine, host.cgroups.as_ref(), clock::boot_now()) {
                thread::sleep(CPU_WINDOW);
            }
            shares.collect(&engine, host.cgroups.as_ref(), clock::boot_now(), &mut snapshot);
            saved.count_traffic(&mut snapshot, config, clock::now());
            return snapshot;
        }
        let due = clock::earliest(&[check.next_due(), host.bus.due()]);
        let left = due.map(|due| TimeSpec::from(due - clock::boot_now()));
        let mut fds: Vec<PollFd<'_>> = host.bus.fd().into_iter().map(|(fd, flags)| PollFd::new(fd, flags)).collect();
        // A wait that fails ends too soon, and the deadlines end the check.
        let _ = ppoll(&mut fds, left, None);
        let now = clock::boot_now();
        if host.bus.advance(now) {
            check.wake(now);
        }
    }
}

/// Looks at every container, within the engine's deadline.
fn survey(engine: &mut Engine) -> Snapshot {
    let mut found = engine.survey(clock::now());
    loop {
        if let Some(snapshot) = found {
            return snapshot;
        }
        let mut fds: Vec<PollFd<'_>> =
            engine.fds().into_iter().flatten().map(|(fd, flags)| PollFd::new(fd, flags)).collect();
        let left = engine.due().map(|due| TimeSpec::from(due - clock::boot_now()));
        // A wait that fails ends too soon, and the deadline ends the survey.
        let _ = ppoll(&mut fds, left, None);
        found = match engine.advance(clock::now()) {
            Some(EngineUpdate::Surveyed(snapshot)) => Some(snapshot),
            _ => None,
        };
    }
}

fn exit_code(findings: &[Finding<'_>], failures: &[Failure]) -> u8 {
    match findings.iter().filter_map(|finding| finding.verdict.level()).max() {
        Some(Level::Critical) => exit::CRITICAL,
        Some(Level::Warning) => exit::FAILED,
        None if failures.is_empty() => exit::DONE,
        None => exit::UNKNOWN,
    }
}

/// The document of `check --json`. Fields may be added, never renamed or retyped.
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    host: &'a str,
    time: &'a str,
    readings: Vec<ReadingDocument>,
    failures: Vec<FailureDocument<'a>>,
}

#[derive(Serialize)]
struct FailureDocument<'a> {
    collector: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    error: &'a str,
    since: &'a str,
}

impl<'a> Document<'a> {
    fn new(host: &'a str, time: &'a str, findings: &[Finding<'_>], failures: &'a [Failure]) -> Document<'a> {
        let failures = failures.iter().map(|failure| FailureDocument {
            collector: failure.collector,
            target: failure.target.as_deref(),
            error: &failure.error,
            since: time,
        });
        Document {
            schema: 1,
            host,
            time,
            readings: findings.iter().map(ReadingDocument::new).collect(),
            failures: failures.collect(),
        }
    }
}
