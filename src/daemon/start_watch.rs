//! Notices that the machine's start has settled, as systemd has it: its state is then running or degraded.

use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use crate::clock::Boot;

/// Waits for the end of the start and prints its state (systemctl(1); `--wait` since systemd 240). It exits with an error
/// where there is no systemd, or an older one: then nobody says when the start has settled.
const COMMAND: [&str; 3] = ["systemctl", "is-system-running", "--wait"];

/// No state has a longer name.
const MAX_ANSWER_BYTES: usize = 64;

pub struct StartWatch {
    child: Child,
    output: PipeReader,
    answer: Vec<u8>,
    until: Boot,
    is_over: bool,
}

impl StartWatch {
    /// Asks until then. `None`: there is nobody to ask.
    pub fn begin(until: Boot) -> Option<StartWatch> {
        let (output, answer) = io::pipe().ok()?;
        fcntl(&output, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).ok()?;
        let mut command = Command::new(COMMAND[0]);
        command.args(&COMMAND[1..]).process_group(0);
        let child = command.stdin(Stdio::null()).stdout(answer).stderr(Stdio::null()).spawn().ok()?;
        Some(StartWatch { child, output, answer: Vec::new(), until, is_over: false })
    }

    /// Readable when [`StartWatch::advance`] has something to do.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        (!self.is_over).then(|| self.output.as_fd())
    }

    /// When it is over at the latest.
    pub fn due(&self) -> Option<Boot> {
        (!self.is_over).then_some(self.until)
    }

    /// Whether the start has settled now.
    pub fn advance(&mut self, is_ready: bool, now: Boot) -> bool {
        let ended = is_ready && !self.is_over && self.read();
        if ended || now >= self.until {
            self.end();
        }
        // Also after its end: a child is reaped once it is gone.
        let _ = self.child.try_wait();
        let state = self.answer.trim_ascii();
        ended && (state == b"running" || state == b"degraded")
    }

    /// Reads all there is; whether that was the end.
    fn read(&mut self) -> bool {
        let mut chunk = [0; MAX_ANSWER_BYTES];
        match self.output.read(&mut chunk) {
            Ok(0) => true,
            Ok(count) => {
                self.answer.extend_from_slice(&chunk[..count]);
                self.answer.len() > MAX_ANSWER_BYTES
            }
            Err(error) => !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted),
        }
    }

    fn end(&mut self) {
        if !std::mem::replace(&mut self.is_over, true) {
            let _ = self.child.kill();
        }
    }
}

impl Drop for StartWatch {
    fn drop(&mut self) {
        self.end();
    }
}
