//! The plot of a strip: its scale, its line, the parts over the threshold, the times of its alerts and of no data.

use super::frame::place;
use super::layout::{Marks, regular};
use super::theme::Ink;
use super::{PLOT, RIGHT};
use crate::chart::scale::label;
use crate::chart::series::columns;
use crate::chart::{Chart, Span, Step, Strip};

/// At most one column for each pixel and a half.
const MOST_COLUMNS: usize = 364;
const LINE: f32 = 2.6;
const LINE_OVER: f32 = 3.0;
const DASH: [f32; 2] = [9.0, 6.0];
const ALPHA_AREA: u8 = 30;
const ALPHA_BAND: u8 = 56;
const ALPHA_ALERT: u8 = 34;
const ALPHA_OVER: u8 = 90;
const ALPHA_PLATE: u8 = 216;
/// The height of a label's letters.
const LETTERS: f32 = 15.0;
/// An alert's time reaches beyond the plot by so much, and ends with a bar.
const ALERT_ABOVE: f32 = 8.0;
const ALERT_BAR: f32 = 5.0;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Up,
    Down,
}

pub(super) struct Plot {
    pub top: f32,
    pub bottom: f32,
    /// The value at the end of the scale.
    pub end: f64,
    pub direction: Direction,
}

impl Plot {
    fn y(&self, value: f64) -> f32 {
        let share = (value / self.end).clamp(0.0, 1.0) as f32;
        match self.direction {
            Direction::Up => self.bottom - (self.bottom - self.top) * share,
            Direction::Down => self.top + (self.bottom - self.top) * share,
        }
    }

    /// The lines of the scale with their labels. A plot that hangs from another one's zero has its end alone.
    pub fn frame(&self, marks: &mut Marks, chart: &Chart, strips: &[&Strip]) {
        let style = regular(20.0, Ink::Faint);
        let values: &[f64] = match (self.direction, strips.len()) {
            (Direction::Down, _) => &[1.0],
            (Direction::Up, 1) => &[0.0, 0.5, 1.0],
            (Direction::Up, _) => &[0.0, 1.0],
        };
        for share in values {
            let y = self.y(share * self.end);
            marks.rect([PLOT, y - 0.5, RIGHT - PLOT, 1.0], Ink::Grid, u8::MAX);
            marks.text_before([PLOT - 8.0, y + 7.0], &label(share * self.end), style);
        }
        if strips.iter().any(|strip| strip.steps.iter().all(Option::is_none)) {
            let middle = [f32::midpoint(PLOT, RIGHT), f32::midpoint(self.top, self.bottom) + 8.0];
            marks.rect([PLOT, self.top, RIGHT - PLOT, self.bottom - self.top], Ink::Gap, u8::MAX);
            marks.text_around(middle, chart.no_data(), regular(22.0, Ink::Faint));
        }
    }

    pub fn draw(&self, marks: &mut Marks, chart: &Chart, strip: &Strip, ink: Ink) {
        let count = strip.steps.len().min(MOST_COLUMNS);
        let columns = columns(&strip.steps, count);
        let width = (RIGHT - PLOT) / count.max(1) as f32;
        let height = self.bottom - self.top;
        let is_empty = columns.iter().all(Option::is_none);
        let mut start = 0;
        let mut runs = Vec::new();
        for run in columns.chunk_by(|one, other| one.is_some() == other.is_some()) {
            let x = PLOT + start as f32 * width;
            if run[0].is_none() && !is_empty {
                marks.rect([x, self.top, run.len() as f32 * width, height], Ink::Gap, u8::MAX);
            } else {
                let steps: Vec<(f32, Step)> = run
                    .iter()
                    .flatten()
                    .enumerate()
                    .map(|(number, step)| (x + (number as f32 + 0.5) * width, *step))
                    .collect();
                runs.push((x, x + run.len() as f32 * width, steps));
            }
            start += run.len();
        }
        self.alerts(marks, chart, strip);
        for (from, to, steps) in &runs {
            self.course(marks, strip, [*from, *to], steps, ink);
        }
        if let Some(limit) = strip.threshold.filter(|limit| (0.0..=self.end).contains(limit)) {
            let mut x = PLOT;
            while x < RIGHT {
                marks.rect([x, self.y(limit) - 1.0, DASH[0].min(RIGHT - x), 2.0], Ink::Red, u8::MAX);
                x += DASH[0] + DASH[1];
            }
            if self.direction == Direction::Up {
                self.threshold_label(
                    marks,
                    chart,
                    strip,
                    limit,
                    &runs.into_iter().flat_map(|run| run.2).collect::<Vec<_>>(),
                );
            }
        }
    }

    fn alerts(&self, marks: &mut Marks, chart: &Chart, strip: &Strip) {
        for alert in &strip.alerts {
            let (from, to) = (chart.place(alert.from).clamp(0.0, 1.0), chart.place(alert.to).clamp(0.0, 1.0));
            let (x, width) = (place(from), (place(to) - place(from)).max(2.0).min(RIGHT - place(from)));
            let height = self.bottom - self.top + ALERT_ABOVE;
            let (top, bar) = match self.direction {
                Direction::Up => (self.top - ALERT_ABOVE, self.top - ALERT_ABOVE),
                Direction::Down => (self.top, self.bottom + ALERT_ABOVE - ALERT_BAR),
            };
            marks.rect([x, top, width, height], Ink::Red, ALPHA_ALERT);
            marks.rect([x, bar, width, ALERT_BAR], Ink::Red, u8::MAX);
        }
    }

    /// One stretch without a gap: the band, the area below, the line; red where it is over the threshold.
    fn course(&self, marks: &mut Marks, strip: &Strip, [from, to]: [f32; 2], steps: &[(f32, Step)], ink: Ink) {
        let (Some((_, first)), Some((_, last))) = (steps.first(), steps.last()) else { return };
        let line = |of: fn(&Step) -> f64| {
            let inner = steps.iter().map(move |(x, step)| [*x, self.y(of(step))]);
            let ends = ([from, self.y(of(first))], [to, self.y(of(last))]);
            std::iter::once(ends.0).chain(inner).chain([ends.1]).collect::<Vec<_>>()
        };
        let (low, mean, high) = (line(|step| step.min), line(|step| step.avg), line(|step| step.max));
        marks.area(high.iter().copied().chain(low.into_iter().rev()).collect(), ink, ALPHA_BAND);
        let zero = self.y(0.0);
        marks.area(mean.iter().copied().chain([[to, zero], [from, zero]]).collect(), ink, ALPHA_AREA);

        marks.line(mean.clone(), LINE, ink);
        let Some(limit) = strip.threshold.filter(|limit| *limit <= self.end) else { return };
        let edge = self.y(limit);
        let grows_worse = strip.key.metric.unit.reaches(limit + 1.0, limit);
        let is_worse =
            |y: f32| (y - edge) * if (self.direction == Direction::Up) == grows_worse { -1.0 } else { 1.0 } > 0.0;
        for run in
            crossed(&mean, edge).chunk_by(|one, other| is_over(*one, edge, is_worse) && is_over(*other, edge, is_worse))
        {
            if run.len() > 1 {
                let (from, to) = (run[0][0], run[run.len() - 1][0]);
                marks.area(run.iter().copied().chain([[to, edge], [from, edge]]).collect(), Ink::Red, ALPHA_OVER);
                marks.line(run.to_vec(), LINE_OVER, Ink::Red);
            }
        }
    }

    /// At that of four places where the line leaves most room; below the threshold where there is none above it. Where an
    /// alert or a value over it is behind the label, that is on a plate of paper: red on red is not legible.
    fn threshold_label(&self, marks: &mut Marks, chart: &Chart, strip: &Strip, limit: f64, steps: &[(f32, Step)]) {
        let style = regular(20.0, Ink::Red);
        let text = format!("{} {}", chart.words().threshold, label(limit));
        let width = style.width(&text);
        let above = self.y(limit) - 8.0;
        let has_room_above = above - LETTERS >= self.top - 2.0;
        let baseline = if has_room_above { above } else { self.y(limit) + 8.0 + LETTERS };
        let room = |x: f32| {
            let near = steps.iter().filter(|(at, _)| (x - 8.0..x + width + 8.0).contains(at));
            near.map(|(_, step)| (self.y(step.max) - baseline).abs()).fold(f32::MAX, f32::min)
        };
        let free = RIGHT - PLOT - width - 8.0;
        let places = [0.0, 1.0, 0.5, 0.25].map(|share| PLOT + 4.0 + free * share);
        let in_alert = |x: f32| {
            let is_hit = |at: f64| (x - 8.0..x + width + 8.0).contains(&place(at));
            strip.alerts.iter().any(|alert| is_hit(chart.place(alert.from)) || is_hit(chart.place(alert.to)))
        };
        let best = places.into_iter().max_by(|one, other| {
            let rank = |x: f32| (!in_alert(x), room(x).min(60.0));
            rank(*one).partial_cmp(&rank(*other)).unwrap_or(std::cmp::Ordering::Equal)
        });
        // Without a line the middle is that of other words.
        let x = best.filter(|_| !steps.is_empty()).unwrap_or(places[0]);
        let meets =
            |alert: &Span| place(chart.place(alert.from)) < x + width + 4.0 && place(chart.place(alert.to)) > x - 4.0;
        let is_over = |(at, step): &(f32, Step)| {
            (x - 4.0..x + width + 4.0).contains(at) && strip.key.metric.unit.reaches(step.avg, limit)
        };
        if strip.alerts.iter().any(meets) || steps.iter().any(is_over) {
            marks.rounded([x - 4.0, baseline - LETTERS, width + 8.0, LETTERS + 5.0], 4.0, Ink::Paper, ALPHA_PLATE);
        }
        marks.text([x, baseline], &text, style);
    }
}

/// On the worse side, or at the edge itself.
fn is_over([_, y]: [f32; 2], edge: f32, is_worse: impl Fn(f32) -> bool) -> bool {
    is_worse(y) || (y - edge).abs() < 0.01
}

/// The line with a point at each crossing of `edge`.
fn crossed(line: &[[f32; 2]], edge: f32) -> Vec<[f32; 2]> {
    let mut points: Vec<[f32; 2]> = Vec::with_capacity(line.len());
    for point in line {
        if let Some([x0, y0]) = points.last().copied()
            && (y0 - edge) * (point[1] - edge) < 0.0
        {
            points.push([x0 + (point[0] - x0) * (edge - y0) / (point[1] - y0), edge]);
        }
        points.push(*point);
    }
    points
}
