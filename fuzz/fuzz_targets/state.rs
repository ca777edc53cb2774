//! The agent goes on from any state file, refuses it, or sets it aside. A state that it goes on from can be told, folded
//! and saved.
#![no_main]

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use vps_monitor::clock::{Boot, Now};
use vps_monitor::files::Folder;
use vps_monitor::message::{Language, Style, digest};
use vps_monitor::store::{FILE_NAME, Loaded, Store};

/// A folder in memory.
struct Memory(BTreeMap<String, Vec<u8>>);

impl Folder for Memory {
    fn read(&mut self, name: &str, _limit: usize) -> io::Result<Vec<u8>> {
        self.0.get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.0.insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn sync(&mut self, _name: &str) -> io::Result<()> {
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let bytes = self.0.remove(from).ok_or(io::ErrorKind::NotFound)?;
        self.0.insert(to.to_owned(), bytes);
        Ok(())
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fuzz_target!(|bytes: &[u8]| {
    let now = Now { wall: Timestamp::UNIX_EPOCH, boot: Boot::from_millis(5000) };
    let folder = Memory(BTreeMap::from([(FILE_NAME.to_owned(), bytes.to_vec())]));
    let mut store = Store::new(folder, "another start".to_owned());
    if let Ok(Loaded::State(mut state)) = store.load(now, Path::new("/state")) {
        let style = Style { language: Language::Chinese, host: "h".to_owned(), zone: jiff::tz::TimeZone::UTC };
        state.outbox.fold(|messages| digest(messages, &style, now.wall));
        let _ = state.outbox.begin(now.boot).map(|(message, _)| message.text());
        assert!(store.save(&state, now).is_ok());
        assert!(matches!(store.load(now, Path::new("/state")), Ok(Loaded::State(_))));
    }
});
