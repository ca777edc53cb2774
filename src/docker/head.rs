//! The head of a request and of a reply: the part of RFC 9112 that engines use.

use std::fmt::Write;

use httparse::Status;

use super::framing::Framing;

/// The bound of a head; those of engines have some 300 bytes.
pub const MAX_HEAD_BYTES: usize = 16 * 1024;

/// The bound of its headers; engines send a dozen.
const MAX_HEADERS: usize = 64;

/// The oldest API that is understood, that of Docker 1.12. Before 1.23 the list had no `State`:
/// <https://docs.docker.com/reference/api/engine/version-history/>.
const OLDEST_API: (u32, u32) = (1, 24);

/// A reply's head.
#[derive(Debug, PartialEq)]
pub struct Head {
    pub status: u16,
    pub framing: Framing,
    /// Whether another request may follow on the same connection once the body is read.
    pub keeps_alive: bool,
    pub podman: bool,
    /// Whether the head has a header that only engines send.
    pub from_engine: bool,
    /// The engine's newest API, if it is older than this program needs: `1.18`.
    pub too_old: Option<String>,
}

impl Head {
    /// Whether the reply itself is still to come: `100 Continue` and the like (RFC 9110, 15.2).
    pub fn is_interim(&self) -> bool {
        matches!(self.status, 100 | 102..=199)
    }
}

/// The reason why bytes are not the head of a reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedHead {
    #[error("the reply is not HTTP")]
    NotHttp,
    #[error("the reply's head is longer than {MAX_HEAD_BYTES} bytes")]
    TooLong,
    #[error("the reply's Content-Length is not a number")]
    Length,
}

/// A GET of `target` (path and query, already escaped). `Host` must be there (RFC 9112, 3.2) and means nothing here.
pub fn request(target: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: docker\r\nUser-Agent: {}/{}\r\nAccept: application/json\r\n\r\n",
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_VERSION")
    )
}

/// `text` for a path or a query: `%XX` for everything but letters, digits and `-._~`.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// Reads the head at the front of `bytes` and returns its length; `None` while its end is missing.
///
/// # Errors
/// When the bytes are no head, or more than [`MAX_HEAD_BYTES`] without its end.
pub fn parse(bytes: &[u8]) -> Result<Option<(Head, usize)>, MalformedHead> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    match response.parse(bytes) {
        Ok(Status::Complete(length)) if length <= MAX_HEAD_BYTES => Ok(Some((read(&response)?, length))),
        Ok(Status::Partial) if bytes.len() < MAX_HEAD_BYTES => Ok(None),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => Err(MalformedHead::TooLong),
        Err(_) => Err(MalformedHead::NotHttp),
    }
}

fn read(response: &httparse::Response<'_, '_>) -> Result<Head, MalformedHead> {
    let http_1_1 = response.version == Some(1);
    let mut head = Head {
        status: response.code.unwrap_or(0),
        framing: Framing::UntilClose,
        keeps_alive: http_1_1,
        podman: false,
        from_engine: false,
        too_old: None,
    };
    let mut length = None;
    let mut chunked = false;
    for header in response.headers.iter() {
        let value = String::from_utf8_lossy(header.value);
        let value = value.trim();
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        if is("Content-Length") {
            let number: u64 = value.parse().map_err(|_| MalformedHead::Length)?;
            if length.is_some_and(|length| length != number) {
                return Err(MalformedHead::Length);
            }
            length = Some(number);
        } else if is("Transfer-Encoding") {
            chunked = value.to_ascii_lowercase().ends_with("chunked");
        } else if is("Connection") {
            head.keeps_alive = !value.eq_ignore_ascii_case("close") && http_1_1;
        } else if is("Api-Version") {
            head.from_engine = true;
            head.too_old = Some(value.to_owned()).filter(|_| is_too_old(value));
        } else if is("Libpod-Api-Version") {
            head.podman = true;
        }
    }
    head.framing = Framing::of(head.status, chunked, length);
    head.keeps_alive &= head.framing != Framing::UntilClose;
    Ok(head)
}

/// Whether `version`, such as `1.41`, is older than the oldest API that is understood. A text that is no version does
/// not count as older.
fn is_too_old(version: &str) -> bool {
    let numbers = version.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    numbers.is_some_and(|numbers: (u32, u32)| numbers < OLDEST_API)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(text: &str) -> Head {
        let (head, length) = parse(text.as_bytes()).unwrap().unwrap();
        assert_eq!(length, text.len());
        head
    }

    #[test]
    fn the_framing_is_what_the_head_says() {
        let chunked = head("HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert_eq!(chunked.framing, Framing::of(200, true, None));
        assert!(chunked.keeps_alive && chunked.from_engine && !chunked.podman);
        // RFC 9112, 6.3: chunked overrides a length.
        let both = head("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: gzip, Chunked\r\n\r\n");
        assert_eq!(both.framing, chunked.framing);
        assert_eq!(
            head("HTTP/1.1 404 Not Found\r\nContent-Length: 29\r\n\r\n").framing,
            Framing::of(404, false, Some(29))
        );
        let unframed = head("HTTP/1.0 200 OK\r\n\r\n");
        assert_eq!((unframed.framing, unframed.keeps_alive), (Framing::UntilClose, false));
        assert!(!head("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n").keeps_alive);
    }

    #[test]
    fn podman_and_an_engine_too_old_are_recognised() {
        assert!(head("HTTP/1.1 200 OK\r\nLibpod-Api-Version: 4.3.1\r\nContent-Length: 0\r\n\r\n").podman);
        let too_old = |version: &str| head(&format!("HTTP/1.1 200 OK\r\nApi-Version: {version}\r\n\r\n")).too_old;
        assert_eq!(too_old("1.18"), Some("1.18".to_owned()));
        assert_eq!(too_old("1.24"), None);
        assert_eq!(too_old("2.0"), None);
        assert_eq!(too_old("new"), None);
    }

    #[test]
    fn what_is_no_head_is_refused_and_what_is_not_there_yet_is_waited_for() {
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\nApi-"), Ok(None));
        assert_eq!(parse(b"<!DOCTYPE html>"), Err(MalformedHead::NotHttp));
        let length = |lines: &str| parse(format!("HTTP/1.1 200 OK\r\n{lines}\r\n").as_bytes());
        assert_eq!(length("Content-Length: -1\r\n"), Err(MalformedHead::Length));
        assert_eq!(length("Content-Length: 1\r\nContent-Length: 2\r\n"), Err(MalformedHead::Length));
        let endless = format!("HTTP/1.1 200 OK\r\nA: {}", "a".repeat(MAX_HEAD_BYTES));
        assert_eq!(parse(endless.as_bytes()), Err(MalformedHead::TooLong));
        assert_eq!(parse("HTTP/1.1 200 OK\r\n".to_owned().as_bytes()), Ok(None));
        assert_eq!(length(&"A: b\r\n".repeat(100)), Err(MalformedHead::TooLong));
    }

    #[test]
    fn escaping_leaves_nothing_that_could_end_a_request_line() {
        assert_eq!(escaped("a1-._~"), "a1-._~");
        assert_eq!(escaped("a b\r\n/{\"é"), "a%20b%0D%0A%2F%7B%22%C3%A9");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
            let _ = parse(&[b"HTTP/1.1 200 OK\r\n".as_slice(), &bytes].concat());
        }
    }
}
