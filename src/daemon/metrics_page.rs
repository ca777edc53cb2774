//! The page of metrics over HTTP, in the agent's one poll: answered from the last text, never measured for.
//!
//! It answers GET and HEAD of /metrics, one request a connection. A client has a few seconds and a few KiB for its
//! request, and few are let in at once: the others wait in the kernel's queue.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::PollFlags;

use crate::clock::Boot;

/// A client that has not asked and read all by then is disconnected.
const DONE_WITHIN: Duration = Duration::from_secs(5);

/// Prometheus' own head has 300 bytes.
const MAX_HEAD_BYTES: usize = 8 * 1024;

const MAX_CLIENTS: usize = 8;

/// The pause after an accept(2) that failed: without descriptors, it would fail again and again.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Prometheus 3 fails a scrape without it (exposition_formats.md).
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub struct MetricsPage {
    address: SocketAddr,
    listener: TcpListener,
    text: Rc<str>,
    clients: Vec<Client>,
    paused_until: Option<Boot>,
}

struct Client {
    stream: TcpStream,
    until: Boot,
    stage: Stage,
}

enum Stage {
    /// So much of its request has come.
    Asking(Vec<u8>),
    Answered {
        head: String,
        body: Rc<str>,
        sent: usize,
    },
}

impl MetricsPage {
    /// # Errors
    /// It cannot listen there: the reason, and the remedy where it is known.
    pub fn listen(address: SocketAddr, text: Rc<str>) -> Result<MetricsPage, String> {
        let listener = TcpListener::bind(address).and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok(listener)
        });
        let listener = listener.map_err(|error| format!("cannot listen: {error}{}", remedy(&error, address.port())))?;
        Ok(MetricsPage { address, listener, text, clients: Vec::new(), paused_until: None })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The text from now on. One that is being sent is sent to its end.
    pub fn show(&mut self, text: Rc<str>) {
        self.text = text;
    }

    /// The descriptors to wait for, each with its events.
    pub fn fds(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        let lets_in = self.paused_until.is_none() && self.clients.len() < MAX_CLIENTS;
        let listener = lets_in.then(|| (self.listener.as_fd(), PollFlags::POLLIN));
        let clients = self.clients.iter().map(|client| {
            let asks = matches!(client.stage, Stage::Asking(_));
            (client.stream.as_fd(), if asks { PollFlags::POLLIN } else { PollFlags::POLLOUT })
        });
        listener.into_iter().chain(clients)
    }

    /// When [`MetricsPage::advance`] has work though nothing is ready.
    pub fn due(&self) -> Option<Boot> {
        self.clients.iter().map(|client| client.until).chain(self.paused_until).min()
    }

    /// Lets clients in, and reads and sends as much as they go along with.
    pub fn advance(&mut self, is_ready: bool, now: Boot) {
        self.paused_until.take_if(|until| *until <= now);
        self.clients.retain_mut(|client| now < client.until && client.goes_on(&self.text));
        if is_ready && self.paused_until.is_none() {
            self.let_in(now);
        }
    }

    fn let_in(&mut self, now: Boot) {
        while self.clients.len() < MAX_CLIENTS {
            match self.listener.accept() {
                Ok((stream, _)) if stream.set_nonblocking(true).is_ok() => {
                    let (until, stage) = (now.after(DONE_WITHIN), Stage::Asking(Vec::new()));
                    let mut client = Client { stream, until, stage };
                    if client.goes_on(&self.text) {
                        self.clients.push(client);
                    }
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // The client is gone already.
                Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted) => {
                }
                Err(_) => {
                    self.paused_until = Some(now.after(ACCEPT_PAUSE));
                    return;
                }
            }
        }
    }
}

/// The remedy for an error of bind(2), where it is known: without a `=`, which the log would escape.
fn remedy(error: &io::Error, port: u16) -> String {
    match Errno::from_raw(error.raw_os_error().unwrap_or_default()) {
        // By the unit's SocketBindDeny.
        Errno::EPERM => {
            format!("; add tcp:{port} to the unit's SocketBindAllow (systemctl edit vps-monitor) and restart it")
        }
        Errno::EACCES => "; the agent's user may not have a port that low: take one from 1024 on".to_owned(),
        Errno::EADDRINUSE => "; another program listens there".to_owned(),
        Errno::EADDRNOTAVAIL => "; this machine has no such address".to_owned(),
        _ => String::new(),
    }
}

impl Client {
    /// Reads and sends as much as it goes along with; `false`: that was all.
    fn goes_on(&mut self, text: &Rc<str>) -> bool {
        if let Stage::Asking(said) = &mut self.stage {
            match read_head(&mut self.stream, said) {
                Ok(true) => self.stage = answer(said, text),
                Ok(false) => return true,
                Err(_) => return false,
            }
        }
        self.send().is_ok_and(|is_all| !is_all)
    }

    fn send(&mut self) -> io::Result<bool> {
        let Stage::Answered { head, body, sent } = &mut self.stage else { return Ok(false) };
        loop {
            let rest = match sent.checked_sub(head.len()) {
                None => &head.as_bytes()[*sent..],
                Some(of_body) => &body.as_bytes()[of_body..],
            };
            if rest.is_empty() {
                return Ok(true);
            }
            match self.stream.write(rest) {
                Ok(count) => *sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }
}

/// Reads the available part of a request's head; whether it is whole, or as long as a head may be.
fn read_head(stream: &mut TcpStream, said: &mut Vec<u8>) -> io::Result<bool> {
    let mut chunk = [0; 2048];
    while said.len() < MAX_HEAD_BYTES {
        if said.windows(4).any(|end| end == b"\r\n\r\n") {
            return Ok(true);
        }
        match stream.read(&mut chunk) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => said.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// The answer to a request's head.
fn answer(said: &[u8], text: &Rc<str>) -> Stage {
    let line = said.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = std::str::from_utf8(line).unwrap_or_default();
    let mut words = line.split(' ');
    let (method, target, version) = (words.next(), words.next().unwrap_or_default(), words.next());
    let path = target.split('?').next().unwrap_or_default();
    let is_http = version.is_some_and(|version| version.starts_with("HTTP/1."));
    let (status, body): (&str, Rc<str>) = match method {
        _ if said.len() >= MAX_HEAD_BYTES => {
            ("431 Request Header Fields Too Large", "the request is too long\n".into())
        }
        _ if !is_http => ("400 Bad Request", "this is not HTTP/1\n".into()),
        Some("GET" | "HEAD") if path == "/metrics" => ("200 OK", Rc::clone(text)),
        Some("GET" | "HEAD") => ("404 Not Found", "metrics are at /metrics\n".into()),
        _ => ("405 Method Not Allowed\r\nAllow: GET, HEAD", "only GET and HEAD are answered\n".into()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let body = if method == Some("HEAD") { "".into() } else { body };
    Stage::Answered { head, body, sent: 0 }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    fn page(text: &str) -> MetricsPage {
        let mut page = MetricsPage::listen((Ipv4Addr::LOCALHOST, 0).into(), text.into()).unwrap();
        page.address = page.listener.local_addr().unwrap();
        page
    }

    fn at(millis: i64) -> Boot {
        Boot::from_millis(millis)
    }

    /// A client that has said this; what it says has arrived.
    fn asking(page: &MetricsPage, said: &[u8]) -> TcpStream {
        let mut client = TcpStream::connect(page.address()).unwrap();
        client.write_all(said).unwrap();
        client
    }

    fn read(client: &mut TcpStream) -> String {
        let mut answer = Vec::new();
        // Whoever said more than was read is reset.
        let _ = client.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }

    /// The answer to a request that is there as a whole.
    fn answered(said: &str) -> String {
        let mut page = page("a 1\n");
        let mut client = asking(&page, said.as_bytes());
        page.advance(true, at(0));
        assert_eq!(page.clients.len(), 0, "{said:?}");
        read(&mut client)
    }

    #[test]
    fn the_page_is_at_metrics_for_get_and_head_alone() {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
                    Content-Length: 4\r\nConnection: close\r\n\r\n";
        assert_eq!(answered("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"), format!("{head}a 1\n"));
        assert_eq!(answered("GET /metrics?x=1 HTTP/1.0\r\n\r\n"), format!("{head}a 1\n"));
        assert_eq!(answered("HEAD /metrics HTTP/1.1\r\n\r\n"), head);
        for (said, status) in [
            ("GET / HTTP/1.1\r\n\r\n", "404"),
            ("GET /metrics/ HTTP/1.1\r\n\r\n", "404"),
            ("POST /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed\r\nAllow: GET, HEAD\r\n"),
            ("hello\r\n\r\n", "400"),
            ("\r\n\r\n", "400"),
        ] {
            let answer = answered(said);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")) && !answer.contains("a 1"), "{said:?}: {answer}");
        }
        assert!(answered(&format!("GET /metrics HTTP/1.1\r\nX: {}", "x".repeat(9000))).starts_with("HTTP/1.1 431"));
    }

    #[test]
    fn a_slow_client_holds_up_nobody_and_is_gone_in_the_end() {
        let mut page = page("a 1\n");
        let mut slow = asking(&page, b"GET /metr");
        page.advance(true, at(0));
        assert_eq!(page.due(), Some(at(5000)));
        let mut quick = asking(&page, b"GET /metrics HTTP/1.1\r\n\r\n");
        page.advance(true, at(100));
        assert!(read(&mut quick).ends_with("\r\n\r\na 1\n"));
        page.show("b 2\n".into());
        slow.write_all(b"ics HTTP/1.1\r\n\r\n").unwrap();
        page.advance(false, at(200));
        assert!(read(&mut slow).ends_with("\r\n\r\nb 2\n"));

        let mut silent = asking(&page, b"");
        page.advance(true, at(1000));
        page.advance(false, at(6000));
        assert_eq!((page.clients.len(), read(&mut silent)), (0, String::new()));
    }

    #[test]
    fn few_are_let_in_at_once_and_the_others_wait() {
        let mut page = page("a 1\n");
        let clients: Vec<TcpStream> = (0..MAX_CLIENTS + 3).map(|_| asking(&page, b"")).collect();
        page.advance(true, at(0));
        assert_eq!((page.clients.len(), page.fds().count()), (MAX_CLIENTS, MAX_CLIENTS), "the listener is left alone");
        page.advance(false, at(5000));
        page.advance(true, at(5000));
        assert_eq!(page.clients.len(), clients.len() - MAX_CLIENTS);
    }

    #[test]
    fn a_long_page_is_sent_as_fast_as_it_is_read() {
        let text = "vps_monitor_container_state 1\n".repeat(300_000);
        let mut page = page(&text);
        let mut client = asking(&page, b"GET /metrics HTTP/1.1\r\n\r\n");
        page.advance(true, at(0));
        assert_eq!(page.clients.len(), 1, "no kernel takes 9 MB at once");
        let mut answer = Vec::new();
        let mut chunk = vec![0; 256 * 1024];
        while !page.clients.is_empty() || answer.len() < text.len() {
            page.advance(false, at(0));
            let count = client.read(&mut chunk).unwrap();
            answer.extend_from_slice(&chunk[..count]);
        }
        assert!(String::from_utf8(answer).unwrap().ends_with(&text));
    }

    #[test]
    fn a_place_that_is_taken_is_told_with_the_reason() {
        let page = page("");
        let error = MetricsPage::listen(page.address(), "".into()).map(|_| ()).unwrap_err();
        assert!(error.ends_with("; another program listens there"), "{error}");
    }

    #[test]
    fn a_port_that_is_forbidden_is_told_with_the_line_of_the_unit_in_which_the_log_escapes_nothing() {
        let remedy = |errno: Errno| remedy(&io::Error::from(errno), 9101);
        assert!(remedy(Errno::EPERM).starts_with("; add tcp:9101 to the unit's SocketBindAllow (systemctl edit"));
        assert!(remedy(Errno::EACCES).ends_with("take one from 1024 on"));
        assert!(!remedy(Errno::EPERM).contains('='));
    }

    proptest! {
        #[test]
        fn whatever_is_said_is_answered_with_a_status(said in prop::collection::vec(any::<u8>(), 0..200)) {
            let Stage::Answered { head, .. } = answer(&said, &"a 1\n".into()) else { panic!("it is answered") };
            prop_assert!(head.starts_with("HTTP/1.1 ") && head.ends_with("\r\n\r\n"));
        }
    }
}
