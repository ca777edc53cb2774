//! Time zones by their IANA names, as the system's zoneinfo knows them.

use jiff::tz::{self, TimeZone};
use serde::Serializer;

use super::nearest::nearest;
use super::problem::Complaint;

/// Cities without a zone of their own, by which many look for theirs.
const ELSEWHERE: [(&str, &str); 3] =
    [("Beijing", "Asia/Shanghai"), ("Shenzhen", "Asia/Shanghai"), ("Guangzhou", "Asia/Shanghai")];

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
    let known: Vec<String> = tz::db().available().map(|known| known.to_string()).collect();
    if known.is_empty() {
        return Err(Complaint::new("this system knows no time zones").expected("the package tzdata installed"));
    }
    let city = name.rsplit('/').next().unwrap_or(name);
    let elsewhere = ELSEWHERE.iter().find(|(other, _)| other.eq_ignore_ascii_case(city)).map(|(_, zone)| *zone);
    let of_city = || known.iter().map(String::as_str).find(|zone| zone.rsplit('/').next() == Some(city));
    let likely = elsewhere.or_else(|| nearest(name, known.iter().map(String::as_str))).or_else(of_city);
    let unknown = format!("there is no time zone `{name}`");
    Err(match likely {
        Some(likely) => Complaint::new(format!("{unknown}; did you mean `{likely}`?")),
        None => Complaint::new(unknown).expected("an IANA name such as Asia/Shanghai"),
    })
}

/// Serialises a zone as its name, and none as an empty text.
///
/// # Errors
/// Those of the serializer.
pub fn time_zone_name<S: Serializer>(zone: &Option<TimeZone>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(zone.as_ref().and_then(TimeZone::iana_name).unwrap_or(""))
}
