//! The disk: a folder whose every operation can fail, tear, fill up, lie, or be the last one before a crash.
//!
//! Written bytes are in memory until they are synced. A crash of the agent leaves them in place; a loss of power leaves
//! the synced ones, and chance decides on the rest.

use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;

use super::random::Random;
use super::save::Saved;

/// The content of a file.
#[derive(Clone)]
pub struct Content {
    pub bytes: Rc<Vec<u8>>,
    /// The oracle's knowledge when these bytes were saved; `None`: they are incomplete.
    pub saved: Option<Rc<Saved>>,
    /// They survive a loss of power.
    synced: bool,
}

#[derive(Default)]
pub struct Disk {
    /// The folder as programs see it.
    pub files: BTreeMap<String, Content>,
    /// The folder as a loss of power leaves it.
    lasting: BTreeMap<String, Content>,
    /// A sync was only pretended, and its data has not been synced since.
    pub lied: bool,
}

impl Disk {
    pub fn read(&self, name: &str) -> io::Result<Content> {
        self.files.get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub fn write(&mut self, name: &str, bytes: &[u8], saved: Option<Rc<Saved>>) {
        let content = Content { bytes: Rc::new(bytes.to_vec()), saved, synced: false };
        self.files.insert(name.to_owned(), content);
    }

    /// Somebody empties the file, or cuts it; says whether it was there.
    pub fn cut(&mut self, name: &str, random: &mut Random) -> bool {
        let Some(content) = self.files.get_mut(name) else { return false };
        let length = content.bytes.len() / 2 * usize::from(random.once_in(2));
        (content.bytes, content.saved) = (Rc::new(content.bytes[..length].to_vec()), None);
        true
    }

    pub fn sync(&mut self, name: &str, honest: bool) {
        if !honest {
            self.lied = true;
        } else if let Some(content) = self.files.get_mut(name) {
            content.synced = true;
        }
    }

    pub fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let content = self.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        self.files.insert(to.to_owned(), content);
        Ok(())
    }

    pub fn sync_folder(&mut self, honest: bool) {
        if honest {
            self.lasting.clone_from(&self.files);
            self.lied = self.files.values().any(|content| !content.synced);
        } else {
            self.lied = true;
        }
    }

    /// The power is gone. Renames that were not synced have happened or not, all of them; bytes that were not synced are
    /// there up to somewhere.
    pub fn lose_power(&mut self, random: &mut Random) {
        if random.once_in(2) {
            self.files.clone_from(&self.lasting);
        }
        for content in self.files.values_mut().filter(|content| !content.synced) {
            let kept = random.range(0, content.bytes.len() as i64 + 1) as usize;
            if kept < content.bytes.len() {
                content.bytes = Rc::new(content.bytes[..kept].to_vec());
                content.saved = None;
            }
            content.synced = true;
        }
        self.lasting.clone_from(&self.files);
        self.lied = false;
    }
}
