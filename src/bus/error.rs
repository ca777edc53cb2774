//! Why the bus did not answer.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::wire::Malformed;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("there is no systemd, or no system bus")]
    None,
    #[error("{}: {}", path.display(), errno.desc())]
    Socket { path: PathBuf, errno: nix::errno::Errno },
    #[error("the system bus does not let us in: {0}")]
    Rejected(String),
    #[error("the system bus closed the connection")]
    Closed,
    #[error("the system bus did not answer within {} s", .0.as_secs())]
    Silent(Duration),
    #[error("the system bus sent something else than a message: {0}")]
    Malformed(Malformed),
    #[error("more questions to the system bus than it has to answer at a time")]
    Busy,
    /// The called one answered with an error.
    #[error("{name}: {text}")]
    Refused { name: String, text: String },
}

impl Error {
    /// Nobody is there to be asked.
    pub fn is_absence(&self) -> bool {
        use nix::errno::Errno;
        match self {
            Error::None => true,
            Error::Socket { errno, .. } => {
                matches!(errno, Errno::ENOENT | Errno::ENOTDIR | Errno::ECONNREFUSED | Errno::EACCES | Errno::EPERM)
            }
            // org.freedesktop.systemd1 is on no bus of a machine that another init runs.
            Error::Refused { name, .. } => matches!(
                name.as_str(),
                "org.freedesktop.DBus.Error.ServiceUnknown" | "org.freedesktop.DBus.Error.NameHasNoOwner"
            ),
            _ => false,
        }
    }
}

impl From<Malformed> for Error {
    fn from(malformed: Malformed) -> Error {
        Error::Malformed(malformed)
    }
}

impl From<io::Error> for Error {
    fn from(_: io::Error) -> Error {
        Error::Closed
    }
}
