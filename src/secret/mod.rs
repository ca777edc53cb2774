//! Text that must not be shown: whoever has a webhook's key can post to its group.
//!
//! A secret is kept in a file in memory and not in the memory of the process. Each use reads it from there and keeps it
//! only as long as needed: the program's allocator clears freed memory. So a dump of the agent holds no key.

mod decode;
mod scrub;
mod tokens;

use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use ring::hmac;
use serde::{Serialize, Serializer};

use crate::files;

pub use scrub::Scrubber;
pub use tokens::without_tokens;

/// HMAC-SHA256: RFC 2104.
pub fn hmac_sha256(key: &str, text: &str) -> impl AsRef<[u8]> + use<> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), text.as_bytes())
}

/// The mark in place of a secret.
const GONE: char = '…';

/// A secret, printed masked everywhere: only [`Secret::expose`] gives the text itself.
#[derive(Clone)]
pub struct Secret(Arc<Storage>);

enum Storage {
    InFile {
        file: File,
        length: usize,
    },
    /// The fallback without such a file: better a key in a dump than no message.
    InProcess(String),
}

impl Secret {
    pub fn new(text: impl Into<String>) -> Secret {
        let text = text.into();
        let kept = match files::in_memory(text.as_bytes()) {
            Ok(file) => Storage::InFile { file, length: text.len() },
            Err(_) => Storage::InProcess(text),
        };
        Secret(Arc::new(kept))
    }

    /// The text itself, for the one place that sends it.
    pub fn expose(&self) -> String {
        match &*self.0 {
            Storage::InFile { file, length } => {
                let mut bytes = vec![0; *length];
                // It is memory of our own, which was written whole.
                let read = file.read_exact_at(&mut bytes, 0);
                read.ok().and_then(|()| String::from_utf8(bytes).ok()).unwrap_or_default()
            }
            Storage::InProcess(text) => text.clone(),
        }
    }
}

impl Default for Secret {
    fn default() -> Secret {
        Secret(Arc::new(Storage::InProcess(String::new())))
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.expose() == other.expose()
    }
}

impl Eq for Secret {}

/// `…` and the last four characters, so that two secrets can be told apart; nothing of one shorter than 12.
impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.expose();
        let length = text.chars().count();
        f.write_str("…")?;
        if length >= 12 {
            text.chars().skip(length - 4).try_for_each(|c| write!(f, "{c}"))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({self})")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// `text` with one `…` in place of each of these ranges, and of those that touch.
fn without(text: &str, mut ranges: Vec<Range<usize>>) -> String {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut shown = String::with_capacity(text.len());
    let mut at = 0;
    for range in ranges {
        if range.start > at || (range.start == 0 && at == 0) {
            shown.push_str(&text[at..range.start]);
            shown.push(GONE);
        }
        at = at.max(range.end);
    }
    shown + &text[at..]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa";

    #[test]
    fn a_secret_shows_its_last_four_characters_at_most() {
        for secret in [Secret::new(KEY), Secret(Arc::new(Storage::InProcess(KEY.to_owned())))] {
            assert_eq!(format!("{secret}"), "…5aaa");
            assert_eq!(format!("{secret:?}"), "Secret(…5aaa)");
            assert_eq!(serde_json::to_string(&secret).unwrap(), "\"…5aaa\"");
        }
        assert_eq!(format!("{}", Secret::new("short")), "…");
    }

    #[test]
    fn a_secret_is_what_it_was_wherever_it_is_kept() {
        let secret = Secret::new("钥匙-1");
        assert!(matches!(*secret.0, Storage::InFile { .. }));
        assert_eq!((secret.expose(), secret.expose()), ("钥匙-1".to_owned(), "钥匙-1".to_owned()));
        assert_eq!(secret.clone(), Secret(Arc::new(Storage::InProcess("钥匙-1".to_owned()))));
        assert_ne!(secret, Secret::new("钥匙-2"));
        assert_eq!(Secret::default(), Secret::new(""));
    }
}
