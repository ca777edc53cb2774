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

/// Counters of several queues are read one after another, and some drivers leave out queues that were closed: a fall
/// by less than this part is not a new beginning.
const HICCUP: u64 = 8;

/// The interfaces at the last look.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Devices(Vec<Device>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Device {
    /// The counters that the next look's are compared with.
    #[serde(flatten)]
    counted: InterfaceTotals,
    /// The counters of received and of sent traffic at the last look, where they cannot have come of those.
    #[serde(default, skip_serializing_if = "Doubted::is_none")]
    doubted: Doubted,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Doubted([Option<Total>; 2]);

impl Doubted {
    fn is_none(&self) -> bool {
        self.0 == [None; 2]
    }
}

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
            let mut device = match place(&known, interface, totals) {
                Some(place) => known.swap_remove(place),
                None => Device { counted: interface.clone(), doubted: Doubted::default() },
            };
            if matches!((device.counted.index, interface.index), (Some(before), Some(now)) if before != now) {
                device = Device::made_anew(interface);
            }
            device.go_on(interface, &mut passed);
            self.0.push(device);
        }
        known.retain(|gone| !totals.others.contains(&gone.counted.name));
        self.0.append(&mut known);
        self.0.truncate(MAX_DEVICES);
        passed
    }

    /// The bytes since the machine's start, of which nothing was counted before.
    pub fn begin(&mut self, totals: &Totals) -> [u64; 2] {
        let mut passed = [0; 2];
        self.0 = totals.counted.iter().map(Device::made_anew).collect();
        self.0.iter_mut().zip(&totals.counted).for_each(|(device, now)| device.go_on(now, &mut passed));
        passed
    }

    /// Corrects what no agent wrote. How much that was.
    pub fn correct(&mut self) -> usize {
        let before = self.0.len();
        self.0.retain(|device| device.counted.name.len() <= MAX_NAME_BYTES);
        self.0.truncate(MAX_DEVICES);
        before - self.0.len()
    }
}

impl Device {
    /// One whose counters begin now.
    fn made_anew(interface: &InterfaceTotals) -> Device {
        let none = Total::default();
        let counted = InterfaceTotals { received: none, sent: none, ..interface.clone() };
        Device { counted, doubted: Doubted::default() }
    }

    /// Takes in a look, and adds the bytes since the one before.
    fn go_on(&mut self, now: &InterfaceTotals, passed: &mut [u64; 2]) {
        let before = [self.counted.received, self.counted.sent];
        self.counted.clone_from(now);
        let counters = [&mut self.counted.received, &mut self.counted.sent];
        for (((now, before), doubted), passed) in counters.into_iter().zip(before).zip(&mut self.doubted.0).zip(passed)
        {
            *passed = passed.saturating_add(go_on(before, doubted, now));
        }
    }
}

/// The device that an interface was at the last look: that of its number, else that of its name, unless this has another
/// name by now.
fn place(known: &[Device], interface: &InterfaceTotals, totals: &Totals) -> Option<usize> {
    let has_moved = |device: &InterfaceTotals| {
        device.index.is_some() && totals.counted.iter().any(|other| other.index == device.index)
    };
    let mut known = known.iter().map(|device| &device.counted);
    let by_index = known.clone().position(|device| device.index.is_some() && device.index == interface.index);
    by_index.or_else(|| known.position(|device| device.name == interface.name && !has_moved(device)))
}

/// The bytes since `before`. A counter that cannot have come there is held where it was, and nothing is counted twice
/// when it is back. If it goes on from there, which is `doubted` until then, it is followed.
fn go_on(before: Total, doubted: &mut Option<Total>, now: &mut Total) -> u64 {
    let growth = since(before, *now);
    let from_doubted = doubted.map(|doubted| since(doubted, *now));
    let bytes = match (growth, from_doubted) {
        (Growth::Bytes(bytes), Some(Growth::Bytes(fewer))) => Some(bytes.min(fewer)),
        (Growth::Bytes(bytes), _) => Some(bytes),
        // One that stands still there may be stuck.
        (_, Some(Growth::Bytes(bytes))) => Some(bytes).filter(|bytes| *bytes > 0),
        _ => None,
    };
    if let Some(bytes) = bytes {
        *doubted = None;
        return bytes;
    }
    if growth == Growth::Doubtful {
        *doubted = Some(*now);
    }
    *now = before;
    0
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Growth {
    Bytes(u64),
    /// It fell by little, and will be back.
    Hiccup,
    Doubtful,
}

fn since(before: Total, now: Total) -> Growth {
    if let Some(bytes) = now.bytes.checked_sub(before.bytes) {
        return if now.can_have_passed(bytes, before) { Growth::Bytes(bytes) } else { Growth::Doubtful };
    }
    let fell_far = |before: u64, now: u64| before.saturating_sub(now) > before / HICCUP;
    let has_fallen_far = fell_far(before.bytes, now.bytes);
    if now.packets >= before.packets {
        // The packets were counted on: the bytes went over the end of their counter.
        let wrapped = now.bytes.saturating_add(WRAP).checked_sub(before.bytes).filter(|_| before.bytes < WRAP);
        if let Some(bytes) = wrapped.filter(|bytes| now.can_have_passed(*bytes, before)) {
            return Growth::Bytes(bytes);
        }
    } else if has_fallen_far || fell_far(before.packets, now.packets) {
        // Both began anew.
        let is_real = now.can_have_passed(now.bytes, Total::default());
        return if is_real { Growth::Bytes(now.bytes) } else { Growth::Doubtful };
    }
    if has_fallen_far { Growth::Doubtful } else { Growth::Hiccup }
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
        (go_on(before, &mut None, &mut now), now)
    }

    /// The traffic from look to look of one counter.
    fn followed<const LOOKS: usize>(looks: [Total; LOOKS]) -> [u64; LOOKS] {
        let (mut before, mut doubted) = (Total::default(), None);
        looks.map(|mut now| {
            let bytes = go_on(before, &mut doubted, &mut now);
            before = now;
            bytes
        })
    }

    const REAL: Total = Total { bytes: 3_000_000_000_000, packets: 4_000_000_000 };
    const ALL_ONES: Total = Total { bytes: u64::MAX, packets: u64::MAX };

    fn later(thousands: u64) -> Total {
        total(REAL.bytes + thousands * 1000, REAL.packets + thousands)
    }

    #[test]
    fn a_reading_that_cannot_be_counts_nothing_and_the_counter_goes_on_from_where_it_was() {
        let bytes_alone = |packets| total(u64::MAX, packets);
        for glitch in
            [bytes_alone(REAL.packets + 1), bytes_alone(5), bytes_alone(0), ALL_ONES, total(0, later(1).packets)]
        {
            assert_eq!(followed([REAL, glitch, later(7), later(9)]), [REAL.bytes, 0, 7000, 2000], "{glitch:?}");
            // It may last for some looks, and be there at the first one.
            assert_eq!(followed([REAL, glitch, glitch, glitch, later(7)]), [REAL.bytes, 0, 0, 0, 7000], "{glitch:?}");
        }
        assert_eq!(followed([ALL_ONES, REAL, later(7)]), [0, REAL.bytes, 7000]);
    }

    #[test]
    fn a_counter_that_really_went_on_from_elsewhere_is_followed_from_there() {
        let moved = |thousands: u64| total(later(thousands).bytes + 10_000_000_000_000, later(thousands).packets);
        assert_eq!(followed([REAL, moved(1), moved(3), moved(4)]), [REAL.bytes, 0, 2000, 1000]);
        // Much traffic would explain the jump by and by: of two explanations it is the smaller one.
        assert_eq!(followed([REAL, moved(1), moved(100_000_000)])[2], 99_999_999_000);
        let fallen = |thousands: u64| total(thousands * 1000, later(thousands).packets);
        assert_eq!(followed([REAL, fallen(1), fallen(3), fallen(4)]), [REAL.bytes, 0, 2000, 1000]);
    }

    #[test]
    fn a_state_without_doubts_is_one_of_a_version_that_had_none() {
        let totals = Totals { counted: vec![interface("eth0", 2, REAL, REAL)], others: Vec::new() };
        let mut devices = Devices::default();
        devices.begin(&totals);
        let saved = serde_json::to_value(&devices).unwrap();
        assert_eq!(saved, serde_json::to_value(&totals.counted).unwrap());
        assert_eq!(serde_json::from_value::<Devices>(saved).unwrap(), devices);
        let doubted = Totals { counted: vec![interface("eth0", 2, ALL_ONES, REAL)], others: Vec::new() };
        assert_eq!(devices.follow(&doubted), [0, 0]);
        let saved = serde_json::to_string(&devices).unwrap();
        assert_eq!(serde_json::from_str::<Devices>(&saved).unwrap(), devices);
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
