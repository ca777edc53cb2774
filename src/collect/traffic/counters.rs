//! Parses /proc/net/dev, and computes the bytes between two readings of it.
//!
//! procfs' parser is not used here: it makes a map of strings with sixteen numbers each where two are needed, refuses
//! `eth0:123`, as kernels before 2.6.38 print a counter of eight digits and more, and names that are not UTF-8.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::ops::Add;

use super::choice::Choice;
use super::line::{interface_lines, show};
use crate::collect::parse::Malformed;
use crate::host::NetworkDevices;
use crate::snapshot::Total;

/// Each with its name, in the order of the file. The kernel takes any bytes but blanks, `/` and `:` for a name
/// (dev_valid_name in net/core/dev.c).
pub(super) type Interfaces = Vec<(Box<[u8]>, Interface)>;

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Interface {
    pub counts: bool,
    counters: Counters,
    /// At the end of the check before, if it counted then.
    last: Cell<Option<Counters>>,
}

/// The traffic that an interface has received and sent since it came up (proc_net_dev(5)).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Counters {
    pub received: Total,
    pub sent: Total,
}

/// The bytes of some time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Passed {
    pub received: u64,
    pub sent: u64,
}

impl Counters {
    fn since(self, before: Counters) -> Result<Passed, Fault> {
        let passed = |now: Total, before: Total| match now.bytes.checked_sub(before.bytes) {
            None => Err(Fault::Backwards),
            Some(bytes) if now.can_have_passed(bytes, before) => Ok(bytes),
            Some(_) => Err(Fault::Jump),
        };
        Ok(Passed { received: passed(self.received, before.received)?, sent: passed(self.sent, before.sent)? })
    }
}

/// Why nobody knows the bytes between two readings of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Backwards,
    /// A driver's fault: taken for traffic it would be an alert.
    Jump,
}

impl Fault {
    fn of(self, name: &[u8]) -> Malformed {
        let name = show(name);
        match self {
            Fault::Backwards => {
                Malformed::new(format_args!("the counters of {name} went backwards between the two readings"))
            }
            Fault::Jump => {
                Malformed::new(format_args!("the counters of {name} jumped by more bytes than their packets can have"))
            }
        }
    }
}

impl Add for Passed {
    type Output = Passed;

    fn add(self, other: Passed) -> Passed {
        let received = self.received.saturating_add(other.received);
        Passed { received, sent: self.sent.saturating_add(other.sent) }
    }
}

/// The bound of names in an error.
const NAMES_TOLD: usize = 5;

/// The number of choices after a change of names: an interface gets its master a moment after it has appeared.
const CHOICES_AFTER_CHANGE: u8 = 2;

/// The first of two readings. It is kept from check to check: while the same interfaces are there, it is known which of
/// them count, and nothing is allocated.
pub(super) struct Reading {
    choice: Choice,
    pub(super) interfaces: Interfaces,
    choices_left: u8,
    /// How many interfaces counted at the end of the check before.
    last_count: usize,
    /// The last reading chose the interfaces that count.
    pub(super) has_chosen: bool,
    /// The second reading had the same interfaces as the first.
    is_same_at_end: bool,
}

impl Reading {
    pub(super) fn new(choice: Choice) -> Reading {
        let (interfaces, choices_left, last_count) = (Interfaces::new(), 0, 0);
        Reading { choice, interfaces, choices_left, last_count, has_chosen: false, is_same_at_end: false }
    }

    /// Takes the first reading.
    pub(super) fn take(&mut self, text: &[u8], devices: Option<&NetworkDevices>) -> Result<(), Malformed> {
        if !self.update(text)? {
            let before = std::mem::take(&mut self.interfaces);
            let mut before = Lookup::new(&before);
            for line in interface_lines(text)? {
                let line = line?;
                let (name, counters) = (line.name, line.counters()?);
                let last = before.find(name).and_then(|interface| interface.last.take());
                self.interfaces.push((name.into(), Interface { counts: false, counters, last: Cell::new(last) }));
            }
            self.choices_left = CHOICES_AFTER_CHANGE;
        }
        // Every system has `lo`.
        if self.interfaces.is_empty() {
            return Err(Malformed::new("it lists no interface"));
        }
        self.has_chosen = self.choices_left > 0;
        if self.has_chosen {
            // A choice that fails is made again by the next check.
            self.choice
                .mark(&mut self.interfaces, devices)
                .inspect_err(|_| self.choices_left = CHOICES_AFTER_CHANGE)?;
            self.choices_left -= 1;
            let others = self.interfaces.iter().filter(|(_, interface)| !interface.counts);
            others.for_each(|(_, interface)| interface.last.set(None));
        }
        Ok(())
    }

    /// Takes the second reading for the first one of the next check. `false`: it does not do for that.
    pub(super) fn begin_at_end(&mut self) -> bool {
        if !self.is_same_at_end || self.choices_left > 0 {
            return false;
        }
        for (_, interface) in self.interfaces.iter_mut().filter(|(_, interface)| interface.counts) {
            interface.counters = interface.last.get().unwrap_or(interface.counters);
        }
        (self.has_chosen, self.is_same_at_end) = (false, false);
        true
    }

    /// Whether the same interfaces are there as before. A host of containers has many that do not count: their counters
    /// are not read.
    fn update(&mut self, text: &[u8]) -> Result<bool, Malformed> {
        let mut interfaces = self.interfaces.iter_mut();
        for line in interface_lines(text)? {
            let line = line?;
            let Some((_, known)) = interfaces.next().filter(|(name, _)| **name == *line.name) else { return Ok(false) };
            if known.counts || self.choices_left > 0 {
                known.counters = line.counters()?;
            }
        }
        Ok(interfaces.next().is_none())
    }

    /// The bytes on the counted interfaces up to the second reading. An interface that is gone, or whose counter has
    /// begun anew or jumped, makes the whole unknown: it is no spike, and nobody knows its bytes. A new one adds nothing.
    ///
    /// Beside them the bytes since the end of the check before: `None` if other interfaces counted then, or if a counter
    /// has begun anew or jumped.
    pub(super) fn passed_until(&mut self, text: &[u8]) -> Result<(Passed, Option<Passed>), Malformed> {
        self.is_same_at_end = false;
        let mut passed = Passed::default();
        let mut since_last = Some(Passed::default());
        let mut found = 0;
        let mut known = Lookup::new(&self.interfaces);
        for line in interface_lines(text)? {
            let line = line?;
            let Some(earlier) = known.find(line.name).filter(|interface| interface.counts) else { continue };
            let now = line.counters()?;
            found += 1;
            passed = passed + now.since(earlier.counters).map_err(|fault| fault.of(line.name))?;
            let last = earlier.last.replace(Some(now));
            since_last = since_last.zip(last).and_then(|(sum, last)| Some(sum + now.since(last).ok()?));
        }
        if found < self.interfaces.iter().filter(|(_, interface)| interface.counts).count() {
            return Err(self.vanished(text));
        }
        self.is_same_at_end = known.is_in_order();
        let last_count = std::mem::replace(&mut self.last_count, found);
        Ok((passed, since_last.filter(|_| last_count == found)))
    }

    fn vanished(&self, text: &[u8]) -> Malformed {
        let lines = interface_lines(text).into_iter().flatten().flatten();
        let there: HashSet<&[u8]> = lines.map(|line| line.name).collect();
        let counted = self.interfaces.iter().filter(|(_, interface)| interface.counts);
        let gone = counted.filter(|(name, _)| !there.contains(&**name));
        let mut names: Vec<String> = gone.map(|(name, _)| show(name)).collect();
        names.sort();
        let more = names.len().saturating_sub(NAMES_TOLD);
        names.truncate(NAMES_TOLD);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        Malformed::new(format_args!("{}{more} vanished between the two readings", names.join(", ")))
    }
}

/// Interfaces by name. Two readings have them in one order, unless some came or went between.
struct Lookup<'a> {
    interfaces: &'a Interfaces,
    next: usize,
    by_name: Option<HashMap<&'a [u8], &'a Interface>>,
}

impl<'a> Lookup<'a> {
    fn new(interfaces: &'a Interfaces) -> Lookup<'a> {
        Lookup { interfaces, next: 0, by_name: None }
    }

    fn find(&mut self, name: &[u8]) -> Option<&'a Interface> {
        if self.by_name.is_none()
            && let Some((next, interface)) = self.interfaces.get(self.next)
            && **next == *name
        {
            self.next += 1;
            return Some(interface);
        }
        let all = || self.interfaces.iter().map(|(name, interface)| (&**name, interface)).collect();
        self.by_name.get_or_insert_with(all).get(name).copied()
    }

    /// All were found, one after another, and no other name was asked for.
    fn is_in_order(&self) -> bool {
        self.by_name.is_none() && self.next == self.interfaces.len()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    const HEADINGS: &str = "Inter-|   Receive                                                |  Transmit\n \
        face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n";

    fn file(interfaces: &[(&str, u64, u64)]) -> Vec<u8> {
        let mut text = HEADINGS.to_owned();
        for (name, received, sent) in interfaces {
            text.push_str(&format!("{name:>6}: {received} 1 0 0 0 0 0 0 {sent} 2 0 0 0 0 0 0\n"));
        }
        text.into_bytes()
    }

    fn first(interfaces: &[(&str, u64, u64)]) -> Reading {
        let mut reading = Reading::new(Choice::of(&[]));
        reading.take(&file(interfaces), None).unwrap();
        reading
    }

    fn passed(before: &[(&str, u64, u64)], after: &[(&str, u64, u64)]) -> Result<Passed, String> {
        first(before).passed_until(&file(after)).map(|(passed, _)| passed).map_err(|error| error.to_string())
    }

    fn counted(reading: &Reading) -> Vec<String> {
        let counting = reading.interfaces.iter().filter(|(_, interface)| interface.counts);
        let mut names: Vec<String> = counting.map(|(name, _)| show(name)).collect();
        names.sort();
        names
    }

    #[test]
    fn what_passed_is_the_sum_over_the_interfaces_that_count() {
        let before = [("lo", 5, 5), ("eth0", 1000, 100), ("eth1", 10, 20)];
        let after = [("eth2", 7_000_000, 7_000_000), ("eth1", 20, 25), ("eth0", 1500, 130), ("lo", 9, 9)];
        assert_eq!(passed(&before, &after), Ok(Passed { received: 510, sent: 35 }));
    }

    #[test]
    fn a_reset_or_a_vanished_interface_is_unknown_and_no_spike() {
        let error = passed(&[("eth0", 1000, 100)], &[("eth0", 10, 100)]).unwrap_err();
        assert_eq!(error, "the counters of eth0 went backwards between the two readings");
        let error = passed(&[("eth0", 1000, 100), ("eth1", 1, 1)], &[("eth0", 2000, 200)]).unwrap_err();
        assert_eq!(error, "eth1 vanished between the two readings");
        let ports: Vec<String> = (0..9).map(|port| format!("eth{port}")).collect();
        let ports: Vec<(&str, u64, u64)> = ports.iter().map(|port| (&**port, 1, 1)).collect();
        let error = passed(&ports, &ports[..1]).unwrap_err();
        assert_eq!(error, "eth1, eth2, eth3, eth4, eth5 and 3 more vanished between the two readings");
    }

    #[test]
    fn a_list_without_any_interface_is_unknown_and_one_with_lo_alone_is_no_traffic() {
        for choice in [Choice::of(&[]), Choice::Named(vec!["eth*".to_owned()])] {
            let error = Reading::new(choice).take(&file(&[]), None).unwrap_err();
            assert_eq!(error.to_string(), "it lists no interface");
        }
        assert_eq!(passed(&[("lo", 5, 5)], &[("lo", 900, 900)]), Ok(Passed::default()));
    }

    #[test]
    fn more_bytes_than_the_packets_can_have_are_unknown_and_no_spike() {
        let before = [("eth0", 1000, 100)];
        let error = passed(&before, &[("eth0", u64::MAX, 100)]).unwrap_err();
        assert_eq!(error, "the counters of eth0 jumped by more bytes than their packets can have");
        assert!(passed(&before, &[("eth0", 1000, 1 << 40)]).is_err());
        assert_eq!(passed(&before, &[("eth0", 1 << 20, 100)]), Ok(Passed { received: (1 << 20) - 1000, sent: 0 }));
    }

    /// The name is kept, so that everything that it does not tell is looked up when the names change, and once more
    /// after that.
    #[test]
    fn which_interfaces_count_is_looked_up_when_the_names_change() {
        let folder = tempfile::tempdir().unwrap();
        let devices = NetworkDevices::in_folder(folder.path());
        let make_hardware = |name: &str| fs::create_dir_all(folder.path().join(name).join("device")).unwrap();
        let mut reading = Reading::new(Choice::of(&[]));
        let mut take = |names: &[&str]| {
            let lines: Vec<_> = names.iter().map(|name| (*name, 1, 1)).collect();
            reading.take(&file(&lines), Some(&devices)).unwrap();
            counted(&reading)
        };
        make_hardware("eth0");
        assert_eq!(take(&["lo", "eth0"]), ["eth0"]);
        assert_eq!(take(&["lo", "eth0"]), ["eth0"]);
        make_hardware("port1");
        assert_eq!(take(&["eth0", "port1"]), ["eth0", "port1"]);
        // It gets its master a moment later: eth0 sees its bytes as well.
        fs::write(folder.path().join("port1/upper_eth0"), "").unwrap();
        assert_eq!(take(&["eth0", "port1"]), ["eth0"]);
        // Nothing has changed since, so nothing is looked up.
        fs::remove_dir_all(folder.path().join("eth0")).unwrap();
        assert_eq!(take(&["eth0", "port1"]), ["eth0"]);
        assert_eq!(take(&["eth0", "port1", "veth1"]), ["port1"]);
    }

    #[test]
    fn a_named_interface_that_comes_back_counts_again() {
        let mut reading = Reading::new(Choice::Named(vec!["ens3".to_owned(), "wg0".to_owned()]));
        let both = [("ens3", 1, 1), ("wg0", 1, 1)];
        for _ in 0..3 {
            let error = reading.take(&file(&both[..1]), None).unwrap_err();
            assert_eq!(error.to_string(), "no interface is named wg0");
        }
        reading.take(&file(&both), None).unwrap();
        assert_eq!(counted(&reading), ["ens3", "wg0"]);
    }

    #[test]
    fn a_name_that_is_not_utf_8_can_be_chosen_by_a_pattern() {
        let mut reading = Reading::new(Choice::Named(vec!["vpn-*".to_owned()]));
        let line = b"vpn-\xb9\xe3: 12 1 0 0 0 0 0 0 34 2 0 0 0 0 0 0";
        reading.take(&[HEADINGS.as_bytes(), line, b"\n"].concat(), None).unwrap();
        assert_eq!(counted(&reading), [r"vpn-\xb9\xe3"]);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(lines in prop::collection::vec(any::<u8>(), 0..300)) {
            let text = [HEADINGS.as_bytes(), &lines].concat();
            let mut reading = Reading::new(Choice::of(&[]));
            let _ = reading.take(&text, None);
            let _ = reading.passed_until(&text);
        }

        #[test]
        fn whatever_comes_and_goes_between_checks_is_known_as_if_it_was_seen_for_the_first_time(
            checks in prop::collection::vec(prop::collection::btree_set(0..6_u8, 1..6), 1..6),
        ) {
            let mut kept = Reading::new(Choice::of(&[]));
            for check in checks {
                let names: Vec<String> = check.iter().map(|number| format!("eth{number}")).collect();
                let lines: Vec<_> = names.iter().map(|name| (&**name, 1, 1)).collect();
                kept.take(&file(&lines), None).unwrap();
                prop_assert_eq!(&kept.interfaces, &first(&lines).interfaces);
                prop_assert_eq!(counted(&kept), names.clone());
            }
        }
    }
}
