//! Makes a proxy connect to the target: by HTTP's `CONNECT` (RFC 9110 section 9.3.6), or by SOCKS.

mod socks;

use std::io::{self, Read, Write};
use std::net::SocketAddr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::Target;
use super::proxy::{Login, Protocol, Proxy};
use socks::Destination;

/// The bound of a proxy's answer to `CONNECT`, a head of a few lines.
const MAX_HEAD_BYTES: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;

/// The reason why there is no connection. The text holds nothing of the target's URL, nor of the proxy's.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The proxy cannot reach the given address, and may reach another one.
    #[error("{0}")]
    Unreachable(String),
    #[error("{0}")]
    Told(String),
    #[error(transparent)]
    Ureq(#[from] ureq::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Refusal {
        Refusal::Ureq(ureq::Error::from(error))
    }
}

/// Asks the proxy at the other end of `stream` for a connection to `target`: to its name, or to `address` if the kind
/// of proxy takes only addresses. Afterwards `stream` reads from and writes to the target.
///
/// # Errors
/// The proxy refuses, speaks another protocol, or breaks off.
pub fn open(
    stream: &mut (impl Read + Write),
    proxy: &Proxy,
    target: &Target,
    address: Option<SocketAddr>,
) -> Result<(), Refusal> {
    let login = proxy.login.as_ref();
    let opened = match proxy.kind {
        Protocol::Http | Protocol::Https => http(stream, login, target),
        Protocol::Socks4 | Protocol::Socks4a => socks::version_4(stream, login, &Destination::new(target, address)),
        Protocol::Socks5 | Protocol::Socks5h => socks::version_5(stream, login, &Destination::new(target, address)),
    };
    opened.map_err(|refusal| match refusal {
        Refusal::Unreachable(why) => Refusal::Unreachable(format!("{proxy} {why}")),
        Refusal::Told(why) => Refusal::Told(format!("{proxy} {why}")),
        Refusal::Ureq(_) => refusal,
    })
}

/// The value of `Proxy-Authorization` and `Authorization`: RFC 7617.
pub fn basic(login: &Login) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{}", login.user.expose(), login.password.expose())))
}

fn http(stream: &mut (impl Read + Write), login: Option<&Login>, target: &Target) -> Result<(), Refusal> {
    let to = target.authority();
    let mut request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\nUser-Agent: {}\r\n", super::USER_AGENT);
    if let Some(login) = login {
        request += &format!("Proxy-Authorization: {}\r\n", basic(login));
    }
    request += "\r\n";
    stream.write_all(request.as_bytes())?;
    stream.flush()?;

    // A byte at a time: the bytes behind the head belong to the target.
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && !head.ends_with(b"\n\n") {
        if head.len() >= MAX_HEAD_BYTES {
            return Err(not_understood());
        }
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    match (response.parse(&head), response.code) {
        (Ok(httparse::Status::Complete(_)), Some(200..=299)) => Ok(()),
        // tinyproxy answers 401 to a login that is not right (src/reqs.c).
        (Ok(_), Some(status @ (401 | 407))) => Err(told(&if login.is_some() {
            format!("does not accept the user name and password (HTTP {status})")
        } else {
            format!("requires a user name and a password (HTTP {status}): http://USER:PASSWORD@HOST:PORT")
        })),
        (Ok(_), Some(status)) => Err(told(&format!("refuses to connect to {to} (HTTP {status})"))),
        _ => Err(not_understood()),
    }
}

fn told(what: &str) -> Refusal {
    Refusal::Told(what.to_owned())
}

fn not_understood() -> Refusal {
    told("does not speak the protocol of its URL: check its scheme and its port")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    /// A proxy with fixed words, whatever it is asked.
    struct Played {
        answers: io::Cursor<Vec<u8>>,
        heard: Vec<u8>,
    }

    impl Read for Played {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.answers.read(buffer)
        }
    }

    impl Write for Played {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.heard.extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    pub fn proxy(kind: Protocol, login: Option<(&str, &str)>) -> Proxy {
        let login = login.map(|(user, password)| Login { user: Secret::new(user), password: Secret::new(password) });
        Proxy { variable: "ALL_PROXY", kind, host: "proxy".to_owned(), port: 1, login }
    }

    fn target(host: &str) -> Target {
        Target { https: true, host: host.to_owned(), port: 443 }
    }

    /// The bytes that the proxy received, or the reason for giving up.
    pub fn play(proxy: &Proxy, host: &str, address: Option<&str>, answers: &[u8]) -> Result<Vec<u8>, String> {
        let mut stream = Played { answers: io::Cursor::new(answers.to_vec()), heard: Vec::new() };
        let address = address.map(|text| text.parse().unwrap());
        open(&mut stream, proxy, &target(host), address).map_err(|refusal| {
            let told = refusal.to_string();
            told.strip_prefix("the proxy that ALL_PROXY names ").map_or(told.clone(), str::to_owned)
        })?;
        // No byte of the target's is read.
        let mut rest = String::new();
        stream.answers.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "TLS");
        Ok(stream.heard)
    }

    #[test]
    fn http_is_asked_to_connect_and_the_login_is_basic() {
        let heard =
            play(&proxy(Protocol::Http, Some(("u", "p"))), "robot", None, b"HTTP/1.0 299 Yes\r\nA: b\r\n\r\nTLS");
        let heard = String::from_utf8(heard.unwrap()).unwrap();
        assert!(heard.starts_with("CONNECT robot:443 HTTP/1.1\r\nHost: robot:443\r\nUser-Agent: vps-monitor/"));
        assert!(heard.ends_with("\r\nProxy-Authorization: Basic dTpw\r\n\r\n"), "{heard}");
        let heard = play(&proxy(Protocol::Https, None), "::1", None, b"HTTP/1.1 200 OK\n\nTLS").unwrap();
        let heard = String::from_utf8(heard).unwrap();
        assert!(heard.starts_with("CONNECT [::1]:443 ") && !heard.contains("Authorization"), "{heard}");
    }

    #[test]
    fn each_refusal_of_an_http_proxy_says_what_to_do() {
        let refused =
            |login, answer: &str| play(&proxy(Protocol::Http, login), "robot", None, answer.as_bytes()).unwrap_err();
        let wants = "HTTP/1.1 407 Secret words\r\n\r\n";
        assert!(refused(None, wants).contains("USER:PASSWORD@"));
        assert_eq!(refused(Some(("u", "p")), wants), "does not accept the user name and password (HTTP 407)");
        let wrong = "HTTP/1.1 401 Unauthorized\r\n\r\n";
        assert_eq!(refused(Some(("u", "p")), wrong), "does not accept the user name and password (HTTP 401)");
        assert_eq!(refused(None, "HTTP/1.1 403 Secret\r\n\r\n"), "refuses to connect to robot:443 (HTTP 403)");
        assert!(refused(None, "SSH-2.0-OpenSSH\r\n\r\n").contains("check its scheme"));
        assert!(refused(None, &format!("HTTP/1.1 200 OK\r\nA: {}", "x".repeat(20_000))).contains("check its scheme"));
        assert!(!refused(None, "HTTP/1.1 200").contains("check"));
    }

    proptest::proptest! {
        #[test]
        fn whatever_a_proxy_says_is_an_answer_or_none(answers in proptest::collection::vec(0..=255u8, 0..200), kind in 0..4usize) {
            let kind = [Protocol::Http, Protocol::Socks4a, Protocol::Socks5h, Protocol::Socks5][kind];
            let mut stream = Played { answers: io::Cursor::new(answers), heard: Vec::new() };
            let _ = open(&mut stream, &proxy(kind, Some(("u", "p"))), &target("robot"), None);
        }
    }
}
