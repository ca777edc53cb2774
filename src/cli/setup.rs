//! Sets up the conditions of the agent's start: enough descriptors, its state's folder, and that folder's owner as its
//! user.

use std::ffi::CString;
use std::io;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, User, geteuid, getgrouplist, setgroups, setresgid, setresuid};
use serde::de::DeserializeOwned;

use crate::clock;
use crate::files::RealFolder;
use crate::signals::Signals;
use crate::store::{self, FolderError, LoadError, Loaded, StateFolder};
use crate::text::counted;
use crate::worker::{Failed, Task, Worker};

/// The number of descriptors that may be needed at once: some 30 for the agent, the rest for its children and for
/// clients of its socket.
const DESCRIPTORS: u64 = 64;

/// The pause between two attempts after an error that may pass.
const PAUSE: Duration = Duration::from_millis(50);

/// Makes sure that there can be enough descriptors.
///
/// # Errors
/// The limit is lower, and only root could raise it.
pub fn ensure_descriptors() -> anyhow::Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(io::Error::from)?;
    if soft >= DESCRIPTORS {
        return Ok(());
    }
    if hard < DESCRIPTORS {
        bail!(
            "only {} may be open at once, and the agent needs {DESCRIPTORS}: raise the limit \
             (`ulimit -n {DESCRIPTORS}`; in a systemd unit, LimitNOFILE={DESCRIPTORS})",
            counted(hard, "file")
        );
    }
    Ok(setrlimit(Resource::RLIMIT_NOFILE, DESCRIPTORS, hard).map_err(io::Error::from)?)
}

/// The state's folder, locked for this agent. `None`: a signal asked it to stop while it waited for the lock.
///
/// If root would work in another user's folder, this process becomes that user for good before it touches anything in
/// there: a file that the user replaced could make root do anything, and the user could not read root's files. It has
/// that user's groups and no others: the owner of a process can look into its children.
///
/// # Errors
/// The folder must not, or cannot, be used.
pub fn take_folder(path: &Path, once: bool, worker: &Worker, signals: &Signals) -> anyhow::Result<Option<StateFolder>> {
    // The agent's files are for their owner alone, whatever the umask was.
    umask(Mode::S_IRWXG | Mode::S_IRWXO);
    if !answers(path, worker, signals)? {
        return Ok(None);
    }
    become_owner(path).with_context(|| path.display().to_string())?;
    patiently(signals, FolderError::patience, || StateFolder::take(path)).map_err(|error| match error {
        // A user who asked for one check most likely wants that agent to make it.
        FolderError::Held { pid, .. } if once => {
            let agent = pid.map_or_else(|| "it".to_owned(), |pid| format!("process {pid}"));
            anyhow!(
                "{error}. A check by the agent that runs: `systemctl kill -s USR1 vps-monitor`, or SIGUSR1 to {agent}"
            )
        }
        error => error.into(),
    })
}

/// The state to go on from. `None`: a signal asked the agent to stop while it tried again to read it.
///
/// # Errors
/// The state is of a newer version, or it cannot be read.
pub fn load(folder: &mut StateFolder, boot_id: &str, signals: &Signals) -> anyhow::Result<Option<Loaded>> {
    let path = folder.path().to_owned();
    let Some(folder) = folder.folder() else { return Ok(Some(Loaded::Nothing)) };
    Ok(patiently(signals, LoadError::patience, || store::load(folder, &path, boot_id, clock::now()))?)
}

/// Tries again while the error may pass. `None`: the agent was asked to stop.
fn patiently<T, E>(
    signals: &Signals,
    patience: fn(&E) -> Duration,
    mut attempt: impl FnMut() -> Result<T, E>,
) -> Result<Option<T>, E> {
    let began = clock::boot_now();
    loop {
        match attempt() {
            Ok(done) => return Ok(Some(done)),
            Err(error) if clock::boot_now() - began >= patience(&error) => return Err(error),
            Err(_) if !signals.wait(None, PAUSE) => return Ok(None),
            Err(_) => {}
        }
    }
}

/// Whether the agent can go on; it cannot if it is asked to stop meanwhile. On a mount that hangs every operation on
/// `path` would hang, so a child tries it first.
///
/// # Errors
/// The mount hangs.
pub fn answers(path: &Path, worker: &Worker, signals: &Signals) -> anyhow::Result<bool> {
    worker.statvfs(path).map_or(Ok(true), |probe| has_answered(probe, path, signals))
}

/// The same for a configuration and every file that it names.
///
/// # Errors
/// One of them hangs.
pub fn config_answers(path: &Path, worker: &Worker, signals: &Signals) -> anyhow::Result<bool> {
    worker.try_config(path).map_or(Ok(true), |attempt| has_answered(attempt, path, signals))
}

fn has_answered<T: DeserializeOwned, E>(mut probe: Task<T, E>, path: &Path, signals: &Signals) -> anyhow::Result<bool>
where
    E: DeserializeOwned + From<Failed> + std::error::Error + Send + Sync + 'static,
{
    loop {
        let now = clock::boot_now();
        let answer = probe.poll(now);
        if now >= probe.deadline()
            && let Some(Err(error)) = answer
        {
            return Err(anyhow!(error).context(path.display().to_string()));
        }
        // Any other answer comes at once.
        if answer.is_some() {
            return Ok(true);
        }
        if !signals.wait(Some(probe.fd()), probe.deadline() - now + Duration::from_millis(1)) {
            return Ok(false);
        }
    }
}

fn become_owner(path: &Path) -> anyhow::Result<()> {
    // The next operation that opens it gives the reason of a failure.
    let Ok(owner) = RealFolder::open(path).and_then(|folder| folder.owner()) else { return Ok(()) };
    if !geteuid().is_root() || owner.is_root() {
        return Ok(());
    }
    let user = User::from_uid(owner).map_err(io::Error::from)?;
    let group = user.as_ref().map_or_else(|| Gid::from_raw(owner.as_raw()), |user| user.gid);
    let groups = match &user {
        Some(user) => getgrouplist(&CString::new(user.name.as_bytes())?, group).map_err(io::Error::from)?,
        None => vec![group],
    };
    let name = user.map_or_else(|| format!("the user {owner}"), |user| user.name);
    let become_it = || -> io::Result<()> {
        setgroups(&groups)?;
        setresgid(group, group, group)?;
        Ok(setresuid(owner, owner, owner)?)
    };
    become_it().with_context(|| {
        format!("it belongs to {name}, and root cannot become that user here: run this as {name}, or change its owner")
    })?;
    log::info!("{} belongs to {name}: working as that user", path.display());
    Ok(())
}
