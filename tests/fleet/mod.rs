//! Hand-overs to other engines, with the real ones where Debian has them.

mod alertmanager;
mod dashboard;
mod heartbeat;
mod metrics;
mod nagios;
mod push;
mod share;
