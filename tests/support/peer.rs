//! Real programs of others, started for a test on a loopback port of their own, with a folder of their own.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{PATIENCE, is_ci, wait_until};

/// Where a program is. `None`: it is not installed, and the test is left out; in CI it must be.
pub fn program(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.exists());
    assert!(found.is_some() || !is_ci(), "{name} must be installed here");
    if found.is_none() {
        eprintln!("left out, as {name} is not installed");
    }
    found
}

/// Debian's Python, if it has this module. `None`: it is not installed, as with [`program`].
pub fn python_with(module: &str) -> Option<&'static str> {
    const PYTHON: &str = "/usr/bin/python3";
    let imported = Command::new(PYTHON).args(["-c", &format!("import {module}")]).output();
    if imported.is_ok_and(|output| output.status.success()) {
        return Some(PYTHON);
    }
    assert!(!is_ci(), "Python's {module} must be installed here");
    eprintln!("left out, as Python's {module} is not installed");
    None
}

/// A port that nobody listens on at the moment.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// The arguments of a proxy that speaks HTTP, with the login `user:opensesame`.
pub fn tinyproxy(port: u16, folder: &Path) -> Vec<String> {
    let config = folder.join("tinyproxy.conf");
    let text = format!("Port {port}\nListen 127.0.0.1\nAllow 127.0.0.1\nLogLevel Connect\nBasicAuth user opensesame\n");
    std::fs::write(&config, text).unwrap();
    vec!["-d".to_owned(), "-c".to_owned(), config.display().to_string()]
}

/// Of one that speaks SOCKS 5, with the same login.
pub fn microsocks(port: u16, _: &Path) -> Vec<String> {
    ["-i", "127.0.0.1", "-p", &port.to_string(), "-u", "user", "-P", "opensesame"].map(str::to_owned).to_vec()
}

pub struct Peer {
    child: Child,
    pub port: u16,
    folder: TempDir,
}

impl Peer {
    /// Starts a program with the arguments that `arguments` makes of its port and its folder, and waits until it answers
    /// at `ready`. `None`: it is not installed.
    pub fn start(name: &str, ready: &str, arguments: impl FnOnce(u16, &Path) -> Vec<String>) -> Option<Peer> {
        let peer = Peer::spawn(name, arguments)?;
        wait_until(&format!("{name} answers"), || {
            ask(peer.port, "GET", ready, "").is_some_and(|(status, _)| status == 200)
        });
        Some(peer)
    }

    /// The same for one that speaks something else: it answers once it takes a connection.
    pub fn start_listening(name: &str, arguments: impl FnOnce(u16, &Path) -> Vec<String>) -> Option<Peer> {
        let peer = Peer::spawn(name, arguments)?;
        wait_until(&format!("{name} listens"), || TcpStream::connect((Ipv4Addr::LOCALHOST, peer.port)).is_ok());
        Some(peer)
    }

    fn spawn(name: &str, arguments: impl FnOnce(u16, &Path) -> Vec<String>) -> Option<Peer> {
        let program = program(name)?;
        let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
        let arguments = arguments(port, folder.path());
        let log = std::fs::File::create(folder.path().join("peer.log")).unwrap();
        let child = Command::new(program)
            .args(arguments)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Some(Peer { child, port, folder })
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The body of a page, which must be there.
    pub fn get(&self, path: &str) -> String {
        let (status, body) = ask(self.port, "GET", path, "").unwrap_or_else(|| panic!("no answer at {path}"));
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("peer.log")).unwrap_or_default()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the peer logged:\n{}", self.log());
        }
    }
}

/// The answer to a request on this port: its status and its body.
pub fn ask(port: u16, method: &str, path: &str, headers: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let request = format!("{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}
