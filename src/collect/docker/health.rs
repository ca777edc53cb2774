//! Judges a container's health, and picks from its last check's output the lines that are worth telling. Pure.

use std::time::Duration;

use super::judge::{Interner, Observation, WatchPolicy};
use crate::snapshot::{Cause, ContainerWord};

/// `starting` is neither good nor bad for so long at least, however short the container's own times are.
pub const SHORTEST_START: Duration = Duration::from_secs(10 * 60);

/// As much of a health check's output is kept: a line of a message.
const MAX_OUTPUT_CHARS: usize = 120;

/// A last line that is shorter than this has the one before it put in front, where there is room for both.
const TELLING_CHARS: usize = 40;

const _: () = assert!(TELLING_CHARS < MAX_OUTPUT_CHARS);

/// The reading of a container's health; `None` where it has none, or it is not asked for.
pub fn health(observed: &Observation, policy: WatchPolicy, interner: &mut Interner) -> Option<ContainerWord> {
    let word = observed.health.as_ref().filter(|_| policy.check_health)?;
    let well = match &**word {
        "healthy" => Some(true),
        "starting" if !is_overdue(observed) => None,
        _ => Some(false),
    };
    let output = observed.details.as_ref().and_then(|details| details.health_output.clone());
    Some(ContainerWord {
        well,
        causes: output.filter(|_| well == Some(false)).map(Cause::HealthOutput).into_iter().collect(),
        ..ContainerWord::new(word.clone(), interner.get("healthy"))
    })
}

/// Whether a container has been starting for longer than its own health check may take. What the list alone tells does
/// not say: the times of the check are in inspect.
fn is_overdue(observed: &Observation) -> bool {
    let longest_start = observed.details.as_ref().and_then(|details| details.longest_start);
    match (observed.uptime, longest_start) {
        (Some(uptime), Some(longest_start)) => uptime >= longest_start.max(SHORTEST_START),
        _ => false,
    }
}

/// The end of what a check printed, as one line; `None` where it printed nothing. The reason of a failure is in the last
/// lines: before them come progress meters and the upper part of a traceback.
pub fn end_of_output(output: &str) -> Option<String> {
    // A carriage return begins a line anew on a terminal.
    let mut lines = output.rsplit(['\n', '\r']).map(squeezed).filter(|line| says_something(line));
    let mut told = lines.next()?;
    for line in lines {
        let joined = format!("{line} {told}");
        if told.chars().count() >= TELLING_CHARS || joined.chars().count() > MAX_OUTPUT_CHARS {
            break;
        }
        told = joined;
    }
    if told.chars().count() > MAX_OUTPUT_CHARS {
        told = told.chars().take(MAX_OUTPUT_CHARS - 1).chain(['…']).collect();
    }
    Some(told)
}

fn squeezed(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Rules, dots and the numbers of a progress meter say nothing by themselves.
fn says_something(line: &str) -> bool {
    line.chars().any(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::judge::Details;
    use super::super::judge::tests::POLICY;
    use super::*;

    const MINUTE: u64 = 60;

    fn health_of(
        word: &str,
        uptime_seconds: u64,
        longest_start_seconds: Option<u64>,
    ) -> Option<(Option<bool>, Vec<Cause>)> {
        let details = Details {
            health_output: Some("no answer".to_owned()),
            longest_start: longest_start_seconds.map(Duration::from_secs),
            ..Details::default()
        };
        let observed = Observation {
            state: "running".into(),
            health: Some(word.into()),
            uptime: Some(Duration::from_secs(uptime_seconds)),
            details: Some(Box::new(details)),
            ..Observation::default()
        };
        health(&observed, POLICY, &mut Interner::default()).map(|word| (word.well, word.causes))
    }

    #[test]
    fn starting_is_neither_good_nor_bad_for_as_long_as_its_check_may_take() {
        let well = |uptime, longest| health_of("starting", uptime, longest).unwrap().0;
        assert_eq!(well(10 * MINUTE - 1, Some(5)), None);
        assert_eq!(well(10 * MINUTE, Some(5)), Some(false));
        assert_eq!(well(30 * MINUTE, Some(34 * MINUTE)), None);
        assert_eq!(well(34 * MINUTE, Some(34 * MINUTE)), Some(false));
        // The list alone does not tell how long that is.
        assert_eq!(well(99 * MINUTE, None), None);
    }

    #[test]
    fn an_unhealthy_container_tells_its_last_checks_output() {
        let output = Cause::HealthOutput("no answer".to_owned());
        assert_eq!(health_of("unhealthy", 5, None), Some((Some(false), vec![output])));
        assert_eq!(health_of("healthy", 5, None), Some((Some(true), vec![])));
        let observed = Observation { health: Some("unhealthy".into()), ..Observation::default() };
        assert_eq!(health(&observed, WatchPolicy { check_health: false, ..POLICY }, &mut Interner::default()), None);
    }

    #[test]
    fn the_end_of_an_output_is_told_and_not_curls_progress_meter() {
        let curl = "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n\
                    \x20                                Dload  Upload   Total   Spent    Left  Speed\n\
                    \r  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0\
                    \r  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0\n\
                    curl: (22) The requested URL returned error: 503\n";
        assert_eq!(end_of_output(curl).unwrap(), "curl: (22) The requested URL returned error: 503");
        let traceback = "Traceback (most recent call last):\n  File \"/check.py\", line 3, in <module>\n    ask()\n\
                         ConnectionRefusedError: [Errno 111] Connection refused\n\n";
        assert_eq!(end_of_output(traceback).unwrap(), "ConnectionRefusedError: [Errno 111] Connection refused");
    }

    #[test]
    fn a_short_last_line_has_the_one_before_it_in_front() {
        assert_eq!(end_of_output("asking db\n a\r\n\tb  c\n ...\n").unwrap(), "asking db a b c");
        assert_eq!(end_of_output("no answer\n").unwrap(), "no answer");
        assert_eq!(end_of_output(" \n...\n"), None);
        assert_eq!(end_of_output(&"é".repeat(MAX_OUTPUT_CHARS)).unwrap(), "é".repeat(MAX_OUTPUT_CHARS));
        assert_eq!(end_of_output(&"é".repeat(9999)).unwrap(), "é".repeat(MAX_OUTPUT_CHARS - 1) + "…");
        let long = format!("{}\nfailed", "x".repeat(115));
        assert_eq!(end_of_output(&long).unwrap(), "failed");
    }

    proptest! {
        #[test]
        fn any_output_is_one_bounded_line(output in "[\\PC\\n\\r\\t]{0,400}") {
            if let Some(line) = end_of_output(&output) {
                prop_assert!(!line.is_empty() && line.chars().count() <= MAX_OUTPUT_CHARS && !line.contains('\n'));
            }
        }
    }
}
