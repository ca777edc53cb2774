//! Any answer to a message is classified, and only one that says so is a delivery.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vps_monitor::http::Response;
use vps_monitor::notify::wecom;
use vps_monitor::outbox::Outcome;
use vps_monitor::settings;

fuzz_target!(|bytes: &[u8]| {
    let keys = b"webhook_url: 693a91f6-7bcd-4bc4-97a0-0ec2f1fa5aaa";
    let Ok(Some(channel)) = settings::read("robot", keys, wecom::KIND.read).map(|read| read.value) else { return };
    let answer = Ok(Response::new(200, String::from_utf8_lossy(bytes)));
    let outcome = channel.classify(&answer);
    assert!(outcome != Outcome::Delivered || String::from_utf8_lossy(bytes).contains("errcode"));
    let _ = channel.advice(&answer);
});
