//! Whatever an engine replies, the exchange ends: with what it says, or with an error.
//!
//! The first byte says what is asked for; the rest is the whole reply, after which the engine hangs up.
#![no_main]

use std::io::Write;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use vps_monitor::clock::boot_now;
use vps_monitor::docker::events::Stream;
use vps_monitor::docker::{Address, Patience, Session};

static REPLY: Mutex<Vec<u8>> = Mutex::new(Vec::new());

static SOCKET: LazyLock<PathBuf> = LazyLock::new(|| {
    let path = std::env::temp_dir().join(format!("vps-monitor-fuzz-{}.sock", std::process::id()));
    let listener = UnixListener::bind(&path).expect("a socket");
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let reply = REPLY.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let _ = connection.write_all(&reply);
        }
    });
    path
});

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, reply)) = bytes.split_first() else { return };
    *REPLY.lock().unwrap_or_else(PoisonError::into_inner) = reply.to_vec();
    let address = Address::at(&SOCKET).expect("an address");
    let mut session = Session::new(&address, Patience::of(Duration::from_secs(5), None));
    match kind % 3 {
        0 => drop(session.list(|_| {})),
        1 => drop(session.inspect("x")),
        _ => {
            let mut stream = Stream::new(Address::at(&SOCKET).expect("an address"));
            for _ in 0..8 {
                stream.read(boot_now());
            }
        }
    }
});
