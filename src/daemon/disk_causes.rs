//! The contents of a disk, without a walk through it: Docker's share, and the journal's.
//!
//! An engine adds up its share by looking through its files, which takes it seconds where they are many: it is asked once an
//! hour at most, for 30 s, and nobody waits for it longer than for other causes.

use std::fs;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use nix::poll::PollFlags;

use crate::cause::{Amount, Holder, Share};
use crate::clock::Boot;
use crate::docker::{Address, Answer, Question, SHARE_BYTES, Session, usage};
use crate::host::{Host, journal};

/// <https://docs.docker.com/reference/api/engine/version/v1.45/#tag/System>
const INFO: &str = "/info";
const DISK_USAGE: &str = "/system/df";

const AGAIN: Duration = Duration::from_secs(3600);
const PATIENCE: Duration = Duration::from_secs(30);

/// The bytes that an engine holds, and the question for them.
#[derive(Default)]
pub struct DockerShare {
    session: Option<Session>,
    asked: Option<Boot>,
    root: Option<String>,
    bytes: Option<u64>,
}

impl DockerShare {
    /// Asks, if that is due. Whether the answer is still to come.
    pub fn ask(&mut self, address: &Address, now: Boot) -> bool {
        if self.asked.is_none_or(|asked| now - asked >= AGAIN) {
            let mut session = Session::lasting(address.clone(), now, PATIENCE);
            session.ask(Question::Document(INFO));
            *self = DockerShare { session: Some(session), asked: Some(now), root: None, bytes: None };
            self.advance(now);
        }
        self.session.is_some()
    }

    pub fn fd(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        self.session.as_ref()?.fd()
    }

    pub fn due(&self) -> Option<Boot> {
        self.session.as_ref()?.due()
    }

    /// Goes on with the question. Whether it is over.
    pub fn advance(&mut self, now: Boot) -> bool {
        let Some(session) = &mut self.session else { return true };
        let mut share_bytes = SHARE_BYTES;
        loop {
            match session.advance(now, &mut share_bytes) {
                None => return false,
                Some(Answer::Document(json)) if self.root.is_none() => match usage::root(&json) {
                    Ok(root) => {
                        self.root = Some(root);
                        session.ask(Question::Document(DISK_USAGE));
                    }
                    Err(_) => break,
                },
                Some(Answer::Document(json)) => {
                    self.bytes = usage::bytes(&json).ok();
                    break;
                }
                Some(other) if other.is_last() => {
                    log::debug!("causes state=failed docker={other:?}");
                    break;
                }
                Some(_) => {}
            }
        }
        self.session = None;
        true
    }

    /// The causes of each of `disks`, the largest first.
    #[inline(never)]
    pub fn causes(&self, disks: &[Rc<str>], host: &mut Host) -> Vec<(Rc<str>, Vec<Share>)> {
        host.mounts.refresh();
        let device = |path: &str| {
            let answers = host.mounts.answers_at_once(Path::new(path));
            answers.then(|| fs::metadata(path).ok()).flatten().map(|metadata| metadata.dev())
        };
        let docker = self.root.as_deref().zip(self.bytes).and_then(|(root, bytes)| Some((device(root)?, bytes)));
        let journal = device(journal::FOLDER).zip(journal::bytes(Path::new(journal::FOLDER)));
        let holders = [(Holder::Docker, docker), (Holder::Journal, journal)];
        let on = |disk: &Rc<str>| {
            let own = device(disk);
            let here = holders.iter().filter(|(_, held)| held.is_some_and(|(device, _)| Some(device) == own));
            let share = |(holder, held): &(Holder, Option<(u64, u64)>)| {
                Some(Share { holder: holder.clone(), amount: Amount::Bytes((*held)?.1) })
            };
            let mut shares: Vec<Share> = here.filter_map(share).collect();
            shares.sort_by_key(|share| std::cmp::Reverse(share.bytes()));
            (Rc::clone(disk), shares)
        };
        disks.iter().map(on).collect()
    }
}
