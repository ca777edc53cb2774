//! Any name, state or output of a container is one line wherever it is shown, and forges nothing.
//!
//! Line feeds part the input: a name, a state, the output of a health check, an error.
#![no_main]

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use libfuzzer_sys::fuzz_target;
use log::Level;
use vps_monitor::alert::{Episode, News, Transition};
use vps_monitor::logging::Sink;
use vps_monitor::message::{self, Escape, Language, Line, Span, Style};
use vps_monitor::metric;
use vps_monitor::rule::{self, Finding, Limit, Verdict};
use vps_monitor::snapshot::{Cause, ContainerWord, Failure, Key, Reading, Value};
use vps_monitor::text;

const BREACH: Verdict = Verdict::Breach(rule::Level::Warning);

/// Nothing in it is hidden, so nothing in it steers a terminal.
fn assert_one_line(line: &str) {
    assert_eq!(text::shown_within(line, 1 << 20), line);
}

fuzz_target!(|input: &str| {
    let mut parts = input.split('\n');
    let [name, state, output, error] = std::array::from_fn(|_| parts.next().unwrap_or_default());
    let causes = vec![Cause::HealthOutput(output.to_owned())];
    let value = Value::from(ContainerWord { causes, ..ContainerWord::new(state, "running") });
    let key = Key::new(metric::CONTAINER_STATE, name);
    let limit = Limit::Expected("running".into());
    let style = Style { language: Language::Chinese, host: name.to_owned(), zone: TimeZone::UTC };
    let now = Timestamp::UNIX_EPOCH;

    let reading = Reading::new(key.clone(), value.clone());
    let limits = &metric::Limits::NONE;
    let finding = Finding { reading: &reading, verdict: BREACH, limits, wait: Duration::ZERO };
    let failure = Failure {
        collector: "docker",
        metrics: &[metric::CONTAINER_STATE],
        target: Some(name.into()),
        error: error.to_owned(),
    };
    for brief in [false, true] {
        let table = message::table(std::slice::from_ref(&finding), std::slice::from_ref(&failure), &style, now, brief);
        assert_eq!(table.lines().count(), if brief { 1 } else { 3 });
        table.lines().for_each(assert_one_line);
    }

    let transition = Transition { key, news: News::Fired, value, limit, since: now, episode: Episode::default() };
    for message in message::alerts(&[transition], &style, now) {
        message.text(&Escape::NONE).lines().for_each(assert_one_line);
        // The heading, the rule, the container, its state, its cause, the time.
        assert_eq!(message.text(&Escape::NONE).lines().count(), 6);
        // A channel knows which parts are ours: a label and what separates a name from it.
        for span in message.lines.iter().flat_map(Line::spans) {
            assert!(!matches!(span, Span::Own(text) if text.contains(['<', '>', '*', '[', ']', '`'])));
        }
    }

    let mut log = Vec::new();
    let line =
        format!("alert=x target={} value={} error={}", text::quoted(name), text::field(state), text::quoted(error));
    Sink::to_standard_error(&mut log, false).write(
        &Zoned::default(),
        Level::Info,
        format_args!("{line} {}", text::in_log(output)),
    );
    let log = String::from_utf8(log).unwrap();
    assert_eq!(log.matches('\n').count(), 1);
    assert_one_line(log.trim_end_matches('\n'));
    assert_eq!(log.matches('=').count(), 4);
});
