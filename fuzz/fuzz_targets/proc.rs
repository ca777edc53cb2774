//! With any content in a file of /proc two checks end, and every number in them is finite.
//!
//! The first byte says which file the rest is; the second reading of each check finds the same file cut in half.
#![no_main]

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use vps_monitor::clock::{Boot, Now};
use vps_monitor::collect::Check;
use vps_monitor::config::Config;
use vps_monitor::host::Host;

const FILES: [&str; 9] = [
    "meminfo",
    "stat",
    "net/dev",
    "net/sockstat",
    "net/sockstat6",
    "loadavg",
    "pressure/memory",
    "sys/fs/file-nr",
    "sys/net/netfilter/nf_conntrack_count",
];

thread_local! {
    static FOLDER: tempfile::TempDir = tempfile::tempdir().expect("a temporary folder");
}

fuzz_target!(|bytes: &[u8]| {
    let Some((number, text)) = bytes.split_first() else { return };
    FOLDER.with(|folder| check(folder.path(), FILES[usize::from(*number) % FILES.len()], text));
});

fn check(root: &Path, name: &str, text: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::create_dir_all(root.join("net")).expect("a folder");
    fs::write(&path, text).expect("a file");
    let mut host = Host::new(Some(root));
    let config = b"system: {disk: {enabled: false}, load: {enabled: true}}";
    let config = Config::parse("config.yaml", config).expect("a configuration");
    let mut check = Check::new(&config.value.sources, &host);
    for minute in [0, 15] {
        check.begin(&mut host, Boot::from_millis(minute * 60_000));
        fs::write(&path, &text[..text.len() / 2]).expect("a file");
        let now = Now { wall: Timestamp::UNIX_EPOCH, boot: Boot::from_millis((minute + 10) * 60_000) };
        let snapshot = check.advance(&mut host, now).expect("every window is over");
        for reading in &snapshot.readings {
            for number in reading.value.number().into_iter().chain(reading.mean) {
                assert!(number.is_finite() && number >= 0.0, "{reading:?}");
            }
        }
        fs::write(&path, text).expect("a file");
    }
    let _ = fs::remove_file(path);
}
