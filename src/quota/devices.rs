//! The bytes that passed between two looks at the counters of interfaces, of one start of the machine.
//!
//! It never counts too much: where two explanations fit, the smaller number is taken.

use serde::{Deserialize, Serialize};

use crate::snapshot::{InterfaceTotals, Total, Totals};

/// As many are remembered, those that are gone included.
const MAX_DEVICES: usize = 512;

/// A name in Linux has 15 bytes (IFNAMSIZ), each of which is shown by four characters at most.
const MAX_NAME_BYTES: usize = 64;

/// A driver for 32 bits counts up to here.
const WRAP: u64 = 1 << 32;

/// The kernel hands packets of up to 64 KiB to a device, which counts each as one (GSO_MAX_SIZE in linux/netdevice.h).
const MAX_PACKET_BYTES: u64 = 1 << 16;

/// Counters of several queues are read one after another, and some drivers leave out queues that were closed: a fall
/// by less than this part is not a new beginning.
const HICCUP: u64 = 8;

/// The interfaces at the last look.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Devices(Vec<InterfaceTotals>);

impl Devices {
    /// The bytes that were received and sent since the last look.
    ///
    /// A device that was renamed is found by its number, and one of the same name with another number was made anew: all
    /// that it counts is new. One that is gone may come back. One that was not counted before adds nothing: its counter
    /// may be as old as the machine's start.
    pub fn follow(&mut self, totals: &Totals) -> [u64; 2] {
        let mut known = std::mem::take(&mut self.0);
        let mut passed = [0_u64; 2];
        for interface in &totals.counted {
            let mut next = interface.clone();
            if let Some(place) = place(&known, interface, totals) {
                let before = known.swap_remove(place);
                let is_anew = matches!((before.index, next.index), (Some(before), Some(now)) if before != now);
                let pairs = [(before.received, &mut next.received), (before.sent, &mut next.sent)];
                for (passed, (before, now)) in passed.iter_mut().zip(pairs) {
                    let bytes = if is_anew { now.bytes } else { since(before, now) };
                    *passed = passed.saturating_add(bytes);
                }
            }
            self.0.push(next);
        }
        known.retain(|gone| !totals.others.contains(&gone.name));
        self.0.append(&mut known);
        self.0.truncate(MAX_DEVICES);
        passed
    }

    /// The bytes since the machine's start, of which nothing was counted before.
    pub fn begin(&mut self, totals: &Totals) -> [u64; 2] {
        self.0.clone_from(&totals.counted);
        let sum = |of: fn(&InterfaceTotals) -> u64| totals.counted.iter().map(of).fold(0, u64::saturating_add);
        [sum(|interface| interface.received.bytes), sum(|interface| interface.sent.bytes)]
    }

    /// Corrects what no agent wrote. How much that was.
    pub fn correct(&mut self) -> usize {
        let before = self.0.len();
        self.0.retain(|device| device.name.len() <= MAX_NAME_BYTES);
        self.0.truncate(MAX_DEVICES);
        before - self.0.len()
    }
}

/// The device that an interface was at the last look: that of its number, else that of its name, unless this has another
/// name by now.
fn place(known: &[InterfaceTotals], interface: &InterfaceTotals, totals: &Totals) -> Option<usize> {
    let has_moved = |device: &InterfaceTotals| {
        device.index.is_some() && totals.counted.iter().any(|other| other.index == device.index)
    };
    let by_index = known.iter().position(|device| device.index.is_some() && device.index == interface.index);
    by_index.or_else(|| known.iter().position(|device| device.name == interface.name && !has_moved(device)))
}

/// The bytes since `before`. If the counter had a hiccup, it is held where it was, so that nothing is counted twice.
fn since(before: Total, now: &mut Total) -> u64 {
    if let Some(bytes) = now.bytes.checked_sub(before.bytes) {
        return bytes;
    }
    if let Some(packets) = now.packets.checked_sub(before.packets) {
        // The packets were counted on: the bytes went over the end of their counter.
        let wrapped = (now.bytes + WRAP).checked_sub(before.bytes).filter(|_| before.bytes < WRAP);
        if let Some(bytes) = wrapped.filter(|bytes| *bytes <= packets.saturating_mul(MAX_PACKET_BYTES)) {
            return bytes;
        }
    } else if before.bytes - now.bytes > before.bytes / HICCUP || before.packets - now.packets > before.packets / HICCUP
    {
        // Both began anew.
        return now.bytes;
    }
    *now = before;
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(bytes: u64, packets: u64) -> Total {
        Total { bytes, packets }
    }

    fn interface(name: &str, index: u32, received: Total, sent: Total) -> InterfaceTotals {
        InterfaceTotals { name: name.to_owned(), index: Some(index).filter(|index| *index > 0), received, sent }
    }

    /// The traffic from look to look, of interfaces that send `bytes`, in packets of 1000.
    fn passed<const LOOKS: usize>(looks: [&[(&str, u32, u64)]; LOOKS]) -> Vec<u64> {
        let mut devices = Devices::default();
        let look = |(number, look): (usize, &[(&str, u32, u64)])| {
            let of = |(name, index, bytes): &(&str, u32, u64)| {
                interface(name, *index, Total::default(), total(*bytes, bytes / 1000))
            };
            let totals = Totals { counted: look.iter().map(of).collect(), others: Vec::new() };
            if number == 0 { devices.begin(&totals)[1] } else { devices.follow(&totals)[1] }
        };
        looks.into_iter().enumerate().map(look).collect()
    }

    #[test]
    fn what_passed_is_the_growth_of_the_counters() {
        assert_eq!(passed([&[("eth0", 2, 5000)], &[("eth0", 2, 5000)], &[("eth0", 2, 9000)]]), [5000, 0, 4000]);
    }

    #[test]
    fn a_device_that_was_made_anew_adds_all_that_it_counts_even_where_that_is_more_than_before() {
        assert_eq!(passed([&[("eth0", 2, 5000)], &[("eth0", 7, 6000)]])[1], 6000);
        // Where nobody knows its number, only the growth is certain.
        assert_eq!(passed([&[("eth0", 0, 5000)], &[("eth0", 0, 6000)]])[1], 1000);
    }

    #[test]
    fn a_device_that_was_renamed_goes_on() {
        assert_eq!(passed([&[("eth0", 2, 5000)], &[("ens3", 2, 6000)]])[1], 1000);
        // Two that changed names, and one that takes the name of one that was renamed.
        let swapped: [&[_]; 2] = [&[("eth0", 2, 5000), ("eth1", 3, 100)], &[("eth0", 3, 300), ("eth1", 2, 5001)]];
        assert_eq!(passed(swapped)[1], 201);
        let taken: [&[_]; 2] = [&[("eth0", 2, 5000)], &[("eth0", 3, 300), ("lan0", 2, 5001)]];
        assert_eq!(passed(taken)[1], 1);
    }

    #[test]
    fn a_device_that_vanishes_and_comes_back_goes_on_or_begins_anew() {
        assert_eq!(passed([&[("eth0", 2, 5000)], &[], &[("eth0", 2, 7000)]]), [5000, 0, 2000]);
        assert_eq!(passed([&[("eth0", 2, 5000)], &[], &[("eth0", 9, 700)]]), [5000, 0, 700]);
    }

    #[test]
    fn a_device_that_is_counted_only_from_now_on_adds_nothing_of_its_past() {
        assert_eq!(passed([&[("eth0", 2, 5000)], &[("eth0", 2, 5000), ("eth1", 3, 900)]])[1], 0);
        let mut devices = Devices::default();
        let totals = |counts: bool| {
            let eth1 = interface("eth1", 3, total(10, 1), total(10, 1));
            let (counted, others) =
                if counts { (vec![eth1], Vec::new()) } else { (Vec::new(), vec!["eth1".to_owned()]) };
            Totals { counted, others }
        };
        devices.begin(&totals(true));
        devices.follow(&totals(false));
        assert_eq!(devices, Devices::default());
    }

    #[test]
    fn a_counter_that_begins_anew_adds_what_it_counts() {
        assert_eq!(passed([&[("eth0", 2, 5_000_000_000_000)], &[("eth0", 2, 300_000)]])[1], 300_000);
        assert_eq!(passed([&[("eth0", 2, 5000)], &[("eth0", 2, 0)]])[1], 0);
    }

    fn after(before: Total, mut now: Total) -> (u64, Total) {
        (since(before, &mut now), now)
    }

    #[test]
    fn a_counter_of_32_bits_goes_over_its_end_while_its_packets_are_counted_on() {
        let (before, now) = (total(WRAP - 1_000_000, 5_000_000), total(2_000_000, 5_003_000));
        assert_eq!(after(before, now), (3_000_000, now));
        // A counter that was never near its end, with few packets since: that is no wrap.
        assert_eq!(after(total(1_000_000, 5000), total(999_000, 5010)), (0, total(1_000_000, 5000)));
        // One of 64 bits never gets to its end.
        assert_eq!(after(total(WRAP + 5, 9_000_000), total(5, 9_900_000)), (0, total(WRAP + 5, 9_000_000)));
    }

    #[test]
    fn a_hiccup_is_not_counted_again_when_the_counter_goes_on() {
        let before = total(500_000_000_000, 400_000_000);
        assert_eq!(after(before, total(499_999_000_000, 399_999_990)), (0, before));
        assert_eq!(after(before, total(500_000_001_000, 400_000_001)), (1000, total(500_000_001_000, 400_000_001)));
    }
}
