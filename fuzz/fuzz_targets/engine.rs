//! Any reply of an engine is read to its end: to answers, or to an error; and the same in any pieces.
//!
//! The first byte chooses the question, the second the number of bytes at a time; the rest is the whole reply, after
//! which the engine hangs up.
#![no_main]

use std::io::Write;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use libfuzzer_sys::fuzz_target;
use vps_monitor::clock::boot_now;
use vps_monitor::docker::events::Stream;
use vps_monitor::docker::{Address, Answer, Buffer, Error, Question, Reply};

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

/// The answers of a reply that comes `step` bytes at a time.
fn answers(question: Question<'_>, bytes: &[u8], step: usize) -> Result<Vec<Answer>, Error> {
    let (mut reply, mut buffer, path) = (Reply::to(question), Buffer::default(), Path::new("/engine"));
    let mut answers = Vec::new();
    for piece in bytes.chunks(step.max(1)) {
        buffer.extend(piece.iter().copied());
        while let Some(answer) = reply.next(&mut buffer, path)? {
            answers.push(answer);
            if answers.last().is_some_and(Answer::is_last) {
                return Ok(answers);
            }
        }
    }
    answers.push(reply.connection_ended(path)?);
    Ok(answers)
}

fuzz_target!(|bytes: &[u8]| {
    let [kind, step, reply @ ..] = bytes else { return };
    let question = match kind % 3 {
        0 => Question::List,
        1 => Question::Inspect("x"),
        _ => {
            *REPLY.lock().unwrap_or_else(PoisonError::into_inner) = reply.to_vec();
            let mut stream = Stream::new(Address::at(&SOCKET).expect("an address"));
            for _ in 0..8 {
                stream.read(boot_now());
            }
            return;
        }
    };
    let whole = answers(question, reply, reply.len());
    let pieces = answers(question, reply, usize::from(*step) + 1);
    assert_eq!(whole.is_ok(), pieces.is_ok(), "{whole:?}\n{pieces:?}");
    if whole.is_ok() {
        assert_eq!(whole, pieces);
    }
});
