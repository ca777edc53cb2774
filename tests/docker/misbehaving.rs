//! Servers that do what no engine should, and engines that are not there: each is an error of its own, in time, and
//! within the bounds.

use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use vps_monitor::docker::{Address, Error, MAX_REPLY_BYTES, Patience, Session};

use super::patient;
use crate::support::engine::{After, Engine, hang, json_reply};
use crate::support::wait_until;

const SHORT: Duration = Duration::from_millis(200);

fn list(address: &Address, patience: Patience<'_>) -> Result<usize, Error> {
    let mut count = 0;
    Session::new(address, patience).list(|_| count += 1).map(|()| count)
}

/// The error of asking a server for its list.
fn error(engine: &Engine) -> Error {
    list(&engine.address(), patient()).unwrap_err()
}

fn found(error: Error) -> String {
    match error {
        Error::NotAnEngine { found, .. } => found,
        other => panic!("{other:?}"),
    }
}

#[test]
fn no_socket_a_refusal_and_something_else_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let address = |name: &str| Address::at(&directory.path().join(name)).unwrap();
    let path = |name: &str| directory.path().join(name);
    assert_eq!(list(&address("none"), patient()), Err(Error::NoSocket { path: path("none") }));
    drop(UnixListener::bind(path("left")).unwrap());
    assert_eq!(list(&address("left"), patient()), Err(Error::Refused { path: path("left") }));
    std::fs::write(path("file"), "").unwrap();
    assert_eq!(list(&address("file"), patient()), Err(Error::Refused { path: path("file") }));
    assert_eq!(list(&address("file/docker.sock"), patient()), Err(Error::NoSocket { path: path("file/docker.sock") }));
}

/// Root is denied nothing, so as root the test runs itself again as nobody.
#[test]
fn a_denied_permission_names_the_command_that_gives_it() {
    if nix::unistd::geteuid().is_root() {
        let this = "docker::misbehaving::a_denied_permission_names_the_command_that_gives_it";
        let mut again = Command::new(std::env::current_exe().unwrap());
        match again.args(["--exact", this]).uid(65534).gid(65534).env("TMPDIR", "/tmp").current_dir("/").output() {
            Ok(output) => assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}"),
            Err(error) => eprintln!("skipped: nobody may not run the tests' binary: {error}"),
        }
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("docker.sock");
    let _listener = UnixListener::bind(&path).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    let error = list(&Address::at(&path).unwrap(), patient()).unwrap_err();
    assert_eq!(error, Error::Denied { path });
    assert!(error.to_string().contains("usermod -aG docker vps-monitor"), "{error}");
}

#[test]
fn a_server_that_never_answers_is_given_up_at_the_deadline() {
    let engine = Engine::new(|_, stream| hang(stream));
    let start = Instant::now();
    let error = list(&engine.address(), Patience::of(SHORT, None)).unwrap_err();
    assert_eq!(error, Error::NoAnswer { path: engine.path(), timeout: SHORT });
    assert!(start.elapsed() >= SHORT);
}

#[test]
fn a_server_that_trickles_is_given_up_at_the_deadline_of_the_whole() {
    let engine = Engine::new(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n[");
        while stream.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(10));
        }
        After::Close
    });
    let error = list(&engine.address(), Patience::of(SHORT, None));
    assert_eq!(error, Err(Error::NoAnswer { path: engine.path(), timeout: SHORT }));
}

#[test]
fn a_server_whose_queue_is_full_is_given_up_at_the_deadline() {
    use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, connect, listen, socket};
    use std::os::fd::AsRawFd;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("docker.sock");
    let socket = |flags| socket(AddressFamily::Unix, SockType::Stream, flags, None).unwrap();
    let listener = socket(SockFlag::SOCK_CLOEXEC);
    bind(listener.as_raw_fd(), &UnixAddr::new(&path).unwrap()).unwrap();
    listen(&listener, Backlog::new(1).unwrap()).unwrap();
    let mut queue = Vec::new();
    loop {
        let waiting = socket(SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC);
        if connect(waiting.as_raw_fd(), &UnixAddr::new(&path).unwrap()).is_err() {
            break;
        }
        queue.push(waiting);
    }
    let error = list(&Address::at(&path).unwrap(), Patience::of(SHORT, None));
    assert_eq!(error, Err(Error::NoAnswer { path, timeout: SHORT }));
}

#[test]
fn an_interrupt_ends_the_waiting_at_once() {
    let engine = Engine::new(|_, stream| hang(stream));
    let (mut far, near) = UnixStream::pair().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            wait_until("the request", || !engine.targets().is_empty());
            far.write_all(b"x").unwrap();
        });
        let hour = Patience::of(Duration::from_secs(3600), Some(near.as_fd()));
        assert_eq!(list(&engine.address(), hour), Err(Error::Interrupted));
    });
}

#[test]
fn an_answer_that_is_cut_off_is_not_half_believed() {
    let one = r#"{"Id":"1","Names":["/a"],"State":"running"}"#;
    for reply in [
        "".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-".to_owned(),
        format!("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n[{one},"),
        format!("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n[{one}]"),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n[{one}]\r\n", one.len() + 2),
    ] {
        let engine = Engine::replying(reply.clone());
        assert_eq!(error(&engine), Error::CutOff { path: engine.path() }, "{reply}");
    }
    // Without a frame the end looks like the answer's own; the JSON tells.
    let unframed = Engine::replying(format!("HTTP/1.0 200 OK\r\n\r\n[{one},"));
    assert!(found(error(&unframed)).contains("EOF"));
}

#[test]
fn what_is_no_engine_is_named_as_that() {
    let html = "<!DOCTYPE html><html><body>It works!</body></html>";
    for (reply, what) in [
        (
            format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{html}", html.len()),
            "expected value",
        ),
        (format!("HTTP/1.1 404 Not Found\r\nContent-Length: {}\r\n\r\n{html}", html.len()), "HTTP status 404"),
        (html.to_owned(), "not HTTP"),
        ("SSH-2.0-OpenSSH_9.2\r\n".to_owned(), "not HTTP"),
        ("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n[]".to_owned(), "Content-Length"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]garbage\r\n".to_owned(), "chunks are malformed"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n".to_owned(),
            "chunks are malformed",
        ),
        (json_reply("200 OK", r#"{"Id":"1"}"#), "expected a list of containers"),
        (json_reply("200 OK", r#"[{"Id":5,"Names":["/a"],"State":"running"}]"#), "expected a string"),
        (json_reply("200 OK", r#"[{"Id":"1","Names":["/a"]}]"#), "missing field `State`"),
        (json_reply("200 OK", "[] []"), "trailing characters"),
        (json_reply("200 OK", &"[".repeat(100_000)), "expected a string"),
    ] {
        let found = found(error(&Engine::replying(reply.clone())));
        assert!(found.contains(what), "{reply:.200}\n{found}");
    }
}

#[test]
fn an_engine_too_old_for_the_list_is_told_to_be_updated() {
    let old = Engine::replying(json_reply("200 OK", "[]").replace("1.41", "1.18"));
    assert!(matches!(error(&old), Error::ApiVersion { message } if message.contains("1.18")));
}

#[test]
fn endless_headers_are_left_at_the_bound() {
    let engine = Engine::new(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(b"X-Padding: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n").is_ok() {}
        After::Close
    });
    assert!(found(error(&engine)).contains("head is longer than 16384 bytes"));
}

#[test]
fn an_endless_body_is_left_at_the_bound() {
    let too_large = Error::TooLarge { limit_bytes: MAX_REPLY_BYTES };
    let announced = Engine::replying(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n[", MAX_REPLY_BYTES + 1));
    assert_eq!(error(&announced), too_large);
    let chunk = format!("4000\r\n{}\r\n", " ".repeat(0x4000));
    let chunked = Engine::new(move |_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n");
        while stream.write_all(chunk.as_bytes()).is_ok() {}
        After::Close
    });
    assert_eq!(error(&chunked), too_large);
}

#[test]
fn five_thousand_containers_are_read() {
    let one = |n: usize| {
        format!(
            r#"{{"Id":"{n:064}","Names":["/c{n}"],"State":"running","Status":"Up 3 days","Labels":{{"a":"{}"}}}}"#,
            "x".repeat(500)
        )
    };
    let list_of_all: Vec<String> = (0..5000).map(one).collect();
    let engine = Engine::replying(json_reply("200 OK", &format!("[{}]", list_of_all.join(","))));
    assert_eq!(list(&engine.address(), patient()), Ok(5000));
}

#[test]
fn a_kept_connection_that_the_engine_closed_is_made_anew() {
    let engine = Engine::new(|_, stream| {
        let _ = stream.write_all(json_reply("200 OK", "[]").as_bytes());
        After::Close
    });
    let address = engine.address();
    let mut session = Session::new(&address, patient());
    for _ in 0..3 {
        assert_eq!(session.list(|_| {}), Ok(()));
    }
    assert_eq!(engine.connections(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn arbitrary_bytes_as_a_reply_never_panic_nor_hang(
        head in prop::sample::select(vec![
            "",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 500 No\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n[{",
            "HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n[",
        ]),
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let engine = Engine::replying([head.as_bytes(), &body].concat());
        let answer = list(&engine.address(), patient());
        prop_assert!(!matches!(answer, Err(Error::NoAnswer { .. })), "{answer:?}");
    }

    #[test]
    fn a_recorded_reply_with_any_byte_changed_never_panics_nor_hangs(
        at in 0usize..8829,
        byte: u8,
        cut in 0usize..8829,
    ) {
        let path = format!("{}/fixtures/docker/docker-20.10.24/containers-all.http", env!("CARGO_MANIFEST_DIR"));
        let mut reply = std::fs::read(path).unwrap();
        reply[at] = byte;
        let whole = list(&Engine::replying(reply.clone()).address(), patient());
        prop_assert!(!matches!(whole, Err(Error::NoAnswer { .. })), "{whole:?}");
        reply.truncate(cut);
        let answer = list(&Engine::replying(reply).address(), patient());
        prop_assert!(answer.is_err(), "{answer:?}");
    }
}
