//! A picture that follows a message: what it shows, not its bytes. It is drawn when its turn comes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::snapshot::Key;

/// The subject and the time of a picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// The quantity of an alert; `None`: all that a report shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    pub from: Timestamp,
    pub to: Timestamp,
}
