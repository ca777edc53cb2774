//! A chart as one HTML file: no script, nothing that is loaded, light and dark.
//!
//! The policy in its head forbids everything but its own style, so a browser itself holds it to that. Labels are HTML around
//! the plots, so that text keeps its size on any width; a plot is a path in a box that stretches. Texts from outside are
//! escaped by the one writer through which all text goes.

mod plot;
mod table;
#[cfg(test)]
mod tests;

use std::fmt::Write;

use super::Chart;

const STYLE: &str = include_str!("style.css");

/// The file.
pub fn page(chart: &Chart) -> String {
    let mut html = Html::default();
    let language = chart.said("zh-CN", "en");
    html.raw("<!DOCTYPE html>\n<html lang=\"").raw(language).raw("\"><head><meta charset=\"utf-8\">\n");
    html.raw(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n",
    );
    html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    html.raw("<meta name=\"color-scheme\" content=\"light dark\">\n<title>").text(&chart.host).raw("</title>\n<style>");
    html.raw(STYLE).raw("</style></head>\n<body><main>\n<h1>").text(&chart.host).raw(" <span class=\"state ");
    html.raw(if !chart.wrong.is_empty() {
        "bad"
    } else if chart.is_known() {
        "well"
    } else {
        "unknown"
    });
    html.raw("\">").text(&chart.status()).raw("</span></h1>\n");
    for line in &chart.wrong {
        html.raw("<p class=\"wrong\">").text(line.plain()).raw("</p>\n");
    }
    html.raw("<p>").text(&format!("{} · {} ", chart.period(), chart.dates()));
    html.text(&format!("({})", chart.zone.iana_name().unwrap_or("UTC")))
        .raw("<br>")
        .text(chart.explanation())
        .raw("</p>\n");
    for strip in chart.strips() {
        plot::strip(&mut html, chart, strip);
    }
    table::containers(&mut html, chart);
    table::episodes(&mut html, chart);
    let made_at = chart.made_at.to_zoned(chart.zone.clone()).strftime("%Y-%m-%d %H:%M:%S");
    html.raw("<footer>").text(&format!("vps-monitor · {made_at} · {}", chart.each_interval())).raw("</footer>\n");
    html.raw("</main></body></html>\n");
    html.0
}

/// The text of a page.
#[derive(Default)]
pub(super) struct Html(pub(super) String);

impl Html {
    /// Markup of our own.
    pub(super) fn raw(&mut self, markup: &str) -> &mut Html {
        self.0.push_str(markup);
        self
    }

    /// A text of any content.
    pub(super) fn text(&mut self, text: &str) -> &mut Html {
        for (c, is_hidden) in crate::text::characters(text) {
            match c {
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '&' => self.0.push_str("&amp;"),
                '"' => self.0.push_str("&quot;"),
                _ if is_hidden => self.0.push(' '),
                c => self.0.push(c),
            }
        }
        self
    }

    /// A number with at most one decimal.
    pub(super) fn number(&mut self, number: f64) -> &mut Html {
        let rounded = (number * 10.0).round() / 10.0;
        // A String takes everything.
        let _ = write!(self.0, "{rounded}");
        self
    }
}
