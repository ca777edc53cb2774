//! The same picture as an SVG file, for a page or for print: it loads nothing.
//!
//! Texts stay texts, in the reader's own font, and each is set to the width that it has in the layout.

use super::layout::{Mark, TextStyle};
use super::theme::{Ink, Rgb, Theme};
use super::{Kind, WIDTH, lay_out};
use crate::chart::Chart;
use crate::chart::font::Weight;
use crate::chart::html::Html;

const FONTS: &str = "'Noto Sans CJK SC','Noto Sans SC','Source Han Sans SC','PingFang SC','Microsoft YaHei',sans-serif";

/// The SVG file of a chart.
pub fn svg(chart: &Chart, kind: Kind, theme: Theme) -> String {
    let (marks, height) = lay_out(chart, kind);
    let mut svg = Html::default();
    let number = |number: f32| f64::from(number);
    svg.raw("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ").number(number(WIDTH)).raw(" ");
    svg.number(number(height)).raw("\" width=\"").number(number(WIDTH)).raw("\" height=\"").number(number(height));
    svg.raw("\" font-family=\"").raw(FONTS).raw("\">\n<title>").text(&chart.host).raw("</title>\n<rect width=\"100%\"");
    svg.raw(" height=\"100%\"");
    fill(&mut svg, theme, Ink::Paper, u8::MAX);
    svg.raw("/>\n");
    for mark in &marks.0 {
        draw(&mut svg, theme, mark);
    }
    svg.raw("</svg>\n");
    svg.0
}

fn draw(svg: &mut Html, theme: Theme, mark: &Mark) {
    match mark {
        Mark::Rect { at, radius, ink, alpha } => {
            svg.raw("<rect");
            for (name, number) in ["x", "y", "width", "height", "rx"].into_iter().zip(at.iter().chain([radius])) {
                if *number != 0.0 {
                    attribute(svg, name, *number);
                }
            }
            fill(svg, theme, *ink, *alpha);
        }
        Mark::Area { points, ink, alpha } => {
            svg.raw("<polygon");
            self::points(svg, points);
            fill(svg, theme, *ink, *alpha);
        }
        Mark::Line { points, width, ink } => {
            svg.raw("<polyline fill=\"none\" stroke-linejoin=\"round\" stroke=\"").raw(&hex(theme, *ink)).raw("\"");
            attribute(svg, "stroke-width", *width);
            self::points(svg, points);
        }
        Mark::Text { text, .. } if text.is_empty() => return,
        Mark::Text { at: [x, y], text, style } => {
            svg.raw("<text");
            attribute(svg, "x", *x);
            attribute(svg, "y", *y);
            text_style(svg, theme, text, *style);
            svg.raw(">").text(text).raw("</text>\n");
            return;
        }
    }
    svg.raw("/>\n");
}

fn text_style(svg: &mut Html, theme: Theme, text: &str, style: TextStyle) {
    attribute(svg, "font-size", style.size);
    if style.weight == Weight::Bold {
        svg.raw(" font-weight=\"700\"");
    }
    attribute(svg, "textLength", style.width(text));
    svg.raw(" lengthAdjust=\"spacingAndGlyphs\"");
    fill(svg, theme, style.ink, u8::MAX);
}

fn attribute(svg: &mut Html, name: &str, number: f32) {
    svg.raw(" ").raw(name).raw("=\"").number(f64::from(number)).raw("\"");
}

fn points(svg: &mut Html, points: &[[f32; 2]]) {
    svg.raw(" points=\"");
    for (place, [x, y]) in points.iter().enumerate() {
        svg.raw(if place > 0 { " " } else { "" }).number(f64::from(*x)).raw(",").number(f64::from(*y));
    }
    svg.raw("\"");
}

fn fill(svg: &mut Html, theme: Theme, ink: Ink, alpha: u8) {
    svg.raw(" fill=\"").raw(&hex(theme, ink)).raw("\"");
    if alpha < u8::MAX {
        svg.raw(" fill-opacity=\"").raw(&format!("{:.2}", f32::from(theme.alpha(alpha)) / 255.0)).raw("\"");
    }
}

fn hex(theme: Theme, ink: Ink) -> String {
    let Rgb([red, green, blue]) = theme.color(ink);
    format!("#{red:02x}{green:02x}{blue:02x}")
}
