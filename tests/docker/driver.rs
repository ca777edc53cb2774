//! The driver that joins the knowledge of containers with an engine's answers and events.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::poll::{PollFd, PollTimeout, poll};
use vps_monitor::clock::{Boot, Now};
use vps_monitor::collect::docker::{Engine, EngineUpdate, Memory};

use super::{at, config, told};
use crate::support::engine::{After, Engine as FakeEngine, hang, json_reply};

/// An engine with one container, which stops answering when it is told to; its events stay open and say nothing.
fn hanging_engine(hangs: &Arc<AtomicBool>) -> FakeEngine {
    let hangs = hangs.clone();
    FakeEngine::new(move |target, stream| {
        if target.starts_with("/events") {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            return hang(stream);
        }
        if hangs.load(Ordering::SeqCst) {
            return hang(stream);
        }
        let list = r#"[{"Id":"aaaa","Names":["/web"],"State":"running","Status":"Up 3 days"}]"#;
        let _ = stream.write_all(json_reply("200 OK", list).as_bytes());
        After::Keep
    })
}

/// Goes on until something has come of it at `seconds` of the scripted clock, or until it waits for a later time.
fn go_on(engine: &mut Engine, seconds: i64) -> Vec<String> {
    let now: Now = at(seconds);
    let mut lines = Vec::new();
    loop {
        match engine.advance(now) {
            Some(EngineUpdate::Surveyed(snapshot)) => lines.extend(told(&snapshot)),
            Some(EngineUpdate::Looked(looked)) => lines.extend(told(&looked.snapshot)),
            Some(EngineUpdate::EventsLost(_)) => {}
            None => {
                let mut fds: Vec<PollFd<'_>> =
                    engine.fds().into_iter().flatten().map(|(fd, flags)| PollFd::new(fd, flags)).collect();
                // An engine on this machine answers at once; one that hangs does not answer.
                let timeout = PollTimeout::try_from(Duration::from_millis(200)).unwrap();
                if poll(&mut fds, timeout).unwrap() == 0 && engine.due().is_none_or(|due| due > now.boot) {
                    return lines;
                }
            }
        }
    }
}

#[test]
fn an_engine_that_hangs_beside_its_open_events_is_asked_again_told_and_found_to_be_back() {
    let hangs = Arc::new(AtomicBool::new(false));
    let fake = hanging_engine(&hangs);
    let mut engine = Engine::new(&config(fake.address(), &[]), Some(Memory::default()));
    let runs = "container_state(web): running, clear";
    // An engine that has the processor at the right moment has answered at once.
    let mut found = engine.survey(at(0)).iter().flat_map(told).collect::<Vec<_>>();
    found.extend(go_on(&mut engine, 0));
    assert!(found.contains(&runs.to_owned()), "{found:?}");
    // The look that the opened stream asks for.
    let _ = go_on(&mut engine, 1);

    hangs.store(true, Ordering::SeqCst);
    assert_eq!(engine.survey(at(10)), None);
    let mut lines: Vec<(i64, String)> = Vec::new();
    let mut seconds = 10;
    while !lines.iter().any(|(_, line)| line.starts_with("docker_engine")) {
        let due = engine.due().expect("a hung engine has a deadline");
        seconds = seconds.max(i64::try_from((due - Boot::from_millis(0)).as_secs()).unwrap()).max(seconds + 1);
        assert!(seconds < 120, "{lines:?}");
        lines.extend(go_on(&mut engine, seconds).into_iter().map(|line| (seconds, line)));
    }
    let (told_at, unavailable) = lines.iter().find(|(_, line)| line.starts_with("docker_engine")).unwrap();
    assert_eq!(unavailable, "docker_engine(Docker): unavailable, breach");
    // The first failure was at 15 s.
    assert!((75..=85).contains(told_at), "{lines:?}");

    hangs.store(false, Ordering::SeqCst);
    let back = (seconds + 1..seconds + 11).find_map(|second| {
        let lines = go_on(&mut engine, second);
        lines.contains(&runs.to_owned()).then_some(lines)
    });
    assert_eq!(back.unwrap(), [runs, "docker_engine(Docker): available, clear"]);
}
