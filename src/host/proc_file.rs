//! A file of /proc that is read again and again.
//!
//! On a real /proc the descriptor is kept open and read with pread(2): that costs a third of opening the file each
//! time, and the kernel makes the text anew for each read from the start. Elsewhere (a fixture that may be replaced)
//! the file is opened each time. Opening does not wait, and only a regular file is read: `--procfs` may lead to a FIFO
//! without a writer, or to an endless device.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};

/// More than any file of /proc that is read here: 100,000 interfaces are 12 MB of /proc/net/dev.
pub const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;

/// Room for most files; the buffer grows with the first long one. All of it is touched, and stays in memory.
const FIRST_BUFFER_BYTES: usize = 4 * 1024;

/// A first read of /proc that returns less than this has returned everything: the kernel stops early only if the next
/// line does not fit into a page of at least 4 KiB (seq_read_iter in fs/seq_file.c), and no line that is read here has
/// 1 KiB.
const SURELY_WHOLE_BYTES: usize = 3 * 1024;

const _: () = assert!(SURELY_WHOLE_BYTES <= FIRST_BUFFER_BYTES && FIRST_BUFFER_BYTES <= MAX_FILE_BYTES);
const _: () = assert!(SURELY_WHOLE_BYTES + 1024 <= 4096, "a page less a line");

#[derive(Debug)]
pub struct ProcFile {
    path: PathBuf,
    kept: Option<File>,
    device: Option<u64>,
}

impl ProcFile {
    pub fn new(path: PathBuf) -> ProcFile {
        ProcFile { path, kept: None, device: None }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The device (`st_dev`) that the file was on when it was last opened.
    pub fn device(&self) -> Option<u64> {
        self.device
    }

    /// The whole content, in `buffer`. An error names the file.
    pub fn read<'b>(&mut self, buffer: &'b mut Vec<u8>) -> io::Result<&'b [u8]> {
        if let Some(file) = &self.kept
            && let Ok(length) = read_all(file, buffer, SURELY_WHOLE_BYTES)
        {
            return Ok(&buffer[..length]);
        }
        // None is open yet, or the open one belongs to a /proc that is gone.
        self.kept = None;
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", self.path.display()));
        let (file, device) = open_regular(&self.path).map_err(named)?;
        self.device = Some(device);
        let length = read_all(&file, buffer, 0).map_err(named)?;
        if fstatfs(&file).is_ok_and(|file_system| file_system.filesystem_type() == PROC_SUPER_MAGIC) {
            self.kept = Some(file);
        }
        Ok(&buffer[..length])
    }

    /// The same of a file that not every kernel has. `None`: this one has none, or does not support it.
    pub fn read_if_there<'b>(&mut self, buffer: &'b mut Vec<u8>) -> io::Result<Option<&'b [u8]>> {
        match self.read(buffer) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::Unsupported) => Ok(None),
            read => read.map(Some),
        }
    }
}

/// Opens a regular file; returns its device too. Never waits for anything else (open(2): a FIFO without a writer).
fn open_regular(path: &Path) -> io::Result<(File, u64)> {
    let without_waiting = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(without_waiting.bits()).open(path)?;
    let metadata = file.metadata()?;
    let kind = metadata.file_type();
    if kind.is_file() {
        return Ok((file, metadata.dev()));
    }
    let kind = match () {
        () if kind.is_dir() => "a directory",
        () if kind.is_fifo() => "a FIFO",
        () => "a device",
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{kind}, where a file is expected")))
}

/// Reads from the start to the end, and returns the number of bytes. The kernel may give a long file in pieces; one
/// shorter than `surely_whole_bytes` comes at once.
fn read_all(file: &File, buffer: &mut Vec<u8>, surely_whole_bytes: usize) -> io::Result<usize> {
    let mut length = 0;
    loop {
        if length == buffer.len() {
            if length >= MAX_FILE_BYTES {
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("longer than {MAX_FILE_BYTES} bytes")));
            }
            buffer.resize((length * 2).clamp(FIRST_BUFFER_BYTES, MAX_FILE_BYTES), 0);
        }
        match file.read_at(&mut buffer[length..], length as u64) {
            Ok(0) => return Ok(length),
            Ok(count) if length + count < surely_whole_bytes => return Ok(length + count),
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_is_read_anew_and_a_missing_one_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("meminfo");
        let mut file = ProcFile::new(path.clone());
        let mut buffer = Vec::new();

        let error = file.read(&mut buffer).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().contains("meminfo"), "{error}");

        std::fs::write(&path, "first").unwrap();
        assert_eq!(file.read(&mut buffer).unwrap(), b"first");
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "2nd").unwrap();
        assert_eq!(file.read(&mut buffer).unwrap(), b"2nd");
    }

    #[test]
    fn the_kernel_makes_the_text_anew_for_each_read() {
        let mut file = ProcFile::new("/proc/uptime".into());
        let mut buffer = Vec::new();
        let mut uptime = || -> f64 {
            let text = String::from_utf8(file.read(&mut buffer).unwrap().to_vec()).unwrap();
            text.split_whitespace().next().unwrap().parse().unwrap()
        };
        let first = uptime();
        // The kernel counts hundredths of a second, so this ends within one.
        while uptime() <= first {}
        assert!(file.kept.is_some());
    }

    #[test]
    fn a_file_without_end_is_refused_within_the_bound() {
        let endless = tempfile::NamedTempFile::new().unwrap();
        endless.as_file().set_len(1 << 40).unwrap();
        let mut buffer = Vec::new();
        let error = ProcFile::new(endless.path().to_owned()).read(&mut buffer).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(buffer.len(), MAX_FILE_BYTES);
    }

    #[test]
    fn what_is_no_file_is_refused_without_waiting_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("stat");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRUSR).unwrap();
        for (path, kind) in [(&*fifo, "a FIFO"), (Path::new("/dev/zero"), "a device"), (folder.path(), "a directory")] {
            let error = ProcFile::new(path.to_owned()).read(&mut Vec::new()).unwrap_err();
            assert_eq!(error.to_string(), format!("{}: {kind}, where a file is expected", path.display()));
        }
    }
}
