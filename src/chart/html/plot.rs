//! A strip of a page: its words, its scale, its plot.

use std::fmt::Write;

use super::Html;
use crate::chart::scale::{label, top};
use crate::chart::series::{columns, merged};
use crate::chart::{Chart, Step, Strip};
use crate::metric;

/// The box of a plot, in whole units, so that a point is short.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 200.0;
const MOST_POINTS: usize = 720;
const TICKS: usize = 6;

pub(super) fn strip(html: &mut Html, chart: &Chart, strip: &Strip) {
    let words = chart.words();
    let unit = strip.key.metric.unit;
    html.raw("<section><div><h2>").text(strip.title(words));
    for note in [&*strip.key.target, strip.note.plain()].into_iter().filter(|note| !note.is_empty()) {
        html.raw(" <small>").text(note).raw("</small>");
    }
    html.raw("</h2><div class=\"value").raw(if strip.is_over() { " over" } else { "" }).raw("\">");
    match strip.now {
        Some(now) => html.text(&strip.plain(now)).raw("<small>").text(unit.suffix()).raw("</small>"),
        None => html.text(words.unknown),
    };
    html.raw("</div>");
    if let Some(whole) = merged(&strip.steps) {
        let pairs = chart.extremes().into_iter().zip(strip.extremes(&whole));
        let parts: Vec<String> = pairs.map(|(label, number)| format!("{label} {number}")).collect();
        html.text(&parts.join(chart.said("\u{3000}", "\u{2003}")));
    } else {
        html.text(chart.no_data());
    }
    if let Some(limit) = strip.threshold {
        html.raw("<br>").text(&format!("{} {}", words.threshold, unit.show_limit(limit)));
    }
    let is_outward = strip.key.metric == metric::TRAFFIC_OUT;
    html.raw("</div><div class=\"plot").raw(if is_outward { " out" } else { "" }).raw("\">");
    let end = top(&[strip]);
    html.raw("<div class=\"scale\">");
    for share in [1.0, 0.5, 0.0] {
        html.raw("<span>").text(&label(end * share)).raw("</span>");
    }
    html.raw("</div><svg viewBox=\"0 0 720 200\" preserveAspectRatio=\"none\" role=\"img\"><title>");
    html.text(strip.title(words)).raw("</title><path class=\"g\" d=\"M0 0h720M0 100h720M0 200h720\"/>");
    course(html, chart, strip, end);
    html.raw("</svg><div class=\"ticks\">");
    for time in chart.even_times(TICKS) {
        html.raw("<i>").text(&time).raw("</i>");
    }
    html.raw("</div></div></section>\n");
}

fn course(html: &mut Html, chart: &Chart, strip: &Strip, end: f64) {
    let count = strip.steps.len().clamp(1, MOST_POINTS);
    let width = WIDTH / count as f64;
    let y = |value: f64| HEIGHT - (value / end).clamp(0.0, 1.0) * HEIGHT;
    let mut start = 0;
    let (mut band, mut line) = (String::new(), String::new());
    for run in columns(&strip.steps, count).chunk_by(|one, other| one.is_some() == other.is_some()) {
        let x = start as f64 * width;
        start += run.len();
        let steps: Vec<Step> = run.iter().flatten().copied().collect();
        if steps.is_empty() {
            rect(html, "n", x, run.len() as f64 * width);
            continue;
        }
        let at = |number: usize| x + (number as f64 + 0.5) * width;
        let of = |value: fn(&Step) -> f64| {
            steps.iter().enumerate().map(|(n, step)| (at(n), y(value(step)))).collect::<Vec<_>>()
        };
        let mut around = of(|step| step.max);
        around.extend(of(|step| step.min).into_iter().rev());
        path(&mut band, &around);
        band.push('z');
        path(&mut line, &of(|step| step.avg));
    }
    for alert in &strip.alerts {
        let (from, to) = (chart.place(alert.from).clamp(0.0, 1.0), chart.place(alert.to).clamp(0.0, 1.0));
        rect(html, "a", from * WIDTH, ((to - from) * WIDTH).max(2.0));
    }
    html.raw("<path class=\"b\" d=\"").raw(&band).raw("\"/><path class=\"l\" d=\"").raw(&line).raw("\"/>");
    if let Some(limit) = strip.threshold.filter(|limit| (0.0..=end).contains(limit)) {
        html.raw("<path class=\"t\" d=\"M0 ").number(y(limit)).raw("h720\"/>");
    }
}

fn rect(html: &mut Html, class: &str, x: f64, width: f64) {
    html.raw("<rect class=\"")
        .raw(class)
        .raw("\" y=\"0\" height=\"200\" x=\"")
        .number(x)
        .raw("\" width=\"")
        .number(width)
        .raw("\"/>");
}

/// A move and relative steps of whole units. A lone point is a short stroke.
fn path(path: &mut String, points: &[(f64, f64)]) {
    let whole = |(x, y): &(f64, f64)| (x.round() as i32, y.round() as i32);
    let Some(mut last) = points.first().map(whole) else { return };
    let _ = write!(path, "M{} {}", last.0, last.1);
    path.push_str(if points.len() == 1 { "h1" } else { "l" });
    for point in points.iter().skip(1).map(whole) {
        let (dx, dy) = (point.0 - last.0, point.1 - last.1);
        let _ = write!(path, "{}{dx}{}{dy}", if dx < 0 { "" } else { " " }, if dy < 0 { "" } else { " " });
        last = point;
    }
}
