//! The guarantees of the state file: whole, versioned, and kept when it cannot be read.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;

use super::*;
use crate::files::RealFolder;
use crate::forecast::Change;
use crate::message::{Escape, Kind, Line, Message, Span};
use crate::metric;
use crate::snapshot::{Snapshot, Value};

/// A folder in memory that remembers each operation, and fails at one of them.
#[derive(Default)]
struct FakeFolder {
    files: BTreeMap<String, Vec<u8>>,
    done: Vec<&'static str>,
    fail_at: Option<usize>,
    read_fails: Option<Errno>,
}

impl FakeFolder {
    fn step(&mut self, name: &'static str) -> io::Result<()> {
        if self.fail_at == Some(self.done.len()) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.done.push(name);
        Ok(())
    }
}

impl Folder for FakeFolder {
    fn read(&mut self, name: &str, limit: usize) -> io::Result<Vec<u8>> {
        if let Some(errno) = self.read_fails {
            return Err(errno.into());
        }
        assert!(self.files.get(name).is_none_or(|bytes| bytes.len() <= limit), "a written file is not read again");
        self.files.get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        // A write that fails has written half.
        self.files.insert(name.to_owned(), bytes[..bytes.len() / 2].to_vec());
        self.step("write")?;
        self.files.insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn sync(&mut self, _name: &str) -> io::Result<()> {
        self.step("sync")
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.step("rename")?;
        let bytes = self.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        self.files.insert(to.to_owned(), bytes);
        Ok(())
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        self.step("sync_folder")
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.files.remove(name).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&mut self) -> io::Result<Vec<String>> {
        Ok(self.files.keys().cloned().collect())
    }
}

/// A folder, and a start of the machine.
struct Store<F> {
    folder: F,
    boot_id: String,
}

impl<F: Folder> Store<F> {
    fn new(folder: F, boot_id: String) -> Store<F> {
        Store { folder, boot_id }
    }

    fn load(&mut self, now: Now) -> Result<Loaded, LoadError> {
        super::load(&mut self.folder, Path::new("/state"), &self.boot_id, now)
    }

    fn save(&mut self, state: &State, now: Now) -> io::Result<()> {
        replace(&mut self.folder, &encode(state, &self.boot_id, now)?.bytes)
    }
}

fn at(seconds: i64) -> Now {
    Now { wall: Timestamp::from_second(1_770_000_000 + seconds).unwrap(), boot: Boot::from_millis(seconds * 1000) }
}

fn message(title: &str) -> Message {
    Message {
        kind: Kind::Alert,
        title: title.to_owned().into(),
        rule_width: 16,
        lines: vec!["📊 内存使用率: 85.2% (阈值: 80%)".into()],
        footer: String::new(),
        created: at(0).wall,
        part: None,
        facts: Vec::new(),
        folded: 0,
        whole: None,
    }
}

fn state(title: &str) -> State {
    let mut state = State::default();
    let message = message(title);
    state.outboxes.entry(ROBOT.to_owned()).or_default().push(message, at(0).boot);
    state
}

/// What is loaded, but for the gap since the save.
fn load<F: Folder>(store: &mut Store<F>, now: Now) -> Loaded {
    let mut loaded = store.load(now).unwrap();
    if let Loaded::State(state) = &mut loaded {
        (state.gap, state.saved) = (None, None);
    }
    loaded
}

#[test]
fn what_was_saved_is_loaded() {
    let mut store = Store::new(FakeFolder::default(), "boot".to_owned());
    assert_eq!(load(&mut store, at(0)), Loaded::Nothing);
    store.save(&state("one"), at(0)).unwrap();
    assert_eq!(load(&mut store, at(5)), Loaded::State(Box::new(state("one"))));
    assert_eq!(store.folder.done, ["write", "sync", "rename", "sync_folder"]);
}

#[test]
fn a_save_that_fails_at_any_step_leaves_the_old_or_the_new_state_whole() {
    for step in 0..4 {
        let mut store = Store::new(FakeFolder::default(), "boot".to_owned());
        store.save(&state("old"), at(0)).unwrap();
        store.folder.fail_at = Some(4 + step);
        store.save(&state("new"), at(1)).unwrap_err();
        store.folder.fail_at = None;
        let expected = if step < 3 { "old" } else { "new" };
        assert_eq!(load(&mut store, at(2)), Loaded::State(Box::new(state(expected))), "step {step}");
    }
}

#[test]
fn a_damaged_file_is_set_aside_and_kept() {
    for damaged in [&b"{\"version\": 1, \"alerts\""[..], b"\xff\xfe", b"", b"[]", b"{\"version\": 1, \"alerts\": 5}"] {
        let mut store = Store::new(FakeFolder::default(), "boot".to_owned());
        store.folder.files.insert(FILE_NAME.to_owned(), damaged.to_vec());
        let Loaded::Damaged(Damage { kept_as: Some(name), .. }) = load(&mut store, at(7)) else {
            panic!("{damaged:?}")
        };
        assert_eq!(name, "alert_state.json.damaged-1770000007");
        assert_eq!(store.folder.files[&name], damaged);
        assert_eq!(load(&mut store, at(8)), Loaded::Nothing);
    }
}

#[test]
fn of_files_that_were_set_aside_the_newest_three_are_kept() {
    let mut store = Store::new(FakeFolder::default(), "boot".to_owned());
    let mut names = Vec::new();
    // Two in one second; then the clock is set back.
    for seconds in [1, 2, 2, 3, 4, -100] {
        store.folder.files.insert(FILE_NAME.to_owned(), format!("damaged at {seconds}").into_bytes());
        let Loaded::Damaged(Damage { kept_as: Some(name), .. }) = load(&mut store, at(seconds)) else { panic!() };
        assert_eq!(store.folder.files[&name], format!("damaged at {seconds}").into_bytes());
        names.push(name);
    }
    assert_eq!(names[2], format!("{}-1", names[1]));
    let kept: Vec<&String> = store.folder.files.keys().collect();
    assert_eq!(kept, [&names[5], &names[3], &names[4]]);
    // A file that only looks like one belongs to somebody else.
    for name in ["alert_state.json.damaged-", "alert_state.json.damaged-today", "alert_state.json.damaged-1.gz"] {
        store.folder.files.insert(name.to_owned(), Vec::new());
    }
    store.folder.files.insert(FILE_NAME.to_owned(), Vec::new());
    let _ = load(&mut store, at(9));
    assert_eq!(store.folder.files.len(), 3 + 3);
}

#[test]
fn what_is_still_to_be_seen_of_a_damaged_state_is_told() {
    let mut store = Store::new(FakeFolder::default(), "boot".to_owned());
    let mut two = state("⚠️ \"one\"");
    let named = Message { title: Line::from("three [") + Line::foreign("<web-1>") + "]", ..message("") };
    two.outboxes.get_mut(ROBOT).unwrap().push(named, at(0).boot);
    two.outboxes.get_mut(ROBOT).unwrap().push(message("two"), at(0).boot);
    store.save(&two, at(5)).unwrap();
    let file = store.folder.files.get_mut(FILE_NAME).unwrap();
    file.truncate(file.len() - 10);
    let Loaded::Damaged(Damage { lost, why, .. }) = load(&mut store, at(7)) else { panic!() };
    assert_eq!(lost.titles, ["⚠️ \"one\"", "three [<web-1>]", "two"]);
    assert_eq!((lost.saved, lost.messages), (Some(at(5).wall), 3));
    assert!(why.starts_with("EOF"), "{why}");
}

#[test]
fn what_cannot_be_read_just_now_is_neither_set_aside_nor_taken_for_nothing() {
    for errno in
        [Errno::EMFILE, Errno::ENFILE, Errno::EIO, Errno::ENOMEM, Errno::EACCES, Errno::ESTALE, Errno::ETIMEDOUT]
    {
        let mut store = Store::new(FakeFolder::default(), "boot".to_owned());
        store.save(&state("one"), at(0)).unwrap();
        store.folder.read_fails = Some(errno);
        let error = store.load(at(1)).unwrap_err();
        assert!(error.patience() > Duration::ZERO, "{error}");
        assert!(error.to_string().starts_with("/state/alert_state.json cannot be read: "), "{error}");
        store.folder.read_fails = None;
        assert_eq!(load(&mut store, at(2)), Loaded::State(Box::new(state("one"))), "{errno}");
    }
}

#[test]
fn what_is_longer_than_is_read_or_no_file_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    let mut store = Store::new(RealFolder::open(folder.path()).unwrap(), "boot".to_owned());
    std::fs::write(&path, vec![b' '; MAX_FILE_BYTES + 1]).unwrap();
    assert!(matches!(load(&mut store, at(1)), Loaded::Damaged(Damage { kept_as: Some(_), .. })));
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let Loaded::Damaged(damage) = load(&mut store, at(2)) else { panic!() };
    assert!(damage.kept_as.is_some() && damage.why.contains("not a regular file"), "{damage:?}");
    assert_eq!(load(&mut store, at(3)), Loaded::Nothing);
}

#[test]
fn a_file_of_a_newer_version_is_refused_and_left_alone() {
    let mut store = Store::new(FakeFolder::default(), "boot".to_owned());
    store.folder.files.insert(FILE_NAME.to_owned(), b"{\"version\": 3, \"new\": {}}".to_vec());
    let error = store.load(at(0)).unwrap_err();
    assert!(error.to_string().starts_with("/state/alert_state.json was written by a newer version"), "{error}");
    assert!(store.folder.files.contains_key(FILE_NAME) && store.folder.done.is_empty());
}

#[test]
fn on_another_start_of_the_machine_pauses_go_on() {
    let mut saved = state("one");
    let outcome = crate::outbox::Outcome::Throttled { reason: "busy".to_owned(), hold: Duration::from_secs(60) };
    let outbox = saved.outboxes.get_mut(ROBOT).unwrap();
    assert!(outbox.begin(at(1000).boot, None, |message| vec![message]).is_some());
    let _ = outbox.settle(&outcome, at(1000).boot);
    let mut store = Store::new(FakeFolder::default(), "first".to_owned());
    store.save(&saved, at(1010)).unwrap();

    let mut same = Store::new(store.folder, "first".to_owned());
    let Loaded::State(loaded) = load(&mut same, at(1020)) else { panic!() };
    assert_eq!(loaded.outboxes[ROBOT].next_attempt(None), Some(at(1060).boot));

    // Ten seconds of the hold had passed when it was saved, and five since this start. The wall clock may be wrong
    // about the time between, and the robot would mind.
    let restarted = Now { wall: at(1035).wall, boot: Boot::from_millis(5000) };
    let mut other = Store::new(same.folder, "second".to_owned());
    let Loaded::State(loaded) = load(&mut other, restarted) else { panic!() };
    assert_eq!(loaded.outboxes[ROBOT].next_attempt(None), Some(restarted.boot.after(Duration::from_secs(45))));
}

#[test]
fn from_the_save_on_something_may_have_been_sent_until_the_load_or_the_machines_start() {
    let mut store = Store::new(FakeFolder::default(), "first".to_owned());
    store.save(&state("one"), at(1010)).unwrap();
    let gap = |folder, boot_id: &str, now| {
        let mut store = Store::new(folder, boot_id.to_owned());
        let Loaded::State(loaded) = store.load(now).unwrap() else { panic!() };
        (loaded.gap, store.folder)
    };
    let (same, folder) = gap(store.folder, "first", at(1020));
    assert_eq!(same, Some(at(1010).boot..at(1020).boot));
    let (other, _) = gap(folder, "second", Now { boot: Boot::from_millis(5000), ..at(1035) });
    assert_eq!(other, Some(Boot::EARLIEST..Boot::from_millis(0)));
}

#[test]
fn on_another_start_of_the_machine_the_hours_of_a_forecast_go_on() {
    let mut saved = State::default();
    let mut snapshot = Snapshot::default();
    snapshot.push(metric::DISK, "/", Value::Number(50.0));
    assert_eq!(saved.forecasts.derive(&mut snapshot, |_, _| true, at(1000).boot), Change::Higher);
    let mut store = Store::new(FakeFolder::default(), "first".to_owned());
    store.save(&saved, at(1010)).unwrap();

    let began = |boot_id: &str, folder: FakeFolder, now: Now| {
        let mut store = Store::new(folder, boot_id.to_owned());
        let Loaded::State(loaded) = load(&mut store, now) else { panic!() };
        let hour_began: Boot =
            serde_json::from_value(serde_json::to_value(&loaded.forecasts).unwrap()["hour_began"].clone()).unwrap();
        (hour_began, store.folder)
    };
    let (same, folder) = began("first", store.folder, at(1020));
    assert_eq!(same, at(1000).boot);
    let restarted = Now { wall: at(1035).wall, boot: Boot::from_millis(5000) };
    let (other, _) = began("second", folder, restarted);
    assert_eq!(other, restarted.boot.before(Duration::from_secs(35)));
}

#[test]
fn states_as_they_were_once_saved_can_be_read() {
    for state in
        [include_str!("../../fixtures/state/alert-waits.json"), include_str!("../../fixtures/state/empty.json")]
    {
        let mut store = Store::new(FakeFolder::default(), "boot".to_owned());
        store.folder.files.insert(FILE_NAME.to_owned(), state.as_bytes().to_vec());
        let loaded = load(&mut store, at(0));
        assert!(matches!(loaded, Loaded::State(_)), "{loaded:?}: {state}");
    }
}

#[test]
fn a_state_of_version_1_keeps_its_alerts_and_its_messages() {
    let mut store = Store::new(FakeFolder::default(), "boot".to_owned());
    let state = include_str!("../../fixtures/state/alert-waits.json");
    store.folder.files.insert(FILE_NAME.to_owned(), state.as_bytes().to_vec());
    let Loaded::State(loaded) = load(&mut store, at(0)) else { panic!("it is a state") };
    assert_eq!((loaded.alerts.active_count(), loaded.outboxes[ROBOT].len()), (1, 1));
    let waiting = &loaded.outboxes[ROBOT].waiting().next().unwrap().message;
    // It was escaped when it was saved, so it is told unchanged.
    assert!(waiting.title.spans().all(|span| matches!(span, Span::Own(_))));
    let text = "⚠️ VPS 告警 [web-1]\n━━━━━━━━━━━━━━━━\n📊 内存使用率: 80.4% (阈值: 1%)\n⏰ 时间: 2026-11-23 02:42:26";
    assert_eq!(waiting.text(&Escape::NONE), text);
    store.save(&loaded, at(1)).unwrap();
    assert_eq!(load(&mut store, at(2)), Loaded::State(loaded));
}

#[test]
fn the_file_is_readable_by_its_owner_alone_and_says_its_version() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::new(RealFolder::open(folder.path()).unwrap(), "boot".to_owned());
    store.save(&state("one"), at(0)).unwrap();
    let path = folder.path().join(FILE_NAME);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(json["version"], VERSION);
    assert_eq!(load(&mut store, at(1)), Loaded::State(Box::new(state("one"))));
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, [FILE_NAME]);
}

proptest::proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        let mut store = Store::new(FakeFolder::default(), "boot".to_owned());
        store.folder.files.insert(FILE_NAME.to_owned(), bytes);
        let _ = store.load(at(0));
    }

    #[test]
    fn a_file_that_was_cut_is_set_aside(cut in 0usize..900) {
        let mut store = Store::new(FakeFolder::default(), "boot".to_owned());
        store.save(&state("one"), at(0)).unwrap();
        let whole = store.folder.files[FILE_NAME].len();
        store.folder.files.get_mut(FILE_NAME).unwrap().truncate(cut.min(whole - 3));
        let damaged = matches!(load(&mut store, at(1)), Loaded::Damaged(_));
        proptest::prop_assert!(damaged);
    }
}
