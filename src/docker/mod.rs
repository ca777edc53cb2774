//! The Docker Engine's API over its Unix socket: the list of containers, the details of one, and live events.
//!
//! HTTP/1.1 by hand over a non-blocking socket: the agent has one thread, so nothing here ever waits. A [`Session`] and
//! an [`events::Stream`] give their descriptors and deadlines to the agent's own poll(2), and read a bounded share at
//! each turn. Requests carry no API version: every engine then answers with its own newest one, and none refuses ours
//! as too old or too new.
//!
//! This layer repeats the engine's words. The collector judges them.

mod address;
mod allowance;
mod array;
mod body;
mod buffer;
mod container;
mod error;
mod event;
pub mod events;
mod framing;
mod gather;
mod head;
mod labels;
mod question;
mod reply;
mod session;
mod signal;
mod socket;
pub mod usage;

pub use address::Address;
pub use buffer::Buffer;
pub use container::{Health, HealthCheck, Inspected, Listed};
pub use error::Error;
pub use gather::{EventBatch, Gatherer};
pub use labels::Labels;
pub use question::{Answer, Question};
pub use reply::Reply;
pub use session::Session;
pub use signal::Signal;

use std::time::Duration;

/// The longest that one survey's whole exchange with an engine may take.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// The longest reply that is read. A container takes some 800 bytes of the list, so this is about 20,000 of them.
pub const MAX_REPLY_BYTES: u64 = 16 * 1024 * 1024;

/// The most bytes from an engine in one turn of the loop, so that a flood does not hold up anything else.
pub const SHARE_BYTES: usize = 64 * 1024;

const _: () = assert!(array::MAX_ELEMENT_BYTES as u64 <= MAX_REPLY_BYTES);
const _: () = assert!(gather::WINDOW.as_millis() < TIMEOUT.as_millis());
