//! The command line, through the built binary: each command's output, and its exit code.

mod check;
mod configuration;
pub mod history;
mod notify;
mod options;
mod replay;
mod schedule;
mod status;
