//! The one line of the agent in `systemctl status`, after `Status:`.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::message::time;
use crate::text::{counted, shown_within};

/// An error is cut here: the line must stay readable in a terminal, and the whole error is in `status`.
const MAX_ERROR_BYTES: usize = 200;

/// The facts of the line.
#[derive(Clone, Copy, Debug)]
pub struct ServiceSummary<'a> {
    /// Alerts that are on, told or not.
    pub alerts: usize,
    /// Messages that are not delivered yet.
    pub waiting: usize,
    /// Why the first of them was not delivered.
    pub last_error: Option<&'a str>,
    /// Why the configuration on disk is not the one in force.
    pub config_problem: Option<&'a str>,
    pub next_check: Timestamp,
}

/// `2 active alerts, 1 message waiting (connection refused), next check 2026-02-04 15:30:00`
#[inline(never)]
pub fn service_status(summary: &ServiceSummary<'_>, zone: &TimeZone) -> String {
    let mut parts = Vec::new();
    if let Some(problem) = summary.config_problem {
        let problem = shown_within(problem, MAX_ERROR_BYTES);
        parts.push(format!("the configuration on disk is NOT VALID ({problem}), the previous one stays in force"));
    }
    parts.push(counted(summary.alerts, "active alert"));
    let waiting = counted(summary.waiting, "message");
    parts.push(match summary.last_error.filter(|_| summary.waiting > 0) {
        Some(error) => format!("{waiting} waiting ({})", shown_within(error, MAX_ERROR_BYTES)),
        None => format!("{waiting} waiting"),
    });
    parts.push(format!("next check {}", time(summary.next_check, zone)));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: ServiceSummary<'_> = ServiceSummary {
        alerts: 0,
        waiting: 0,
        last_error: None,
        config_problem: None,
        next_check: Timestamp::UNIX_EPOCH,
    };

    fn line(summary: ServiceSummary<'_>) -> String {
        service_status(&summary, &TimeZone::UTC)
    }

    #[test]
    fn none_one_and_many_are_good_english() {
        assert_eq!(line(QUIET), "0 active alerts, 0 messages waiting, next check 1970-01-01 00:00:00");
        let one = ServiceSummary { alerts: 1, waiting: 1, ..QUIET };
        assert_eq!(line(one), "1 active alert, 1 message waiting, next check 1970-01-01 00:00:00");
        let many = ServiceSummary { alerts: 2, waiting: 3, ..QUIET };
        assert_eq!(line(many), "2 active alerts, 3 messages waiting, next check 1970-01-01 00:00:00");
    }

    #[test]
    fn it_says_why_a_message_waits_and_only_while_one_does() {
        let refused = ServiceSummary { waiting: 1, last_error: Some("errcode 93000 (invalid webhook url)"), ..QUIET };
        assert_eq!(
            line(refused),
            "0 active alerts, 1 message waiting (errcode 93000 (invalid webhook url)), next check 1970-01-01 00:00:00"
        );
        assert!(!line(ServiceSummary { waiting: 0, ..refused }).contains("93000"));
    }

    #[test]
    fn a_configuration_that_was_refused_comes_first() {
        let refused = line(ServiceSummary { config_problem: Some("config.yaml:2:3: error: unknown key"), ..QUIET });
        let expected = "the configuration on disk is NOT VALID (config.yaml:2:3: error: unknown key), the previous one \
                        stays in force, 0 active alerts";
        assert!(refused.starts_with(expected), "{refused}");
    }

    #[test]
    fn text_from_outside_makes_neither_a_second_line_nor_an_endless_one() {
        // A line feed would begin another variable of sd_notify(3).
        let hostile = format!("answer\nMAINPID=1\u{1b}[2J{}", "x".repeat(10_000));
        for summary in [
            ServiceSummary { waiting: 1, last_error: Some(&hostile), ..QUIET },
            ServiceSummary { config_problem: Some(&hostile), ..QUIET },
        ] {
            let line = line(summary);
            assert!(!line.contains(char::is_control) && line.len() < 500, "{line}");
        }
    }
}
