//! The history: every reading of every check, kept for a while, in one SQLite file that other programs can read.
//!
//! The agent itself opens no database. It keeps rows in a [`Buffer`], and a worker child writes them in [`Batch`]es. A
//! batch that is repeated changes nothing, so the agent keeps its rows until a child has said that they are written. A
//! store that is stuck, full or damaged costs rows in the end, and never a check or a message. Commands, and children that
//! draw, read it with a [`Reader`].

mod batch;
mod buffer;
mod config;
mod database;

use std::io;

use crate::files::RealFolder;
use crate::worker::{Recorded, SaveError};

pub use batch::{Batch, Limits, Spell};
pub use buffer::Buffer;
pub use config::HistoryConfig;
pub use database::{Level, ReadError, Reader, Row, Series, Summary};

/// The file in the state's folder.
pub const FILE_NAME: &str = "history.db";

/// The most series at once: a row has a slot for each.
pub const MAX_SERIES: usize = 256;

/// The worker child's work: writes a batch to the file in `folder`.
///
/// # Errors
/// The order is no batch.
pub fn record(mut folder: RealFolder, order: &[u8]) -> io::Result<Result<Recorded, SaveError>> {
    let batch: Batch = serde_json::from_slice(order)?;
    Ok(database::write(&mut folder, &batch).map_err(SaveError::Failed))
}
