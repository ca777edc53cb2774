//! How a forecast is told: when something is used up, and the growth that says so.

use super::{Language, Words};
use crate::metric::{self, Metric, Unit};
use crate::snapshot::Forecast;

impl Words {
    /// `约 7 小时后写满`, or the growth alone where there is no end of it.
    pub(super) fn forecast(&self, metric: &Metric, forecast: &Forecast) -> String {
        let Some(hours) = forecast.hours else { return self.growth(forecast) };
        let about = self.about(hours);
        let is_of_inodes = metric == metric::INODE_FORECAST;
        match (self.language, is_of_inodes) {
            (Language::Chinese, false) => format!("{about}后写满"),
            (Language::Chinese, true) => format!("{about}后用尽"),
            (Language::English, false) => format!("full in {about}"),
            (Language::English, true) => format!("used up in {about}"),
        }
    }

    /// `现 91.3%，近 24 小时 +12.0%`
    pub(super) fn growth(&self, forecast: &Forecast) -> String {
        // Adding a zero makes a rounded -0.0 a 0.0.
        let grown = (forecast.day_points * 10.0).round() / 10.0 + 0.0;
        let now = forecast.percent;
        match self.language {
            Language::Chinese => format!("现 {now:.1}%，近 24 小时 {grown:+.1}%"),
            Language::English => format!("now {now:.1}%, {grown:+.1}% in 24 h"),
        }
    }

    /// A number of an alert's past: `85.2%`, and hours as people say them.
    pub(super) fn number(&self, unit: Unit, number: f64) -> String {
        if unit == Unit::Hours { self.about(number) } else { unit.show(number) }
    }

    /// `约 7 小时`: in minutes below an hour, else in whole hours.
    fn about(&self, hours: f64) -> String {
        let minutes = (hours * 60.0).round().max(1.0);
        let minutes = if minutes < 60.0 { minutes } else { hours.round() * 60.0 };
        let duration = self.duration((minutes * 60.0) as u64);
        match self.language {
            Language::Chinese => format!("约 {duration}"),
            Language::English => format!("about {duration}"),
        }
    }
}
