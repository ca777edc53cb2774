//! The child's side: one order from standard input, one answer to standard output, and the end.

use std::borrow::Cow;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::statvfs::statvfs;
use nix::unistd::alarm;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use signal_hook::consts::SIGALRM;

use super::draw::{self, Draw};
use super::publish;
use super::run;
use super::{MAIL_DEADLINE, POST_DEADLINE, SAVE_DEADLINE, STATVFS_DEADLINE};
use crate::clock::Boot;
use crate::files::{self, RealFolder};
use crate::http;
use crate::secret::Secret;
use crate::smtp;

/// How long after its deadline a child ends by itself: its agent kills it before that, unless the agent is gone.
const ORPHAN_GRACE: Duration = Duration::from_secs(2);

/// EX_USAGE of sysexits.h, as for any command line that cannot be understood.
const USAGE: u8 = 64;

/// Far more than the longest order, a state.
pub const MAX_ORDER_BYTES: u64 = 256 * 1024 * 1024;

/// The order of a `post`, on one line; the body follows. It holds the secrets themselves, which `Secret` would mask.
#[derive(Serialize, Deserialize)]
pub(super) struct Posting<'a> {
    pub method: http::Method,
    pub url: Cow<'a, str>,
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// When nobody waits for the answer any more, on the clock that parent and child share.
    pub deadline: Boot,
}

impl<'a> Posting<'a> {
    pub fn head(request: &http::Request, url: &'a str, deadline: Boot) -> Posting<'a> {
        let headers = request.headers.iter().map(|(name, value)| (name.clone(), value.expose())).collect();
        Posting { method: request.method, url: url.into(), headers, deadline }
    }

    /// The whole order.
    pub fn of(request: &http::Request, deadline: Boot) -> io::Result<Vec<u8>> {
        with_head(&Posting::head(request, &request.url.expose(), deadline), &request.body)
    }
}

/// A child's messages, one JSON value after another.
#[derive(Serialize, Deserialize)]
pub(super) enum ChildMessage<T, E> {
    /// Sent before a step that cannot be interrupted: the error to report if it never ends. Sent after it: an empty
    /// text.
    Hangs(Option<E>),
    Answer(Result<T, E>),
}

/// A file system's size as statvfs(3) gives it, counted in blocks of `block_bytes` (`f_frsize`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSystem {
    pub block_bytes: u64,
    pub blocks: u64,
    /// Free, including the blocks reserved for root.
    pub blocks_free: u64,
    /// Free for ordinary users; below zero if more is used than they may have.
    pub blocks_available: i64,
    /// Inodes; zero where the file system makes them as it goes (btrfs, vfat).
    pub files: u64,
    pub files_free: u64,
}

/// Why it is not known yet whether the files of a configuration answer: one line, without the path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{0}")]
pub struct ConfigHangs(pub String);

/// Reads the configuration at a path.
pub type LoadConfig = fn(&Path);

/// Writes a batch of the history to a folder.
pub type Record = fn(RealFolder, &[u8]) -> io::Result<Result<Recorded, SaveError>>;

/// A batch of the history is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The number of series that had no room in it.
    pub dropped: usize,
    /// The file was damaged: why, and where it is now.
    pub set_aside: Option<String>,
}

/// Why a file system's size is not known: one line, without the path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{0}")]
pub struct StatvfsError(pub String);

/// Why a file could not be replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum SaveError {
    /// Nothing was written: the path leads to another folder by now, or to none.
    #[error("the folder was removed or replaced")]
    Moved,
    /// The file system failed.
    #[error("{0}")]
    Io(String),
    #[error("{0}")]
    Failed(String),
}

impl From<io::Error> for SaveError {
    fn from(error: io::Error) -> SaveError {
        match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::EIO) => SaveError::Io(error.to_string()),
            _ => SaveError::Failed(error.to_string()),
        }
    }
}

/// `vps-monitor worker KIND …`: the child's program. It reads its order from standard input and writes `ChildMessage`
/// to standard output. `post` and `mail` read a line of JSON and a body, `run`, `statvfs` and `config` a JSON value.
/// `save FOLDER NAME` reads the new content of the file NAME; the folder is open as its standard error, and FOLDER is the
/// path that must still lead there. `record` reads a batch of the history, the folder again as its standard error; so do
/// `draw`, `draw-mail` and `draw-run`, which read a line of JSON and a recipe. `publish PATH` reads the content of a file
/// that others may read, `withdraw PATH` reads nothing.
pub fn main(arguments: &[OsString], load_config: LoadConfig, record: Record, draw: Draw) -> ExitCode {
    let kind = arguments.first().and_then(|kind| kind.to_str());
    let done = match (kind, arguments) {
        (Some("mail"), [_]) => end_after(MAIL_DEADLINE).and_then(|()| serve(post)),
        (Some("post"), [_]) => end_after(POST_DEADLINE).and_then(|()| serve(post)),
        (Some("run"), [_]) => end_after(run::RUN_LONGEST + run::GRACE).and_then(|()| serve(run::run)),
        (Some("statvfs"), [_]) => end_after(STATVFS_DEADLINE).and_then(|()| serve_json(|path: PathBuf| measure(&path))),
        (Some("config"), [_]) => end_after(STATVFS_DEADLINE).and_then(|()| {
            serve_json(|path: PathBuf| {
                try_config(&path, load_config);
                Ok::<(), ConfigHangs>(())
            })
        }),
        (Some("save"), [_, folder, name]) => {
            end_after(SAVE_DEADLINE).and_then(|()| serve(|bytes| Ok(save(Path::new(folder), name.to_str(), bytes))))
        }
        (Some("record"), [_]) => end_after(SAVE_DEADLINE).and_then(|()| with_folder(record)),
        (Some("draw"), [_]) => end_after(POST_DEADLINE).and_then(|()| draw_and_post(draw)),
        (Some("draw-mail"), [_]) => end_after(MAIL_DEADLINE).and_then(|()| draw_and_post(draw)),
        (Some("draw-run"), [_]) => end_after(POST_DEADLINE + run::RUN_LONGEST + run::GRACE)
            .and_then(|()| with_folder(|folder, order| draw::draw_and_run(folder, order, draw))),
        (Some("publish"), [_, path]) => {
            end_after(POST_DEADLINE).and_then(|()| serve(|bytes| Ok(publish::write(Path::new(path), bytes))))
        }
        (Some("withdraw"), [_, path]) => {
            end_after(POST_DEADLINE).and_then(|()| serve(|_| Ok(publish::remove(Path::new(path)))))
        }
        _ => return ExitCode::from(USAGE),
    };
    // The reader sees that the answer is missing; there is nobody else to tell.
    if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Makes the kernel end this process some time after `deadline`, wherever it hangs, and whatever signal settings it
/// inherited: signals that the parent ignored or blocked are ignored or blocked in the child too (execve(2)).
///
/// Only the agent ends it before, by SIGKILL: when a service is stopped, systemd sends SIGTERM to all its processes,
/// and a message on its way or a half-written state would be lost (systemd.kill(5), `KillMode=`). A write beyond the
/// limit of a file's size is an error, and no death by SIGXFSZ.
fn end_after(deadline: Duration) -> io::Result<()> {
    let always = Arc::new(AtomicBool::new(true));
    signal_hook::flag::register_conditional_shutdown(SIGALRM, i32::from(u8::MAX), always)?;
    let mut blocked = SigSet::all();
    blocked.remove(Signal::SIGALRM);
    blocked.thread_set_mask()?;
    alarm::set(u32::try_from((deadline + ORPHAN_GRACE).as_secs()).unwrap_or(u32::MAX));
    Ok(())
}

/// Reads the order, does the work, writes the answer.
fn serve<T: Serialize, E: Serialize>(work: impl FnOnce(&[u8]) -> io::Result<Result<T, E>>) -> io::Result<()> {
    let mut order = Vec::new();
    io::stdin().lock().take(MAX_ORDER_BYTES).read_to_end(&mut order)?;
    send(&ChildMessage::Answer(work(&order)?))
}

pub(super) fn send<T: Serialize, E: Serialize>(word: &ChildMessage<T, E>) -> io::Result<()> {
    let mut output = io::stdout().lock();
    serde_json::to_writer(&mut output, word)?;
    // Standard output is written at a line's end.
    writeln!(output)?;
    output.flush()
}

fn serve_json<O: DeserializeOwned, T: Serialize, E: Serialize>(work: impl FnOnce(O) -> Result<T, E>) -> io::Result<()> {
    serve(|order| Ok(work(serde_json::from_slice(order)?)))
}

/// Reads a configuration, and with it every file that it names. The caller finds their faults by itself.
fn try_config(path: &Path, load_config: LoadConfig) {
    // A pipe can be read once.
    if path.metadata().is_ok_and(|metadata| metadata.is_file()) {
        load_config(path);
    }
}

fn save(path: &Path, name: Option<&str>, bytes: &[u8]) -> Result<(), SaveError> {
    let name = name.ok_or(io::Error::from(io::ErrorKind::InvalidFilename))?;
    let mut folder = RealFolder::from(io::stderr().as_fd().try_clone_to_owned()?);
    if !folder.is_at(path)? {
        return Err(SaveError::Moved);
    }
    Ok(files::replace(&mut folder, name, bytes)?)
}

/// An order of a line of JSON and a rest.
pub(super) fn with_head(head: &impl Serialize, rest: &[u8]) -> io::Result<Vec<u8>> {
    let mut order = serde_json::to_vec(head)?;
    order.push(b'\n');
    order.extend_from_slice(rest);
    Ok(order)
}

/// The line of JSON at the beginning of an order, and the rest.
pub(super) fn head_and_rest(order: &[u8]) -> io::Result<(&[u8], &[u8])> {
    let end = order.iter().position(|byte| *byte == b'\n').ok_or(io::ErrorKind::InvalidData)?;
    Ok((&order[..end], &order[end + 1..]))
}

fn draw_and_post(draw: Draw) -> io::Result<()> {
    with_folder(|folder, order| draw::draw_and_post(folder, order, draw))
}

/// Serves with the folder that is open as standard error.
fn with_folder<T: Serialize, E: Serialize>(
    work: impl FnOnce(RealFolder, &[u8]) -> io::Result<Result<T, E>>,
) -> io::Result<()> {
    let folder = io::stderr().as_fd().try_clone_to_owned()?;
    serve(|order| work(RealFolder::from(folder), order))
}

fn post(order: &[u8]) -> io::Result<http::Answer> {
    let (head, body) = head_and_rest(order)?;
    Ok(post_with(serde_json::from_slice(head)?, body.to_vec(), None))
}

/// `spare` is for [`smtp::send`].
pub(super) fn post_with(posting: Posting<'_>, body: Vec<u8>, spare: Option<&[u8]>) -> http::Answer {
    let Posting { method, url, headers, deadline } = posting;
    let headers = headers.into_iter().map(|(name, value)| (name, Secret::new(value))).collect();
    let request = http::Request { method, url: Secret::new(url), headers, body };
    // A message that cannot be written is missed only if the work hangs.
    let hangs = |error: Option<&http::Error>| drop(send(&ChildMessage::<(), _>::Hangs(error)));
    if smtp::is_mail(&request) {
        smtp::send(&request, spare, deadline, hangs)
    } else {
        http::post(&request, deadline, hangs)
    }
}

/// Asks for the size of the file system that holds `path`. On a network mount this may never return.
///
/// # Errors
/// The system's error, without the path.
pub fn measure(path: &Path) -> Result<FileSystem, StatvfsError> {
    let size = statvfs(path).map_err(|errno| StatvfsError(errno.desc().to_owned()))?;
    Ok(FileSystem {
        block_bytes: size.fragment_size(),
        blocks: size.blocks(),
        blocks_free: size.blocks_free(),
        // An NFS server may count below zero, which comes out as a number near 2^64 (df(1) reads it so too).
        blocks_available: size.blocks_available().cast_signed(),
        files: size.files(),
        files_free: size.files_free(),
    })
}
