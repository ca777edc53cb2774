//! Reads values, each by its type.

use super::{Malformed, TRUNCATED};

/// Types may be nested by 64 levels in all; no answer that is read here has more than five.
const MAX_DEPTH: usize = 16;

/// A value whose type comes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Boolean(bool),
    Unsigned(u64),
    Signed(i64),
    /// A text, an object's path or a signature.
    Text(String),
    /// Anything else, which nobody here asks for.
    Other,
}

impl Value {
    pub fn text(self) -> Option<String> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }

    pub fn boolean(&self) -> Option<bool> {
        if let Value::Boolean(is) = self { Some(*is) } else { None }
    }

    /// A number of any width.
    pub fn number(&self) -> Option<i64> {
        match self {
            Value::Unsigned(number) => i64::try_from(*number).ok(),
            Value::Signed(number) => Some(*number),
            _ => None,
        }
    }
}

/// Reads values, each aligned by its distance from the beginning.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    is_big_endian: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize, is_big_endian: bool) -> Reader<'a> {
        Reader { bytes, at, is_big_endian }
    }

    pub(super) fn align(&mut self, to: usize) -> Result<(), Malformed> {
        self.take(self.at.next_multiple_of(to) - self.at).map(drop)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let taken = self.rest().get(..count).ok_or(TRUNCATED)?;
        self.at += count;
        Ok(taken)
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub fn is_at_end(&self) -> bool {
        self.rest().is_empty()
    }

    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        self.take(1)?.first().copied().ok_or(TRUNCATED)
    }

    /// An unsigned number of so many bytes, which is its alignment as well.
    fn unsigned(&mut self, bytes: usize) -> Result<u64, Malformed> {
        self.align(bytes)?;
        let taken = self.take(bytes)?.iter();
        let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Ok(if self.is_big_endian { taken.fold(0, add) } else { taken.rev().fold(0, add) })
    }

    pub fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(self.unsigned(4)? as u32)
    }

    /// A text, or an object's path. Bytes in it that are not UTF-8 are replaced.
    pub fn text(&mut self) -> Result<String, Malformed> {
        let length = self.u32()? as usize;
        let text = String::from_utf8_lossy(self.take(length)?).into_owned();
        self.take(1)?;
        Ok(text)
    }

    fn signature(&mut self) -> Result<&'a [u8], Malformed> {
        let length = usize::from(self.u8()?);
        let signature = self.take(length)?;
        self.take(1)?;
        Ok(signature)
    }

    /// An array whose elements have this alignment.
    ///
    /// # Errors
    /// It is none, or an element is not one.
    pub fn array(
        &mut self,
        alignment: usize,
        mut element: impl FnMut(&mut Reader<'a>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        let length = self.u32()? as usize;
        self.align(alignment)?;
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len()).ok_or(TRUNCATED)?;
        let mut inside = Reader { bytes: self.bytes.get(..end).unwrap_or_default(), ..self.clone() };
        while !inside.is_at_end() {
            let before = inside.at;
            element(&mut inside)?;
            if inside.at == before {
                return Err(Malformed("an element takes no space"));
            }
        }
        self.at = end;
        Ok(())
    }

    /// A structure, from the first of its fields on.
    ///
    /// # Errors
    /// It ends before it begins.
    pub fn structure(&mut self) -> Result<(), Malformed> {
        self.align(8)
    }

    /// # Errors
    /// It is none.
    pub fn variant(&mut self) -> Result<Value, Malformed> {
        let signature = self.signature()?;
        let mut types = signature;
        let value = self.value(&mut types, 0)?;
        if types.is_empty() { Ok(value) } else { Err(Malformed("a variant of several types")) }
    }

    /// Passes over values of these types.
    ///
    /// # Errors
    /// They are not there.
    pub fn skip(&mut self, types: &str) -> Result<(), Malformed> {
        let mut types = types.as_bytes();
        while !types.is_empty() {
            self.value(&mut types, 0)?;
        }
        Ok(())
    }

    /// The value of the first of `types`, which is taken off.
    fn value(&mut self, types: &mut &[u8], depth: usize) -> Result<Value, Malformed> {
        if depth > MAX_DEPTH {
            return Err(Malformed("it is nested too deep"));
        }
        let (kind, rest) = types.split_first().ok_or(Malformed("a type is missing"))?;
        *types = rest;
        Ok(match kind {
            b'y' => Value::Unsigned(self.unsigned(1)?),
            b'b' => Value::Boolean(self.unsigned(4)? != 0),
            b'n' => Value::Signed(i64::from(self.unsigned(2)? as i16)),
            b'q' => Value::Unsigned(self.unsigned(2)?),
            b'i' => Value::Signed(i64::from(self.unsigned(4)? as i32)),
            b'u' | b'h' => Value::Unsigned(self.unsigned(4)?),
            b'x' => Value::Signed(self.unsigned(8)? as i64),
            b't' => Value::Unsigned(self.unsigned(8)?),
            b's' | b'o' => Value::Text(self.text()?),
            b'g' => Value::Text(String::from_utf8_lossy(self.signature()?).into_owned()),
            b'd' => {
                self.unsigned(8)?;
                Value::Other
            }
            b'v' => {
                let mut types = self.signature()?;
                self.value(&mut types, depth + 1)?;
                Value::Other
            }
            b'a' => {
                let of_element = *types;
                skip_type(types, depth + 1)?;
                self.array(alignment(of_element.first()), |inside| {
                    inside.value(&mut { of_element }, depth + 1).map(drop)
                })?;
                Value::Other
            }
            b'(' | b'{' => {
                self.structure()?;
                while !matches!(types.first(), Some(b')' | b'}')) {
                    self.value(types, depth + 1)?;
                }
                *types = types.get(1..).unwrap_or_default();
                Value::Other
            }
            _ => return Err(Malformed("a type is unknown")),
        })
    }
}

/// Takes the first whole type off.
fn skip_type(types: &mut &[u8], depth: usize) -> Result<(), Malformed> {
    if depth > MAX_DEPTH {
        return Err(Malformed("it is nested too deep"));
    }
    let (kind, rest) = types.split_first().ok_or(Malformed("a type is missing"))?;
    *types = rest;
    match kind {
        b'a' => skip_type(types, depth + 1),
        b'(' | b'{' => {
            while !matches!(types.first(), Some(b')' | b'}')) {
                skip_type(types, depth + 1)?;
            }
            *types = types.get(1..).unwrap_or_default();
            Ok(())
        }
        _ => Ok(()),
    }
}

fn alignment(kind: Option<&u8>) -> usize {
    match kind {
        Some(b'n' | b'q') => 2,
        Some(b'b' | b'i' | b'u' | b'h' | b's' | b'o' | b'a') => 4,
        Some(b'x' | b't' | b'd' | b'(' | b'{') => 8,
        _ => 1,
    }
}
