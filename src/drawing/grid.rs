//! Equal steps of a chart's time, and the steps that a row stands for.
//!
//! Checks do not come at exact distances. A reading stands for the time since the one before it, so that a check that is a
//! second late leaves no gap; and a pause of more than two distances is one.

use std::ops::Range;

use crate::history::Level;

/// More steps than a drawing has columns show nothing.
const MOST_STEPS: i64 = 1440;

pub(super) struct Grid {
    from: i64,
    seconds: i64,
    pub steps: usize,
    /// The time that each row stands for.
    spans: Vec<Range<i64>>,
}

impl Grid {
    /// For rows at these times, in their order. With fewer than two rows the distance of checks is `interval`.
    pub fn new([from, to]: [i64; 2], interval: i64, level: Level, times: &[i64]) -> Grid {
        let mut distances: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        distances.sort_unstable();
        let usual = distances.get(distances.len().saturating_sub(1) / 2).copied();
        let usual = usual.unwrap_or(interval).max(level.seconds()).max(1);
        let seconds = usual.max((to - from + MOST_STEPS - 1) / MOST_STEPS).max(1);
        let span = |number: usize| {
            let time = times[number];
            let near = |other: Option<&i64>| other.copied().filter(|other| (time - other).abs() <= 2 * usual);
            if level == Level::Raw {
                let before = number.checked_sub(1).and_then(|before| times.get(before));
                near(before).unwrap_or(time - usual)..time
            } else {
                time..near(times.get(number + 1)).unwrap_or(time + usual)
            }
        };
        let steps = usize::try_from((to - from + seconds / 2) / seconds).unwrap_or(1).max(1);
        Grid { from, seconds, steps, spans: (0..times.len()).map(span).collect() }
    }

    /// The steps of a row: those of which it covers the middle, and the one that its own middle is in.
    pub fn steps_of(&self, row: usize) -> Range<usize> {
        let Range { start, end } = self.spans[row];
        let step = |seconds: i64| (seconds - self.from).div_euclid(self.seconds);
        let middle = step(i64::midpoint(start, end));
        let first = step(start + self.seconds - self.seconds / 2 - 1).min(middle);
        let last = step(end - self.seconds / 2 - 1).max(middle);
        let within = |step: i64| usize::try_from(step.max(0)).unwrap_or(0).min(self.steps);
        within(first)..within(last + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of each step.
    fn filled(grid: &Grid, rows: usize) -> Vec<Vec<usize>> {
        let mut steps = vec![Vec::new(); grid.steps];
        for row in 0..rows {
            grid.steps_of(row).for_each(|step| steps[step].push(row));
        }
        steps
    }

    #[test]
    fn checks_that_are_a_little_early_or_late_leave_no_gap_and_no_value_is_left_out() {
        let times: Vec<i64> = (1..=1440).map(|number| number * 60 + [0, 7, -9, 20][number as usize % 4]).collect();
        let grid = Grid::new([0, 86_400], 60, Level::Raw, &times);
        let steps = filled(&grid, times.len());
        assert_eq!(steps.len(), 1440);
        assert!(steps.iter().all(|rows| !rows.is_empty()), "{steps:?}");
        let mut seen: Vec<usize> = steps.concat();
        seen.dedup();
        assert_eq!(seen.len(), 1440);
    }

    #[test]
    fn a_pause_is_a_gap_and_a_lone_check_stands_for_an_interval() {
        let times = [900, 1800, 2700, 7200];
        let steps = filled(&Grid::new([0, 9000], 900, Level::Raw, &times), 4);
        assert_eq!(steps, [vec![0], vec![1], vec![2], vec![], vec![], vec![], vec![], vec![3], vec![], vec![]]);
        let steps = filled(&Grid::new([0, 3600], 900, Level::Raw, &[1800]), 1);
        assert_eq!(steps, [vec![], vec![0], vec![], vec![]]);
        assert_eq!(filled(&Grid::new([0, 3600], 900, Level::Raw, &[]), 0).len(), 4);
    }

    #[test]
    fn a_summary_stands_for_its_own_time_and_those_of_rare_checks_reach_to_the_next() {
        let steps = filled(&Grid::new([0, 1500], 60, Level::FiveMinutes, &[0, 300, 1200]), 3);
        assert_eq!(steps, [vec![0], vec![1], vec![], vec![], vec![2]]);
        let steps = filled(&Grid::new([0, 3600], 900, Level::FiveMinutes, &[0, 900, 1800, 2700]), 4);
        assert_eq!(steps, [vec![0], vec![1], vec![2], vec![3]]);
    }

    #[test]
    fn there_are_no_more_steps_than_a_drawing_has_columns() {
        let times: Vec<i64> = (0..20_000).collect();
        let grid = Grid::new([0, 20_000], 1, Level::Raw, &times);
        assert!(grid.steps <= 1440);
        assert!(filled(&grid, times.len()).iter().all(|rows| !rows.is_empty()));
    }
}
