//! A day of an agent, played in an instant: a script of events on a host and at its robot, and the transcript of every
//! message as the robot saw it.
//!
//! fixtures/pipeline holds each day as NAME.yaml (the configuration), NAME.txt (the script, see `script`) and
//! NAME.golden.txt. Everything between the collectors and the channel is the agent's own; the world is `world`.

mod bench;
mod script;
mod world;

use std::fs;
use std::path::{Path, PathBuf};

use vps_monitor::config::{Config, Resolved};
use vps_monitor::core::{Core, End, Mode};
use vps_monitor::files::RealFolder;
use vps_monitor::store;

use script::Script;
use world::World;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/pipeline").join(name)
}

/// Plays a day, and gives its transcript.
fn play(day: &str) -> String {
    let file = format!("{day}.yaml");
    let config = Config::parse(&file, &fs::read(fixture(&file)).unwrap()).unwrap_or_else(|error| panic!("{error}"));
    assert!(config.warnings.is_empty(), "{file} has warnings");
    let script = Script::parse(&fs::read_to_string(fixture(&format!("{day}.txt"))).unwrap());
    let world = World::new(script);
    let folder = tempfile::tempdir().unwrap();
    // Each turn of this loop is a process: it goes on from its predecessor's folder.
    while !world.is_over() {
        let open = || RealFolder::open(folder.path()).unwrap();
        let boot_id = "one start of the machine".to_owned();
        let now = world.now();
        let loaded = store::load(&mut open(), folder.path(), &boot_id, now).unwrap();
        let mode = Mode { state_folder: folder.path().to_owned(), boot_id, ..Mode::default() };
        let core = Core::new(Resolved::new(&config.value), loaded, mode, now);
        assert_eq!(world.run(core, open()), End::Stopped);
    }
    world.transcript()
}

/// Compares a day's transcript with its golden file.
fn compare(day: &str) {
    let transcript = play(day);
    let golden = fixture(&format!("{day}.golden.txt"));
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    if transcript == expected {
        return;
    }
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        return fs::write(&golden, &transcript).unwrap();
    }
    let same = transcript.lines().zip(expected.lines()).take_while(|(actual, expected)| actual == expected).count();
    panic!(
        "from line {} on, the day goes otherwise than in {}:\n  expected {:?}\n  found    {:?}\nUPDATE_EXPECTED=1 writes it anew",
        same + 1,
        golden.display(),
        expected.lines().nth(same),
        transcript.lines().nth(same)
    );
}

#[test]
fn a_day_in_chinese() {
    compare("day");
}

#[test]
fn a_morning_in_english() {
    compare("morning");
}
