//! Judges a container's health, and picks the informative lines from its last check's output. Pure.

use std::time::Duration;

use super::interner::Interner;
use super::judge::{Observation, WatchPolicy};
use crate::snapshot::{Cause, ContainerWord};

/// The least time for which `starting` is neither good nor bad, however short the container's own times are.
pub const SHORTEST_START: Duration = Duration::from_secs(10 * 60);

/// The bound of a health check's output: a line of a message.
const MAX_OUTPUT_CHARS: usize = 120;

/// A last line shorter than this gets the line before it in front, if there is room for both.
const TELLING_CHARS: usize = 40;

const _: () = assert!(TELLING_CHARS < MAX_OUTPUT_CHARS);

/// The word of a good health.
pub const EXPECTED: &str = "healthy";

/// The reading of a container's health; `None` if it has none, or is not to be watched.
pub fn health(observed: &Observation, policy: WatchPolicy, interner: &mut Interner) -> Option<ContainerWord> {
    let word = observed.health.as_ref().filter(|_| policy.check_health)?;
    let well = match &**word {
        EXPECTED => Some(true),
        "starting" if !is_overdue(observed) => None,
        _ => Some(false),
    };
    let output = observed.details.as_ref().and_then(|details| details.health_output.clone());
    Some(ContainerWord {
        well,
        causes: output.filter(|_| well == Some(false)).map(Cause::HealthOutput).into_iter().collect(),
        is_critical: policy.is_critical,
        ..ContainerWord::new(word.clone(), interner.get(EXPECTED))
    })
}

/// Whether a container has been starting for longer than its own health check may take. The list alone does not tell:
/// the times of the check are in inspect.
fn is_overdue(observed: &Observation) -> bool {
    let longest_start = observed.details.as_ref().and_then(|details| details.longest_start);
    match (observed.uptime, longest_start) {
        (Some(uptime), Some(longest_start)) => uptime >= longest_start.max(SHORTEST_START),
        _ => false,
    }
}

/// The end of a check's output, as one line; `None` if it printed nothing. The reason of a failure is in the last
/// lines: before them come progress meters and the upper part of a traceback.
pub fn end_of_output(output: &str) -> Option<String> {
    let output = without_escapes(output);
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

/// Whether a line has content: rules, dots and progress meters have none.
fn says_something(line: &str) -> bool {
    line.chars().any(char::is_alphanumeric) && !is_meter(line)
}

/// With more numbers than this and no word, a line is a row of a meter.
const MAX_NUMBERS: usize = 5;

/// curl's table with its headings, and bars that end in a percentage.
fn is_meter(line: &str) -> bool {
    let is_numbers = !line.chars().any(char::is_alphabetic);
    ["% Total", "Dload Upload"].iter().any(|heading| line.starts_with(heading))
        || line.contains("--:--:--")
        || is_numbers && (line.ends_with('%') || line.split(' ').count() > MAX_NUMBERS)
}

/// `output` without the colours and other commands to a terminal: ECMA-48's control sequences (CSI) and strings (OSC).
fn without_escapes(output: &str) -> String {
    let mut parts = output.split('\u{1b}');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_end: fn(char) -> bool = match part.chars().next() {
            Some('[') => |c| matches!(c, '@'..='Z' | '\\'..='~'),
            Some(']') => |c| c == '\u{7}',
            _ => |c| !matches!(c, ' '..='/'),
        };
        plain.push_str(part.split_once(is_end).map_or("", |(_, rest)| rest));
    }
    plain
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
        let short =
            curl.replace("curl: (22) The requested URL returned error: 503", "curl: (52) Empty reply from server");
        assert_eq!(end_of_output(&short).unwrap(), "curl: (52) Empty reply from server");
        assert_eq!(end_of_output(&curl[..curl.find("curl:").unwrap()]), None);
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

    #[test]
    fn a_code_alone_is_told_and_neither_colours_nor_bars_are() {
        for (output, told) in [
            ("503", Some("503")),
            ("HTTP status:\n503\n\n", Some("HTTP status: 503")),
            ("\u{1b}[1;31mERROR\u{1b}[0m db: \u{1b}[33mdown\u{1b}[K\u{1b}[m\r\n", Some("ERROR db: down")),
            ("\u{1b}]0;title\u{7}\u{1b}(Bno answer\u{1b}7", Some("no answer")),
            ("10%\r50%\r######   100.0%\nrefused", Some("refused")),
            ("数据库连接失败\n", Some("数据库连接失败")),
            ("\u{1b}[31m\u{1b}[0m\n----\n", None),
        ] {
            assert_eq!(end_of_output(output).as_deref(), told, "{output:?}");
        }
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
