//! Whatever is in a configuration file, it is a configuration or a list of problems, and what is shown of it is valid.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vps_monitor::config::Config;

fuzz_target!(|bytes: &[u8]| {
    match Config::parse("config.yaml", bytes) {
        Ok(read) => assert!(read.value.to_yaml().is_ok()),
        Err(problems) => assert!(!problems.to_string().is_empty()),
    }
});
