//! The properties of every view, and each case as it was looked at, in fixtures/chart.

use super::*;
use crate::chart::sample::{CASES, case, report};
use crate::message::Language::{self, Chinese, English};

const LANGUAGES: [Language; 2] = [Chinese, English];

fn drawn(chart: &Chart, columns: usize, lines: usize, dots: Dots) -> String {
    draw(chart, Terminal { columns, lines, dots })
}

#[test]
fn whatever_is_drawn_fits_into_the_columns_and_a_day_into_80_times_24() {
    for (name, language) in CASES.iter().flat_map(|name| LANGUAGES.map(|language| (name, language))) {
        for (columns, dots) in [(80, Dots::Braille), (80, Dots::Ascii), (60, Dots::Braille), (132, Dots::Ascii)] {
            let text = drawn(&case(name, language), columns, 24, dots);
            for line in text.lines() {
                assert!(width(line) <= columns, "{name} {columns}: {} columns: {line}", width(line));
            }
            assert!(text.lines().count() <= 24, "{name}\n{text}");
        }
    }
}

#[test]
fn plots_begin_in_one_column_whatever_the_names() {
    let mut chart = report(Chinese);
    chart.containers[0].name = "很长很长很长的容器名字很长很长".to_owned();
    chart.containers[1].name = "\u{202e}evil\n".to_owned();
    let text = drawn(&chart, 80, 24, Dots::Braille);
    let bars: Vec<usize> = text.lines().filter_map(|line| Some(width(line.split_once('|')?.0))).collect();
    assert_eq!(bars, [LEFT_COLUMNS; 22], "{text}");
    assert!(text.contains("\\u{202e}"), "{text}");
}

#[test]
fn ascii_is_ascii_and_a_narrow_terminal_gets_the_least_width() {
    let text = drawn(&report(English), 80, 24, Dots::Ascii);
    assert!(text.is_ascii(), "{text}");
    assert!(drawn(&report(English), 5, 5, Dots::Braille).lines().all(|line| width(line) <= LEFT_COLUMNS + 11));
}

#[test]
fn a_peak_of_one_step_is_drawn_and_a_gap_is_blank() {
    let mut chart = case("one", English);
    let Some(crate::chart::Panel::Strip(strip)) = chart.panels.first_mut() else { panic!("no strip") };
    strip.steps = vec![Some(crate::chart::Step { min: 1.0, avg: 1.0, max: 1.0 }); 1440];
    strip.steps[700] = Some(crate::chart::Step { min: 1.0, avg: 1.0, max: 99.0 });
    strip.steps[..300].fill(None);
    (strip.threshold, strip.now) = (None, None);
    let text = drawn(&chart, 80, 5, Dots::Ascii);
    let row = |number: usize| text.lines().nth(number).unwrap().split_once('|').unwrap().1.to_owned();
    assert_eq!((row(1).trim_start(), row(1).len()), ("#", 26), "{text}");
    assert!(row(3).starts_with("           #####"), "{text}");
    assert!(text.contains("unknown"), "{text}");
}

#[test]
fn a_value_over_its_limit_has_a_mark_and_so_has_each_state() {
    let text = drawn(&report(Chinese), 80, 24, Dots::Braille);
    for part in
        ["[告警 2]", "88.5% ! 100|", "告警 58 分", "最近 24 小时   11-25 13:00 至 11-26 13:00", "+11-26", "===xxx"]
    {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert_eq!(text.matches('!').count(), 1);
    assert!(text.lines().any(|line| line.starts_with("shop-api") && line.contains("~~")), "{text}");
}

#[test]
fn what_is_not_known_is_not_well() {
    let text = drawn(&case("unknown", Chinese), 80, 24, Dots::Braille);
    assert!(text.contains("[未知]") && !text.contains("正常") && !text.contains('='), "{text}");
    let text = drawn(&case("empty", English), 80, 24, Dots::Braille);
    assert!(text.contains("no data") && text.contains("[Normal]"), "{text}");
}

#[test]
fn of_forty_containers_the_troubled_ones_are_seen_and_the_rest_is_counted() {
    let text = drawn(&case("forty", English), 80, 24, Dots::Braille);
    let last: Vec<&str> = text.lines().skip(20).collect();
    assert!(last[0].starts_with("worker-email-queue-3 87.2%|"), "{text}");
    assert!(last[3].starts_with("37 more containers, of which 8 were not always well"), "{text}");
}

#[test]
fn the_views_are_those_that_were_looked_at() {
    for (name, language) in CASES.iter().flat_map(|name| LANGUAGES.map(|language| (name, language))) {
        let language_name = if language == Chinese { "zh" } else { "en" };
        let path = format!("{}/fixtures/chart/{name}.{language_name}.txt", env!("CARGO_MANIFEST_DIR"));
        let text = draw(&case(name, language), Terminal::default());
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), text, "{path}");
    }
}
