//! The words at the left of a strip, and its plot.

use super::layout::{Marks, TextStyle, bold, regular};
use super::plot::{Direction, Plot};
use super::theme::Ink;
use super::{LEFT, WORDS};
use crate::chart::font::{Weight, is_mostly_missing, is_whole};
use crate::chart::scale::top;
use crate::chart::series::merged;
use crate::chart::{Chart, Strip};
use crate::message::Line;

/// A plot's distance from the rule above and the one below.
const ABOVE: f32 = 24.0;
const BELOW: f32 = 20.0;
/// The width of three numbers, up to the zero of the scale.
const NUMBERS: f32 = 252.0;

/// A name that bold lacks is regular as a whole.
pub(super) fn in_one_weight(name: &str, style: TextStyle) -> TextStyle {
    let weight = if is_whole(name, style.weight) { style.weight } else { Weight::Regular };
    TextStyle { weight, ..style }
}

pub(super) fn draw(marks: &mut Marks, chart: &Chart, strip: &Strip, y: f32, height: f32) {
    let end = top(&[strip]);
    let plot = Plot { top: y + ABOVE, bottom: y + height - BELOW, end, direction: Direction::Up };
    plot.frame(marks, chart, &[strip]);
    plot.draw(marks, chart, strip, Ink::Blue);
    title(marks, strip.title(chart.words()), &note(strip), y);

    let ink = if strip.is_over() { Ink::Red } else { Ink::Text };
    let unit = strip.key.metric.unit.suffix().trim_start();
    let value = strip.now.map_or_else(|| "—".to_owned(), |now| strip.plain(now));
    let mut size = 58.0;
    while bold(size, ink).width(&value) + 6.0 + bold(30.0, ink).width(unit) > WORDS && size > 24.0 {
        size -= 2.0;
    }
    let x = marks.text([LEFT, y + 106.0], &value, bold(size, ink));
    if strip.now.is_some() {
        marks.text([x + 6.0, y + 106.0], unit, bold(30.0, ink));
    }
    let Some(whole) = merged(&strip.steps) else {
        marks.text([LEFT, y + 150.0], chart.no_data(), regular(20.0, Ink::Faint));
        return;
    };
    let pairs: Vec<(&str, String)> = chart.extremes().into_iter().zip(strip.extremes(&whole)).collect();
    numbers(marks, [LEFT, y + 150.0], &pairs, NUMBERS, 22.0);
}

/// Two strips at one zero line, in above and out below, on one scale.
pub(super) fn draw_mirrored(
    marks: &mut Marks,
    chart: &Chart,
    of_both: &Line,
    [inward, outward]: [&Strip; 2],
    y: f32,
    height: f32,
) {
    let end = top(&[inward, outward]);
    let (first, last) = (y + ABOVE, y + height - BELOW);
    let zero = f32::midpoint(first, last);
    let up = Plot { top: first, bottom: zero, end, direction: Direction::Up };
    let down = Plot { top: zero, bottom: last, end, direction: Direction::Down };
    up.frame(marks, chart, &[inward, outward]);
    down.frame(marks, chart, &[outward]);
    up.draw(marks, chart, inward, Ink::Blue);
    down.draw(marks, chart, outward, Ink::Teal);

    title(marks, of_both.plain(), "", y);
    for (number, (strip, ink)) in [(inward, Ink::Blue), (outward, Ink::Teal)].into_iter().enumerate() {
        let y = y + 64.0 + 70.0 * number as f32;
        marks.rounded([LEFT, y, 6.0, 56.0], 3.0, ink, u8::MAX);
        let value_ink = if strip.is_over() { Ink::Red } else { Ink::Text };
        let unit = strip.key.metric.unit;
        let label = chart.direction(number == 0);
        let x = marks.text([LEFT + 18.0, y + 26.0], label, regular(24.0, Ink::Second)) + 8.0;
        let value = strip.now.map_or_else(|| "—".to_owned(), |now| strip.plain(now));
        let x = marks.text([x, y + 27.0], &value, bold(36.0, value_ink)) + 8.0;
        marks.text([x, y + 26.0], unit.suffix().trim(), regular(21.0, Ink::Second));
        if let Some(whole) = merged(&strip.steps) {
            let [_, mean, high] = strip.extremes(&whole);
            let [_, of_mean, of_high] = chart.extremes();
            numbers(marks, [LEFT + 18.0, y + 54.0], &[(of_mean, mean), (of_high, high)], WORDS - 18.0, 20.0);
        }
    }
}

/// The target where there is one: a path whose glyphs are missing by its last part that has them.
fn note(strip: &Strip) -> String {
    let target = &*strip.key.target;
    if target.is_empty() {
        return strip.note.plain().to_owned();
    }
    if is_mostly_missing(target, Weight::Regular) {
        let last = target.rsplit('/').find(|part| !part.is_empty() && part.is_ascii());
        return last.unwrap_or(target).to_owned();
    }
    target.to_owned()
}

fn title(marks: &mut Marks, title: &str, note: &str, y: f32) {
    let style = in_one_weight(title, bold(29.0, Ink::Text));
    let x = marks.text([LEFT, y + 42.0], &style.cut(title, WORDS), style) + 12.0;
    let room = LEFT + WORDS - x;
    let size = if regular(22.0, Ink::Faint).width(note) > room { 20.0 } else { 22.0 };
    let style = regular(size, Ink::Faint);
    let note = style.cut(note, room + 4.0);
    if note.chars().any(|c| c != '…') {
        marks.text([x, y + 42.0], &note, style);
    }
}

/// `低 8.6 均 30.5 高 97.0`, smaller where there is little room.
fn numbers(marks: &mut Marks, [x, y]: [f32; 2], pairs: &[(&str, String)], room: f32, size: f32) {
    let wide = |size: f32, gap: f32| {
        let of = |(label, number): &(&str, String)| {
            regular(size - 2.0, Ink::Faint).width(label) + 4.0 + regular(size, Ink::Second).width(number)
        };
        pairs.iter().map(of).sum::<f32>() + gap * (pairs.len() - 1) as f32
    };
    let (mut size, mut gap) = (size, 14.0);
    while wide(size, gap) > room && size > 12.0 {
        (size, gap) = if gap > 8.0 { (size, gap - 2.0) } else { (size - 1.0, gap) };
    }
    let mut x = x;
    for (label, number) in pairs {
        x = marks.text([x, y], label, regular((size - 2.0).max(16.0).min(size), Ink::Faint)) + 4.0;
        x = marks.text([x, y], number, regular(size, Ink::Second)) + gap;
    }
}
