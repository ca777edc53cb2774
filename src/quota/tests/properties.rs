//! Any sequence of checks, restarts, gaps and other misfortunes: the count may never be too high.

use proptest::prelude::*;

use super::*;

/// An event in the life of a host and its agent.
#[derive(Clone, Debug)]
enum Act {
    /// So many seconds later a check, after so many megabytes.
    Check(i64, u64),
    Save,
    RestartAgent,
    RestartMachine(i64),
    SetClock(i64),
    /// The interface is made anew under its name.
    Replace,
    Rename,
    /// Its counters begin anew.
    Reset,
    /// It is away for so long.
    Vanish(i64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        12 => (1..3 * HOUR, 0..50_u64).prop_map(|(seconds, megabytes)| Act::Check(seconds, megabytes)),
        1 => (DAY..40 * DAY, 0..4000_u64).prop_map(|(seconds, megabytes)| Act::Check(seconds, megabytes)),
        2 => Just(Act::Save),
        2 => Just(Act::RestartAgent),
        1 => (0..3 * DAY).prop_map(Act::RestartMachine),
        1 => (-40 * DAY..40 * DAY).prop_map(Act::SetClock),
        1 => (-90..90_i64).prop_map(Act::SetClock),
        1 => Just(Act::Replace),
        1 => Just(Act::Rename),
        1 => Just(Act::Reset),
        1 => (1..DAY).prop_map(Act::Vanish),
    ]
}

/// The world, and the count of all its periods together.
struct Tallied {
    world: World,
    counted: u64,
    /// The same in the file.
    saved: u64,
    last: Option<Quota>,
    has_32_bits: bool,
}

impl Tallied {
    fn look(&mut self) {
        let before = self.world.ledger.clone();
        let (quota, derived) = self.world.look();
        let sent = |period: &Option<Period>| period.as_ref().map_or(0, |period| period.bytes[1]);
        let ledger = &self.world.ledger;
        let begins = |ledger: &Ledger| ledger.period.as_ref().map(|period| period.begins);
        // The period before the last one is forgotten.
        let is_later = begins(&before).is_some() && begins(ledger) > begins(&before);
        let forgotten = if is_later { sent(&before.before) } else { 0 };
        let known = sent(&before.period) + sent(&before.before) - forgotten;
        self.counted += (sent(&ledger.period) + sent(&ledger.before)).checked_sub(known).expect("a count never falls");
        if let Some(last) = self.last.take().filter(|last| last.begins == quota.begins) {
            assert!(quota.used_bytes >= last.used_bytes);
        }
        self.last = Some(quota);
        if derived.change == Change::News {
            self.saved = self.counted;
        }
    }

    fn act(&mut self, act: &Act) {
        let world = &mut self.world;
        let number = world.interfaces[0].index.unwrap_or_default();
        let name = world.interfaces[0].name.clone();
        match act {
            Act::Check(seconds, megabytes) => {
                world.pass(*seconds).send(*megabytes);
                if self.has_32_bits {
                    world.interfaces[0].sent.bytes %= 1 << 32;
                    world.interfaces[0].received.bytes %= 1 << 32;
                }
                self.look();
            }
            Act::Save => {
                world.save();
                self.saved = self.counted;
            }
            Act::RestartAgent | Act::RestartMachine(_) => {
                match act {
                    Act::RestartMachine(seconds) => world.restart_machine(*seconds),
                    _ => world.restart_agent(),
                };
                (self.counted, self.last) = (self.saved, None);
            }
            Act::SetClock(seconds) => drop(world.set_clock(*seconds)),
            Act::Replace => world.interfaces[0] = interface(&name, number + 1),
            Act::Rename => world.interfaces[0].name.push('x'),
            Act::Reset => world.interfaces[0] = interface(&name, number),
            Act::Vanish(seconds) => {
                let gone = std::mem::take(&mut world.interfaces);
                world.pass(*seconds);
                self.look();
                self.world.interfaces = gone;
            }
        }
    }
}

proptest! {
    #[test]
    fn nothing_is_invented_or_counted_twice_and_nothing_is_lost_while_the_counters_go_on(
        acts in prop::collection::vec(act(), 1..80), has_32_bits: bool,
    ) {
        let world = World::started("2026-11-16T00:00");
        let mut tallied = Tallied { world, counted: 0, saved: 0, last: None, has_32_bits };
        tallied.look();
        let mut sent = 0;
        let mut may_be_lost = has_32_bits;
        for act in &acts {
            if let Act::Check(_, megabytes) = act {
                sent += megabytes * MB;
            }
            may_be_lost |= matches!(act, Act::RestartMachine(_) | Act::Replace | Act::Reset);
            // A name is never longer than 15 bytes.
            if matches!(act, Act::Rename) && tallied.world.interfaces[0].name.len() > 14 {
                continue;
            }
            tallied.act(act);
            prop_assert!(tallied.counted <= sent, "{} of {sent} after {act:?}", tallied.counted);
            if matches!(act, Act::Check(..)) && !may_be_lost {
                prop_assert_eq!(tallied.counted, sent);
            }
        }
    }
}
