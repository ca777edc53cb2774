//! An engine of the tests: a real Unix socket, and behind it whatever a test has it answer.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tempfile::TempDir;
use vps_monitor::docker::Address;

/// Whether the connection is kept after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    Keep,
    Close,
}

type Answer = dyn Fn(&str, &mut UnixStream) -> After + Send + Sync;

/// A listening engine. Dropped, it ends like one that is stopped: its socket file is gone.
pub struct Engine {
    directory: TempDir,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

struct Shared {
    answer: Box<Answer>,
    targets: Mutex<Vec<String>>,
    connections: AtomicUsize,
    stopped: AtomicBool,
}

impl Engine {
    /// Answers each request, given its target (`/containers/json?all=true`), by `answer`.
    pub fn new(answer: impl Fn(&str, &mut UnixStream) -> After + Send + Sync + 'static) -> Engine {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("docker.sock")).unwrap();
        let shared = Arc::new(Shared {
            answer: Box::new(answer),
            targets: Mutex::default(),
            connections: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        });
        let acceptor = std::thread::spawn({
            let shared = shared.clone();
            move || shared.accept(&listener)
        });
        Engine { directory, shared, acceptor: Some(acceptor) }
    }

    /// Writes `reply` to whatever is asked, and closes.
    pub fn replying(reply: impl Into<Vec<u8>>) -> Engine {
        let reply = reply.into();
        Engine::new(move |_, stream| {
            let _ = stream.write_all(&reply);
            After::Close
        })
    }

    /// Gives back the recorded replies in a folder of fixtures/docker: `list` as the list, and each one's inspect.
    pub fn recorded(folder: &str, list: &str) -> Engine {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/docker").join(folder);
        let read = |name: &str| std::fs::read(folder.join(format!("{name}.http"))).unwrap();
        let (list, missing, events) = (read(list), read("inspect-missing"), read("events"));
        let keeps = list.starts_with(b"HTTP/1.1") && !contains(&list, "Connection: close");
        let inspects: Vec<Vec<u8>> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|file| file.unwrap().path())
            .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("inspect-"))
            .map(|path| std::fs::read(path).unwrap())
            .collect();
        Engine::new(move |target, stream| {
            let (reply, after) = if target.starts_with("/events") {
                (&events, After::Close)
            } else if let Some(id) = target.strip_prefix("/containers/").and_then(|rest| rest.strip_suffix("/json")) {
                let of = format!("{{\"Id\":\"{id}\"");
                (inspects.iter().find(|reply| contains(reply, &of)).unwrap_or(&missing), After::Keep)
            } else {
                (&list, if keeps { After::Keep } else { After::Close })
            };
            let _ = stream.write_all(reply);
            after
        })
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join("docker.sock")
    }

    pub fn address(&self) -> Address {
        Address::at(&self.path()).unwrap()
    }

    /// The requests so far, in order.
    pub fn targets(&self) -> Vec<String> {
        self.shared.targets.lock().unwrap().clone()
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the acceptor.
        let _ = UnixStream::connect(self.path());
        let _ = self.acceptor.take().map(JoinHandle::join);
    }
}

impl Shared {
    fn accept(self: Arc<Self>, listener: &UnixListener) {
        for stream in listener.incoming() {
            if self.stopped.load(Ordering::SeqCst) {
                return;
            }
            self.connections.fetch_add(1, Ordering::SeqCst);
            let shared = self.clone();
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                while let Some(target) = request(&mut stream) {
                    shared.targets.lock().unwrap().push(target.clone());
                    if (shared.answer)(&target, &mut stream) == After::Close {
                        return;
                    }
                }
            });
        }
    }
}

/// The target of the next request; `None` at the end of the connection.
fn request(stream: &mut UnixStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    Some(head.strip_prefix("GET ")?.split(' ').next()?.to_owned())
}

/// An engine that sends the test's texts, on each connection anew, and closes when there are no more.
pub fn told_what_to_send() -> (Engine, Sender<String>) {
    let (sender, receiver): (_, Receiver<String>) = channel();
    let receiver = Mutex::new(receiver);
    let engine = Engine::new(move |_, stream| {
        for text in receiver.lock().unwrap().iter() {
            if text.is_empty() || stream.write_all(text.as_bytes()).is_err() {
                break;
            }
        }
        After::Close
    });
    (engine, sender)
}

/// Waits until the other side closes.
pub fn hang(stream: &mut UnixStream) -> After {
    let _ = stream.read_to_end(&mut Vec::new());
    After::Close
}

/// A reply with a JSON body and its length.
pub fn json_reply(status: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
