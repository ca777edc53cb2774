//! The findings of a check, for a person at a terminal: every enabled metric with its threshold.

use jiff::Timestamp;

use super::Style;
use super::format::with_word;
use super::format::{size, time};
use crate::metric;
use crate::rule::{Finding, Level, Limit, Verdict};
use crate::snapshot::{ContainerWord, Failure, Value};
use crate::text;

/// A wider cell moves the rest of its own line, and no other line.
const MAX_CELL_COLUMNS: usize = 40;

/// The number of cells in the one-line form; if there are more, important ones come first.
const MAX_BRIEF_CELLS: usize = 40;

/// A table of the findings, or a single line of them. Ends with a line feed.
pub fn table(findings: &[Finding<'_>], failures: &[Failure], style: &Style, now: Timestamp, brief: bool) -> String {
    let findings = findings.iter().filter(|finding| !finding.reading.value.is_no_end());
    let mut rows: Vec<Row> = findings.map(Row::of_finding).chain(failures.iter().map(Row::of_failure)).collect();
    let heading = format!("{} {}", text::shown(&style.host), time(now, &style.zone));
    if brief {
        let left_out = rows.len().saturating_sub(MAX_BRIEF_CELLS);
        if left_out > 0 {
            rows.sort_by_key(|row| row.mark().is_empty());
            rows.truncate(MAX_BRIEF_CELLS);
        }
        let cells = rows.iter().map(|row| format!("{} {}{}", row.what, row.value, row.mark()));
        let more = if left_out > 0 { format!("  … and {left_out} more") } else { String::new() };
        return format!("{heading}  {}{more}\n", cells.collect::<Vec<_>>().join("  "));
    }
    let column = |cell: fn(&Row) -> &str| {
        let widths = rows.iter().map(|row| text::width(cell(row)));
        widths.filter(|width| *width <= MAX_CELL_COLUMNS).max().unwrap_or(0)
    };
    let (verdict, what, value, limit) =
        (column(|row| row.verdict), column(|row| &row.what), column(|row| &row.value), column(|row| &row.limit));
    let mut table = format!("{heading}\n");
    for row in &rows {
        let line = format!(
            "  {}  {}  {}  {}  {}",
            text::left(row.verdict, verdict),
            text::left(&row.what, what),
            text::right(&row.value, value),
            text::left(&row.limit, limit),
            row.detail
        );
        table.push_str(line.trim_end());
        table.push('\n');
    }
    table
}

fn sizes(value: &Value) -> Option<String> {
    match value {
        Value::Usage { used_bytes, total_bytes, .. } => {
            Some(format!("{} of {}", size(*used_bytes), size(*total_bytes)))
        }
        _ => None,
    }
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
        let metric = reading.key.metric;
        Row {
            verdict: match finding.verdict {
                Verdict::Clear | Verdict::Near => "ok",
                Verdict::Breach(Level::Warning) => "OVER",
                Verdict::Breach(Level::Critical) => "CRITICAL",
                Verdict::Unknown if reading.key.metric == metric::CONTAINER_STATE => "as found",
                Verdict::Unknown => "starting",
            },
            what: text::subject(metric.name, &reading.key.target),
            value: with_word(metric, &reading.value, text::shown),
            limit: match finding.limit() {
                Some(Limit::Threshold(limit)) => format!("threshold {}", metric.unit.show_limit(limit)),
                Some(Limit::LeftBytes(least)) => format!("least {} left", size(least)),
                None | Some(Limit::None) => String::new(),
                Some(Limit::Expected(word)) => {
                    format!("expected {}", text::shown(ContainerWord::shown_expected(&word)))
                }
            },
            detail: [sizes(&reading.value), reading.note.as_deref().map(text::shown)]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(", "),
        }
    }

    fn of_failure(failure: &Failure) -> Row {
        Row {
            verdict: "UNKNOWN",
            what: text::subject(failure.collector, failure.target.as_deref().unwrap_or_default()),
            value: "-".to_owned(),
            limit: String::new(),
            detail: text::shown(&failure.error),
        }
    }

    /// The mark of an important row.
    fn mark(&self) -> &'static str {
        match self.verdict {
            "OVER" => " (OVER)",
            "CRITICAL" => " (CRITICAL)",
            "UNKNOWN" => " (unknown)",
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;
    use crate::message::Language;
    use crate::metric::Limits;
    use crate::snapshot::{ContainerWord, Key, Reading};

    #[test]
    fn every_finding_has_a_line_with_its_threshold_and_every_failure_its_reason() {
        let memory = Value::Usage { percent: 85.25, used_bytes: 3 << 30, total_bytes: 4 << 30 };
        let readings = [
            (
                Reading { note: Some("not as `free`".into()), ..Reading::new(Key::new(metric::MEMORY, ""), memory) },
                Verdict::Breach(Level::Warning),
                Limits::warning(80.0),
            ),
            (
                Reading::new(Key::new(metric::TRAFFIC_IN, ""), Value::Number(2.0)),
                Verdict::Clear,
                Limits::warning(100.0),
            ),
        ];
        let findings: Vec<Finding<'_>> = readings
            .iter()
            .map(|(reading, verdict, limits)| Finding {
                reading,
                verdict: *verdict,
                limits,
                wait: std::time::Duration::ZERO,
            })
            .collect();
        let failures = [Failure {
            collector: "disk",
            metrics: &[metric::DISK],
            target: Some("/data".into()),
            error: "/data:\u{1b}[2J gone, see `df`".to_owned(),
        }];
        let style = Style { language: Language::Chinese, host: "web-1".to_owned(), zone: TimeZone::UTC };
        assert_eq!(
            table(&findings, &failures, &style, Timestamp::UNIX_EPOCH, false),
            "web-1 1970-01-01 00:00:00\n\
             \x20 OVER     memory          85.2%  threshold 80%       3GB of 4GB, not as `free`\n\
             \x20 ok       traffic_in   2.0 Mbps  threshold 100 Mbps\n\
             \x20 UNKNOWN  disk(/data)         -                      /data:\\u{1b}[2J gone, see `df`\n"
        );
        assert_eq!(
            table(&findings, &failures, &style, Timestamp::UNIX_EPOCH, true),
            "web-1 1970-01-01 00:00:00  memory 85.2% (OVER)  traffic_in 2.0 Mbps  disk(/data) - (unknown)\n"
        );
    }
    fn of_containers(names: &[&str], brief: bool) -> String {
        let readings: Vec<Reading> = names
            .iter()
            .map(|name| {
                let word = ContainerWord::new("exited", "running");
                Reading::new(Key::new(metric::CONTAINER_STATE, *name), Value::from(word))
            })
            .collect();
        let finding = |reading| Finding {
            reading,
            verdict: Verdict::Breach(Level::Warning),
            limits: &Limits::NONE,
            wait: std::time::Duration::ZERO,
        };
        let findings: Vec<Finding<'_>> = readings.iter().map(finding).collect();
        let style = Style { language: Language::Chinese, host: "香港\u{202e}".to_owned(), zone: TimeZone::UTC };
        table(&findings, &[], &style, Timestamp::UNIX_EPOCH, brief)
    }

    #[test]
    fn columns_stand_where_a_terminal_has_them() {
        assert_eq!(
            of_containers(&["web", "数据库"], false),
            "香港\\u{202e} 1970-01-01 00:00:00\n\
             \x20 OVER  container_state(web)     exited  expected running\n\
             \x20 OVER  container_state(数据库)  exited  expected running\n"
        );
    }

    #[test]
    fn a_name_of_any_length_pushes_nothing_aside_but_its_own_line() {
        let long = "a".repeat(70_000);
        let table = of_containers(&["web", &long], false);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[1], "  OVER  container_state(web)  exited  expected running");
        assert!(lines[2].len() < 600 && lines[2].ends_with("a…)  exited  expected running"), "{}", lines[2]);
    }

    #[test]
    fn a_line_of_it_all_is_bounded_and_says_what_it_leaves_out() {
        let line = of_containers(&["web"; 1000], true);
        assert_eq!(line.matches("exited (OVER)").count(), MAX_BRIEF_CELLS);
        assert!(line.ends_with("  … and 960 more\n"), "{line}");
    }

    proptest! {
        #[test]
        fn a_name_has_one_line_of_its_own(name in "\\PC{0,30}|.{0,30}|[\u{0}-\u{2100}]{0,30}") {
            let table = of_containers(&[&name, "web"], false);
            prop_assert_eq!(table.lines().count(), 3);
            prop_assert!(!table.contains(|c: char| c != '\n' && c.is_control()), "{:?}", table);
        }
    }
}
