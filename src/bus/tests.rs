//! A bus of the test's own at the other end, with its answers and its misdeeds.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};

use nix::sys::socket::{setsockopt, sockopt};
use proptest::prelude::*;

use super::fake::{LOGGED_IN, message, recorded};
use super::*;

const LIST: Call<'_> = Call {
    destination: "org.freedesktop.systemd1",
    path: "/org/freedesktop/systemd1",
    interface: "org.freedesktop.systemd1.Manager",
    member: "ListUnitsFiltered",
    arguments: &[Argument::Texts(&["failed", "auto-restart"])],
};

const FAILED_UNITS: Follow = Follow {
    path: LIST.path,
    rule: "type='signal',path='/org/freedesktop/systemd1'",
    request: Some(Call { member: "Subscribe", arguments: &[], ..LIST }),
    file: None,
};

fn at(seconds: i64) -> Boot {
    Boot::from_millis(seconds * 1000)
}

/// A bus, and the place where it listens.
struct Fake {
    _folder: tempfile::TempDir,
    listener: UnixListener,
    bus: Bus,
}

impl Fake {
    fn new() -> Fake {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("bus")).unwrap();
        Fake { bus: Bus::at(folder.path().join("bus")), _folder: folder, listener }
    }

    /// Asks, and gives the bytes that the bus received for it, login included.
    fn ask(&mut self) -> (Question, UnixStream, Vec<u8>) {
        let question = self.bus.ask(&LIST, at(0)).unwrap();
        let (mut other, _) = self.listener.accept().unwrap();
        let mut received = vec![0; 4096];
        let count = other.read(&mut received).unwrap();
        received.truncate(count);
        (question, other, received)
    }

    fn answer(&mut self, question: Question, now: Boot) -> Option<Result<Body, Error>> {
        self.bus.advance(now);
        self.bus.answer(question)
    }
}

/// The calls in the bytes that a bus received, behind the login.
fn calls(received: &[u8]) -> Vec<Message> {
    let mut rest = received.strip_prefix(b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n").unwrap_or(received);
    let mut calls = Vec::new();
    while let Ok(Some(length)) = wire::length(rest) {
        let (call, others) = rest.split_at(length);
        calls.push(wire::decode(call).unwrap());
        rest = others;
    }
    assert!(rest.is_empty());
    calls
}

#[test]
fn a_question_goes_out_with_the_login_and_the_greeting_in_one_piece() {
    let mut fake = Fake::new();
    fake.bus.follow(FAILED_UNITS).unwrap();
    let (_, _, received) = fake.ask();
    let calls = calls(&received);
    let members: Vec<&str> = calls.iter().map(|call| call.member.as_str()).collect();
    assert_eq!(members, ["Hello", "AddMatch", "Subscribe", "ListUnitsFiltered"]);
    let mut states = Vec::new();
    let mut reader = calls[3].body.of("as").unwrap();
    reader
        .array(4, |reader| {
            states.push(reader.text()?);
            Ok(())
        })
        .unwrap();
    assert_eq!(states, ["failed", "auto-restart"]);
    assert_eq!(calls[1].body.of("s").unwrap().text(), Ok(FAILED_UNITS.rule.to_owned()));
}

#[test]
fn an_answer_is_that_of_its_question_in_either_order_of_bytes_and_in_any_pieces() {
    for is_big in [false, true] {
        let mut fake = Fake::new();
        let (first, mut other, received) = fake.ask();
        assert_eq!(calls(&received).len(), 2);
        let second = fake.bus.ask(&LIST, at(0)).unwrap();
        let text = if is_big { b"\0\0\0\x02ab\0" } else { b"\x02\0\0\0ab\0" };
        let mut all = LOGGED_IN.to_vec();
        all.extend(message(is_big, 2, &[], Some(second.0), ("s", text)));
        all.extend(message(is_big, 3, &[(4, "org.x.NotThere")], Some(first.0), ("s", text)));
        for byte in all {
            assert_eq!(fake.bus.answer(first), None);
            other.write_all(&[byte]).unwrap();
            fake.bus.advance(at(1));
        }
        let refused = Error::Refused { name: "org.x.NotThere".to_owned(), text: "ab".to_owned() };
        assert_eq!(fake.bus.answer(first), Some(Err(refused)));
        assert_eq!(fake.bus.answer(second).unwrap().unwrap().of("s").unwrap().text(), Ok("ab".to_owned()));
        assert_eq!((fake.bus.answer(second), fake.bus.due()), (None, None));
    }
}

#[test]
fn a_followed_signal_is_there_to_be_taken_and_a_flood_is_bounded() {
    let mut fake = Fake::new();
    let (_, mut other, _) = fake.ask();
    let fields = [(1, "/org/freedesktop/systemd1"), (2, "org.freedesktop.DBus.Properties"), (3, "PropertiesChanged")];
    let signal = message(false, 4, &fields, None, ("", &[]));
    let name = message(false, 4, &[(2, "org.freedesktop.DBus"), (3, "NameAcquired")], None, ("", &[]));
    other.write_all(&[LOGGED_IN, &name, &signal].concat()).unwrap();
    assert!(fake.bus.advance(at(0)));
    let signals: Vec<Signal> = fake.bus.take_signals().collect();
    assert_eq!(signals.iter().map(|signal| signal.member.as_str()).collect::<Vec<_>>(), ["PropertiesChanged"]);
    other.write_all(&signal.repeat(200)).unwrap();
    fake.bus.advance(at(0));
    assert_eq!(fake.bus.take_signals().count(), MAX_SIGNALS);
}

#[test]
fn a_bus_that_is_silent_is_left_at_the_deadline_and_connected_again_by_the_next_question() {
    let mut fake = Fake::new();
    let (question, _other, _) = fake.ask();
    assert_eq!(fake.bus.due(), Some(at(5)));
    assert_eq!(fake.answer(question, at(4)), None);
    assert_eq!(fake.answer(question, at(5)), Some(Err(Error::Silent(DEADLINE))));
    assert!(fake.bus.fd().is_none());
    let (question, mut other, received) = fake.ask();
    assert_eq!(calls(&received).len(), 2);
    other.write_all(&[LOGGED_IN, &message(false, 2, &[], Some(question.0), ("", &[]))].concat()).unwrap();
    assert_eq!(fake.answer(question, at(6)).unwrap().unwrap().signature, "");
}

#[test]
fn one_that_closes_refuses_or_sends_something_else_is_an_error_and_nothing_more() {
    let huge = [b'l', 2, 0, 1, 0xff, 0xff, 0xff, 0x7f, 1, 0, 0, 0, 0, 0, 0, 0];
    let unbalanced = message(false, 2, &[], Some(2), ("a(", b"\0\0\0\0"));
    for (sent, error) in [
        (b"".to_vec(), Error::Closed),
        (b"DAT".to_vec(), Error::Closed),
        (b"REJECTED EXTERNAL\r\n".to_vec(), Error::Rejected("REJECTED EXTERNAL".to_owned())),
        (vec![b'x'; 600], Error::Malformed(Malformed("a line has no end"))),
        ([LOGGED_IN, b"HTTP/1.1 400 Bad"].concat(), Error::Malformed(Malformed("it is no message"))),
        ([LOGGED_IN, &huge].concat(), Error::Malformed(Malformed("it is too large"))),
        ([LOGGED_IN, &unbalanced[..unbalanced.len() - 1]].concat(), Error::Closed),
    ] {
        let mut fake = Fake::new();
        let (question, mut other, _) = fake.ask();
        other.write_all(&sent).unwrap();
        drop(other);
        fake.bus.advance(at(0));
        assert_eq!(fake.answer(question, at(0)), Some(Err(error)), "{sent:?}");
    }
}

#[test]
fn a_bus_that_never_pauses_is_read_a_share_at_a_time() {
    let mut fake = Fake::new();
    let (question, mut other, _) = fake.ask();
    setsockopt(&other, sockopt::SndBuf, &(4 << 20)).unwrap();
    other.set_nonblocking(true).unwrap();
    other.write_all(LOGGED_IN).unwrap();
    let signal = message(false, 4, &[(3, "S")], None, ("", &[]));
    let flood = signal.repeat((160 << 10) / signal.len());
    let sent = other.write(&flood).unwrap();
    assert!(sent > 100 << 10, "{sent}");
    fake.bus.advance(at(0));
    assert!(fake.bus.fd().is_some(), "the rest is there to be read in the next turn");
    let mut left = [0; 1];
    let socket = fake.bus.link.as_ref().unwrap().fd();
    use std::os::fd::AsRawFd;
    let peeked = nix::sys::socket::recv(socket.as_raw_fd(), &mut left, nix::sys::socket::MsgFlags::MSG_PEEK);
    assert_eq!(peeked, Ok(1));
    assert_eq!(fake.bus.answer(question), None);
}

#[test]
fn where_nobody_listens_is_an_absence() {
    let folder = tempfile::tempdir().unwrap();
    let mut bus = Bus::at(folder.path().join("bus"));
    assert!(bus.ask(&LIST, at(0)).unwrap_err().is_absence());
    drop(UnixListener::bind(folder.path().join("bus")).unwrap());
    assert!(bus.ask(&LIST, at(0)).unwrap_err().is_absence());
    assert!(Bus::none().ask(&LIST, at(0)).unwrap_err().is_absence());
    assert!(!Error::Silent(DEADLINE).is_absence());
}

#[test]
fn answers_that_nobody_takes_are_dropped_and_questions_are_bounded() {
    let mut fake = Fake::new();
    let (question, mut other, _) = fake.ask();
    while fake.bus.ask(&LIST, at(0)).is_ok() {}
    assert_eq!(fake.bus.asked.len(), MAX_QUESTIONS);
    assert_eq!(fake.bus.ask(&LIST, at(0)), Err(Error::Busy));
    other.write_all(&[LOGGED_IN, &message(false, 2, &[], Some(question.0), ("", &[]))].concat()).unwrap();
    fake.bus.advance(at(5));
    fake.bus.ask(&LIST, at(20)).unwrap();
    assert_eq!(fake.bus.asked.len(), 1);
}

#[test]
fn recorded_answers_of_systemd_are_read() {
    let of_variant = |name: &str| recorded(name).body.of("v").unwrap().variant().unwrap();
    assert_eq!(of_variant("result"), Value::Text("exit-code".to_owned()));
    assert_eq!(of_variant("restarts").number(), Some(4));
    assert_eq!(of_variant("status").number(), Some(3));
    assert_eq!(of_variant("ntp-synchronized"), Value::Boolean(false));
    let units = recorded("units-failed").body;
    let mut names = Vec::new();
    let mut reader = units.of("a(ssssssouso)").unwrap();
    let unit = |reader: &mut Reader<'_>| {
        reader.structure()?;
        names.push(reader.text()?);
        reader.skip("sssssouso")
    };
    reader.array(8, unit).unwrap();
    assert!(reader.is_at_end());
    names.sort();
    assert_eq!(names, ["bad.service", "loop.service"]);
    // 300 properties of every type, each under its name.
    let all = recorded("all").body;
    assert!(all.of(&all.signature).unwrap().skip("a{sv}").is_ok());
    let refused = recorded("wrong-interface");
    assert_eq!(refused.error, "org.freedesktop.DBus.Error.UnknownProperty");
    assert!(refused.body.of("s").unwrap().text().unwrap().starts_with("Unknown interface"));
}

/// Signatures of everything, some of them wrong.
const SIGNATURES: &str = "[ybnqiuxtdsogvah(){}]{0,12}";

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = wire::length(&bytes);
        let _ = wire::decode(&bytes);
    }

    #[test]
    fn an_arbitrary_body_of_an_arbitrary_type_is_read_or_refused(
        signature in SIGNATURES,
        body in prop::collection::vec(prop_oneof![3 => Just(0u8), 1 => 0u8..9, 1 => any::<u8>()], 0..200),
        is_big in any::<bool>(),
    ) {
        let message = wire::decode(&message(is_big, 2, &[], Some(1), (&signature, &body))).unwrap();
        prop_assert_eq!(message.reply_to, Some(1));
        let _ = message.body.of(&signature).unwrap().skip(&signature);
        let mut reader = message.body.of(&signature).unwrap();
        let _ = reader.variant();
        let _ = reader.array(8, |reader| reader.skip("sv"));
    }

    #[test]
    fn a_call_is_read_as_it_was_written(texts in prop::collection::vec("\\PC{0,20}", 0..4), one in "\\PC{0,30}") {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let arguments = [Argument::Text(&one), Argument::Texts(&texts)];
        let call = wire::decode(&Call { arguments: &arguments, ..LIST }.encode(3, true)).unwrap();
        prop_assert_eq!((call.member.as_str(), call.path.as_str()), (LIST.member, LIST.path));
        let mut reader = call.body.of("sas").unwrap();
        prop_assert_eq!(reader.text(), Ok(one.clone()));
        let mut read = Vec::new();
        reader
            .array(4, |reader| {
                read.push(reader.text()?);
                Ok(())
            })
            .unwrap();
        prop_assert_eq!(read, texts);
        prop_assert!(reader.is_at_end());
    }
}
