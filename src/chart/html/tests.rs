//! The properties of every page.

use super::*;
use crate::chart::sample::{CASES, bare, case, report};
use crate::chart::{Panel, State, Strip};
use crate::message::Language::{Chinese, English};

#[test]
fn a_page_loads_nothing_and_runs_nothing() {
    for name in CASES {
        let page = page(&case(name, English));
        for forbidden in ["<script", "http:", "https:", "src=", "href=", "url(", "@import", "onload", "javascript:"] {
            assert!(!page.contains(forbidden), "{name}: {forbidden}");
        }
        assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""));
    }
}

#[test]
fn a_name_is_text_and_never_markup() {
    let mut chart = report(Chinese);
    let evil = "</title><img src=x onerror=alert(1)>\"'&\u{202e}\n";
    chart.host = evil.to_owned();
    chart.containers[0].name = evil.to_owned();
    let page = page(&chart);
    assert!(!page.contains("<img") && !page.contains('\u{202e}'), "{page}");
    assert_eq!(page.matches("&lt;img src=x onerror=alert(1)&gt;&quot;'&amp; ").count(), 3);
}

#[test]
fn thirty_days_of_twelve_series_and_all_the_containers_that_have_room_are_below_200_kilobytes() {
    let day = case("forty", English);
    let mut month = bare(English, 30 * 24);
    let repeated = |strip: &Strip| {
        let steps = (0..720).map(|hour| strip.steps[hour * 61 % strip.steps.len()]).collect();
        Panel::Strip(Strip { steps, ..strip.clone() })
    };
    month.panels = day.strips().chain(day.strips()).map(repeated).collect();
    month.containers = day.containers.iter().cycle().take(256).cloned().collect();
    for (number, row) in month.containers.iter_mut().enumerate() {
        row.states.iter_mut().skip(number % 7 * 40).step_by(200).for_each(|state| *state = State::Stopped);
    }
    month.episodes = day.episodes.iter().cycle().take(100).cloned().collect();
    let page = page(&month);
    assert_eq!(month.panels.len(), 12);
    assert!(page.contains("196 more containers, of which "), "{page}");
    assert!(page.len() < 200_000, "{} bytes", page.len());
    if let Some(folder) = std::env::var_os("LOOK_AT") {
        std::fs::write(std::path::Path::new(&folder).join("month.html"), page).unwrap();
    }
}

#[test]
fn an_alert_lasts_up_to_the_end_of_the_chart() {
    let mut chart = report(English);
    chart.made_at += jiff::SignedDuration::from_hours(48);
    assert!(page(&chart).contains("<td>still on</td><td>1 h 35 min</td>"));
}

#[test]
fn what_is_unknown_is_said_and_a_gap_breaks_the_line() {
    let text = page(&case("unknown", Chinese));
    assert!(text.contains("state unknown\">未知<") && text.contains("没有数据") && !text.contains("正常"), "{text}");
    let text = page(&case("one", Chinese));
    let line = text.split("class=\"l\" d=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(line.matches('M').count(), 2, "{line}");
    assert!(text.contains("rect class=\"n\""), "{text}");
    if let Some(folder) = std::env::var_os("LOOK_AT") {
        for (name, language) in CASES.iter().flat_map(|name| [(name, Chinese), (name, English)]) {
            let file = std::path::Path::new(&folder).join(format!("{name}.{language:?}.html"));
            std::fs::write(file, page(&case(name, language))).unwrap();
        }
    }
}
