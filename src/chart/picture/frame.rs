//! The surroundings of the strips: the head, the rules, the time axis, the foot.

use super::layout::{Mark, Marks, bold, regular};
use super::theme::Ink;
use super::{Kind, LEFT, PLOT, RIGHT, WIDTH};
use crate::chart::Chart;
use crate::chart::font::{Weight, is_mostly_missing};

const HEAD: f32 = 134.0;
/// A line of an alert; the others are counted.
const WRONG_LINE: f32 = 36.0;
const MOST_WRONG_LINES: usize = 3;
const FOOT: f32 = 93.0;
const MOST_TICKS: usize = 6;

/// Host, state, period, and the alerts that last. Returns its lower edge.
pub(super) fn head(marks: &mut Marks, chart: &Chart, kind: Kind) -> f32 {
    let (text, ink) = match (chart.wrong.is_empty(), kind) {
        (false, Kind::Alert) => (chart.alert().to_owned(), Ink::Alarm),
        (false, Kind::Report) => (chart.status(), Ink::Alarm),
        (true, _) if chart.is_known() => (chart.status(), Ink::Calm),
        (true, _) => (chart.status(), Ink::Unknown),
    };
    let style = bold(30.0, Ink::White);
    let width = style.width(&text) + 44.0;
    marks.rounded([RIGHT - width, 24.0, width, 56.0], 28.0, ink, u8::MAX);
    marks.text([RIGHT - width + 22.0, 63.0], &text, style);

    let name = if is_mostly_missing(&chart.host, Weight::Regular) { &chart.system_host } else { &chart.host };
    let style = crate::chart::picture::strip::in_one_weight(name, bold(46.0, Ink::Text));
    marks.text([LEFT, 66.0], &style.cut(name, RIGHT - LEFT - width - 24.0), style);
    marks.text([LEFT, 110.0], &format!("{} · {}", chart.period(), chart.dates()), regular(25.0, Ink::Second));
    if chart.wrong.is_empty() {
        return HEAD;
    }
    let shown = chart.wrong.len().min(MOST_WRONG_LINES);
    let style = regular(26.0, Ink::Red);
    for (number, line) in chart.wrong.iter().take(shown).enumerate() {
        let y = HEAD + WRONG_LINE * number as f32;
        let rest = chart.wrong.len() - shown;
        let more = if number + 1 == shown && rest > 0 { format!("  +{rest}") } else { String::new() };
        marks.rounded([LEFT, y + 4.0, 14.0, 14.0], 7.0, Ink::Red, u8::MAX);
        let room = RIGHT - LEFT - 26.0 - style.width(&more);
        marks.text([LEFT + 26.0, y + 20.0], &(style.cut(line.plain(), room) + &more), style);
    }
    HEAD + WRONG_LINE * shown as f32 + 13.0
}

pub(super) fn rule(marks: &mut Marks, y: f32) {
    marks.rect([0.0, y - 0.75, WIDTH, 1.5], Ink::Grid, u8::MAX);
}

/// The ticks' lines through all strips, put in front of the mark `before`.
pub(super) fn verticals(marks: &mut Marks, before: usize, chart: &Chart, top: f32, bottom: f32) {
    let line = |tick: crate::chart::ticks::Tick| {
        let width = if tick.is_midnight { 2.0 } else { 1.0 };
        let at = [place(tick.at) - width / 2.0, top + 16.0, width, bottom - top - 16.0];
        Mark::Rect { at, radius: 0.0, ink: Ink::Grid, alpha: u8::MAX }
    };
    marks.0.splice(before..before, chart.ticks(MOST_TICKS).into_iter().map(line));
}

/// The place of a share of the chart's time.
pub(super) fn place(at: f64) -> f32 {
    PLOT + (RIGHT - PLOT) * at as f32
}

/// The time axis, and who made the picture when. Returns the height of the picture.
pub(super) fn foot(marks: &mut Marks, chart: &Chart, y: f32) -> f32 {
    rule(marks, y);
    let mut free_from = 0.0;
    for tick in chart.ticks(MOST_TICKS) {
        let style = if tick.is_midnight { bold(24.0, Ink::Text) } else { regular(24.0, Ink::Second) };
        let width = style.width(&tick.label);
        let x = place(tick.at);
        let start = (x - width / 2.0).min(WIDTH - 12.0 - width);
        marks.rect([x - 1.0, y, 2.0, 8.0], Ink::Second, u8::MAX);
        if start >= free_from {
            free_from = marks.text([start, y + 35.0], &tick.label, style) + 12.0;
        }
    }
    let made_at = chart.made_at.to_zoned(chart.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let zone = chart.zone.iana_name().unwrap_or("UTC");
    let parts = ["vps-monitor", &made_at, zone, &chart.each_interval()].join(" · ");
    let style = regular(20.0, Ink::Faint);
    marks.text([LEFT, y + 75.0], &style.cut(&parts, RIGHT - LEFT), style);
    y + FOOT
}
