//! Errands for the core, each of which ends with an answer: posts, files that others read, and the page of metrics.

use std::io;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::rc::Rc;

use nix::poll::PollFlags;
use serde::de::DeserializeOwned;

use super::metrics_page::MetricsPage;
use crate::clock::Boot;
use crate::core::{Input, Ticket};
use crate::http;
use crate::worker::{Failed, NO_CHILD, PostTask, PublishTask, Task, Worker};

#[derive(Default)]
pub(super) struct Errands {
    posts: Vec<(Ticket, PostTask)>,
    files: Vec<(Ticket, PublishTask)>,
    page: Option<MetricsPage>,
}

impl Errands {
    /// Takes in a post, or a program, that was begun; one that could not begin is answered at once.
    #[inline(never)]
    pub fn posting(&mut self, ticket: Ticket, begun: io::Result<PostTask>) -> Option<Input> {
        match begun {
            Ok(task) => {
                self.posts.push((ticket, task));
                None
            }
            Err(error) => {
                let answer = Err(http::Error(format!("{NO_CHILD}: {error}")));
                Some(Input::Posted { ticket, answer })
            }
        }
    }

    /// Begins to replace a file, or without a content to remove it.
    #[inline(never)]
    pub fn publish(&mut self, worker: &Worker, ticket: Ticket, path: &Path, content: Option<&str>) -> Option<Input> {
        match worker.publish(path, content) {
            Ok(task) => {
                self.files.push((ticket, task));
                None
            }
            Err(error) => Some(Input::Done { ticket, result: Err(format!("{}: {error}", path.display())) }),
        }
    }

    /// Shows this page from now on.
    #[inline(never)]
    pub fn serve(&mut self, ticket: Ticket, address: SocketAddr, text: Rc<str>) -> Input {
        let result = match &mut self.page {
            Some(page) if page.address() == address => {
                page.show(text);
                Ok(())
            }
            page => {
                // The old place first: the new one may be the same port of another address.
                *page = None;
                MetricsPage::listen(address, text).map(|new| *page = Some(new))
            }
        };
        Input::Done { ticket, result }
    }

    pub fn stop_serving(&mut self) {
        self.page = None;
    }

    /// The descriptors to wait for, each with its events.
    pub fn fds(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        let posts = self.posts.iter().map(|(_, task)| task.fd());
        let tasks = posts.chain(self.files.iter().map(|(_, task)| task.fd())).map(|fd| (fd, PollFlags::POLLIN));
        tasks.chain(self.page.iter().flat_map(MetricsPage::fds))
    }

    /// When [`Errands::advance`] has work though nothing is ready.
    pub fn due(&self) -> Option<Boot> {
        let posts = self.posts.iter().map(|(_, task)| task.deadline());
        let files = self.files.iter().map(|(_, task)| task.deadline());
        posts.chain(files).chain(self.page.as_ref().and_then(MetricsPage::due)).min()
    }

    /// Goes on with everything as far as it goes without a wait; returns the answers.
    pub fn advance(&mut self, is_ready: bool, now: Boot) -> Vec<Input> {
        let posted = finished(&mut self.posts, now).into_iter();
        let mut inputs: Vec<Input> = posted.map(|(ticket, answer)| Input::Posted { ticket, answer }).collect();
        let filed = finished(&mut self.files, now).into_iter();
        inputs.extend(
            filed.map(|(ticket, result)| Input::Done { ticket, result: result.map_err(|error| error.to_string()) }),
        );
        if let Some(page) = &mut self.page {
            page.advance(is_ready, now);
        }
        inputs
    }
}

/// The answers of those children that have answered, or did not in time.
fn finished<T: DeserializeOwned, E: DeserializeOwned + From<Failed>>(
    tasks: &mut Vec<(Ticket, Task<T, E>)>,
    now: Boot,
) -> Vec<(Ticket, Result<T, E>)> {
    let mut finished = Vec::new();
    tasks.retain_mut(|(ticket, task)| match task.poll(now) {
        Some(answer) => {
            finished.push((*ticket, answer));
            false
        }
        None => true,
    });
    finished
}
