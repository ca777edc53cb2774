//! The address of an engine: the path of its Unix socket.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

/// The longest path a socket can have: `sun_path` holds 108 bytes with the final NUL, unix(7).
const MAX_PATH_BYTES: usize = 107;

/// The path of an engine's socket, absolute. Written as `unix:///var/run/docker.sock`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(PathBuf);

impl Address {
    /// Reads `unix:///var/run/docker.sock`, `unix://var/run/docker.sock` (which means the same) or a bare absolute
    /// path.
    ///
    /// # Errors
    /// The fault of the text, as a sentence without a full stop.
    pub fn parse(text: &str) -> Result<Address, Invalid> {
        let path = match text.split_once("://") {
            Some(("unix", path)) if path.starts_with('/') => path.to_owned(),
            Some(("unix", path)) if !path.is_empty() => format!("/{path}"),
            Some(("unix", _)) => return Err(Invalid::Empty),
            Some((scheme, _)) => return Err(Invalid::Scheme(scheme.to_owned())),
            None if text.starts_with('/') => text.to_owned(),
            None if text.is_empty() => return Err(Invalid::Empty),
            None => return Err(Invalid::Relative),
        };
        Address::at(Path::new(&path))
    }

    /// The socket at an absolute path.
    ///
    /// # Errors
    /// The fault of the path.
    pub fn at(path: &Path) -> Result<Address, Invalid> {
        let bytes = path.as_os_str().as_encoded_bytes();
        if !path.is_absolute() {
            Err(Invalid::Relative)
        } else if bytes.len() > MAX_PATH_BYTES {
            Err(Invalid::Long)
        } else if bytes.contains(&0) {
            Err(Invalid::Nul)
        } else {
            Ok(Address(path.to_owned()))
        }
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Default for Address {
    fn default() -> Address {
        Address(PathBuf::from("/var/run/docker.sock"))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unix://{}", self.0.display())
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The reason why a text is no socket's address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("there is no path")]
    Empty,
    #[error("{0}:// is not supported, only a Unix socket is")]
    Scheme(String),
    #[error("the path is not absolute")]
    Relative,
    #[error("the path is longer than the {MAX_PATH_BYTES} bytes that a socket's can have")]
    Long,
    #[error("the path holds a NUL")]
    Nul,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_slashes_three_slashes_and_a_bare_path_name_the_same_socket() {
        for text in ["unix://var/run/docker.sock", "unix:///var/run/docker.sock", "/var/run/docker.sock"] {
            let address = Address::parse(text).unwrap();
            assert_eq!(address, Address::default(), "{text}");
            assert_eq!(address.to_string(), "unix:///var/run/docker.sock");
        }
    }

    #[test]
    fn what_is_no_unix_socket_is_refused_with_the_reason() {
        for (text, error) in [
            ("", Invalid::Empty),
            ("unix://", Invalid::Empty),
            ("tcp://10.0.0.1:2375", Invalid::Scheme("tcp".to_owned())),
            ("run/docker.sock", Invalid::Relative),
            ("/a\0b", Invalid::Nul),
        ] {
            assert_eq!(Address::parse(text), Err(error), "{text:?}");
        }
        assert!(Address::parse(&format!("/{}", "a".repeat(106))).is_ok());
        assert_eq!(Address::parse(&format!("/{}", "a".repeat(107))), Err(Invalid::Long));
    }
}
