//! The one integration test binary.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]
#![allow(clippy::disallowed_methods, reason = "the servers that the agent is tested against have threads")]

mod agreement;
mod apprise;
mod bad_input;
mod budget;
mod bus;
mod cgtop;
mod channel;
mod cli;
mod command;
mod config;
mod conntrack;
mod crash;
mod discord;
mod disks;
mod docker;
mod fleet;
mod forecast;
mod generated;
mod golden;
mod hang;
mod history;
mod hooks;
mod hosts;
mod install;
mod interfaces;
mod logging;
mod mail;
mod mean;
mod mounts;
mod page;
mod phones;
mod pipeline;
mod quantity;
mod quota;
mod replay;
mod robots;
mod run;
mod scale;
mod schedule;
mod simulator;
mod slack;
mod support;
mod telegram;
mod tidy;
mod webhook;
mod worker;
