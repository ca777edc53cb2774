//! Any configuration file is a configuration or a list of problems, and `config show` prints a valid one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vps_monitor::config::Config;

fuzz_target!(|bytes: &[u8]| {
    match Config::parse("config.yaml", bytes) {
        Ok(read) => assert!(read.value.to_yaml().is_ok()),
        Err(problems) => assert!(!problems.to_string().is_empty()),
    }
});
