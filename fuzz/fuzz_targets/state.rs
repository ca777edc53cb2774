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
use vps_monitor::message::{Escape, Language, Style, digest};
use vps_monitor::store::{self, FILE_NAME, Loaded};

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

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.0.remove(name).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&mut self) -> io::Result<Vec<String>> {
        Ok(self.0.keys().cloned().collect())
    }
}

fuzz_target!(|bytes: &[u8]| {
    let now = Now { wall: Timestamp::UNIX_EPOCH, boot: Boot::from_millis(5000) };
    let mut folder = Memory(BTreeMap::from([(FILE_NAME.to_owned(), bytes.to_vec())]));
    let load = |folder: &mut Memory| store::load(folder, Path::new("/state"), "another start", now);
    if let Ok(Loaded::State(mut state)) = load(&mut folder) {
        let style = Style { language: Language::Chinese, host: "h".to_owned(), zone: jiff::tz::TimeZone::UTC };
        for outbox in state.outboxes.values_mut() {
            outbox.fold(|messages| digest(messages, &style, now.wall));
            outbox.waiting().for_each(|entry| drop(entry.message.text(&Escape::NONE)));
        }
        let encoded = store::encode(&state, "another start", now).expect("what was loaded can be saved");
        assert!(store::replace(&mut folder, &encoded.bytes).is_ok());
        assert!(matches!(load(&mut folder), Ok(Loaded::State(_))));
    }
});
