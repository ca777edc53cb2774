//! The way in which the agent was started.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::ConfigFile;

/// The agent's mode.
#[derive(Clone, Debug, Default)]
pub struct Mode {
    /// One check with its messages, and the end.
    pub once: bool,
    /// Somebody watches: each check is printed.
    pub print_checks: bool,
    /// systemd started it: standard output has no reader, and systemd shows the status line.
    pub is_service: bool,
    /// The state's folder, for messages about it.
    pub state_folder: PathBuf,
    /// The configuration's file, for messages about it.
    pub config_file: ConfigFile,
    /// Identifies this start of the machine.
    pub boot_id: String,
    /// The driver can find the causes of alerts.
    pub finds_causes: bool,
    /// Since the machine's start; `None`: it is not known.
    pub uptime: Option<Duration>,
    /// There is somebody who tells when the machine goes down.
    pub sees_shutdowns: bool,
}
