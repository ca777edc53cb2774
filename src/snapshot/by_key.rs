//! A map by keys in the state file: a list of its values, each with its key inside. That is the form of version 1.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Key;

/// A value that has its key inside.
pub trait Keyed {
    fn key(&self) -> &Key;
}

/// Gives the entries of paths to other paths, all at once: the disks there have moved. The name of a container has no `/`.
///
/// An entry that is at its new path already gives way, unless it is `kept`.
pub fn retarget<T>(
    map: &mut BTreeMap<Key, T>,
    moves: &[(Rc<str>, Rc<str>)],
    set_key: impl Fn(&mut T, Key),
    is_kept: impl Fn(&T, &T) -> bool,
) {
    let new_key = |key: &Key| {
        let (_, to) = moves.iter().find(|(from, _)| *from == key.target)?;
        Some((key.clone(), Key { metric: key.metric, target: Rc::clone(to) }))
    };
    let keys: Vec<(Key, Key)> = map.keys().filter_map(new_key).collect();
    let moved: Vec<(Key, Option<T>)> = keys.into_iter().map(|(from, to)| (to, map.remove(&from))).collect();
    for (to, value) in moved {
        let Some(mut value) = value else { continue };
        if !map.get(&to).is_some_and(|there| is_kept(there, &value)) {
            set_key(&mut value, to.clone());
            map.insert(to, value);
        }
    }
}

pub fn serialize<T: Serialize, S: Serializer>(map: &BTreeMap<Key, T>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(map.values())
}

/// Of several values with one key, the last one counts.
pub fn deserialize<'de, T, D>(deserializer: D) -> Result<BTreeMap<Key, T>, D::Error>
where
    T: Keyed + Deserialize<'de>,
    D: Deserializer<'de>,
{
    let values = Vec::<T>::deserialize(deserializer)?;
    Ok(values.into_iter().map(|value| (value.key().clone(), value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric;

    #[test]
    fn disks_take_their_entries_with_them_all_at_once_and_one_that_is_there_gives_way_unless_it_is_kept() {
        let map = |entries: &[(&'static str, u8)]| -> BTreeMap<Key, u8> {
            entries.iter().map(|(path, value)| (Key::new(metric::DISK, *path), *value)).collect()
        };
        let moved = |before: &[(&'static str, u8)], moves: &[(&str, &str)]| {
            let mut before = map(before);
            let moves: Vec<_> = moves.iter().map(|(from, to)| ((*from).into(), (*to).into())).collect();
            retarget(&mut before, &moves, |value, _| *value += 10, |there, _| *there == 9);
            before
        };
        assert_eq!(moved(&[("/a", 1), ("/b", 2)], &[("/a", "/z")]), map(&[("/z", 11), ("/b", 2)]));
        assert_eq!(moved(&[("/a", 1), ("/b", 2)], &[("/a", "/b"), ("/b", "/a")]), map(&[("/a", 12), ("/b", 11)]));
        assert_eq!(moved(&[("/a", 1), ("/b", 2)], &[("/b", "/a"), ("/a", "/c")]), map(&[("/a", 12), ("/c", 11)]));
        assert_eq!(moved(&[("/a", 1), ("/b", 2)], &[("/a", "/b")]), map(&[("/b", 11)]));
        assert_eq!(moved(&[("/a", 1), ("/b", 9)], &[("/a", "/b")]), map(&[("/b", 9)]));
    }
}
