//! Has batches of the history written: one at a time, by a child, without a wait.

use std::os::fd::BorrowedFd;

use crate::clock::Boot;
use crate::core::Input;
use crate::store::Saver;
use crate::worker::{RecordTask, Worker};

#[derive(Default)]
pub(super) struct Recorder(Option<RecordTask>);

impl Recorder {
    /// Begins a batch; one that cannot begin is answered at once.
    #[inline(never)]
    pub fn start(&mut self, saver: &mut Saver, worker: &Worker, order: &[u8]) -> Option<Input> {
        match saver.record(worker, order) {
            Ok(task) => {
                self.0 = Some(task);
                None
            }
            Err(error) => Some(Input::Recorded(Err(error.to_string()))),
        }
    }

    /// For poll(2): readable when a batch has ended.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.0.as_ref().map(RecordTask::fd)
    }

    /// When to call [`Recorder::poll`] at the latest.
    pub fn due(&self) -> Option<Boot> {
        self.0.as_ref().map(RecordTask::deadline)
    }

    /// The outcome of the batch, once there is one.
    pub fn poll(&mut self, now: Boot) -> Option<Input> {
        let ended = self.0.as_mut()?.poll(now)?;
        self.0 = None;
        Some(Input::Recorded(ended.map_err(|error| error.to_string())))
    }
}
