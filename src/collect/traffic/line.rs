//! The lines of /proc/net/dev: names, with bytes and packets of both directions (proc_net_dev(5)).

use super::counters::Counters;
use crate::collect::parse::{Malformed, columns, lines, number};
use crate::snapshot::Total;

/// A name as people read it: bytes that are not UTF-8 are shown as `\xb9`.
pub(super) fn show(name: &[u8]) -> String {
    let chunks = name.utf8_chunks();
    chunks.map(|chunk| format!("{}{}", chunk.valid(), chunk.invalid().escape_ascii())).collect()
}

/// A line: `  eth0: 1500 10 0 0 0 0 0 0 700 …`. The name ends at the last colon of the first column, to which a long
/// counter may be glued: an alias has a colon of its own.
pub(super) struct Line<'a> {
    whole: &'a [u8],
    pub(super) name: &'a [u8],
    counters: &'a [u8],
}

impl Line<'_> {
    fn parse(line: &[u8]) -> Result<Line<'_>, Malformed> {
        let trimmed = line.trim_ascii_start();
        let first = trimmed.iter().position(|byte| *byte <= b' ').unwrap_or(trimmed.len());
        match trimmed[..first].iter().rposition(|byte| *byte == b':') {
            Some(colon) if colon > 0 => {
                Ok(Line { whole: line, name: &trimmed[..colon], counters: &trimmed[colon + 1..] })
            }
            _ => Err(damaged(line)),
        }
    }

    pub(super) fn counters(&self) -> Result<Counters, Malformed> {
        let [received, sent] = self.totals()?;
        Ok(Counters { received, sent })
    }

    /// The totals of received and of sent traffic.
    pub(super) fn totals(&self) -> Result<[Total; 2], Malformed> {
        let mut values = columns(self.counters);
        let mut total = |skipped: usize| {
            let bytes = values.nth(skipped).and_then(number)?;
            Some(Total { bytes, packets: values.next().and_then(number)? })
        };
        let both = total(0).zip(total(6));
        // All sixteen columns: a line that was cut may have lost digits of its last one.
        let is_whole = values.count() == 6;
        both.filter(|_| is_whole).map(|(received, sent)| [received, sent]).ok_or_else(|| damaged(self.whole))
    }
}

fn damaged(line: &[u8]) -> Malformed {
    Malformed::new(format_args!("a line is damaged: \"{}\"", show(&line[..line.len().min(60)])))
}

/// The interfaces of a file, without its two lines of headings.
pub(super) fn interface_lines(text: &[u8]) -> Result<impl Iterator<Item = Result<Line<'_>, Malformed>>, Malformed> {
    let mut lines = lines(text);
    if lines.by_ref().take(2).filter(|line| line.contains(&b'|')).count() < 2 {
        return Err(Malformed::new("it does not begin with the two lines of headings"));
    }
    Ok(lines.filter(|line| !line.is_empty()).map(Line::parse))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name, with the bytes received and sent.
    fn parse(line: &[u8]) -> Result<(&[u8], [u64; 2]), Malformed> {
        let line = Line::parse(line)?;
        Ok((line.name, line.totals()?.map(|total| total.bytes)))
    }

    #[test]
    fn a_counter_may_be_glued_to_the_name_and_an_alias_has_a_colon() {
        assert_eq!(
            parse(b"  eth0:12345678 1 0 0 0 0 0 0 87654321 2 0 0 0 0 0 0"),
            Ok((&b"eth0"[..], [12_345_678, 87_654_321]))
        );
        assert_eq!(parse(b"eth0:1: 12 1 0 0 0 0 0 0 34 2 0 0 0 0 0 0"), Ok((&b"eth0:1"[..], [12, 34])));
    }

    #[test]
    fn packets_stand_behind_their_bytes() {
        let line = Line::parse(b"eth0: 1500 10 1 2 3 4 5 6 700 20 1 2 3 4 5 6").unwrap();
        assert_eq!(line.totals(), Ok([Total { bytes: 1500, packets: 10 }, Total { bytes: 700, packets: 20 }]));
    }

    #[test]
    fn a_name_is_bytes() {
        let (name, counters) = parse(b"vpn-\xb9\xe3: 12 1 0 0 0 0 0 0 34 2 0 0 0 0 0 0").unwrap();
        assert_eq!((name, counters), (&b"vpn-\xb9\xe3"[..], [12, 34]));
        assert_eq!(show(name), r"vpn-\xb9\xe3");
        assert_eq!(show("网卡0".as_bytes()), "网卡0");
    }

    #[test]
    fn a_damaged_line_is_an_error() {
        for line in [
            "eth0 12",
            "eth0: 1 2 3",
            "eth0: 1 1 0 0 0 0 0 0 34 2 0 0 0 0 0",
            ": 1 1 0 0 0 0 0 0 34 2 0 0 0 0 0 0",
            "eth0: -1 1 0 0 0 0 0 0 34 2 0 0 0 0 0 0",
            "eth0: 1 x 0 0 0 0 0 0 34 2 0 0 0 0 0 0",
        ] {
            assert!(parse(line.as_bytes()).is_err(), "{line}");
        }
        assert!(interface_lines(b"").is_err());
    }
}
