//! Clients that are slow, say nothing, or say nonsense.

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use proptest::prelude::*;

use super::*;
use crate::core::SilenceRequest;

/// A client that has said this.
fn asking(path: &Path, said: &str) -> UnixStream {
    let mut client = UnixStream::connect(path).unwrap();
    client.write_all(said.as_bytes()).unwrap();
    client
}

fn listening(folder: &Path) -> (Control, std::path::PathBuf) {
    let path = folder.join("status.sock");
    let listener = UnixListener::bind(&path).unwrap();
    listener.set_nonblocking(true).unwrap();
    (Control::over(listener), path)
}

#[test]
fn requests_are_answered_in_their_order_and_a_client_that_says_nothing_asks_for_the_status() {
    let folder = tempfile::tempdir().unwrap();
    let (mut control, path) = listening(folder.path());
    let at = Boot::from_millis;
    let silent = UnixStream::connect(&path).unwrap();
    let slow = asking(&path, "{\"silence\": {\"end\": {\"num");
    let quick = asking(&path, "\"status\"\nand more");
    assert_eq!(control.advance(true, at(0)), [Request::Status]);
    assert_eq!(control.due(), Some(at(200)));
    let mut rest = &slow;
    rest.write_all(b"ber\": 7}}}\n").unwrap();
    let end = Request::Silence(SilenceRequest::End { number: 7 });
    assert_eq!(control.advance(true, at(100)), [end]);
    assert_eq!(control.advance(false, at(200)), [Request::Status]);
    for (place, mut client) in [quick, slow, silent].into_iter().enumerate() {
        control.answer(place.to_string(), at(200));
        let mut answer = [0];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(answer, [b'0' + place as u8]);
    }
    assert!(control.clients.is_empty() && control.asked.is_empty());
}

#[test]
fn what_is_no_request_is_refused_and_one_that_drips_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let (mut control, path) = listening(folder.path());
    let at = Boot::from_millis;
    for said in ["{}\n", "\"restart\"\n", "\u{0}\n", &"x".repeat(2 * MAX_REQUEST_BYTES)] {
        let mut client = asking(&path, said);
        assert_eq!(control.advance(true, at(0)), [], "{said:.20}");
        let mut answer = String::new();
        let _ = client.read_to_string(&mut answer);
        assert!(answer.starts_with("{\"refused\":"), "{said:.20}: {answer}");
    }
    let mut drips = asking(&path, "\"st");
    for second in 0..5 {
        assert_eq!(control.advance(true, at(second * 1000)), []);
        drips.write_all(b"a").unwrap();
    }
    assert_eq!((control.advance(true, at(5000)), control.clients.len()), (vec![], 0));
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_a_request_or_are_refused(said in prop::collection::vec(any::<u8>(), 0..200), json in "[\\[{\"a-z0-9:}\\], ]{0,80}") {
        let _ = request(&said);
        let is_nothing = json.is_empty();
        prop_assert!(is_nothing || request(json.as_bytes()).is_err() || json.contains("status") || json.contains("silence"));
    }
}

#[test]
fn slow_readers_have_their_share_and_then_make_room() {
    let folder = tempfile::tempdir().unwrap();
    let (mut control, path) = listening(folder.path());
    let at = Boot::from_millis;
    // More than a socket holds: it stays until it is read.
    let long = || "x".repeat(8 * 1024 * 1024);
    let slow: Vec<UnixStream> = (0..MAX_CLIENTS).map(|_| asking(&path, "\"status\"\n")).collect();
    assert_eq!(control.advance(true, at(0)).len(), MAX_CLIENTS);
    (0..MAX_CLIENTS).for_each(|_| control.answer(long(), at(0)));
    assert_eq!(control.clients.len(), MAX_CLIENTS);

    let mut newcomer = asking(&path, "\"status\"\n");
    assert_eq!((control.advance(true, at(499)), control.due()), (vec![], Some(at(500))));
    assert!(control.fds().all(|(_, flags)| flags == PollFlags::POLLOUT));
    // The oldest makes room, and the loop does not spin meanwhile.
    assert_eq!(control.advance(false, at(500)), []);
    assert_eq!(control.fds().filter(|(_, flags)| *flags == PollFlags::POLLIN).count(), 1);
    assert_eq!(control.advance(true, at(501)), [Request::Status]);
    control.answer("{}".to_owned(), at(501));
    let mut read = String::new();
    newcomer.read_to_string(&mut read).unwrap();
    assert_eq!((read.as_str(), control.clients.len()), ("{}", MAX_CLIENTS - 1));
    // Whoever has had its share goes on where nobody waits.
    assert_eq!(control.advance(false, at(4999)), []);
    assert_eq!(control.clients.len(), MAX_CLIENTS - 1);
    drop(slow);
}

#[test]
fn an_accept_that_fails_is_a_pause_and_no_spin() {
    // A socket that no longer listens fails at each call, and so does one in a process without descriptors.
    let deaf = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    let mut control = Control::over(UnixListener::from(deaf));
    let at = Boot::from_millis;
    assert_eq!((control.fds().count(), control.due()), (1, None));
    assert_eq!(control.advance(true, at(0)), []);
    assert_eq!((control.fds().count(), control.due()), (0, Some(at(1000))));
    assert_eq!(control.advance(false, at(1000)), []);
    assert_eq!((control.fds().count(), control.due()), (1, None));
}
