//! A disk that stands still, fills, and is cleared.

use super::clock::{HOUR, MINUTE};
use super::random::Random;

pub struct Filling {
    /// Its share at that time, and its growth in percent an hour.
    share: f64,
    since: i64,
    an_hour: f64,
    changes_at: i64,
}

impl Filling {
    pub fn new() -> Filling {
        Filling { share: 40.0, since: 0, an_hour: 0.0, changes_at: 0 }
    }

    /// Nothing changes by chance.
    pub fn be_still(&mut self) {
        self.changes_at = i64::MAX;
    }

    pub fn go_on_from(&mut self, time: i64, share: f64, an_hour: f64) {
        (self.share, self.since, self.an_hour) = (share, time, an_hour);
    }

    /// In quarters of a percent, which are exact in every form.
    pub fn share(&self, time: i64) -> f64 {
        let hours = (time - self.since) as f64 / HOUR as f64;
        ((self.share + self.an_hour * hours).clamp(2.0, 100.0) * 4.0).floor() / 4.0
    }

    pub fn change(&mut self, time: i64, random: &mut Random) {
        while self.changes_at <= time {
            let at = self.changes_at;
            let share = self.share(at);
            let (share, an_hour) = match random.range(0, 6) {
                0 => (share, 0.0),
                1 => (random.range(10, 70) as f64, 0.0),
                _ if share > 95.0 => (random.range(10, 70) as f64, 0.0),
                2 => (share, random.range(1, 10) as f64 / 8.0),
                _ => (share, random.range(4, 40) as f64 / 8.0),
            };
            self.go_on_from(at, share, an_hour);
            self.changes_at = at + random.magnitude(30 * MINUTE, 30 * HOUR);
        }
    }
}

#[test]
fn a_disk_that_fills_is_told_of_hours_before_and_that_is_withdrawn_once_it_was_cleared_for_six_hours() {
    use super::run::{Outcome, play};
    use super::script::{Act, Script};
    const HOURS: i64 = HOUR / super::clock::SECOND;
    let script = || {
        Script::new(44 * HOURS, |_| {})
            .at(1, Act::Fills(30.0, 0.0))
            .at(26 * HOURS, Act::Fills(30.0, 5.0))
            .at(36 * HOURS + 600, Act::Fills(30.0, 0.0))
            // Ten hours at 5 % are 2.1 % an hour of the day's growth: the rest takes less than a day.
            .told_times(&["VPS 告警", "⏳ 磁盘预测(/c): 约 "], 32 * HOURS..36 * HOURS, 1..5)
            .told(&["VPS 恢复", "⏳ 磁盘预测(/c): 现 30.0%，近 24 小时 +0.0% (已恢复正常)"], 42 * HOURS..43 * HOURS)
    };
    if let Outcome { wrong: Some(wrong), .. } = play(script(), false) {
        let trace = play(script(), true).trace;
        trace[trace.len().saturating_sub(60)..].iter().for_each(|line| println!("{line}"));
        panic!("{wrong}");
    }
}
