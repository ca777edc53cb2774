//! vps-monitor: a monitoring agent for one Linux host.
//!
//! The library holds everything; `main.rs` only hands over the command line. Data flows one way, from /proc and the
//! Docker Engine to a message in a chat group; ARCHITECTURE.md draws it, and `tests/tidy` holds the layers.

pub mod alert;
pub mod bounds;
pub mod bus;
pub mod cause;
pub mod chart;
pub mod cli;
pub mod clock;
pub mod collect;
pub mod config;
pub mod core;
pub mod daemon;
pub mod datagram;
pub mod docker;
pub mod drawing;
pub mod files;
pub mod forecast;
pub mod history;
pub mod hold;
pub mod host;
pub mod http;
pub mod logging;
pub mod message;
pub mod metric;
pub mod notify;
pub mod outbox;
pub mod pattern;
pub mod quota;
pub mod replay;
pub mod route;
pub mod rule;
pub mod schedule;
pub mod secret;
pub mod service;
pub mod settings;
pub mod signals;
pub mod smtp;
pub mod snapshot;
pub mod store;
pub mod tap;
pub mod terminal;
pub mod text;
pub mod worker;
