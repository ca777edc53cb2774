//! JSON objects one after another, as `check --json` prints them: separated without being parsed, so that only one of
//! them is in memory.

use std::io::{self, BufRead};

/// The bound of an object: ten thousand containers, with room.
const MAX_OBJECT_BYTES: usize = 16 * 1024 * 1024;

/// An object that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Cut {
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    /// In that line.
    #[error("{1}")]
    Malformed(u64, &'static str),
}

/// Cuts a stream into objects.
#[derive(Debug, Default)]
pub struct Objects {
    /// The number of line feeds so far.
    lines: u64,
    depth: usize,
    in_text: bool,
    is_escaped: bool,
}

impl Objects {
    /// Reads the next object into `object`, and returns the number of the line in which it begins; `None` at the end.
    ///
    /// # Errors
    /// Something else stands there, the object is not complete, or it is too long.
    pub fn next(&mut self, input: &mut impl BufRead, object: &mut Vec<u8>) -> Result<Option<u64>, Cut> {
        object.clear();
        let mut first_line = self.lines + 1;
        loop {
            let bytes = match input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                bytes => bytes?,
            };
            if bytes.is_empty() {
                return match self.depth {
                    0 => Ok(None),
                    _ => Err(Cut::Malformed(first_line, "the object that begins here has no end")),
                };
            }
            let mut taken = 0;
            let mut is_complete = false;
            for byte in bytes {
                if self.depth == 0 && *byte == b'{' {
                    first_line = self.lines + 1;
                } else if self.depth == 0 && !byte.is_ascii_whitespace() {
                    return Err(Cut::Malformed(self.lines + 1, "expected an object of `check --json`"));
                }
                taken += 1;
                self.lines += u64::from(*byte == b'\n');
                if self.ends_with(*byte) {
                    is_complete = true;
                    break;
                }
            }
            object.extend_from_slice(&bytes[..taken]);
            input.consume(taken);
            if is_complete {
                // A text may have white space before its object.
                let begins = object.iter().position(|byte| *byte == b'{').unwrap_or_default();
                object.drain(..begins);
                return Ok(Some(first_line));
            }
            if self.depth == 0 {
                object.clear();
            } else if object.len() > MAX_OBJECT_BYTES {
                return Err(Cut::Malformed(first_line, "the object that begins here is longer than 16 MiB"));
            }
        }
    }

    /// Takes in a byte; returns whether it is an object's last.
    fn ends_with(&mut self, byte: u8) -> bool {
        if self.in_text {
            (self.in_text, self.is_escaped) = match byte {
                _ if self.is_escaped => (true, false),
                b'"' => (false, false),
                _ => (true, byte == b'\\'),
            };
            return false;
        }
        match byte {
            b'"' => self.in_text = true,
            b'{' => self.depth += 1,
            b'}' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    /// Every object with its line, and the error at the end, of a stream that comes in pieces of `step` bytes.
    fn cut(text: &str, step: usize) -> (Vec<(u64, String)>, Option<String>) {
        let mut input = BufReader::with_capacity(step, text.as_bytes());
        let (mut objects, mut object, mut found) = (Objects::default(), Vec::new(), Vec::new());
        loop {
            match objects.next(&mut input, &mut object) {
                Ok(Some(line)) => found.push((line, String::from_utf8(object.clone()).unwrap())),
                Ok(None) => return (found, None),
                Err(Cut::Malformed(line, what)) => return (found, Some(format!("{line}: {what}"))),
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[test]
    fn objects_are_cut_apart_however_they_are_laid_out_and_in_whatever_pieces_they_come() {
        let text = "{\"a\":\n {\"b\": \"}\\\"{\"}}{}\n\n  {\"c\": []}\n";
        for step in 1..20 {
            let (found, error) = cut(text, step);
            let expected = [(1, "{\"a\":\n {\"b\": \"}\\\"{\"}}"), (2, "{}"), (4, "{\"c\": []}")];
            assert_eq!(found, expected.map(|(line, object)| (line, object.to_owned())), "{step}");
            assert_eq!(error, None);
        }
    }

    #[test]
    fn what_is_cut_off_or_no_object_is_named_by_its_line() {
        let error = |text: &str| cut(text, 7).1.unwrap();
        assert_eq!(error("{}\n{\"a\": \"b"), "2: the object that begins here has no end");
        assert_eq!(error("{}\n[{}]"), "2: expected an object of `check --json`");
        assert_eq!(error("{}}"), "1: expected an object of `check --json`");
    }
}
