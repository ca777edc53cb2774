//! The binary: hands the command line to the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    vps_monitor::cli::main()
}
