//! A chart as a picture for a chat: one column of strips over one time axis, 900 pixels wide.
//!
//! On a phone the eye goes down, and a vertical line is the same minute in every strip. The smallest text is 20 pixels, which
//! a phone shows at 0.43 of its size. Shape says the same as colour: a bar over an alert's time, a height for a container's
//! state. The order of work: marks, pixels, file.

mod canvas;
mod containers;
mod frame;
mod layout;
mod plot;
mod png;
mod strip;
mod svg;
#[cfg(test)]
mod tests;
mod theme;

pub use svg::svg;
pub use theme::Theme;

use super::{Chart, Panel};
use canvas::Canvas;
use layout::{Mark, Marks};
use png::Image;

const WIDTH: f32 = 900.0;
/// The left and right edge of the content.
const LEFT: f32 = 36.0;
const RIGHT: f32 = 864.0;
/// The plots' left edge; their right one is the content's.
const PLOT: f32 = 318.0;
/// The width of the words beside a plot.
const WORDS: f32 = 232.0;

const STRIP: f32 = 178.0;
const MIRRORED: f32 = 208.0;
/// The strip of an alert's picture.
const LARGE_STRIP: f32 = 330.0;

/// The kind of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// All strips and the containers.
    Report,
    /// One large strip.
    Alert,
}

/// A band of a picture that is painted at once: all pixels of a tall picture would be most of a child's memory.
const BAND: usize = 128;

/// The PNG file of a chart.
pub fn draw(chart: &Chart, kind: Kind, theme: Theme) -> Vec<u8> {
    let (marks, height) = lay_out(chart, kind);
    let mut image = Image::default();
    bands(&marks, height, theme).for_each(|band| image.add(&band));
    image.file(theme)
}

fn bands(marks: &Marks, height: f32, theme: Theme) -> impl Iterator<Item = Canvas> {
    let height = height as usize;
    (0..height).step_by(BAND).map(move |top| painted(marks, top, height.min(top + BAND), theme))
}

fn painted(marks: &Marks, top: usize, bottom: usize, theme: Theme) -> Canvas {
    let mut canvas = Canvas::new(WIDTH as usize, top, bottom, theme.color(theme::Ink::Paper));
    for mark in &marks.0 {
        match mark {
            Mark::Rect { at, radius, ink, alpha } => canvas.rect(*at, *radius, theme.color(*ink), theme.alpha(*alpha)),
            Mark::Area { points, ink, alpha } => canvas.area(points, theme.color(*ink), theme.alpha(*alpha)),
            Mark::Line { points, width, ink } => canvas.line(points, *width, theme.color(*ink)),
            Mark::Text { at, text, style } => canvas.text(*at, text, style.size, style.weight, theme.color(style.ink)),
        }
    }
    canvas
}

/// All marks, and the height of the picture.
fn lay_out(chart: &Chart, kind: Kind) -> (Marks, f32) {
    let mut marks = Marks::default();
    let top = frame::head(&mut marks, chart, kind);
    let mut y = top;
    // The verticals of the ticks are behind everything, up to the axis, whose place is known below.
    let ticks_at = marks.0.len();
    for panel in &chart.panels {
        frame::rule(&mut marks, y);
        let height = match (panel, kind) {
            (_, Kind::Alert) => LARGE_STRIP,
            (Panel::Strip(_), _) => STRIP,
            (Panel::Mirrored { .. }, _) => MIRRORED,
        };
        match panel {
            Panel::Strip(strip) => strip::draw(&mut marks, chart, strip, y, height),
            Panel::Mirrored { title, inward, outward } => {
                strip::draw_mirrored(&mut marks, chart, title, [inward, outward], y, height);
            }
        }
        y += height;
    }
    if kind == Kind::Report && !chart.containers.is_empty() {
        frame::rule(&mut marks, y);
        y = containers::draw(&mut marks, chart, y);
    }
    frame::verticals(&mut marks, ticks_at, chart, top, y);
    let height = frame::foot(&mut marks, chart, y);
    (marks, height)
}
