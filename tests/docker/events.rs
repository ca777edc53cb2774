//! The event stream: its request, its reading of the reply, and its return after an end.

use std::io::Write;
use std::time::Duration;

use vps_monitor::clock::Boot;
use vps_monitor::docker::Error;
use vps_monitor::docker::events::{Kind, Stream, StreamEvent};

use super::at;
use crate::support::PATIENCE;
use crate::support::engine::{After, Engine, hang, told_what_to_send};

const HEAD: &str = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nTransfer-Encoding: chunked\r\n\r\n";

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

fn message(action: &str, name: &str) -> String {
    let actor = format!(r#"{{"ID":"aaaa","Attributes":{{"image":"i","name":"{name}"}}}}"#);
    let kind = format!(r#""status":"{action}","id":"aaaa","Type":"container","Action":"{action}""#);
    format!("{{{kind},\"Actor\":{actor},\"time\":1,\"timeNano\":1000000001}}\n")
}

/// Reads, once there is something, until something is made of it.
fn next(stream: &mut Stream, now: Boot) -> Vec<StreamEvent> {
    loop {
        if let Some(fd) = stream.fd() {
            let mut fds = [nix::poll::PollFd::new(fd, nix::poll::PollFlags::POLLIN)];
            let millis = u16::try_from(PATIENCE.as_millis()).unwrap();
            assert_eq!(nix::poll::poll(&mut fds, millis), Ok(1), "nothing came");
        }
        let happenings = stream.read(now);
        if !happenings.is_empty() {
            return happenings;
        }
    }
}

fn kinds(happenings: &[StreamEvent]) -> Vec<Option<Kind>> {
    let kind = |happening: &StreamEvent| match happening {
        StreamEvent::Event(event) => Some(event.kind),
        StreamEvent::Connected | StreamEvent::Settled | StreamEvent::Lost(_) => None,
    };
    happenings.iter().map(kind).collect()
}

#[test]
fn the_engine_is_asked_to_leave_out_what_is_not_needed() {
    let (engine, sender) = told_what_to_send();
    let mut stream = Stream::new(engine.address());
    sender.send(HEAD.to_owned()).unwrap();
    assert_eq!(next(&mut stream, at(0).boot), [StreamEvent::Connected]);
    let target = engine.targets().remove(0);
    assert!(target.starts_with("/events?filters=%7B%22type%22%3A%5B%22container%22%5D"), "{target}");
    for (word, asked) in [("die", true), ("health_status", true), ("exec_die", false), ("exec_create", false)] {
        assert_eq!(target.contains(&format!("%22{word}%22")), asked, "{word}");
    }
}

#[test]
fn recorded_events_of_engine_26_1_are_read() {
    let engine = Engine::recorded("docker-26.1.5", "containers-all");
    let mut stream = Stream::new(engine.address());
    let mut all = Vec::new();
    while !matches!(all.last(), Some(StreamEvent::Lost(_))) {
        all.extend(next(&mut stream, at(0).boot));
    }
    assert_eq!(all[0], StreamEvent::Connected);
    let StreamEvent::Event(death) = &all[1] else { panic!("{all:?}") };
    assert_eq!((death.kind, death.name.as_str()), (Kind::Die, "app-restarting"));
    assert_eq!(death.id, "2378b6fa14045ef3a851c5d4a6fc1484a47f964a67d50b964783cdabd0320d74");
    assert_eq!(death.at_nanos, 1_795_328_297_694_432_728);
    let count = |kind| kinds(&all).iter().filter(|of| **of == Some(kind)).count();
    assert_eq!((count(Kind::Oom), count(Kind::Health) > 0), (1, true));
}

#[test]
fn events_are_joined_from_any_pieces_and_others_are_left_out() {
    let (engine, sender) = told_what_to_send();
    let mut stream = Stream::new(engine.address());
    let (kill, die) = (message("kill", "web"), message("died", "web"));
    let (front, back) = die.split_at(40);
    let image = die.replace("container", "image");
    for text in [
        HEAD.to_owned(),
        chunk(&format!("{kill}{front}")),
        chunk(back),
        chunk(&image),
        chunk(&message("exec_die", "web")),
        chunk("\n"),
    ] {
        sender.send(text).unwrap();
    }
    sender.send(chunk(&message("health_status: healthy", "web"))).unwrap();
    let mut all = Vec::new();
    while all.len() < 4 {
        all.extend(next(&mut stream, at(0).boot));
    }
    assert_eq!(kinds(&all), [None, Some(Kind::Kill), Some(Kind::Die), Some(Kind::Health)]);
}

#[test]
fn a_rename_tells_both_names_and_compose_its_labels() {
    let (engine, sender) = told_what_to_send();
    let mut stream = Stream::new(engine.address());
    let attributes =
        r#""oldName":"/web","com.docker.compose.project":"shop","com.docker.compose.service":"web","name""#;
    sender.send(HEAD.to_owned() + &chunk(&message("rename", "old-web").replace(r#""name""#, attributes))).unwrap();
    let mut all = Vec::new();
    while all.len() < 2 {
        all.extend(next(&mut stream, at(0).boot));
    }
    let StreamEvent::Event(event) = &all[1] else { panic!("{all:?}") };
    assert_eq!((event.kind, event.name.as_str(), event.old_name.as_deref()), (Kind::Rename, "old-web", Some("web")));
    assert_eq!((event.labels.compose_project.as_str(), event.labels.compose_service.as_str()), ("shop", "web"));
}

#[test]
fn a_stream_that_ends_is_opened_again_with_growing_pauses() {
    let (engine, sender) = told_what_to_send();
    let mut stream = Stream::new(engine.address());
    let mut now = at(0).boot;
    let mut pauses = Vec::new();
    for _ in 0..8 {
        sender.send(HEAD.to_owned()).unwrap();
        assert_eq!(next(&mut stream, now), [StreamEvent::Connected]);
        sender.send(String::new()).unwrap();
        assert_eq!(next(&mut stream, now), [StreamEvent::Lost(Error::CutOff { path: engine.path() })]);
        let due = stream.due().unwrap();
        assert_eq!((stream.fd().is_none(), stream.read(now)), (true, vec![]));
        pauses.push((due - now).as_millis());
        now = due;
    }
    assert_eq!(pauses, [125, 250, 500, 1000, 2000, 4000, 4000, 4000]);

    sender.send(HEAD.to_owned()).unwrap();
    assert_eq!(next(&mut stream, now), [StreamEvent::Connected]);
    now = now.after(Duration::from_secs(60));
    sender.send(String::new()).unwrap();
    assert!(matches!(next(&mut stream, now)[..], [StreamEvent::Lost(_)]));
    assert_eq!((stream.due().unwrap() - now).as_millis(), 125, "one that lasted begins with a short pause");
}

#[test]
fn an_engine_that_is_not_there_is_tried_again_until_it_is() {
    let (engine, _sender) = told_what_to_send();
    let address = engine.address();
    let path = engine.path();
    drop(engine);
    let mut stream = Stream::new(address);
    assert_eq!(stream.read(at(0).boot), [StreamEvent::Lost(Error::NoSocket { path })]);
    assert!(stream.due().unwrap() <= at(5).boot);
}

#[test]
fn an_idle_stream_is_left_alone_and_one_that_stalls_is_given_up() {
    let (engine, sender) = told_what_to_send();
    let mut stream = Stream::new(engine.address());
    sender.send(HEAD.to_owned()).unwrap();
    assert_eq!(next(&mut stream, at(0).boot), [StreamEvent::Connected]);
    assert_eq!((stream.due(), stream.read(at(4).boot)), (Some(at(5).boot), vec![]));
    assert_eq!(stream.read(at(5).boot), [StreamEvent::Settled]);
    assert_eq!((stream.due(), stream.read(at(100_000).boot)), (None, vec![]));

    sender.send("ff\r\n{\"half".to_owned()).unwrap();
    while stream.due().is_none() {
        assert_eq!(stream.read(at(100_000).boot), []);
    }
    assert_eq!(stream.due(), Some(at(100_005).boot));
    assert_eq!(stream.read(at(100_004).boot), []);
    assert!(matches!(stream.read(at(100_005).boot)[..], [StreamEvent::Lost(Error::NoAnswer { .. })]));
}

/// The news until the stream waits for the beginning of an event since this second.
fn begun_at(stream: &mut Stream, second: i64) -> Vec<StreamEvent> {
    let mut told = Vec::new();
    while stream.due() != Some(at(second + 5).boot) {
        told.extend(stream.read(at(second).boot));
    }
    told
}

#[test]
fn an_event_that_drips_is_given_up_and_one_after_the_other_is_not() {
    let (engine, sender) = told_what_to_send();
    let mut stream = Stream::new(engine.address());
    sender.send(HEAD.to_owned() + "ffff\r\n").unwrap();
    assert_eq!(next(&mut stream, at(0).boot), [StreamEvent::Connected]);
    assert_eq!(stream.read(at(5).boot), [StreamEvent::Settled]);
    let event = message("die", "web");
    let (front, back) = event.split_at(9);
    let mut seconds = 5;
    for _ in 0..5 {
        seconds += 4;
        sender.send(front.to_owned()).unwrap();
        assert_eq!(begun_at(&mut stream, seconds), []);
        seconds += 4;
        sender.send(back.to_owned()).unwrap();
        assert_eq!(kinds(&next(&mut stream, at(seconds).boot)), [Some(Kind::Die)]);
    }
    sender.send("{".to_owned()).unwrap();
    assert_eq!(begun_at(&mut stream, seconds), []);
    for second in 1..5 {
        sender.send(" ".to_owned()).unwrap();
        assert_eq!(stream.read(at(seconds + second).boot), []);
    }
    let lost = stream.read(at(seconds + 5).boot).remove(0);
    assert!(matches!(lost, StreamEvent::Lost(Error::NoAnswer { .. })), "{lost:?}");
}

#[test]
fn a_stream_that_never_pauses_is_read_a_share_at_a_time_then_left_alone() {
    let event = message("die", "web");
    let image = event.replace("container", "image");
    for text in ["\n".repeat(4096), image.repeat(20), event.repeat(20)] {
        let flood = chunk(&text);
        let engine = Engine::new(move |_, stream| {
            let _ = stream.write_all(HEAD.as_bytes());
            while stream.write_all(flood.as_bytes()).is_ok() {}
            After::Close
        });
        let mut stream = Stream::new(engine.address());
        let (mut turns, mut most_events) = (0, 0);
        let error = loop {
            let mut told = stream.read(at(0).boot);
            turns += 1;
            most_events = most_events.max(told.len());
            if let Some(StreamEvent::Lost(error)) = told.pop() {
                break error;
            }
        };
        assert_eq!(error, Error::Flood { path: engine.path(), pause: Duration::from_secs(10) });
        let share_bytes = 64 * 1024;
        assert!(turns > 8 * 1024 * 1024 / (2 * share_bytes), "{turns} turns");
        assert!(most_events <= 2 * share_bytes / event.len(), "{most_events} events in a turn");
        assert_eq!((stream.fd().is_none(), stream.due()), (true, Some(at(10).boot)));
        assert_eq!(stream.read(at(9).boot), []);
    }
}

#[test]
fn a_stream_works_again_only_once_it_has_stood_for_a_while() {
    let (engine, sender) = told_what_to_send();
    let mut stream = Stream::new(engine.address());
    let mut told = Vec::new();
    let mut now = at(0).boot;
    for _ in 0..20 {
        sender.send(HEAD.to_owned()).unwrap();
        sender.send(String::new()).unwrap();
        while !matches!(told.last(), Some(StreamEvent::Lost(_))) {
            told.extend(next(&mut stream, now));
        }
        told.pop();
        now = stream.due().unwrap();
    }
    assert_eq!(told, vec![StreamEvent::Connected; 20], "an engine that hangs up each time");
}

#[test]
fn an_engine_that_hangs_is_given_up_and_tried_again() {
    let engine = Engine::new(|_, stream| hang(stream));
    let mut stream = Stream::new(engine.address());
    assert_eq!(stream.read(at(0).boot), []);
    assert_eq!(stream.due(), Some(at(5).boot));
    assert!(matches!(stream.read(at(5).boot)[..], [StreamEvent::Lost(Error::NoAnswer { .. })]));
}

#[test]
fn what_is_no_event_stream_is_lost() {
    let long = chunk(&"x".repeat(2 * 1024 * 1024));
    for reply in [
        "HTTP/1.1 404 Not Found\r\n\r\n".to_owned(),
        "<html>".to_owned(),
        format!("{HEAD}{}", chunk("not json\n")),
        format!("{HEAD}{long}"),
        format!("{HEAD}zz\r\n"),
    ] {
        let engine = Engine::replying(reply.clone());
        let mut stream = Stream::new(engine.address());
        let mut all = Vec::new();
        while !matches!(all.last(), Some(StreamEvent::Lost(_))) {
            all.extend(next(&mut stream, at(0).boot));
        }
        assert!(matches!(all.last(), Some(StreamEvent::Lost(Error::NotAnEngine { .. }))), "{reply:.100}: {all:?}");
    }
}
