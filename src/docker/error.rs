//! The errors between this program and an engine, each with its remedy.

use std::path::PathBuf;
use std::time::Duration;

/// The reason why an engine did not answer properly. Each text is one line, with the remedy if it is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error(
        "no Docker socket at {}: start the engine (`systemctl start docker`), or correct docker.socket",
        path.display()
    )]
    NoSocket { path: PathBuf },

    #[error(
        "{} is a link to {}, which is not there: start the engine (`systemctl start docker`), or correct docker.socket",
        path.display(),
        target.display()
    )]
    NoTarget { path: PathBuf, target: PathBuf },

    #[error(
        "{} is {found}, not a socket: remove it and start the engine (`systemctl start docker`), or correct \
         docker.socket",
        path.display()
    )]
    NotASocket { path: PathBuf, found: &'static str },

    #[error("nobody listens on {}: the engine is stopped, start it (`systemctl start docker`)", path.display())]
    Refused { path: PathBuf },

    #[error(
        "permission denied on {}: add the service's user to the socket's group (`usermod -aG docker vps-monitor`), \
         then `systemctl restart vps-monitor`",
        path.display()
    )]
    Denied { path: PathBuf },

    #[error(
        "no answer from {} within {} s: the engine hangs, see `journalctl -u docker`",
        path.display(),
        timeout.as_secs_f64()
    )]
    NoAnswer { path: PathBuf, timeout: Duration },

    #[error("{} cut off its answer: the engine is stopping or broken, see `journalctl -u docker`", path.display())]
    CutOff { path: PathBuf },

    /// The reply is not an engine's; `found` is the evidence.
    #[error("what answers on {} is not a Docker engine ({found}): correct docker.socket", path.display())]
    NotAnEngine { path: PathBuf, found: String },

    /// The engine and this program have no API version in common; `message` is the engine's or ours.
    #[error("Docker's API does not fit ({message}): update the engine or vps-monitor")]
    ApiVersion { message: String },

    /// The engine answered with an error of its own.
    #[error("Docker answered {status}: {message}")]
    Api { status: u16, message: String },

    #[error("{} sends more than can be read: it is left alone for {} s at a time", path.display(), pause.as_secs())]
    Flood { path: PathBuf, pause: Duration },

    #[error("Docker's answer is longer than {limit_bytes} bytes and was not read")]
    TooLarge { limit_bytes: u64 },

    /// Any other failure of the socket.
    #[error("{}: {what}", path.display())]
    Socket { path: PathBuf, what: String },
}

impl Error {
    /// Whether there is no engine's socket at all, as on a host without Docker.
    pub fn is_absence(&self) -> bool {
        matches!(self, Error::NoSocket { .. } | Error::NoTarget { .. } | Error::NotASocket { .. })
    }
}
