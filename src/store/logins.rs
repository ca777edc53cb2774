//! How many logins there were since the last report, and from how many addresses.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bounds::{MAX_COUNT, keep};

/// More addresses are not told apart: nobody reads a larger number as another one.
const MAX_ADDRESSES: usize = 100;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logins {
    #[serde(default)]
    count: u64,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    addresses: BTreeSet<String>,
    /// The last one that was counted: an agent that starts sees those again who are still there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<Timestamp>,
}

impl Logins {
    pub fn is_empty(&self) -> bool {
        *self == Logins::default()
    }

    /// Whether an agent has counted any, before the last report or since.
    pub fn has_seen_any(&self) -> bool {
        self.last.is_some()
    }

    /// Takes in the logins of one look, each with its address and its time.
    pub fn take_in<'a>(&mut self, logins: impl Iterator<Item = (&'a str, Timestamp)>) {
        let before = self.last;
        for (address, at) in logins.filter(|(_, at)| before.is_none_or(|before| *at > before)) {
            self.last = self.last.max(Some(at));
            self.count = self.count.saturating_add(1);
            if self.addresses.len() < MAX_ADDRESSES {
                self.addresses.insert(address.to_owned());
            }
        }
    }

    /// A report has told of them.
    pub fn begin_anew(&mut self) {
        (self.count, self.addresses) = (0, BTreeSet::new());
    }

    /// Their number, and that of their addresses; `None`: there were none.
    pub fn summary(&self) -> Option<(u64, usize)> {
        (self.count > 0).then_some((self.count, self.addresses.len()))
    }

    /// Corrects values that no agent wrote. Returns how many there were.
    pub fn correct(&mut self, now: Timestamp) -> usize {
        let too_many = self.addresses.len().saturating_sub(MAX_ADDRESSES);
        (0..too_many).for_each(|_| drop(self.addresses.pop_last()));
        let is_future = self.last.take_if(|last| *last > now).is_some();
        keep(&mut self.count, 0..=MAX_COUNT) + too_many + usize::from(is_future)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_770_000_000 + second).unwrap()
    }

    #[test]
    fn each_login_is_counted_once_and_a_restart_counts_nobody_again() {
        let mut logins = Logins::default();
        logins.take_in([("192.0.2.1", at(1)), ("192.0.2.2", at(0)), ("192.0.2.1", at(2))].into_iter());
        assert_eq!(logins.summary(), Some((3, 2)));
        let mut next: Logins = serde_json::from_str(&serde_json::to_string(&logins).unwrap()).unwrap();
        next.take_in([("192.0.2.1", at(2)), ("192.0.2.3", at(3))].into_iter());
        assert_eq!(next.summary(), Some((4, 3)));
        next.begin_anew();
        next.take_in([("192.0.2.3", at(3))].into_iter());
        assert_eq!(next.summary(), None);
    }

    #[test]
    fn addresses_are_bounded_and_a_time_that_cannot_be_is_forgotten() {
        let mut logins = Logins::default();
        let addresses: Vec<String> = (0..300).map(|number| format!("192.0.2.{number}")).collect();
        logins.take_in(addresses.iter().map(|address| (&**address, at(1))));
        assert_eq!(logins.summary(), Some((300, MAX_ADDRESSES)));
        assert_eq!((logins.correct(at(0)), logins.correct(at(0))), (1, 0));
    }
}
