//! A map by keys in the state file: a list of its values, each with its key inside. That is the form of version 1.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Key;

/// A value that has its key inside.
pub trait Keyed {
    fn key(&self) -> &Key;
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
