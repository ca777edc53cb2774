//! Time zones by their IANA names, as the system's zoneinfo knows them.

use jiff::tz::{self, TimeZone};
use serde::Serializer;

use super::confusable::confusable;
use super::nearest::{meant, nearest};
use super::problem::Complaint;
use crate::text::counted;

/// Places without a zone of their own, by which many look for theirs.
const ELSEWHERE: [(&str, &str); 4] = [
    ("Beijing", "Asia/Shanghai"),
    ("China", "Asia/Shanghai"),
    ("Guangzhou", "Asia/Shanghai"),
    ("Shenzhen", "Asia/Shanghai"),
];

const EXAMPLES: &str = "an IANA name such as Asia/Shanghai or America/Chicago";

/// The longest abbreviation of a zone: AEST, WAKT.
const MAX_ABBREVIATION: usize = 4;

/// The zone of that name; `None` for an empty text.
///
/// # Errors
/// The name is not known, or the system knows no zones at all.
pub fn time_zone(name: &str) -> Result<Option<TimeZone>, Complaint> {
    if name.is_empty() {
        return Ok(None);
    }
    if let Ok(zone) = tz::db().get(name) {
        return Ok(Some(zone));
    }
    if let Some(complaint) = confusable(name) {
        return Err(complaint);
    }
    let known: Vec<String> = tz::db().available().map(|known| known.to_string()).collect();
    if known.is_empty() {
        return Err(Complaint::new("this system knows no time zones").expected("the package tzdata installed"));
    }
    let unknown = format!("there is no time zone `{name}`");
    // For these the nearest spelling is another time: GMT+8 and GMT+0, CST and CET.
    if name.contains(|c: char| c.is_ascii_digit()) {
        return Err(Complaint::new(format!("{unknown}; an offset does not say when clocks change")).expected(EXAMPLES));
    }
    if name.len() <= MAX_ABBREVIATION {
        return Err(Complaint::new(format!("{unknown}; abbreviations stand for several zones")).expected(EXAMPLES));
    }
    let city = name.rsplit('/').next().unwrap_or(name);
    let elsewhere = ELSEWHERE.iter().find(|(other, _)| other.eq_ignore_ascii_case(city)).map(|(_, zone)| *zone);
    let zones = || known.iter().map(String::as_str).filter(|zone| zone.len() > MAX_ABBREVIATION);
    let of_city = || zones().find(|zone| zone.rsplit('/').next() == Some(city));
    let likely = elsewhere.or_else(|| nearest(name, zones())).or_else(of_city);
    let complaint = Complaint::new(unknown + &meant(likely));
    Err(if likely.is_some() { complaint } else { complaint.expected(EXAMPLES) })
}

/// The trap of an existing zone: the signs of `Etc/GMT+8` are those of POSIX, where west of Greenwich is positive.
pub(super) fn oddity(zone: &TimeZone) -> Option<String> {
    let name = zone.iana_name()?;
    let (sign, hours) = name.strip_prefix("Etc/GMT")?.split_at_checked(1)?;
    let (side, other) = match sign {
        "+" if hours != "0" => ("behind", "-"),
        "-" if hours != "0" => ("ahead of", "+"),
        _ => return None,
    };
    let away = hours.parse::<u64>().map_or_else(|_| format!("{hours} h"), |hours| counted(hours, "hour"));
    Some(format!("{name} is {away} {side} UTC; UTC{sign}{hours} would be Etc/GMT{other}{hours}"))
}

/// Serialises a zone as its name, and none as an empty text.
///
/// # Errors
/// Those of the serializer.
pub fn time_zone_name<S: Serializer>(zone: &Option<TimeZone>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(zone.as_ref().and_then(TimeZone::iana_name).unwrap_or(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(name: &str) -> Complaint {
        time_zone(name).unwrap_err()
    }

    #[test]
    fn an_offset_or_an_abbreviation_is_answered_with_an_example_and_no_nearest_spelling() {
        for name in ["GMT+8", "UTC+8", "GMT+08:00", "UTC+08", "UTC-5", "+08:00", "8", "Etc/GMT+15", "CST8CD"] {
            let told = complaint(name);
            assert!(told.message.ends_with("an offset does not say when clocks change"), "{}", told.message);
            assert_eq!(told.expected, EXAMPLES);
        }
        for name in ["CST", "BST", "IST", "AEST", "PST", "cst"] {
            let told = complaint(name);
            assert!(told.message.ends_with("abbreviations stand for several zones"), "{}", told.message);
            assert_eq!(told.expected, EXAMPLES);
        }
    }

    #[test]
    fn a_misspelt_name_is_told_the_likely_one() {
        for (name, likely) in [
            ("Asia/Beijing", "Asia/Shanghai"),
            ("beijing", "Asia/Shanghai"),
            ("Asia/Shangai", "Asia/Shanghai"),
            ("Europa/Berlin", "Europe/Berlin"),
            ("Tokyo", "Asia/Tokyo"),
        ] {
            let message = complaint(name).message;
            assert_eq!(message, format!("there is no time zone `{name}`; did you mean `{likely}`?"));
        }
        assert_eq!(complaint("Nowhere"), Complaint::new("there is no time zone `Nowhere`").expected(EXAMPLES));
    }

    #[test]
    fn the_signs_of_posix_are_pointed_out() {
        let odd = |name: &str| oddity(&time_zone(name).unwrap().unwrap());
        assert_eq!(odd("Etc/GMT+8").unwrap(), "Etc/GMT+8 is 8 hours behind UTC; UTC+8 would be Etc/GMT-8");
        assert_eq!(odd("Etc/GMT-8").unwrap(), "Etc/GMT-8 is 8 hours ahead of UTC; UTC-8 would be Etc/GMT+8");
        for name in ["Etc/GMT", "Etc/GMT+0", "GMT", "UTC", "Asia/Shanghai"] {
            assert_eq!(odd(name), None, "{name}");
        }
    }
}
