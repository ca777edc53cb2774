//! Traffic as it is counted over a month: the interfaces' counters as a check found them, and the quota that is made of them.

use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};

/// The counters of all interfaces that count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub counted: Vec<InterfaceTotals>,
    /// Interfaces that are there and do not count; left out while the list of interfaces is the one of the check before.
    pub others: Vec<String>,
}

/// The traffic of an interface since its counters began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceTotals {
    pub name: String,
    /// The kernel's number of it: a device that is made anew has another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    pub received: Total,
    pub sent: Total,
}

/// The traffic in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    pub bytes: u64,
    pub packets: u64,
}

/// The most bytes that a device counts as one packet: BIG TCP hands it up to eight times 64 KiB (GSO_MAX_SIZE in the
/// kernel's linux/netdevice.h).
const MAX_PACKET_BYTES: u64 = 8 << 16;

/// No device gets so far: at 100 Gbit/s that takes three years.
const MAX_BYTES: u64 = 1 << 60;

/// A device may have counted the bytes of so many packets, or the packets alone, when its counters are read.
const PACKETS_UNDER_WAY: u64 = 64;

impl Total {
    /// Whether the packets since `before` can have had so many bytes. A counter that jumped, as a driver's fault makes it,
    /// has other numbers. Little is known of a device that counts no packets, or of a counter of packets that fell: it may
    /// be one for 32 bits.
    pub fn can_have_passed(self, bytes: u64, before: Total) -> bool {
        let packets = self.packets.checked_sub(before.packets);
        let most_packets = packets.unwrap_or(u64::from(u32::MAX)).saturating_add(PACKETS_UNDER_WAY);
        // Each has a byte at least: all counters of a device that is gone read as the highest number.
        let has_enough = bytes == 0 || packets.is_none_or(|packets| packets <= bytes.saturating_add(PACKETS_UNDER_WAY));
        bytes < MAX_BYTES && (self.packets == 0 || bytes <= most_packets.saturating_mul(MAX_PACKET_BYTES) && has_enough)
    }
}

/// The direction that a provider bills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    In,
    Out,
    /// The sum of the two.
    Both,
    /// The greater one of the two.
    Max,
}

impl Direction {
    /// As the configuration has it.
    pub const fn name(self) -> &'static str {
        match self {
            Direction::In => "in",
            Direction::Out => "out",
            Direction::Both => "both",
            Direction::Max => "max",
        }
    }

    /// The bytes that are billed.
    pub fn of(self, received: u64, sent: u64) -> u64 {
        match self {
            Direction::In => received,
            Direction::Out => sent,
            Direction::Both => received.saturating_add(sent),
            Direction::Max => received.max(sent),
        }
    }
}

/// The use of a monthly quota. Times are those of the provider's clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quota {
    pub percent: f64,
    pub used_bytes: u64,
    pub limit_bytes: u64,
    /// The limit was written in GiB or TiB.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_binary: bool,
    pub count: Direction,
    /// In this period, as far as it was counted here.
    pub received_bytes: u64,
    pub sent_bytes: u64,
    pub today_bytes: u64,
    pub begins: DateTime,
    pub ends: DateTime,
    pub seconds_left: u64,
    /// The count began after the period did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_since: Option<DateTime>,
    /// For so long before restarts of the machine nobody counted.
    #[serde(default)]
    pub uncounted_seconds: u64,
    /// By the traffic of the last seven days; `None`: not within this period, or too little is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs_out: Option<Date>,
    /// The percentages of which each is told once in a period.
    pub warn_at: Vec<f64>,
}

impl Quota {
    /// The highest step that `percent` has reached.
    pub fn step(&self, percent: f64) -> Option<f64> {
        self.warn_at.iter().copied().filter(|step| *step <= percent).reduce(f64::max)
    }

    /// The percentage that people know of this period, after they were told `percent` when it was `told`.
    pub fn known(&self, told: &Quota, percent: f64) -> f64 {
        if told.begins == self.begins { percent.min(self.percent) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_have_some_bytes_each_and_no_more_than_a_kernel_makes_them() {
        let can_have_passed = |bytes, packets: [u64; 2]| {
            let [before, now] = packets.map(|packets| Total { bytes: 0, packets });
            now.can_have_passed(bytes, before)
        };
        assert!(can_have_passed(0, [5, 5]) && can_have_passed(0, [5, 1_000_000]), "some count packets alone");
        assert!(can_have_passed(512 << 20, [1000, 2000]), "BIG TCP");
        assert!(!can_have_passed(1 << 30, [1000, 2000]));
        assert!(can_have_passed(3000, [7, 7]), "the packets are counted a moment later");
        assert!(!can_have_passed(u64::MAX - 5000, [100, u64::MAX]), "a device that is gone");
        assert!(can_have_passed(1 << 40, [0, 0]) && !can_have_passed(u64::MAX, [0, 0]), "one that counts no packets");
        assert!(can_have_passed(1 << 40, [u64::from(u32::MAX), 5]) && !can_have_passed(u64::MAX, [9, 5]));
    }
}
