//! Containers over time: a bar whose height tells the state without colour.

use super::layout::{Marks, TextStyle, bold, regular};
use super::strip::in_one_weight;
use super::theme::Ink;
use super::{LEFT, PLOT, RIGHT};
use crate::chart::apart::told_apart;
use crate::chart::font::{Weight, is_mostly_missing};
use crate::chart::series::states;
use crate::chart::{Chart, ContainerRow, State};

const HEAD: f32 = 56.0;
const ROW: f32 = 46.0;
const MOST_ROWS: usize = 6;
/// A column of a bar is two pixels wide.
const COLUMNS: usize = 273;
const SHARE_END: f32 = 306.0;

/// The colour and the height of a state.
const fn look(state: State) -> (Ink, f32) {
    match state {
        State::Running => (Ink::Green, 14.0),
        State::Unhealthy => (Ink::Amber, 24.0),
        State::Stopped => (Ink::Red, 30.0),
        State::Unknown => (Ink::Faint, 4.0),
    }
}

/// Returns the lower edge.
pub(super) fn draw(marks: &mut Marks, chart: &Chart, top: f32) -> f32 {
    marks.text([LEFT, top + 42.0], chart.containers_title(), bold(29.0, Ink::Text));
    let mut x = PLOT;
    for state in [State::Running, State::Unhealthy, State::Stopped, State::Unknown] {
        marks.rounded([x, top + 23.0, 18.0, 18.0], 4.0, look(state).0, u8::MAX);
        x = marks.text([x + 26.0, top + 39.0], chart.state(state), regular(21.0, Ink::Second)) + 24.0;
    }
    let (rows, others) = chart.containers_first(MOST_ROWS);
    let mut y = top + HEAD;
    let names: Vec<&str> = rows.iter().map(|row| name(row)).collect();
    let names = told_apart(&names, "…", &|number, text, kept| {
        let (share, share_style) = share(chart, rows[number]);
        let room = SHARE_END - LEFT - share_style.width(&share) - 14.0;
        name_style(rows[number]).cut_to(kept, text, room)
    });
    for (container, name) in rows.into_iter().zip(names) {
        row(marks, chart, container, &name, y);
        y += ROW;
    }
    if !others.is_empty() {
        let style = regular(22.0, Ink::Second);
        marks.text([LEFT, y + 31.0], &style.cut(&chart.others(&others), RIGHT - LEFT), style);
        y += ROW;
    }
    y
}

/// Its id where the font lacks most of its name.
fn name(container: &ContainerRow) -> &str {
    let is_replaced = is_mostly_missing(&container.name, Weight::Regular) && !container.id.is_empty();
    if is_replaced { &container.id } else { &container.name }
}

fn name_style(container: &ContainerRow) -> TextStyle {
    let is_down = container.now > State::Running;
    in_one_weight(name(container), if is_down { bold(24.0, Ink::Red) } else { regular(24.0, Ink::Text) })
}

/// The share of the time in which it was well, and the look of that.
fn share(chart: &Chart, container: &ContainerRow) -> (String, TextStyle) {
    let (share, ink) = match container.well_percent {
        None => (chart.words().unknown.to_owned(), Ink::Second),
        Some(percent) if percent >= 100.0 => ("100%".to_owned(), Ink::Second),
        // A minute of a day must not be rounded away.
        Some(percent) => (format!("{:.1}%", percent.min(99.9)), Ink::Red),
    };
    (share, regular(22.0, ink))
}

fn row(marks: &mut Marks, chart: &Chart, container: &ContainerRow, name: &str, y: f32) {
    let middle = y + ROW / 2.0;
    let (share, share_style) = share(chart, container);
    marks.text_before([SHARE_END, middle + 8.0], &share, share_style);
    marks.text([LEFT, middle + 8.0], name, name_style(container));

    let width = (RIGHT - PLOT) / COLUMNS as f32;
    let mut start = 0;
    for run in states(&container.states, COLUMNS).chunk_by(|one, other| one == other) {
        let (ink, height) = look(run[0]);
        let at = [PLOT + start as f32 * width, middle - height / 2.0, run.len() as f32 * width, height];
        marks.rect(at, ink, u8::MAX);
        start += run.len();
    }
}
