//! Reads the elements of a JSON array while it is received, so that a list of any length is never held.
//!
//! An element that is there as a whole is parsed in its place. For one that is not, only brackets and texts are followed,
//! to find its end; the parser that reads it then checks the rest.

use serde::de::DeserializeOwned;

/// The bound of an element, and of a reply about one container. Some 800 bytes and 6 KiB are usual; a command line can
/// have 2 MiB (execve(2)).
pub const MAX_ELEMENT_BYTES: usize = 4 * 1024 * 1024;

/// A larger buffer is not kept for the next element.
const KEPT_BYTES: usize = 64 * 1024;

const _: () = assert!(KEPT_BYTES <= MAX_ELEMENT_BYTES);

#[derive(Debug, Default)]
pub struct Array {
    place: Place,
    /// Brackets that are open inside the element.
    depth: usize,
    text: Text,
    /// The beginning of an element whose end has not been received.
    begun: Vec<u8>,
    /// `begun` was given away as a whole element.
    is_given: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Before,
    /// Behind the opening bracket: an element, or the end.
    Start,
    Element,
    /// Behind an element that was parsed where it stood: a comma, or the end.
    Parsed,
    /// Behind a comma: an element.
    Comma,
    Behind,
}

/// The scanner's position in the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Text {
    #[default]
    Outside,
    Inside,
    /// Behind a backslash.
    Escape,
}

/// The reason why bytes are not a readable array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedArray {
    #[error("expected a list of containers")]
    NoArray,
    #[error("expected value in a list of containers")]
    NoElement,
    #[error("trailing characters behind a list of containers")]
    Trailing,
    #[error("EOF while parsing a list of containers")]
    Ended,
    #[error("an element of more than {MAX_ELEMENT_BYTES} bytes")]
    TooLarge,
}

impl Array {
    /// Takes in the first of `bytes`, up to the end of the next element, if that is a `T` and is there as a whole: returns
    /// their number, and the element. `None`: nothing is taken in, and [`Array::next`] tells. A `T` must have an end of
    /// its own, like an object and unlike a number.
    pub fn next_whole<T: DeserializeOwned>(&mut self, bytes: &[u8]) -> Option<(usize, T)> {
        let start = match self.place {
            Place::Start | Place::Comma => 0,
            Place::Parsed => bytes.iter().position(|byte| *byte == b',').filter(|at| is_blank(&bytes[..*at]))? + 1,
            Place::Before | Place::Element | Place::Behind => return None,
        };
        let mut elements = serde_json::Deserializer::from_slice(&bytes[start..]).into_iter();
        let element = elements.next()?.ok()?;
        self.place = Place::Parsed;
        Some((start + elements.byte_offset(), element))
    }

    /// Takes in the first of `bytes`, up to the next element's end: returns their number, and the element.
    ///
    /// # Errors
    /// The bytes that show that this is no array of elements of at most [`MAX_ELEMENT_BYTES`].
    pub fn next<'a>(&'a mut self, bytes: &'a [u8]) -> Result<(usize, Option<&'a [u8]>), MalformedArray> {
        if std::mem::take(&mut self.is_given) {
            self.begun.clear();
            self.begun.shrink_to(KEPT_BYTES);
        }
        // The element's beginning in `bytes`; 0 if it began before.
        let mut start = 0;
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if self.place == Place::Element {
                let Some(length) = self.scan(&bytes[at..])? else { break };
                let end = at + length;
                // The comma or bracket behind it.
                self.place = if bytes[end] == b',' { Place::Comma } else { Place::Behind };
                let element = if self.begun.is_empty() {
                    &bytes[start..end]
                } else {
                    self.begin(&bytes[start..end])?;
                    self.is_given = true;
                    &self.begun
                };
                return Ok((end + 1, Some(element)));
            }
            match (self.place, byte) {
                (_, b' ' | b'\t' | b'\r' | b'\n') => {}
                (Place::Before, b'[') => self.place = Place::Start,
                (Place::Before, _) => return Err(MalformedArray::NoArray),
                (Place::Start, b']') => self.place = Place::Behind,
                (Place::Parsed, b',') => self.place = Place::Comma,
                (Place::Parsed, b']') => self.place = Place::Behind,
                (Place::Start | Place::Comma, b',' | b']' | b'}') | (Place::Parsed, _) => {
                    return Err(MalformedArray::NoElement);
                }
                (Place::Behind, _) => return Err(MalformedArray::Trailing),
                (Place::Start | Place::Comma | Place::Element, _) => {
                    self.place = Place::Element;
                    start = at;
                    continue;
                }
            }
            at += 1;
        }
        if self.place == Place::Element {
            self.begin(&bytes[start..])?;
        }
        Ok((bytes.len(), None))
    }

    /// # Errors
    /// The array's end has not come.
    pub fn end(&self) -> Result<(), MalformedArray> {
        if self.place == Place::Behind { Ok(()) } else { Err(MalformedArray::Ended) }
    }

    /// The number of `bytes` up to the comma or bracket behind the element; `None`: all of them, and more.
    fn scan(&mut self, bytes: &[u8]) -> Result<Option<usize>, MalformedArray> {
        for (at, byte) in bytes.iter().enumerate() {
            match (self.text, byte) {
                (Text::Escape, _) => self.text = Text::Inside,
                (Text::Inside, b'\\') => self.text = Text::Escape,
                (Text::Inside, b'"') => self.text = Text::Outside,
                (Text::Inside, _) => {}
                (Text::Outside, b'"') => self.text = Text::Inside,
                (Text::Outside, b'{' | b'[') => self.depth += 1,
                (Text::Outside, b',' | b']') if self.depth == 0 => return Ok(Some(at)),
                (Text::Outside, b'}') if self.depth == 0 => return Err(MalformedArray::NoElement),
                (Text::Outside, b'}' | b']') => self.depth -= 1,
                (Text::Outside, _) => {}
            }
        }
        Ok(None)
    }

    fn begin(&mut self, bytes: &[u8]) -> Result<(), MalformedArray> {
        if self.begun.len() + bytes.len() > MAX_ELEMENT_BYTES {
            return Err(MalformedArray::TooLarge);
        }
        self.begun.extend_from_slice(bytes);
        Ok(())
    }
}

fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;

    /// The elements of `text`, received `step` bytes at a time, each as the parser reads it. Only lists and objects may
    /// be parsed where they stand: of a number nobody knows whether more of it follows.
    fn split(text: &[u8], step: usize) -> Result<Vec<Value>, String> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Delimited {
            List(Vec<Value>),
            Object(serde_json::Map<String, Value>),
        }

        let (mut array, mut elements) = (Array::default(), Vec::new());
        for mut bytes in text.chunks(step) {
            while !bytes.is_empty() {
                if let Some((taken, element)) = array.next_whole(bytes) {
                    elements.push(match element {
                        Delimited::List(list) => Value::Array(list),
                        Delimited::Object(object) => Value::Object(object),
                    });
                    bytes = &bytes[taken..];
                    continue;
                }
                let (taken, element) = array.next(bytes).map_err(|error| error.to_string())?;
                if let Some(element) = element {
                    elements.push(serde_json::from_slice(element).map_err(|error| error.to_string())?);
                }
                bytes = &bytes[taken..];
            }
        }
        array.end().map_err(|error| error.to_string()).map(|()| elements)
    }

    fn parsed(text: &[u8]) -> Option<Vec<Value>> {
        serde_json::from_slice(text).ok()
    }

    #[test]
    fn elements_are_cut_out_wherever_the_bytes_part() {
        let text = br#" [ {"a":"]},\"[\\"} ,[1,[2,{}]],  "x,\\" ,-1.5e3,null , "" ] "#;
        let all = parsed(text).unwrap();
        assert_eq!(all.len(), 6);
        for step in 1..=text.len() {
            assert_eq!(split(text, step), Ok(all.clone()), "{step} bytes at a time");
        }
        assert_eq!(split(b"[]", 1), Ok(vec![]));
    }

    #[test]
    fn what_is_no_array_is_refused_with_the_reason() {
        for (text, error) in [
            ("<html>", MalformedArray::NoArray),
            ("{}", MalformedArray::NoArray),
            ("null", MalformedArray::NoArray),
            ("[,1]", MalformedArray::NoElement),
            ("[1,]", MalformedArray::NoElement),
            ("[1}]", MalformedArray::NoElement),
            ("[1]]", MalformedArray::Trailing),
            ("[1", MalformedArray::Ended),
            ("[1,", MalformedArray::Ended),
            ("", MalformedArray::Ended),
        ] {
            assert_eq!(split(text.as_bytes(), 100), Err(error.to_string()), "{text}");
        }
    }

    #[test]
    fn an_element_without_end_is_left_at_the_bound_and_a_large_one_leaves_nothing_behind() {
        let mut array = Array::default();
        let piece = [b'x'; 4096];
        assert_eq!(array.next(b"[\""), Ok((2, None)));
        let error = (0..=MAX_ELEMENT_BYTES / piece.len()).find_map(|_| array.next(&piece).err());
        assert_eq!(error, Some(MalformedArray::TooLarge));

        let mut array = Array::default();
        assert_eq!(array.next(b"[\""), Ok((2, None)));
        (0..100).for_each(|_| assert_eq!(array.next(&piece), Ok((4096, None))));
        assert_eq!(array.next(b"\",1").unwrap().1.map(<[u8]>::len), Some(409_602));
        assert_eq!(array.next(b"1").unwrap(), (1, None));
        assert!(array.begun.capacity() <= KEPT_BYTES, "{}", array.begun.capacity());
    }

    /// Any JSON value, its depth and its texts chosen to confuse.
    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            r#"[\[\]{},:"\\a-z\n é]{0,12}"#.prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(r#"["{a-z\\]{0,4}"#, inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_array_is_read_as_the_parser_reads_it_in_any_pieces(
            elements in prop::collection::vec(value(), 0..6),
            step in 1usize..40,
            pretty: bool,
        ) {
            let array = Value::Array(elements.clone());
            let text = if pretty { serde_json::to_vec_pretty(&array) } else { serde_json::to_vec(&array) };
            prop_assert_eq!(split(&text.unwrap(), step), Ok(elements));
        }

        #[test]
        fn any_text_is_taken_for_an_array_exactly_when_the_parser_takes_it(
            text in r#"\[[\[\]{},:"\\0a ]{0,12}\]?"#,
            step in 1usize..8,
        ) {
            prop_assert_eq!(split(text.as_bytes(), step).ok(), parsed(text.as_bytes()));
        }
    }
}
