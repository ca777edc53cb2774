//! The file operations that the store is built on, behind a layer that a test can make fail at every step.
//!
//! A real folder is opened once, and every operation is below its descriptor: changes of the path by others have no
//! effect. A name in it is never followed if it is a link, and only a regular file is read: opening a FIFO or a device
//! could wait for ever.

use std::ffi::OsStr;
use std::fs::{File, Metadata, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::mem::MaybeUninit;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat, renameat};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, connect, listen, socket};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{Uid, UnlinkatFlags, geteuid, unlinkat};
use rustix::fs::{FileType, RawDir};

const SOCKET_FLAGS: SockFlag = SockFlag::SOCK_CLOEXEC.union(SockFlag::SOCK_NONBLOCK);

/// One folder of files. Names are plain names in it.
pub trait Folder {
    /// At most `limit` bytes of a regular file; a longer one is an error.
    fn read(&mut self, name: &str, limit: usize) -> io::Result<Vec<u8>>;
    /// Writes a new file, readable by its owner alone. An existing entry of that name is removed first, whatever it is.
    fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// Makes the last write to a file survive a loss of power.
    fn sync(&mut self, name: &str) -> io::Result<()>;
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;
    /// Makes renames survive a loss of power.
    fn sync_folder(&mut self) -> io::Result<()>;
    fn remove(&mut self, name: &str) -> io::Result<()>;
    /// The names of all entries.
    fn list(&mut self) -> io::Result<Vec<String>>;
}

/// Replaces a file: afterwards either the old or the new one is there, whole, whatever happens.
///
/// # Errors
/// Those of the folder. Unless only the last step failed, the old file is untouched then.
pub fn replace(folder: &mut impl Folder, name: &str, bytes: &[u8]) -> io::Result<()> {
    let new = format!("{name}.new");
    folder.write(&new, bytes)?;
    folder.sync(&new)?;
    folder.rename(&new, name)?;
    folder.sync_folder()
}

/// An entry of a folder.
pub struct Entry<'a> {
    folder: &'a Path,
    pub name: &'a OsStr,
    kind: FileType,
}

impl Entry<'_> {
    pub fn path(&self) -> PathBuf {
        self.folder.join(self.name)
    }

    /// Whether it is a folder itself, and no link to one.
    pub fn is_folder(&self) -> bool {
        match self.kind {
            // Some file systems do not say (readdir(3)).
            FileType::Unknown => self.metadata().is_ok_and(|metadata| metadata.is_dir()),
            kind => kind.is_dir(),
        }
    }

    /// Its own, not those of the file that a link leads to.
    pub fn metadata(&self) -> io::Result<Metadata> {
        self.path().symlink_metadata()
    }
}

/// Takes the entries of a folder one by one, until one breaks off.
///
/// # Errors
/// Those of open(2) and getdents64(2).
pub fn each_entry(folder: &Path, mut take: impl FnMut(Entry<'_>) -> ControlFlow<()>) -> io::Result<()> {
    each_name(open_folder(AT_FDCWD, folder)?, |name, kind| take(Entry { folder, name, kind }))
}

/// A name has 255 bytes at most, 1,024 on some file systems. The buffer of opendir(3), and so that of the standard library,
/// takes 32 KB of the heap, which the agent would keep.
const ENTRIES_BYTES: usize = 2 * 1024;

fn each_name(folder: OwnedFd, mut take: impl FnMut(&OsStr, FileType) -> ControlFlow<()>) -> io::Result<()> {
    let mut buffer = [MaybeUninit::uninit(); ENTRIES_BYTES];
    let mut entries = RawDir::new(folder, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name != "." && name != ".." && take(name, entry.file_type()).is_break() {
            break;
        }
    }
    Ok(())
}

/// From Linux 6.3 on; with `vm.memfd_noexec` = 2 the kernel makes no file in memory without it (memfd_create(2)).
const MFD_NOEXEC_SEAL: MFdFlags = MFdFlags::from_bits_retain(0x8);

/// A file without a name, in memory, that holds `bytes` and is read from its beginning.
///
/// # Errors
/// There is no descriptor or no memory for it, or it is longer than a file may be (RLIMIT_FSIZE).
pub fn in_memory(bytes: &[u8]) -> io::Result<File> {
    let create = |flags| memfd_create(c"vps-monitor", MFdFlags::MFD_CLOEXEC | flags);
    // A kernel that does not know the flag refuses it.
    let mut file = File::from(create(MFD_NOEXEC_SEAL).or_else(|_| create(MFdFlags::empty()))?);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

/// A folder of the running system, opened.
#[derive(Debug)]
pub struct RealFolder {
    folder: File,
}

impl RealFolder {
    /// Opens the folder that `path` leads to. If `path` itself is a link, it is followed only if it belongs to root or
    /// to this user: anybody else's link could lead anywhere.
    ///
    /// # Errors
    /// There is no such folder, it cannot be opened, or it is another user's link.
    pub fn open(path: &Path) -> io::Result<RealFolder> {
        // A slash at the end would follow any link.
        let path: PathBuf = path.components().collect();
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let open = |flags| uninterrupted(|| nix::fcntl::open(&path, flags, Mode::empty()));
        let opened = match open(flags | OFlag::O_NOFOLLOW) {
            Err(Errno::ENOTDIR | Errno::ELOOP) => {
                let metadata = path.symlink_metadata()?;
                if metadata.is_symlink() && !is_trusted(metadata.uid()) {
                    let why = "it is a link that another user made: remove it, or use the folder that is meant";
                    return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
                }
                open(flags)
            }
            opened => opened,
        };
        Ok(RealFolder::from(opened?))
    }

    /// Whether `path` leads to this folder: it may have been removed and made anew.
    pub fn is_at(&self, path: &Path) -> io::Result<bool> {
        let identity = |folder: &File| folder.metadata().map(|metadata| (metadata.dev(), metadata.ino()));
        match RealFolder::open(path) {
            Ok(there) => Ok(identity(&there.folder)? == identity(&self.folder)?),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The user to whom it belongs.
    ///
    /// # Errors
    /// Those of fstat(2).
    pub fn owner(&self) -> io::Result<Uid> {
        Ok(Uid::from_raw(self.folder.metadata()?.uid()))
    }

    /// Locks the folder, as long as it is open in this process or in one that it was shared with (flock(2)).
    ///
    /// # Errors
    /// Another process has locked it; or it cannot be locked.
    pub fn try_lock(&self) -> Result<(), TryLockError> {
        self.folder.try_lock()
    }

    /// The same open folder, for another process.
    ///
    /// # Errors
    /// There are no more descriptors.
    pub fn share(&self) -> io::Result<OwnedFd> {
        Ok(self.folder.try_clone()?.into())
    }

    /// The folder opened once more, for another process: it has no part in the lock.
    ///
    /// # Errors
    /// There are no more descriptors, or it was removed.
    pub fn open_again(&self) -> io::Result<OwnedFd> {
        open_folder(self, Path::new("."))
    }

    /// A listening socket `name`, for its owner alone, whatever the umask. An existing entry of that name is removed.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn listen(&mut self, name: &str) -> io::Result<UnixListener> {
        self.remove_if_there(name)?;
        let socket = socket(AddressFamily::Unix, SockType::Stream, SOCKET_FLAGS, None)?;
        // The mode of a socket is that of its name once it has one (unix_bind in net/unix/af_unix.c).
        fchmod(&socket, Mode::S_IRUSR | Mode::S_IWUSR)?;
        // There is no bindat(2). This way the address is also short, however long the folder's path is.
        let address = format!("/proc/self/fd/{}/{name}", self.folder.as_raw_fd());
        bind(socket.as_raw_fd(), &UnixAddr::new(address.as_str())?)?;
        listen(&socket, Backlog::MAXCONN)?;
        Ok(socket.into())
    }

    /// Connects to the socket `name`, without waiting.
    ///
    /// # Errors
    /// It is none, nobody listens, or so many wait to be let in that no more can ([`io::ErrorKind::WouldBlock`]).
    pub fn connect(&self, name: &str) -> io::Result<UnixStream> {
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let at = File::from(uninterrupted(|| openat(self, name, flags, Mode::empty()))?);
        if !at.metadata()?.file_type().is_socket() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{name} is not a socket: move it away")));
        }
        let socket = socket(AddressFamily::Unix, SockType::Stream, SOCKET_FLAGS, None)?;
        let address = format!("/proc/self/fd/{}", at.as_raw_fd());
        connect(socket.as_raw_fd(), &UnixAddr::new(address.as_str())?)?;
        Ok(socket.into())
    }

    fn remove_if_there(&mut self, name: &str) -> io::Result<()> {
        match self.remove(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(io::Error::new(error.kind(), format!("{name}: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Opens a regular file without following a link, and without waiting for anything else of that name.
    ///
    /// # Errors
    /// It cannot be opened, or is something else.
    pub fn open_file(&self, name: &str, flags: OFlag) -> io::Result<File> {
        let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
        let file = match uninterrupted(|| openat(self, name, flags, Mode::S_IRUSR | Mode::S_IWUSR)) {
            Ok(fd) => File::from(fd),
            // ENXIO: a socket, or a FIFO that nobody reads. ELOOP: a link.
            Err(Errno::ENXIO | Errno::ELOOP) => return Err(not_regular(name)),
            Err(errno) => return Err(errno.into()),
        };
        if file.metadata()?.is_file() { Ok(file) } else { Err(not_regular(name)) }
    }
}

fn open_folder(at: impl AsFd + Copy, folder: &Path) -> io::Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    Ok(uninterrupted(|| openat(at, folder, flags, Mode::empty()))?)
}

/// Makes a call again when a signal interrupted it.
fn uninterrupted<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            done => return done,
        }
    }
}

fn not_regular(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{name} is not a regular file: move it away"))
}

/// Whether this user's property can be relied upon: root could do anything else as well.
pub fn is_trusted(owner: u32) -> bool {
    owner == 0 || Uid::from_raw(owner) == geteuid()
}

impl From<OwnedFd> for RealFolder {
    fn from(folder: OwnedFd) -> RealFolder {
        RealFolder { folder: folder.into() }
    }
}

impl AsFd for RealFolder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }
}

impl Folder for RealFolder {
    fn read(&mut self, name: &str, limit: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open_file(name, OFlag::O_RDONLY)?.take(limit as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > limit {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("longer than {limit} bytes")));
        }
        Ok(bytes)
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.remove_if_there(name)?;
        self.open_file(name, OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL)?.write_all(bytes)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.open_file(name, OFlag::O_RDONLY)?.sync_all()
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        Ok(uninterrupted(|| renameat(self.as_fd(), from, self.as_fd(), to))?)
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        self.folder.sync_all()
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        Ok(uninterrupted(|| unlinkat(self.as_fd(), name, UnlinkatFlags::NoRemoveDir))?)
    }

    fn list(&mut self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        // Opened anew: copies of a descriptor share their position in the folder.
        each_name(self.open_again()?, |name, _| {
            names.push(name.to_string_lossy().into_owned());
            ControlFlow::Continue(())
        })?;
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;

    #[test]
    fn every_entry_comes_once_however_many_there_are_and_a_link_is_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        // The longest names of most file systems: a few of them fill the buffer.
        let names: BTreeSet<String> = (0..50).map(|number| format!("{number:0>255}")).collect();
        names.iter().for_each(|name| fs::write(folder.path().join(name), "").unwrap());
        fs::create_dir(folder.path().join("folder")).unwrap();
        std::os::unix::fs::symlink("folder", folder.path().join("link")).unwrap();
        let (mut found, mut folders) = (Vec::new(), Vec::new());
        each_entry(folder.path(), |entry| {
            assert_eq!(entry.path(), folder.path().join(entry.name));
            found.push(entry.name.to_str().unwrap().to_owned());
            folders.extend(entry.is_folder().then(|| entry.name.to_owned()));
            ControlFlow::Continue(())
        })
        .unwrap();
        found.sort();
        assert!(found.iter().eq(names.iter().chain(&["folder".to_owned(), "link".to_owned()])), "{found:?}");
        assert_eq!(folders, ["folder"]);
    }

    #[test]
    fn it_ends_where_one_breaks_off_and_a_folder_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        ["a", "b", "c"].iter().for_each(|name| fs::write(folder.path().join(name), "").unwrap());
        let mut taken = 0;
        let mut two = |_: Entry<'_>| {
            taken += 1;
            if taken < 2 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        each_entry(folder.path(), &mut two).unwrap();
        let missing = each_entry(&folder.path().join("none"), &mut two).unwrap_err();
        assert_eq!((taken, missing.kind()), (2, io::ErrorKind::NotFound));
    }
}
