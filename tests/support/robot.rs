//! A group robot that plays a script: a real listener on a free loopback port, which answers one request after another
//! by the script (and with success after its end) and keeps the requests.
//!
//! ```
//! let robot = Robot::start([Answer::Errcode(45009), Answer::Reset]);
//! // … let the agent post to robot.url() …
//! assert_eq!(robot.wait_for(2)[1].content(), "…");
//! ```

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::libc::linger;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, getsockname, setsockopt, socket, sockopt};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::PATIENCE;

/// The key in [`Robot::url`].
pub const KEY: &str = "0f9e8d7c-6b5a-4c3d-9e2f-1a0b9c8d7e6f";

/// The URL of a port that refuses connections: it is held and nobody listens there, so that no other test can come to.
pub fn refusing_url() -> String {
    static HELD: LazyLock<(OwnedFd, SockaddrIn)> = LazyLock::new(|| {
        let held = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).expect("a socket");
        bind(held.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0)).expect("a free port");
        let address = getsockname(held.as_raw_fd()).expect("a bound socket has an address");
        (held, address)
    });
    format!("http://{}/cgi-bin/webhook/send?key={KEY}", HELD.1)
}

/// The robot's reaction to a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// HTTP 200 and `{"errcode":N,"errmsg":"…"}`, which is how the real one answers.
    Errcode(i64),
    /// Any status and body.
    Http(u16, &'static str),
    /// Any status, header lines and body.
    Whole(u16, String, String),
    /// Any status and body, in which `ECHO` is all of the request, as a string of JSON holds it.
    Echo(u16, &'static str),
    /// HTTP 503 with these header lines.
    Busy(String),
    /// A redirect to this URL.
    Redirect(String),
    /// A body of one GiB.
    Endless,
    /// The answer for errcode 0, a byte at a time with this pause between two.
    Drip(Duration),
    /// As if all was well, after this long.
    Late(Duration),
    /// Nothing, while the connection stays open.
    Hang,
    /// The connection is reset.
    Reset,
    /// The connection is closed in good order, without an answer.
    Close,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The text of the `markdown` message.
    pub fn content(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).expect("the body is JSON");
        assert_eq!(body["msgtype"], "markdown");
        body["markdown"]["content"].as_str().expect("the message has content").to_owned()
    }
}

pub struct Robot {
    address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    tls: Option<Arc<ServerConfig>>,
}

struct State {
    script: VecDeque<Answer>,
    received: Vec<Received>,
    stopped: bool,
}

impl Robot {
    pub fn start(script: impl IntoIterator<Item = Answer>) -> Robot {
        Robot::listen("127.0.0.1", script, None)
    }

    /// One that listens at this address of the machine.
    pub fn start_at(address: &str, script: impl IntoIterator<Item = Answer>) -> Robot {
        Robot::listen(address, script, None)
    }

    /// One that speaks TLS, at `https://localhost:PORT`.
    pub fn start_tls(script: impl IntoIterator<Item = Answer>, tls: ServerConfig) -> Robot {
        Robot::listen("127.0.0.1", script, Some(Arc::new(tls)))
    }

    fn listen(at: &str, script: impl IntoIterator<Item = Answer>, tls: Option<Arc<ServerConfig>>) -> Robot {
        let listener = TcpListener::bind((at, 0)).expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let scheme = if tls.is_some() { "https" } else { "http" };
        let state = State { script: script.into_iter().collect(), received: Vec::new(), stopped: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), tls });
        let acceptor = Arc::clone(&shared);
        std::thread::spawn(move || acceptor.accept(&listener));
        Robot { address, scheme, shared }
    }

    /// The webhook's URL, [`KEY`] in it.
    pub fn url(&self) -> String {
        let host = if self.scheme == "https" { "localhost" } else { "127.0.0.1" };
        format!("{}://{host}:{}/cgi-bin/webhook/send?key={KEY}", self.scheme, self.address.port())
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> String {
        let url = self.url();
        url[..url.len() - "/cgi-bin/webhook/send?key=".len() - KEY.len()].to_owned()
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request so far, in the order in which they came.
    pub fn received(&self) -> Vec<Received> {
        self.shared.lock().received.clone()
    }

    /// Waits until there were `count` requests, and gives all.
    pub fn wait_for(&self, count: usize) -> Vec<Received> {
        let state = self.shared.lock();
        let too_few = |state: &mut State| state.received.len() < count;
        let (state, timeout) = self.shared.changed.wait_timeout_while(state, PATIENCE, too_few).unwrap();
        assert!(!timeout.timed_out(), "{count} requests awaited, there were only {:#?}", state.received);
        state.received.clone()
    }
}

impl Drop for Robot {
    fn drop(&mut self) {
        self.shared.lock().stopped = true;
        self.shared.changed.notify_all();
        // Wakes the acceptor, which then sees that it is over.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A test that waits in vain panics while it looks at the state, which is whole all the same.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(self: Arc<Self>, listener: &TcpListener) {
        for connection in listener.incoming() {
            if self.lock().stopped {
                return;
            }
            let (Ok(connection), shared) = (connection, Arc::clone(&self)) else { continue };
            // A client that goes away in the middle is no fault of the robot's.
            std::thread::spawn(move || shared.serve(connection).is_ok());
        }
    }

    fn serve(&self, connection: TcpStream) -> io::Result<()> {
        connection.set_read_timeout(Some(PATIENCE))?;
        match &self.tls {
            None => self.converse(connection.try_clone()?, &connection),
            Some(tls) => {
                let session = ServerConnection::new(Arc::clone(tls)).map_err(io::Error::other)?;
                self.converse(StreamOwned::new(session, connection.try_clone()?), &connection)
            }
        }
    }

    fn converse(&self, stream: impl Read + Write, connection: &TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream);
        let request = read_request(&mut reader)?;
        let answer = {
            let mut state = self.lock();
            let answer = state.script.pop_front().unwrap_or(Answer::Errcode(0));
            let answer = match answer {
                Answer::Echo(status, body) => {
                    let all = format!("{} {} {:?} {}", request.method, request.path, request.headers, request.body);
                    let all = serde_json::json!(all).to_string();
                    Answer::Whole(status, String::new(), body.replace("ECHO", &all[1..all.len() - 1]))
                }
                answer => answer,
            };
            state.received.push(request);
            answer
        };
        self.changed.notify_all();
        self.play(answer, reader.get_mut(), connection)
    }

    fn play(&self, answer: Answer, stream: &mut impl Write, connection: &TcpStream) -> io::Result<()> {
        match answer {
            Answer::Errcode(code) => stream.write_all(&ok(&errcode(code))),
            Answer::Http(status, body) => stream.write_all(&response(status, "", body)),
            Answer::Whole(status, headers, body) => {
                let headers: String = headers.lines().map(|line| format!("{line}\r\n")).collect();
                stream.write_all(&response(status, &headers, &body))
            }
            Answer::Busy(headers) => stream.write_all(&response(503, &format!("{headers}\r\n"), "")),
            Answer::Redirect(to) => stream.write_all(&response(307, &format!("Location: {to}\r\n"), "")),
            Answer::Echo(..) => unreachable!("it was made of the request"),
            Answer::Endless => {
                stream.write_all(
                    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", 1 << 30)
                        .as_bytes(),
                )?;
                (0..16 * 1024).try_for_each(|_| stream.write_all(&[b'x'; 64 * 1024]))
            }
            Answer::Drip(pause) => ok(&errcode(0)).chunks(1).try_for_each(|byte| {
                stream.write_all(byte)?;
                stream.flush()?;
                if self.wait_for_stop(pause) { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
            }),
            Answer::Late(pause) if self.wait_for_stop(pause) => Ok(()),
            Answer::Late(_) => stream.write_all(&ok(&errcode(0))),
            Answer::Hang => {
                self.wait_for_stop(Duration::MAX);
                Ok(())
            }
            // A socket that lingers for no time at all is reset when it is closed: socket(7).
            Answer::Reset => Ok(setsockopt(connection, sockopt::Linger, &linger { l_onoff: 1, l_linger: 0 })?),
            Answer::Close => Ok(()),
        }
    }

    /// Waits for as long as `pause`; whether the robot was stopped meanwhile.
    fn wait_for_stop(&self, pause: Duration) -> bool {
        let goes_on = |state: &mut State| !state.stopped;
        self.changed.wait_timeout_while(self.lock(), pause, goes_on).is_ok_and(|(state, _)| state.stopped)
    }
}

fn read_request(reader: &mut impl BufRead) -> io::Result<Received> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut words = lines.first().map(|line| line.split(' ')).into_iter().flatten().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let header =
        |line: &String| Some((line.split_once(':')?.0.to_ascii_lowercase(), line.split_once(':')?.1.trim().to_owned()));
    let headers: Vec<(String, String)> = lines.iter().skip(1).filter_map(header).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    Ok(Received { method, path, headers, body: String::from_utf8_lossy(&body).into_owned() })
}

fn errcode(code: i64) -> String {
    let errmsg = if code == 0 { "ok" } else { "scripted, hint: [1234567890]" };
    serde_json::json!({"errcode": code, "errmsg": errmsg}).to_string()
}

fn ok(body: &str) -> Vec<u8> {
    response(200, "Content-Type: application/json; charset=UTF-8\r\n", body)
}

fn response(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} Scripted\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}")
        .into_bytes()
}
