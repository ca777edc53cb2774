//! The units of quantities, and the way to write a number of them.

use serde_json::{Value as Json, json};

/// A share that has grown by less is not news.
const LEAST_POINTS: f64 = 5.0;

/// The unit of a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Percent,
    /// Megabits (10^6 bits) a second.
    Mbps,
    /// Things, which have no fractions.
    Count,
    /// No known unit.
    /// Hours until something happens: fewer are worse.
    Hours,
    Number,
    /// No number, but a condition in the engine's words.
    Word,
}

impl Unit {
    /// As JSON has it.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Unit::Percent => Some("percent"),
            Unit::Mbps => Some("mbps"),
            Unit::Count => Some("count"),
            Unit::Hours => Some("hours"),
            Unit::Number | Unit::Word => None,
        }
    }

    /// The unit of this name in JSON; a missing or unknown name is a bare number.
    pub fn named(name: Option<&str>) -> Unit {
        let units = [Unit::Percent, Unit::Mbps, Unit::Count, Unit::Hours];
        units.into_iter().find(|unit| unit.name() == name).unwrap_or(Unit::Number)
    }

    /// The text behind a number.
    pub const fn suffix(self) -> &'static str {
        match self {
            Unit::Percent => "%",
            Unit::Mbps => " Mbps",
            Unit::Hours => " h",
            Unit::Count | Unit::Number | Unit::Word => "",
        }
    }

    /// A measured number without its unit: one decimal, none for things.
    pub fn plain(self, number: f64) -> String {
        match self {
            Unit::Count => format!("{number:.0}"),
            Unit::Number if number.fract() == 0.0 => format!("{number:.0}"),
            Unit::Percent | Unit::Mbps | Unit::Hours | Unit::Number | Unit::Word => format!("{number:.1}"),
        }
    }

    /// A measured number: `85.2%`, `120.5 Mbps`, `1520`.
    pub fn show(self, number: f64) -> String {
        format!("{}{}", self.plain(number), self.suffix())
    }

    /// A limit in its written form: `80%`, `82.5%`.
    pub fn show_limit(self, limit: f64) -> String {
        format!("{limit}{}", self.suffix())
    }

    /// Whether `now` is so much worse than `told` that people are told before their next reminder. For a share: it has
    /// taken half of the rest, and grown by 5 points at least. For any other number: it has grown by half.
    pub fn is_half_way_worse(self, told: f64, now: f64) -> bool {
        match self {
            Unit::Percent => now - told >= LEAST_POINTS.max((100.0 - told) / 2.0),
            Unit::Mbps | Unit::Count | Unit::Number => now >= told * 1.5,
            Unit::Hours => now <= told / 2.0,
            Unit::Word => false,
        }
    }

    /// Whether a number is at its limit or over it.
    pub fn reaches(self, number: f64, limit: f64) -> bool {
        if self == Unit::Hours { number <= limit } else { number >= limit }
    }

    /// The worse one of two numbers.
    pub fn worse(self, one: f64, other: f64) -> f64 {
        if self == Unit::Hours { one.min(other) } else { one.max(other) }
    }

    /// A measured number in full precision; things are whole.
    pub fn json(self, number: f64) -> Json {
        if self == Unit::Count { json!(number as u64) } else { json!(number) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unit_writes_its_numbers_its_own_way() {
        for (unit, number, shown) in [
            (Unit::Percent, 12.0, "12.0%"),
            (Unit::Percent, 85.25, "85.2%"),
            (Unit::Mbps, 120.0, "120.0 Mbps"),
            (Unit::Count, 1520.0, "1520"),
            (Unit::Hours, 7.25, "7.2 h"),
            (Unit::Number, 3.0, "3"),
            (Unit::Number, 3.25, "3.2"),
        ] {
            assert_eq!(unit.show(number), shown);
        }
        assert_eq!(Unit::Percent.show_limit(80.0), "80%");
        assert_eq!(Unit::Mbps.show_limit(82.25), "82.25 Mbps");
    }

    #[test]
    fn json_has_full_precision_and_whole_things() {
        assert_eq!(Unit::Count.json(156.0).to_string(), "156");
        assert_eq!(Unit::Percent.json(12.0).to_string(), "12.0");
        for unit in [Unit::Percent, Unit::Mbps, Unit::Count, Unit::Hours] {
            assert_eq!(Unit::named(unit.name()), unit);
        }
        assert_eq!(Unit::named(Some("furlongs")), Unit::Number);
    }
}
