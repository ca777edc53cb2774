//! A chart as text: three lines for each strip, the time axis, one line for each container.
//!
//! A column of dots has its highest value, since a spike must not vanish. Colour means nothing here: a value over its limit
//! is followed by `!`, and a container's state is a character. Texts from outside are made fit for a terminal and padded by
//! their columns, of which a Chinese character has two.

mod dots;

pub use dots::Dots;

use super::apart::{Kept, told_apart};
use super::scale::{label, top};
use super::series::{columns, merged, states};
use super::{Chart, ContainerRow, State, Strip};
use crate::text::{left, right, shown, width};
use dots::Field;

/// The columns left of a plot: the names, the value and the ends of the scale.
const LEFT_COLUMNS: usize = 26;
/// Of these, those of a scale with a blank before it.
const SCALE_COLUMNS: usize = 4;
/// A host's name is not cut to fewer.
const LEAST_NAME_COLUMNS: usize = 12;
/// A plot is not narrower.
const LEAST_PLOT_COLUMNS: usize = 10;
/// The lines of a strip, and of one that has more room.
const STRIP_LINES: usize = 3;
const MOST_STRIP_LINES: usize = 8;
/// Containers have so many lines, even where strips leave no room.
const LEAST_CONTAINER_LINES: usize = 2;
/// A tick's label needs so much room.
const TICK_COLUMNS: usize = 11;

/// The size and the marks of a terminal.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    pub columns: usize,
    pub lines: usize,
    pub dots: Dots,
}

impl Default for Terminal {
    fn default() -> Terminal {
        Terminal { columns: 80, lines: 24, dots: Dots::Braille }
    }
}

/// The chart as lines, the last one with its line feed. They fit into the terminal's columns; into its lines as far as each
/// strip has three.
pub fn draw(chart: &Chart, terminal: Terminal) -> String {
    let plot_columns = terminal.columns.saturating_sub(LEFT_COLUMNS + 1).max(LEAST_PLOT_COLUMNS);
    let strips = chart.strips().count();
    let container_lines = match chart.containers.len() {
        0 => 0,
        count => {
            count.min(terminal.lines.saturating_sub(2 + strips * STRIP_LINES)).max(LEAST_CONTAINER_LINES.min(count))
        }
    };
    let room = terminal.lines.saturating_sub(2 + container_lines);
    let strip_lines = (room / strips.max(1)).clamp(STRIP_LINES, MOST_STRIP_LINES);

    let mut lines = vec![head(chart, LEFT_COLUMNS + 1 + plot_columns)];
    for strip in chart.strips() {
        lines.extend(of_strip(chart, strip, Field::new(terminal.dots, plot_columns, strip_lines)));
    }
    lines.push(axis(chart, plot_columns));
    lines.extend(containers(chart, container_lines, plot_columns));
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn head(chart: &Chart, columns: usize) -> String {
    let status = format!("[{}]", chart.status());
    let rest = format!("  {}   {}", chart.period(), chart.dates());
    let room = columns.saturating_sub(width(&rest) + width(&status) + 1).max(LEAST_NAME_COLUMNS);
    fitted(&(cut(&shown(&chart.host), room) + &rest), columns.saturating_sub(width(&status))) + &status
}

/// The lines of a strip: its words at the left, its plot at the right.
fn of_strip(chart: &Chart, strip: &Strip, mut field: Field) -> Vec<String> {
    let end = top(&[strip]);
    plot(strip, end, &mut field);
    let rows = field.rows();
    let scale = label(end);
    let title_columns = LEFT_COLUMNS - SCALE_COLUMNS.max(scale.len() + 1);
    let mut words = vec![title(chart, strip, title_columns)];
    if let Some(whole) = merged(&strip.steps) {
        let [low, mean, high] = strip.extremes(&whole);
        let [of_low, of_mean, of_high] = chart.extremes();
        words.push(format!("  {of_low} {low}  {of_mean} {mean}"));
        let highest = format!("  {of_high} {high}");
        let with_alerts = chart.alert_time(strip).map(|time| format!("{highest}  {time}"));
        let fits = |line: &String| width(line) < LEFT_COLUMNS - 1;
        words.push(with_alerts.filter(fits).unwrap_or(highest));
    } else {
        words.push(format!("  {}", chart.no_data()));
    }
    words.resize(rows.len(), String::new());

    let last = rows.len() - 1;
    let line = |(number, (words, row)): (usize, (String, String))| {
        let scale = if number == 0 {
            &*scale
        } else if number == last {
            "0"
        } else {
            ""
        };
        format!("{}{scale}|{row}", fitted(&words, LEFT_COLUMNS - scale.len()))
    };
    words.into_iter().zip(rows).enumerate().map(line).collect()
}

/// The title at the left, the value at the right, `!` behind it if it is over.
fn title(chart: &Chart, strip: &Strip, room: usize) -> String {
    let value = strip
        .now
        .map_or_else(|| chart.words().unknown.to_owned(), |now| strip.plain(now) + strip.key.metric.unit.suffix());
    let value = value + if strip.is_over() { " !" } else { "" };
    let title = strip.title(chart.words());
    let name = match &*strip.key.target {
        "" => title.to_owned(),
        target => format!("{title} {}", shown(target)),
    };
    let name = cut(&name, room.saturating_sub(width(&value) + 1));
    format!("{name}{}", right(&value, room.saturating_sub(width(&name))))
}

/// Columns of dots up to the highest value, and a dotted line at the threshold.
fn plot(strip: &Strip, end: f64, field: &mut Field) {
    let (across, down) = field.size();
    let height = |value: f64| ((value / end * down as f64).round() as usize).clamp(1, down);
    if let Some(limit) = strip.threshold.filter(|limit| (0.0..=end).contains(limit)) {
        let y = down - height(limit);
        (0..across).step_by(2).for_each(|x| field.set(x, y, b'-'));
    }
    for (x, step) in columns(&strip.steps, across).into_iter().enumerate() {
        if let Some(step) = step {
            (down - height(step.max)..down).for_each(|y| field.set(x, y, b'#'));
        }
    }
}

/// `+18:00`, or `12:00+` where there is no room behind the tick.
fn axis(chart: &Chart, columns: usize) -> String {
    let mut axis = vec![b' '; columns];
    let mut free_from = 0;
    for tick in chart.ticks((columns / TICK_COLUMNS).max(1)) {
        let at = ((tick.at * columns as f64) as usize).min(columns - 1);
        let size = tick.label.len();
        let (start, text) = if at + size < columns {
            (at, format!("+{}", tick.label))
        } else {
            (at.saturating_sub(size), format!("{}+", tick.label))
        };
        let end = start + text.len();
        if start >= free_from && end <= columns {
            axis[start..end].copy_from_slice(text.as_bytes());
            free_from = end + 1;
        }
    }
    " ".repeat(LEFT_COLUMNS + 1) + &String::from_utf8_lossy(&axis)
}

fn containers(chart: &Chart, lines: usize, columns: usize) -> Vec<String> {
    let whole = chart.containers.len() <= lines;
    let (rows, others) = chart.containers_first(if whole { lines } else { lines.saturating_sub(1) });
    let names: Vec<String> = rows.iter().map(|row| shown(&row.name)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let names = told_apart(&names, "..", &|number, text, kept| {
        cut_to(kept, text, LEFT_COLUMNS - width(&chart.share(rows[number])) - 1)
    });
    let mut drawn: Vec<String> =
        rows.into_iter().zip(names).map(|(row, name)| container(chart, row, &name, columns)).collect();
    if !others.is_empty() {
        drawn.push(cut(&chart.others(&others), LEFT_COLUMNS + 1 + columns));
    }
    drawn
}

/// `=` well, `~` not well, `x` stopped, blank unknown.
fn container(chart: &Chart, row: &ContainerRow, name: &str, columns: usize) -> String {
    let mark = |state: State| match state {
        State::Unknown => ' ',
        State::Running => '=',
        State::Unhealthy => '~',
        State::Stopped => 'x',
    };
    let bar: String = states(&row.states, columns).into_iter().map(mark).collect();
    format!("{name}{}|{bar}", right(&chart.share(row), LEFT_COLUMNS - width(name)))
}

/// `text` in exactly so many columns.
fn fitted(text: &str, columns: usize) -> String {
    left(&cut(text, columns), columns)
}

/// At most `columns` of a text: `..` stands for its middle.
fn cut(text: &str, columns: usize) -> String {
    cut_to(Kept::Ends, text, columns)
}

fn cut_to(kept: Kept, text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(2);
    let taken = |characters: &mut dyn Iterator<Item = char>, room: usize| {
        let mut taken = String::new();
        for c in characters {
            if width(&taken) + width(c.encode_utf8(&mut [0; 4])) > room {
                break;
            }
            taken.push(c);
        }
        taken
    };
    let [head, tail] = kept.split(room);
    let end: String = taken(&mut text.chars().rev(), tail).chars().rev().collect();
    taken(&mut text.chars(), head) + ".." + &end
}

#[cfg(test)]
mod tests;
