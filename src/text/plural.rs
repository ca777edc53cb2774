//! English nouns with their number: the one place that knows how a plural is formed.

/// `0 alerts`, `1 alert`, `2 alerts`, `2 recoveries`
pub fn counted(count: impl TryInto<u64>, noun: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    format!("{count} {}", if count == 1 { noun.to_owned() } else { plural(noun) })
}

/// The verb behind it: `is` for one, `are` for others.
pub fn are(count: impl TryInto<u64>) -> &'static str {
    by(count, "is", "are")
}

/// `was` for one, `were` for others.
pub fn were(count: impl TryInto<u64>) -> &'static str {
    by(count, "was", "were")
}

/// One of two words, by a number.
pub fn by<'a>(count: impl TryInto<u64>, of_one: &'a str, of_others: &'a str) -> &'a str {
    if count.try_into().is_ok_and(|count| count == 1) { of_one } else { of_others }
}

fn plural(noun: &str) -> String {
    let before_y = noun.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u']));
    match before_y {
        Some(stem) => format!("{stem}ies"),
        None if ["s", "x", "ch", "sh"].iter().any(|end| noun.ends_with(end)) => format!("{noun}es"),
        None => format!("{noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noun_is_in_the_plural_but_for_one() {
        let of = |noun: &str| [0u64, 1, 2].map(|count| counted(count, noun));
        assert_eq!(of("alert"), ["0 alerts", "1 alert", "2 alerts"]);
        assert_eq!(of("recovery"), ["0 recoveries", "1 recovery", "2 recoveries"]);
        assert_eq!(of("address"), ["0 addresses", "1 address", "2 addresses"]);
        assert_eq!(of("day"), ["0 days", "1 day", "2 days"]);
        assert_eq!((are(1u64), are(0u64), were(1u32), were(2usize)), ("is", "are", "was", "were"));
    }
}
