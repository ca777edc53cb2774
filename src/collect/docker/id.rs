//! A container's id, and a map by ids, in little memory: there may be tens of thousands.

use std::fmt;
use std::rc::Rc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An id. Engines write 64 hex digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id {
    Digits([u64; 4]),
    Text(Rc<str>),
}

/// The first digits of an id tell containers apart: `docker ps` shows twelve.
const BEGINNING_CHARS: usize = 16;

/// The beginning of an id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Beginning {
    Digits([u64; 1]),
    Text(Rc<str>),
}

impl From<&str> for Id {
    fn from(text: &str) -> Id {
        digits(text).map_or_else(|| Id::Text(text.into()), Id::Digits)
    }
}

impl From<&str> for Beginning {
    fn from(text: &str) -> Beginning {
        let text = text.get(..BEGINNING_CHARS).unwrap_or(text);
        digits(text).map_or_else(|| Beginning::Text(text.into()), Beginning::Digits)
    }
}

impl Id {
    pub fn beginning(&self) -> Beginning {
        match self {
            Id::Digits([first, ..]) => Beginning::Digits([*first]),
            Id::Text(text) => (&**text).into(),
        }
    }
}

/// One of which no more is known.
impl From<Beginning> for Id {
    fn from(beginning: Beginning) -> Id {
        Id::Text(beginning.to_string().into())
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Id::Digits(digits) => write_hex(digits, f),
            Id::Text(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Beginning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Beginning::Digits(digits) => write_hex(digits, f),
            Beginning::Text(text) => f.write_str(text),
        }
    }
}

impl Serialize for Beginning {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Beginning {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Beginning, D::Error> {
        String::deserialize(deserializer).map(|text| text.as_str().into())
    }
}

/// The numbers that `text` is the hex digits of, 16 each; `None`: it is not so many of these, in lower case.
fn digits<const COUNT: usize>(text: &str) -> Option<[u64; COUNT]> {
    let (parts, []) = text.as_bytes().as_chunks::<BEGINNING_CHARS>() else { return None };
    let parts: &[[u8; BEGINNING_CHARS]; COUNT] = parts.try_into().ok()?;
    let mut numbers = [0; COUNT];
    for (number, part) in numbers.iter_mut().zip(parts) {
        for character in part {
            let digit = match character {
                b'0'..=b'9' => character - b'0',
                b'a'..=b'f' => character - b'a' + 10,
                _ => return None,
            };
            *number = (*number << 4) | u64::from(digit);
        }
    }
    Some(numbers)
}

fn write_hex(numbers: &[u64], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    numbers.iter().try_for_each(|number| write!(f, "{number:016x}"))
}

/// An id to be looked up.
#[derive(Clone, Copy, Debug)]
pub struct Lookup<'a> {
    pub id: &'a Id,
    /// Where it was found before, which saves the search.
    pub place: usize,
}

impl<'a> From<&'a Id> for Lookup<'a> {
    fn from(id: &'a Id) -> Lookup<'a> {
        Lookup { id, place: usize::MAX }
    }
}

/// A map that is one list, sorted by id.
#[derive(Clone, Debug)]
pub struct ById<T> {
    list: Vec<(Id, T)>,
    /// As many of the list are sorted; behind them are those that were pushed since.
    sorted: usize,
}

impl<T> Default for ById<T> {
    fn default() -> ById<T> {
        ById { list: Vec::new(), sorted: 0 }
    }
}

impl<T> ById<T> {
    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn contains<'a>(&self, key: impl Into<Lookup<'a>>) -> bool {
        self.find(key.into()).is_some()
    }

    pub fn get<'a>(&self, key: impl Into<Lookup<'a>>) -> Option<&T> {
        self.find(key.into()).map(|place| &self.list[place].1)
    }

    pub fn get_mut<'a>(&mut self, key: impl Into<Lookup<'a>>) -> Option<&mut T> {
        self.find(key.into()).map(|place| &mut self.list[place].1)
    }

    /// Where it is: until the map changes, a [`Lookup`] with it is found without a search.
    pub fn find(&self, Lookup { id, place }: Lookup<'_>) -> Option<usize> {
        match self.list.get(place) {
            Some((known, _)) if place < self.sorted && known == id => Some(place),
            _ => self.list[..self.sorted].binary_search_by(|(known, _)| known.cmp(id)).ok(),
        }
    }

    /// Makes room for so many more. A list that grows step by step takes three times its memory for a moment.
    pub fn reserve(&mut self, count: usize) {
        self.list.reserve_exact(count);
    }

    /// Adds one, which is found after [`ById::sort`].
    pub fn push(&mut self, id: Id, value: T) {
        self.list.push((id, value));
    }

    /// Of several with one id one is kept.
    pub fn sort(&mut self) {
        if self.sorted < self.list.len() {
            self.list.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
            self.list.dedup_by(|(one, _), (other, _)| one == other);
            self.sorted = self.list.len();
        }
    }

    pub fn retain(&mut self, mut is_kept: impl FnMut(&Id, &mut T) -> bool) {
        self.sort();
        self.list.retain_mut(|(id, value)| is_kept(id, value));
        self.sorted = self.list.len();
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Id, &T)> + Clone {
        self.list.iter().map(|(id, value)| (id, value))
    }

    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.list.iter().map(|(_, value)| value)
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.list.iter_mut().map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_engines_id_takes_half_of_its_digits_and_is_shown_as_it_was() {
        let text = "0123456789abcdef".repeat(4);
        let id = Id::from(text.as_str());
        assert!(matches!(id, Id::Digits(_)));
        assert_eq!((id.to_string(), id.beginning().to_string()), (text, "0123456789abcdef".to_owned()));
    }

    #[test]
    fn what_a_map_has_is_found_and_one_id_is_there_once() {
        let mut map = ById::default();
        for id in ["c", "a", "a"] {
            map.push(id.into(), id.to_owned());
        }
        map.sort();
        map.push("b".into(), "b".to_owned());
        let [a, b, c, d] = ["a", "b", "c", "d"].map(Id::from);
        assert_eq!((map.get(&b), map.get(&c).map(String::as_str)), (None, Some("c")));
        let before = map.find((&c).into()).unwrap();
        map.sort();
        // Where it is not any more, and where it is.
        for place in 0..=3 {
            assert_eq!(map.get(Lookup { id: &c, place }).map(String::as_str), Some("c"), "{before} {place}");
        }
        assert_eq!(map.get(Lookup { id: &a, place: 2 }).map(String::as_str), Some("a"));
        let values = |map: &ById<String>| map.values().cloned().collect::<String>();
        assert_eq!((values(&map), map.len()), ("abc".to_owned(), 3));
        assert_eq!((map.get(&b).map(String::as_str), map.get(&d)), (Some("b"), None));
        map.retain(|id, _| *id != b);
        assert_eq!(values(&map), "ac");
    }

    proptest! {
        #[test]
        fn every_id_is_shown_as_it_was_and_told_from_others(
            one in "([0-9a-f]{64}|[0-9a-fA-Fé]{0,70})", other in "([0-9a-f]{64}|[0-9a-f]{14,18})",
        ) {
            let [first, second] = [&one, &other].map(|text| Id::from(text.as_str()));
            prop_assert_eq!((first.to_string(), second.to_string()), (one.clone(), other.clone()));
            prop_assert_eq!(first == second, one == other);
            // The beginning is that of the text, however the id is kept.
            for (id, text) in [(first, one), (second, other)] {
                prop_assert_eq!(id.beginning(), Beginning::from(text.as_str()));
                prop_assert_eq!(Beginning::from(id.beginning().to_string().as_str()), id.beginning());
            }
        }
    }
}
