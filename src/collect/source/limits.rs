//! The keys of a quantity's limits, which every section with a threshold has: the values at which it is told and at
//! which it is critical, and how long that must last.

use std::time::Duration;

use crate::metric::{Limits, Metric, Unit};
use crate::settings::{Complaint, Doc, Section, doc};

const CRITICAL: &str = "critical";
const LASTS: &str = "for";
/// The longest `for` of a number.
pub const LONGEST_FOR: Duration = Duration::from_secs(24 * 3600);

const CRITICAL_DOC: Doc = doc("严重阈值，留空则没有", "critical from here on; empty: none");
const LASTS_DOC: Doc = doc("超过阈值持续多久才告警", "time over the limit before it is told");

/// Reads the limits of `metric`; the first key, with its meaning, is the section's own.
pub fn read_limits(section: &mut Section<'_>, metric: &Metric, threshold: &'static str, meaning: Doc) -> Limits {
    read_limits_within(section, metric, metric.default.unwrap_or(Limits::NONE), threshold, meaning)
}

/// The same of an item that has the limits around it, as far as it says nothing else.
pub fn read_limits_within(
    section: &mut Section<'_>,
    metric: &Metric,
    default: Limits,
    threshold: &'static str,
    meaning: Doc,
) -> Limits {
    let least = default.warning.unwrap_or_default();
    let most = most(metric.unit);
    let warning = match metric.unit {
        Unit::Percent => section.percent(threshold, least, meaning),
        Unit::Count => section.integer(threshold, least as u64, 1..=most as u64, meaning) as f64,
        Unit::Mbps | Unit::Hours | Unit::Number | Unit::Word => section.number(threshold, least, 0.0, most, meaning),
    };
    let critical = section.optional_number(CRITICAL, default.critical, 0.0, most, CRITICAL_DOC);
    refuse_out_of_order(section, threshold, warning, critical);
    let lasts = section.duration(LASTS, default.lasts, Duration::ZERO..=LONGEST_FOR, LASTS_DOC);
    section.mark_as_judging(&[threshold, CRITICAL, LASTS]);
    Limits { warning: Some(warning), critical, lasts, ..default }
}

/// An error at both keys if the second limit is not beyond the first: nothing would be but critical.
pub fn refuse_out_of_order(section: &mut Section<'_>, threshold: &str, warning: f64, critical: Option<f64>) {
    let Some(critical) = critical.filter(|critical| *critical <= warning) else { return };
    let complaint = Complaint::new(format!("{critical} is not beyond {threshold}, which is {warning}"));
    section.problem(CRITICAL, complaint.expected(format!("more than {warning}")));
    if section.is_written(threshold) {
        let complaint = Complaint::new(format!("{warning} is not below {CRITICAL}, which is {critical}"));
        section.problem(threshold, complaint.expected(format!("less than {critical}")));
    }
}

/// The largest limit that makes sense.
const fn most(unit: Unit) -> f64 {
    match unit {
        Unit::Percent => 100.0,
        Unit::Mbps => 1_000_000.0,
        Unit::Count | Unit::Hours | Unit::Number | Unit::Word => 10_000_000.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric;
    use crate::settings;

    fn read(text: &str) -> Result<Limits, Vec<String>> {
        let read = |section: &mut Section<'_>| read_limits(section, metric::CPU, "threshold", doc("", "use"));
        let read = settings::read("c", text.as_bytes(), read);
        read.map(|read| read.value).map_err(|problems| {
            problems.list.iter().map(|p| format!("{}:{} {} [{}]", p.line, p.column, p.message, p.expected)).collect()
        })
    }

    #[test]
    fn what_is_not_written_is_the_quantitys_own() {
        assert_eq!(read(""), Ok(metric::CPU.default.unwrap()));
        let limits =
            Limits { warning: Some(70.0), critical: Some(95.0), lasts: Duration::from_secs(300), ..Limits::NONE };
        assert_eq!(read("threshold: 70\ncritical: 95\nfor: 5m\n"), Ok(limits));
    }

    #[test]
    fn a_critical_limit_that_is_not_beyond_the_threshold_is_refused_at_both_places() {
        assert_eq!(
            read("threshold: 90\ncritical: 85\n").unwrap_err(),
            [
                "1:12 threshold: 90 is not below critical, which is 85 [less than 85]",
                "2:11 critical: 85 is not beyond threshold, which is 90 [more than 90]"
            ]
        );
        assert_eq!(
            read("critical: 80\n").unwrap_err(),
            ["1:11 critical: 80 is not beyond threshold, which is 80 [more than 80]"]
        );
    }

    #[test]
    fn a_wait_of_more_than_a_day_is_refused() {
        assert!(read("for: 25h\n").unwrap_err()[0].starts_with("1:6 for: 25h is out of range"));
        assert!(read("critical: 101\n").is_err());
    }
}
