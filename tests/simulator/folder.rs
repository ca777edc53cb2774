//! The folder that the agent reads its state from.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use vps_monitor::files::Folder;
use vps_monitor::store::FILE_NAME;

use super::mishap::DiskFault;
use super::world::World;

pub struct SimulatedFolder(pub Rc<RefCell<World>>);

impl Folder for SimulatedFolder {
    fn read(&mut self, name: &str, _limit: usize) -> io::Result<Vec<u8>> {
        let mut world = self.0.borrow_mut();
        if world.operate("read", |_| {})? == DiskFault::CrashAfter {
            world.crash(false);
        }
        let content = world.disk.read(name);
        if name == FILE_NAME {
            world.start_from(content.as_ref().ok());
        }
        content.map(|content| content.bytes.to_vec())
    }

    fn write(&mut self, _: &str, _: &[u8]) -> io::Result<()> {
        panic!("the agent leaves writing to another process")
    }

    fn sync(&mut self, _: &str) -> io::Result<()> {
        panic!("the agent leaves writing to another process")
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let mut world = self.0.borrow_mut();
        world.operate("rename", |_| {})?;
        world.disk.rename(from, to)
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let mut world = self.0.borrow_mut();
        world.operate("remove", |_| {})?;
        world.disk.files.remove(name).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&mut self) -> io::Result<Vec<String>> {
        let mut world = self.0.borrow_mut();
        world.operate("list", |_| {})?;
        Ok(world.disk.files.keys().cloned().collect())
    }
}
