//! The output of a plugin for Nagios, Icinga and the like: a line with the state and performance data, then a line for
//! each further trouble (monitoring-plugins.org, development guidelines). Pure.

use super::exit;
use crate::message::{Language, summary};
use crate::metric::Unit;
use crate::rule::{Finding, Level, Limit};
use crate::snapshot::{Failure, Value};
use crate::text;

/// Some who read it take a line of so many bytes at most, without its performance data.
const MAX_TEXT_BYTES: usize = 1024;

/// The whole text, a line feed at its end. `code` is the exit code, which Nagios goes by.
pub fn plugin_output(findings: &[Finding<'_>], failures: &[Failure], code: u8) -> String {
    let state = match code {
        exit::DONE => "OK",
        exit::FAILED => "WARNING",
        exit::CRITICAL => "CRITICAL",
        _ => "UNKNOWN",
    };
    let troubles = troubles(findings, failures);
    let (first, others) = match troubles.split_first() {
        None => (format!("{}, all is well", text::counted(findings.len(), "reading")), &[][..]),
        Some((first, [])) => (first.clone(), &[][..]),
        Some((first, others)) => (format!("{first}, and {} more", others.len()), others),
    };
    let performance: Vec<String> = findings.iter().flat_map(performance).collect();
    let mut output = format!("{state} - {first} | {}\n", performance.join(" "));
    others.iter().for_each(|trouble| output.extend([&**trouble, "\n"]));
    output
}

/// The whole text where there is no result, for this reason.
pub fn unable(reason: &str) -> String {
    format!("UNKNOWN - {}\n", plain(reason.lines().next().unwrap_or_default()))
}

/// The worst first, each on a line.
fn troubles(findings: &[Finding<'_>], failures: &[Failure]) -> Vec<String> {
    let of = |level: Level| findings.iter().filter(move |finding| finding.verdict.level() == Some(level));
    let line = |finding: &Finding<'_>| {
        let limit = finding.limit().unwrap_or(Limit::None);
        summary(&finding.reading.key, &finding.reading.value, &limit, Language::English)
    };
    let unknown = failures.iter().map(|failure| {
        let subject = text::subject(failure.collector, failure.target.as_deref().unwrap_or_default());
        format!("{subject} cannot be measured: {}", failure.error)
    });
    of(Level::Critical).chain(of(Level::Warning)).map(line).chain(unknown).map(|line| plain(&line)).collect()
}

/// Behind a bar performance data begins.
fn plain(line: &str) -> String {
    text::shown_within(&line.replace('|', "/"), MAX_TEXT_BYTES)
}

/// `'disk(/)'=45.8%;80;90;0;100`, and the bytes of it.
fn performance(finding: &Finding<'_>) -> Vec<String> {
    let key = &finding.reading.key;
    let subject =
        if key.target.is_empty() { key.metric.name.to_owned() } else { format!("{}({})", key.metric.name, key.target) };
    let unit = key.metric.unit;
    let limits = |factor: f64, ending: &str| {
        let of = |limit: Option<f64>| limit.map(|limit| format!("{}{ending}", limit * factor)).unwrap_or_default();
        format!("{};{}", of(finding.limits.warning), of(finding.limits.critical))
    };
    match &finding.reading.value {
        Value::Usage { total_bytes: 0, .. } => Vec::new(),
        Value::Usage { percent, used_bytes, total_bytes } => vec![
            format!("{}={percent:.1}%;{};0;100", label(&subject), limits(1.0, "")),
            format!("{}={used_bytes}B;;;0;{total_bytes}", label(&format!("{subject}_used"))),
        ],
        // More than all can be used.
        Value::Quota(quota) => vec![
            format!("{}={:.1}%;{};0;", label(&subject), quota.percent, limits(1.0, "")),
            format!("{}={}B;;;0;{}", label(&format!("{subject}_used")), quota.used_bytes, quota.limit_bytes),
        ],
        Value::Number(number) if !number.is_finite() => Vec::new(),
        Value::Number(number) => {
            let (uom, most) = if unit == Unit::Percent { ("%", "100") } else { ("", "") };
            vec![format!("{}={}{uom};{};0;{most}", label(&subject), unit.plain(*number), limits(1.0, ""))]
        }
        // Fewer are worse: the range of good values begins at the limit.
        Value::Forecast(forecast) => {
            let seconds = forecast.hours.map(|hours| (hours * 3600.0).round());
            seconds
                .map(|seconds| format!("{}={seconds}s;{};0;", label(&subject), limits(3600.0, ":")))
                .into_iter()
                .collect()
        }
        Value::Container(_) | Value::Event(_) => Vec::new(),
    }
}

/// In quotes if it needs them; an equals sign would end it.
fn label(subject: &str) -> String {
    let subject = text::shown(subject).replace(['=', '|'], "_");
    let is_plain = subject.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if is_plain { subject } else { format!("'{}'", subject.replace('\'', "''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::{self, Limits};
    use crate::rule::{Rule, Rules, evaluate};
    use crate::snapshot::{ContainerWord, Forecast, Snapshot};

    fn output(snapshot: &Snapshot, code: u8) -> String {
        let critical = Limits { critical: Some(95.0), ..Limits::warning(80.0) };
        let rules = Rules::from_iter([
            Rule::for_every(metric::MEMORY, critical),
            Rule::for_every(metric::DISK, critical),
            Rule::for_every(metric::DISK_FORECAST, Limits::warning(24.0)),
        ]);
        plugin_output(&evaluate(snapshot, &rules), &snapshot.failures, code)
    }

    fn usage(percent: f64) -> Value {
        Value::Usage { percent, used_bytes: 1000, total_bytes: 2000 }
    }

    #[test]
    fn the_first_line_has_the_worst_and_all_numbers_with_their_limits() {
        let mut snapshot = Snapshot::default();
        snapshot.push(metric::MEMORY, "", usage(85.24));
        snapshot.push(metric::DISK, "/my 'data'", usage(96.0));
        let forecast = Forecast { eta_hours: Some(7.0), hours: Some(7.0), percent: 96.0, day_points: 12.0 };
        snapshot.push(metric::DISK_FORECAST, "/", Value::Forecast(Box::new(forecast)));
        snapshot.push(metric::TRAFFIC_IN, "", Value::Number(2.25));
        snapshot.push(metric::CONNECTIONS, "", Value::Number(156.0));
        snapshot.push(metric::SWAP, "", Value::Usage { percent: 0.0, used_bytes: 0, total_bytes: 0 });
        let text = output(&snapshot, exit::CRITICAL);
        let (said, numbers) = text.lines().next().unwrap().split_once(" | ").unwrap();
        assert_eq!(said, "CRITICAL - Disk usage(/my 'data'): 96.0% (threshold: 95%), and 2 more");
        assert_eq!(
            numbers,
            "memory=85.2%;80;95;0;100 memory_used=1000B;;;0;2000 'disk(/my ''data'')'=96.0%;80;95;0;100 \
             'disk(/my ''data'')_used'=1000B;;;0;2000 'disk_forecast(/)'=25200s;86400:;;0; traffic_in=2.2;;;0; \
             connections=156;;;0;"
        );
        assert!(text.contains("\nMemory usage: 85.2% (threshold: 80%)\n"), "{text}");
    }

    #[test]
    fn well_and_unknown_say_so_and_no_foreign_text_begins_numbers_or_a_line() {
        let mut snapshot = Snapshot::default();
        snapshot.push(metric::CONNECTIONS, "", Value::Number(1.0));
        assert_eq!(output(&snapshot, exit::DONE), "OK - 1 reading, all is well | connections=1;;;0;\n");
        let metrics = &[metric::CONTAINER_STATE];
        let error = "no | socket\nCRITICAL".to_owned();
        snapshot.failures.push(Failure { collector: "docker", metrics, target: None, error });
        let text = output(&snapshot, exit::UNKNOWN);
        assert_eq!(text, "UNKNOWN - docker cannot be measured: no / socket\\u{a}CRITICAL | connections=1;;;0;\n");
        let mut hostile = Snapshot::default();
        hostile.push(metric::CONTAINER_STATE, "a|b=1\n", ContainerWord::new("exited", "running").into());
        let text = output(&hostile, exit::FAILED);
        assert_eq!(text, "WARNING - Container a/b=1 : State: exited (expected: running) | \n");
    }
}
