//! Servers that behave as no engine should, and engines that are not there: each is an error of its own, in time, and
//! within the bounds.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::process::Command;

use proptest::prelude::*;
use vps_monitor::clock::Boot;
use vps_monitor::docker::events::{Stream, StreamEvent};
use vps_monitor::docker::{Address, Answer, Error, MAX_REPLY_BYTES, Question, SHARE_BYTES, Session, TIMEOUT};

use super::{ask, at};
use crate::support::engine::{After, Engine, hang, json_reply, told_what_to_send};

/// How many containers a server lists, or why it does not.
fn list(address: &Address) -> Result<usize, Error> {
    let mut session = Session::new(address.clone(), at(0).boot);
    let mut answers = ask(&mut session, Question::List);
    match answers.pop() {
        Some(Answer::ListEnd { .. }) => Ok(answers.len()),
        Some(Answer::Failed(error)) => Err(error),
        other => panic!("{other:?}"),
    }
}

/// A session that has asked for the list, and knows only the deadline.
fn given_up(session: &mut Session) -> Answer {
    let mut share_bytes = SHARE_BYTES;
    assert_eq!(session.advance(at(4).boot, &mut share_bytes), None);
    assert_eq!(session.due(), Some(at(5).boot));
    session.advance(at(5).boot, &mut share_bytes).expect("given up at the deadline")
}

fn no_answer(engine: &Engine) -> Answer {
    Answer::Failed(Error::NoAnswer { path: engine.path(), timeout: TIMEOUT })
}

/// The error of asking a server for its list.
fn error(engine: &Engine) -> Error {
    list(&engine.address()).unwrap_err()
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
    assert_eq!(list(&address("none")), Err(Error::NoSocket { path: path("none") }));
    drop(UnixListener::bind(path("left")).unwrap());
    assert_eq!(list(&address("left")), Err(Error::Refused { path: path("left") }));
    std::fs::write(path("file"), "").unwrap();
    assert_eq!(list(&address("file/docker.sock")), Err(Error::NoSocket { path: path("file/docker.sock") }));
}

#[test]
fn what_stands_in_the_sockets_place_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    std::fs::create_dir(path("directory")).unwrap();
    std::fs::write(path("file"), "").unwrap();
    nix::unistd::mkfifo(&path("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    for (name, target) in [("dangling", "gone"), ("loop", "loop"), ("to-directory", "directory")] {
        std::os::unix::fs::symlink(target, path(name)).unwrap();
    }
    for (name, text) in [
        ("directory", "is a directory (a bind mount makes one where nothing was), not a socket: remove it and start"),
        (
            "to-directory",
            "is a directory (a bind mount makes one where nothing was), not a socket: remove it and start",
        ),
        ("file", "is a regular file, not a socket: remove it and start"),
        ("fifo", "is a FIFO, not a socket: remove it and start"),
        ("dangling", "is a link to gone, which is not there: start the engine"),
        ("loop", "is a link to loop, which is not there: start the engine"),
    ] {
        let address = Address::at(&path(name)).unwrap();
        let error = list(&address).unwrap_err();
        assert!(error.is_absence(), "{error:?}");
        let text = format!("{} {text}", path(name).display());
        assert!(error.to_string().starts_with(&text), "{error}");
        // Followed or asked, it is the same.
        let mut stream = Stream::new(address);
        assert_eq!(stream.read(at(0).boot), [StreamEvent::Lost(error)]);
    }
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
    let error = list(&Address::at(&path).unwrap()).unwrap_err();
    assert_eq!(error, Error::Denied { path });
    assert!(error.to_string().contains("usermod -aG docker vps-monitor"), "{error}");
}

#[test]
fn a_server_that_never_answers_is_given_up_at_the_deadline() {
    let engine = Engine::new(|_, stream| hang(stream));
    let mut session = Session::new(engine.address(), at(0).boot);
    session.ask(Question::List);
    assert_eq!(given_up(&mut session), no_answer(&engine));
    assert_eq!((session.is_asked(), session.due(), session.fd().is_none()), (false, None, true));
}

#[test]
fn a_server_that_drips_is_given_up_at_the_deadline_of_the_whole() {
    let (engine, sender) = told_what_to_send();
    let mut session = Session::new(engine.address(), at(0).boot);
    session.ask(Question::List);
    sender.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n[".to_owned()).unwrap();
    for millis in (0..5000).step_by(100) {
        sender.send(" ".to_owned()).unwrap();
        assert_eq!(session.advance(Boot::from_millis(millis), &mut { SHARE_BYTES }), None);
    }
    assert_eq!(session.advance(at(5).boot, &mut { SHARE_BYTES }), Some(no_answer(&engine)));
}

#[test]
fn the_whole_exchange_has_one_deadline() {
    let engine = Engine::recorded("docker-20.10.24", "containers-all");
    let mut session = Session::new(engine.address(), at(0).boot);
    assert!(matches!(ask(&mut session, Question::List).last(), Some(Answer::ListEnd { podman: false })));
    let silent = Engine::new(|_, stream| hang(stream));
    let mut session = Session::new(silent.address(), at(0).boot);
    for _ in 0..3 {
        session.ask(Question::Inspect("aaaa"));
        assert_eq!(session.due(), Some(at(5).boot), "a further question has no time of its own");
    }
}

#[test]
fn a_flood_is_read_a_share_at_a_time() {
    let engine = Engine::new(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n[");
        while stream.write_all(&[b' '; 4096]).is_ok() {}
        After::Close
    });
    let mut session = Session::new(engine.address(), at(0).boot);
    session.ask(Question::List);
    let mut turns = 0;
    let answer = loop {
        let mut share_bytes = SHARE_BYTES;
        let answer = session.advance(at(0).boot, &mut share_bytes);
        turns += usize::from(share_bytes == 0);
        if let Some(answer) = answer {
            break answer;
        }
    };
    assert!(matches!(answer, Answer::Failed(_)), "{answer:?}");
    assert!(turns >= 10_000_000 / (2 * SHARE_BYTES), "{turns} turns");
}

#[test]
fn a_server_whose_queue_is_full_is_given_up_at_the_deadline() {
    use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr};
    use nix::sys::socket::{accept, bind, connect, listen, socket};
    use nix::unistd::close;
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
    let address = Address::at(&path).unwrap();
    let mut session = Session::new(address.clone(), at(0).boot);
    session.ask(Question::List);
    assert_eq!(session.advance(at(0).boot, &mut { SHARE_BYTES }), None);
    assert_eq!((session.fd().is_none(), session.due()), (true, Some(Boot::from_millis(20))));
    assert_eq!(session.advance(Boot::from_millis(19), &mut { SHARE_BYTES }), None);
    assert_eq!(session.due(), Some(Boot::from_millis(20)), "not tried before it is due");
    assert_eq!(
        session.advance(at(5).boot, &mut { SHARE_BYTES }),
        Some(Answer::Failed(Error::NoAnswer { path, timeout: TIMEOUT }))
    );

    let mut session = Session::new(address, at(0).boot);
    session.ask(Question::List);
    assert_eq!(session.advance(at(0).boot, &mut { SHARE_BYTES }), None);
    close(accept(listener.as_raw_fd()).unwrap()).unwrap();
    assert_eq!(session.advance(Boot::from_millis(20), &mut { SHARE_BYTES }), None);
    assert!(session.fd().is_some(), "connected as soon as there was room");
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
            "expected a list of containers",
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
        (json_reply("200 OK", &"[".repeat(100_000)), "EOF"),
        (json_reply("200 OK", &format!("[{}]", "[".repeat(1000) + &"]".repeat(1000))), "expected a string"),
    ] {
        let found = found(error(&Engine::replying(reply.clone())));
        assert!(found.contains(what), "{reply:.200}\n{found}");
    }
}

#[test]
fn interim_replies_and_trailers_are_passed_over() {
    let one = r#"[{"Id":"1","Names":["/a"],"State":"running"}]"#;
    let reply = format!(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n\
         HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Digest\r\n\r\n\
         {:x};a=b\r\n{one}\r\n0\r\nDigest: none\r\nMore: x\r\n\r\n",
        one.len()
    );
    let engine = Engine::new(move |_, stream| {
        // One byte at a time, so that every piece ends everywhere once.
        let sent = reply.bytes().all(|byte| stream.write_all(&[byte]).is_ok());
        if sent { After::Keep } else { After::Close }
    });
    let mut session = Session::new(engine.address(), at(0).boot);
    for _ in 0..2 {
        assert_eq!(ask(&mut session, Question::List).len(), 2);
    }
    assert_eq!(engine.connections(), 1, "read to its end, the reply leaves the connection for the next");
}

#[test]
fn bytes_behind_a_reply_are_no_part_of_the_next() {
    let engine = Engine::replying(json_reply("200 OK", "[]") + &json_reply("500 No", r#"{"message":"forged"}"#));
    let mut session = Session::new(engine.address(), at(0).boot);
    for _ in 0..2 {
        assert_eq!(ask(&mut session, Question::List), [Answer::ListEnd { podman: false }]);
    }
}

#[test]
fn a_container_too_large_to_inspect_is_left_and_the_next_is_asked() {
    let large = format!(r#"{{"Id":"a","Name":"/a","State":{{"Status":"{}"}}}}"#, "x".repeat(5_000_000));
    let engine = Engine::new(move |target, stream| {
        let small = r#"{"Id":"b","Name":"/b","State":{"Status":"running"}}"#;
        let body = if target.contains("/a/") { &large } else { small };
        let _ = stream.write_all(json_reply("200 OK", body).as_bytes());
        After::Keep
    });
    let mut session = Session::new(engine.address(), at(0).boot);
    let too_large = Answer::Failed(Error::TooLarge { limit_bytes: 4 * 1024 * 1024 });
    assert_eq!(ask(&mut session, Question::Inspect("a")), [too_large]);
    assert!(matches!(ask(&mut session, Question::Inspect("b"))[..], [Answer::Inspected(Some(_))]));
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
    assert_eq!(list(&engine.address()), Ok(5000));
}

#[test]
fn a_kept_connection_that_the_engine_closed_is_made_anew() {
    let engine = Engine::new(|_, stream| {
        let _ = stream.write_all(json_reply("200 OK", "[]").as_bytes());
        After::Close
    });
    let address = engine.address();
    let mut session = Session::new(address, at(0).boot);
    for _ in 0..3 {
        assert_eq!(ask(&mut session, Question::List), [Answer::ListEnd { podman: false }]);
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
        let answer = list(&engine.address());
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
        let whole = list(&Engine::replying(reply.clone()).address());
        prop_assert!(!matches!(whole, Err(Error::NoAnswer { .. })), "{whole:?}");
        reply.truncate(cut);
        let answer = list(&Engine::replying(reply).address());
        prop_assert!(answer.is_err(), "{answer:?}");
    }
}
