//! The longest turn of the loop, as the agent itself measures it, while all that it asks and writes to is slow at once: an
//! fsync(2) that takes 8 s, an engine that never answers, events that never pause, a standard output that nobody reads,
//! readers of a `status` who do not read it, a robot that never answers.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};

use super::unread::full_pipe;
use crate::support::agent::{Place, quick};
use crate::support::can_inject;
use crate::support::engine::{After, Engine, hang};
use crate::support::robot::{Answer, Robot};

/// Each of the delays is longer. The rest of a turn is the machine's, which is busy with other tests.
const LONGEST_TURN: Duration = Duration::from_millis(2500);

/// Somebody else's events: each is read, and means nothing.
const EVENTS: &str = concat!(r#"{"Type":"image","Action":"pull","Actor":{"ID":"a"},"timeNano":1}"#, "\n");

#[test]
fn no_turn_waits_for_a_disk_an_engine_a_robot_or_a_reader() {
    if !can_inject() {
        return;
    }
    let flood = EVENTS.repeat(1000);
    let flood = format!("{:x}\r\n{flood}\r\n", flood.len());
    let lists = AtomicUsize::new(0);
    let engine = Engine::new(move |target, stream| {
        if target.starts_with("/events") {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            while stream.write_all(flood.as_bytes()).is_ok() {}
            return After::Close;
        }
        // The first list makes it one that is expected to answer, and to be listened to.
        if lists.fetch_add(1, Ordering::SeqCst) == 0 {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]");
            return After::Keep;
        }
        hang(stream)
    });
    let robot = Robot::start([Answer::Hang, Answer::Hang]);
    let place = Place::on("small-vps");
    let docker = format!("docker: {{enabled: true, socket: {}}}", engine.path().display());
    let config = quick(&robot.url()).replace("docker: {enabled: false}", &docker);
    place.configure(&config.replace("check_interval: 1h", "check_interval: 1s"));

    let agent = place.command(&["run"]);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", "inject=fsync:delay_enter=8000000", "-P"]);
    strace.arg(place.state().join("alert_state.json.new")).arg(agent.get_program()).args(agent.get_args());
    let (_reader, writer, _) = full_pipe();
    let agent = place.spawn_to(strace, Some(writer.into()), None);
    let pid = super::slow_disk::pid(&place);
    agent.wait_for_log("sends more than can be read");
    agent.wait_for_log("a save takes longer than 5 s");
    agent.wait_for_log("no answer from");
    let _readers: Vec<UnixStream> =
        (0..8).map(|_| UnixStream::connect(place.state().join("status.sock")).unwrap()).collect();
    kill(pid, Signal::SIGHUP).unwrap();
    agent.wait_for_log("reloaded");
    robot.wait_for(2);

    let longest = Duration::from_secs_f64(place.status()["longest_turn_ms"].as_f64().unwrap() / 1000.0);
    println!("the longest turn: {longest:?}");
    assert!(longest > Duration::ZERO && longest < LONGEST_TURN, "{longest:?}");
    kill(pid, Signal::SIGTERM).unwrap();
    // strace waits for the child that saves.
    assert_eq!(agent.finish().code, 0);
}
