//! A map by keys in the state file: a list of its values, each with its key inside. That is the form of version 1.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Key;

/// A value that has its key inside.
pub trait Keyed {
    fn key(&self) -> &Key;
    fn key_mut(&mut self) -> &mut Key;
}

/// Gives the entries of a disk's path to another path that has none of the same quantity: the disk has moved. The name of
/// a container has no `/`.
pub fn retarget<T>(map: &mut BTreeMap<Key, T>, from: &str, to: &Rc<str>, set_key: impl Fn(&mut T, Key)) {
    let keys: Vec<Key> = map.keys().filter(|key| *key.target == *from).cloned().collect();
    for key in keys {
        let new = Key { metric: key.metric, target: Rc::clone(to) };
        if map.contains_key(&new) {
            continue;
        }
        if let Some(mut value) = map.remove(&key) {
            set_key(&mut value, new.clone());
            map.insert(new, value);
        }
    }
}

/// The same of values that have their keys inside.
pub fn retarget_keyed<T: Keyed>(map: &mut BTreeMap<Key, T>, from: &str, to: &Rc<str>) {
    retarget(map, from, to, |value, key| *value.key_mut() = key);
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
    fn a_disk_takes_its_entries_with_it_and_the_other_path_keeps_its_own() {
        let key = Key::new;
        let mut map: BTreeMap<Key, u8> = [
            (key(metric::DISK, "/a"), 1),
            (key(metric::INODES, "/a"), 2),
            (key(metric::INODES, "/z"), 3),
            (key(metric::DISK, "/b"), 5),
        ]
        .into();
        retarget(&mut map, "/a", &"/z".into(), |value, _| *value += 10);
        let expected: BTreeMap<Key, u8> = [
            (key(metric::DISK, "/z"), 11),
            (key(metric::INODES, "/a"), 2),
            (key(metric::INODES, "/z"), 3),
            (key(metric::DISK, "/b"), 5),
        ]
        .into();
        assert_eq!(map, expected);
    }
}
