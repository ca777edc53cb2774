//! The bytes of a configuration file: read whole, within a bound of size and of time.
//!
//! An editor may empty a file before it writes it anew, and half a configuration is often valid YAML. So a file is read
//! until it stands still; if it does not in time, that is an error, and the part is never taken for the whole. A pipe
//! is read to its end. Nothing waits longer than the caller allows.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::clock::{self, Boot, Now};

/// A larger file is refused, and no more than this of it is read.
pub const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// How long a command may wait for its configuration: a program that makes it at the other end of a pipe takes its
/// time.
pub const WAIT_OF_A_COMMAND: Duration = Duration::from_secs(30);

/// The longest wait of the loop for its configuration.
pub const WAIT_OF_THE_LOOP: Duration = Duration::from_millis(200);

/// A file that nobody has changed for this long stands still. An editor needs a few milliseconds between emptying a
/// file and completing it.
const STILL: Duration = Duration::from_millis(150);

/// The pause between looks at a file that is still being written.
const LOOK: Duration = Duration::from_millis(25);

const _: () = assert!(LOOK.as_millis() < STILL.as_millis() && STILL.as_millis() < WAIT_OF_THE_LOOP.as_millis());
const _: () = assert!(WAIT_OF_THE_LOOP.as_millis() < WAIT_OF_A_COMMAND.as_millis());

/// Time stamps without a fraction count as those of a file system that keeps none (FAT: two seconds).
const COARSEST_STAMP_SECONDS: i64 = 2;

/// The content.
pub(super) struct Content {
    /// One byte more than [`MAX_FILE_BYTES`] at most.
    pub(super) bytes: Vec<u8>,
    /// It is a file, and every user of this machine may read it.
    pub(super) others_may_read: bool,
}

/// Reads the file, pipe or device at `path`, for `wait` at most.
///
/// # Errors
/// It cannot be read, is a directory, is being changed all the while (then it is busy), or has no end within `wait`.
pub(super) fn read(path: &Path, wait: Duration) -> io::Result<Content> {
    let deadline = clock::boot_now().after(wait);
    let file = open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_dir() {
        return Err(io::Error::other("it is a directory"));
    }
    if kind.is_file() && !is_standard_input(path) {
        return read_still(path, deadline);
    }
    Ok(Content { bytes: read_stream(file, deadline)?, others_may_read: false })
}

/// Opening a pipe must not wait for a writer.
fn open(path: &Path) -> io::Result<File> {
    if is_standard_input(path) {
        // Opening it by its path would need its owner's rights (`sudo -u`), and a socket cannot be opened.
        return Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?));
    }
    OpenOptions::new().read(true).custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits()).open(path)
}

fn is_standard_input(path: &Path) -> bool {
    ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"].iter().any(|name| path == Path::new(name))
}

/// A file at one moment: its content, and the marks of a change.
#[derive(Clone, PartialEq)]
struct FileState {
    bytes: Vec<u8>,
    file: (u64, u64),
    size: u64,
    /// Seconds and nanoseconds since 1970.
    modified: (i64, i64),
    mode: u32,
}

impl FileState {
    fn at(path: &Path) -> io::Result<FileState> {
        let file = open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is no regular file any more"));
        }
        let mut bytes = Vec::new();
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
        Ok(FileState {
            bytes,
            file: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            mode: metadata.mode(),
        })
    }

    /// The time since the last change, by the file's time stamp: zero if that is in the future.
    fn age(&self, now: Now) -> Duration {
        let (seconds, nanoseconds) = self.modified;
        let coarse = if nanoseconds == 0 { COARSEST_STAMP_SECONDS } else { 0 };
        let modified = i128::from(seconds.saturating_add(coarse)) * 1_000_000_000 + i128::from(nanoseconds);
        u64::try_from(now.wall.as_nanosecond() - modified).map_or(Duration::ZERO, Duration::from_nanos)
    }
}

/// Reads a file until two readings of it are the same and nobody has changed it for [`STILL`].
fn read_still(path: &Path, deadline: Boot) -> io::Result<Content> {
    let mut state = FileState::at(path)?;
    let mut since = clock::boot_now();
    loop {
        let now = clock::now();
        let again = FileState::at(path)?;
        if stands_still(&state, &again, since, now) {
            return Ok(Content { bytes: again.bytes, others_may_read: again.mode & 0o004 != 0 });
        }
        if again != state {
            (state, since) = (again, now.boot);
        }
        if now.boot >= deadline {
            let text = "it is being written just now, and only the whole of it is taken: try again";
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, text));
        }
        thread::sleep(LOOK.min(deadline - now.boot));
    }
}

/// Whether a file stands still: at `again` its state is the one of `since`.
fn stands_still(state: &FileState, again: &FileState, since: Boot, now: Now) -> bool {
    state == again && (now.boot - since).max(state.age(now)) >= STILL
}

/// Reads to the end whatever is not a file: a pipe, a socket, a device. Its buffer is no part of the stack of those who
/// read files.
#[inline(never)]
fn read_stream(mut stream: File, deadline: Boot) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4 * 1024];
    while bytes.len() as u64 <= MAX_FILE_BYTES {
        let timeout = PollTimeout::try_from(deadline - clock::boot_now()).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(stream.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) => return Err(io::Error::other("it has no end, or whoever writes it takes too long")),
            Ok(_) => {}
            Err(Errno::EINTR) => return Err(io::Error::other("a signal came before its end")),
            Err(error) => return Err(error.into()),
        }
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            // Somebody else has read the content.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;
    use tempfile::TempDir;

    use super::*;

    const HOUR: Duration = Duration::from_secs(60 * 60);

    /// A file whose time stamp is in the future, and so says nothing about its last change.
    fn file_of_no_age(content: &str) -> (TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yaml");
        fs::write(&path, content).unwrap();
        File::options().write(true).open(&path).unwrap().set_modified((clock::now().wall + HOUR).into()).unwrap();
        (folder, path)
    }

    fn refusal(path: &Path, wait: Duration) -> String {
        read(path, wait).map(|content| String::from_utf8(content.bytes).unwrap()).unwrap_err().to_string()
    }

    fn state(content: &str, modified: (i64, i64)) -> FileState {
        FileState { bytes: content.into(), file: (1, 2), size: content.len() as u64, modified, mode: 0o640 }
    }

    #[test]
    fn a_file_that_was_changed_just_now_does_not_stand_still_whatever_it_holds() {
        let at = |millis: i64| Now {
            wall: jiff::Timestamp::from_millisecond(1_000_000_000_000 + millis).unwrap(),
            boot: Boot::from_millis(500_000 + millis),
        };
        let half = state("general:\n", (1_000_000_000, 1));
        let whole = state("general:\n  hostname: a\n", (1_000_000_000, 140_000_001));
        let since = at(10).boot;
        assert!(!stands_still(&half, &half, since, at(140)));
        assert!(!stands_still(&half, &whole, since, at(200)));
        assert!(!stands_still(&whole, &whole, at(200).boot, at(290)));
        assert!(stands_still(&whole, &whole, at(200).boot, at(291)));
        // Same size and stamp, but another text: a clock's tick holds several writes.
        let other = state("general:\n  hostname: b\n", whole.modified);
        assert!(!stands_still(&whole, &other, since, at(900)));
        // A stamp in the future, or without a fraction, may be that of a change just now: only an observed change
        // counts.
        for stamp in [(2_000_000_000, 1), (1_000_000_000, 0)] {
            let file = state("general:\n", stamp);
            assert!(!stands_still(&file, &file, at(800).boot, at(949)), "{stamp:?}");
            assert!(stands_still(&file, &file, at(800).boot, at(950)), "{stamp:?}");
        }
    }

    #[test]
    fn what_does_not_stand_still_in_time_is_refused_and_never_taken_in_part() {
        let (_folder, path) = file_of_no_age("general:\n");
        let began = clock::boot_now();
        let refused = refusal(&path, Duration::from_millis(50));
        assert!(refused.starts_with("it is being written just now"), "{refused}");
        assert!(clock::boot_now() - began < WAIT_OF_A_COMMAND);
        assert_eq!(read(&path, WAIT_OF_A_COMMAND).unwrap().bytes, b"general:\n");
    }

    #[test]
    fn a_file_that_nobody_changed_for_long_is_read_without_waiting() {
        let (_folder, path) = file_of_no_age("general:\n");
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified((clock::now().wall - HOUR).into()).unwrap();
        assert_eq!(read(&path, Duration::ZERO).unwrap().bytes, b"general:\n");
    }

    #[test]
    fn it_is_known_whether_others_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, path) = file_of_no_age("");
        for (mode, others_may_read) in [(0o644, true), (0o640, false), (0o604, true), (0o600, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(read(&path, WAIT_OF_A_COMMAND).unwrap().others_may_read, others_may_read, "{mode:o}");
        }
    }

    #[test]
    fn a_pipe_is_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        mkfifo(&path, Mode::S_IRWXU).unwrap();
        // Opening it for writing waits for the reader.
        let mut writer = Command::new("sh");
        let mut writer = writer.args(["-c", "head -c 200000 /dev/zero > \"$0\""]).arg(&path).spawn().unwrap();
        assert_eq!(read(&path, WAIT_OF_A_COMMAND).unwrap().bytes.len(), 200_000);
        assert!(writer.wait().unwrap().success());
    }

    #[test]
    fn a_pipe_that_nobody_writes_to_is_given_up_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        mkfifo(&path, Mode::S_IRWXU).unwrap();
        let refused = refusal(&path, Duration::from_millis(10));
        assert!(refused.contains("takes too long"), "{refused}");
        // Nor does an open one end that sends nothing.
        let _writer = File::options().read(true).write(true).open(&path).unwrap();
        let refused = refusal(&path, Duration::from_millis(10));
        assert!(refused.contains("takes too long"), "{refused}");
    }

    #[test]
    fn devices_are_read_within_the_bound_and_folders_are_refused() {
        assert_eq!(read(Path::new("/dev/null"), WAIT_OF_A_COMMAND).unwrap().bytes, b"");
        assert!(read(Path::new("/dev/zero"), WAIT_OF_A_COMMAND).unwrap().bytes.len() as u64 > MAX_FILE_BYTES);
        assert_eq!(refusal(Path::new("/"), WAIT_OF_A_COMMAND), "it is a directory");
    }
}
