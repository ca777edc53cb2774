//! The binary: hands the command line to the library.

use std::alloc::System;
use std::process::ExitCode;

use zeroizing_alloc::ZeroAlloc;

/// Clears memory as it is freed, so that no key stays where a configuration or a message was read.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    vps_monitor::cli::main()
}
