//! The command line, through the built binary: what each command prints, and its exit code.

mod check;
mod configuration;
mod notify;
mod options;
mod replay;
mod schedule;
mod status;
