//! Text that must not be shown: whoever has a webhook's key can post to its group.

mod decode;
mod scrub;
mod tokens;

use std::fmt;

use serde::{Serialize, Serializer};

pub use scrub::Scrubber;
pub use tokens::without_tokens;

/// A secret, printed masked everywhere: only [`Secret::expose`] gives the text itself.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// `…` and the last four characters, so that two secrets can be told apart; nothing of one shorter than 12.
impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = self.0.chars().count();
        f.write_str("…")?;
        if length >= 12 {
            self.0.chars().skip(length - 4).try_for_each(|c| write!(f, "{c}"))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_its_last_four_characters_at_most() {
        let secret = Secret::new("693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa");
        assert_eq!(format!("{secret}"), "…5aaa");
        assert_eq!(format!("{secret:?}"), "Secret(…5aaa)");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"…5aaa\"");
        assert_eq!(format!("{}", Secret::new("short")), "…");
    }
}
