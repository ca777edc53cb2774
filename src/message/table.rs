//! What a check found, as a person at a terminal reads it: every enabled metric with its threshold.

use jiff::Timestamp;

use super::Style;
use super::format::{name, one_line, size, threshold, time};
use super::report::short;
use crate::rules::{Finding, Limit, Verdict};
use crate::snapshot::{Failure, Value};

/// A table of the findings, or one line of it all. Ends with a line feed.
pub fn table(findings: &[Finding<'_>], failures: &[Failure], style: &Style, now: Timestamp, brief: bool) -> String {
    let rows: Vec<Row> = findings.iter().map(Row::of_finding).chain(failures.iter().map(Row::of_failure)).collect();
    let heading = format!("{} {}", name(&style.host), time(now, &style.zone));
    if brief {
        let cells = rows.iter().map(|row| format!("{} {}{}", row.what, row.value, row.mark()));
        return format!("{heading}  {}\n", cells.collect::<Vec<_>>().join("  "));
    }
    let width = |cell: fn(&Row) -> &str| rows.iter().map(|row| cell(row).chars().count()).max().unwrap_or(0);
    let (verdict, what, value, limit) =
        (width(|row| row.verdict), width(|row| &row.what), width(|row| &row.value), width(|row| &row.limit));
    let mut text = format!("{heading}\n");
    for row in &rows {
        let line = format!(
            "  {:verdict$}  {:what$}  {:>value$}  {:limit$}  {}",
            row.verdict, row.what, row.value, row.limit, row.detail
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

struct Row {
    verdict: &'static str,
    what: String,
    value: String,
    limit: String,
    detail: String,
}

impl Row {
    fn of_finding(finding: &Finding<'_>) -> Row {
        let reading = finding.reading;
        let unit = match reading.value {
            Value::Usage { .. } | Value::Percent(_) => "%",
            Value::Mbps(_) => " Mbps",
            Value::Count(_) | Value::Container(_) => "",
        };
        Row {
            verdict: match finding.verdict {
                Verdict::Clear => "ok",
                Verdict::Breach => "OVER",
                Verdict::Unknown => "starting",
            },
            what: name(&reading.key.to_string()),
            value: short(&reading.value),
            limit: match &finding.limit {
                Limit::Threshold(limit) => format!("threshold {}{unit}", threshold(*limit)),
                Limit::Expected(word) => format!("expected {}", name(word)),
            },
            detail: match &reading.value {
                Value::Usage { used_bytes, total_bytes, .. } => {
                    format!("{} of {}", size(*used_bytes), size(*total_bytes))
                }
                _ => String::new(),
            },
        }
    }

    fn of_failure(failure: &Failure) -> Row {
        let what = match &failure.target {
            Some(target) => format!("{}({})", failure.collector, name(target)),
            None => failure.collector.to_owned(),
        };
        Row { verdict: "UNKNOWN", what, value: "-".to_owned(), limit: String::new(), detail: one_line(&failure.error) }
    }

    /// What stands out in a line of many.
    fn mark(&self) -> &'static str {
        match self.verdict {
            "OVER" => " (OVER)",
            "UNKNOWN" => " (unknown)",
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::message::Language;
    use crate::snapshot::{Key, Metric, Reading};

    #[test]
    fn every_finding_has_a_line_with_its_threshold_and_every_failure_its_reason() {
        let memory = Value::Usage { percent: 85.25, used_bytes: 3 << 30, total_bytes: 4 << 30 };
        let readings = [
            (Reading { key: Key::new(Metric::Memory, ""), value: memory }, Verdict::Breach, 80.0),
            (Reading { key: Key::new(Metric::TrafficIn, ""), value: Value::Mbps(2.0) }, Verdict::Clear, 100.0),
        ];
        let findings: Vec<Finding<'_>> = readings
            .iter()
            .map(|(reading, verdict, limit)| Finding {
                reading,
                limit: Limit::Threshold(*limit),
                verdict: *verdict,
                wait: std::time::Duration::ZERO,
            })
            .collect();
        let failures = [Failure {
            collector: "disk",
            metrics: &[Metric::Disk],
            target: Some("/data".into()),
            error: "/data:\tgone, see `df`".to_owned(),
        }];
        let style = Style { language: Language::Chinese, host: "web-1".to_owned(), zone: TimeZone::UTC };
        assert_eq!(
            table(&findings, &failures, &style, Timestamp::UNIX_EPOCH, false),
            "web-1 1970-01-01 00:00:00\n\
             \x20 OVER     memory          85.2%  threshold 80%       3GB of 4GB\n\
             \x20 ok       traffic_in   2.0 Mbps  threshold 100 Mbps\n\
             \x20 UNKNOWN  disk(/data)         -                      /data: gone, see `df`\n"
        );
        assert_eq!(
            table(&findings, &failures, &style, Timestamp::UNIX_EPOCH, true),
            "web-1 1970-01-01 00:00:00  memory 85.2% (OVER)  traffic_in 2.0 Mbps  disk(/data) - (unknown)\n"
        );
    }
}
