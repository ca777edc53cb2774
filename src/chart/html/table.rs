//! The containers and the alerts of a page.

use super::Html;
use crate::bounds::seconds_between;
use crate::chart::series::states;
use crate::chart::{Chart, State};

/// A container's bar has at most so many parts: those of 30 days.
const MOST_PARTS: usize = 30;
/// Containers with a bar.
const MOST_ROWS: usize = 60;
/// Alerts in the table.
const MOST_EPISODES: usize = 50;

pub(super) fn containers(html: &mut Html, chart: &Chart) {
    if chart.containers.is_empty() {
        return;
    }
    html.raw("<section class=\"rows\"><h2>").text(chart.containers_title()).raw("</h2>\n");
    let (rows, others) = chart.containers_first(MOST_ROWS);
    for row in rows {
        html.raw("<div class=\"name\">")
            .text(&row.name)
            .raw(" <small>")
            .text(&chart.share(row))
            .raw("</small></div><div class=\"days\">");
        for run in states(&row.states, MOST_PARTS.min(row.states.len().max(1))).chunk_by(|one, other| one == other) {
            let class = match run[0] {
                State::Running => "r",
                State::Unhealthy => "h",
                State::Stopped => "s",
                State::Unknown => "u",
            };
            html.raw("<i class=\"").raw(class).raw("\" style=\"flex:").number(run.len() as f64).raw("\" title=\"");
            html.text(chart.state(run[0])).raw("\"></i>");
        }
        html.raw("</div>\n");
    }
    if !others.is_empty() {
        html.raw("<div class=\"name others\">").text(&chart.others(&others)).raw("</div>\n");
    }
    html.raw("</section>\n");
}

pub(super) fn episodes(html: &mut Html, chart: &Chart) {
    if chart.episodes.is_empty() {
        return;
    }
    html.raw("<section class=\"rows\"><h2>").text(chart.alert()).raw("</h2></section>\n<table><tr>");
    for head in chart.episode_heads() {
        html.raw("<th>").text(head).raw("</th>");
    }
    html.raw("</tr>\n");
    for episode in chart.episodes.iter().take(MOST_EPISODES) {
        let time = |time: jiff::Timestamp| time.to_zoned(chart.zone.clone()).strftime("%m-%d %H:%M").to_string();
        let ended = episode.ended.map_or_else(|| chart.still().to_owned(), time);
        let lasted = seconds_between(episode.began, episode.ended.unwrap_or(chart.to));
        html.raw("<tr>");
        for cell in [
            episode.subject.plain(),
            &time(episode.began),
            &ended,
            &chart.words().duration(lasted),
            episode.worst.plain(),
        ] {
            html.raw("<td>").text(cell).raw("</td>");
        }
        html.raw("</tr>\n");
    }
    html.raw("</table>\n");
}
