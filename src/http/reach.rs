//! A connection for a protocol that is not HTTP: to its host, or through the proxy that the environment names for all.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use ureq::Timeout;

use super::connect::connect;
use super::connector::Stage;
use super::explain::{Route, explain};
use super::proxy::{self, Protocol};
use super::tunnel::{self, Refusal};
use super::{Error, Target, addresses, look_up};
use crate::clock::{Boot, boot_now};

/// Connects to `target` until `deadline`. See [`post`](super::post) for `hangs`.
///
/// # Errors
/// Neither the target nor its proxy is reached, or the proxy refuses, or it is one that cannot be used.
pub(crate) fn reach(
    target: &Target,
    deadline: Boot,
    hangs: &mut impl FnMut(Option<&Error>),
) -> Result<TcpStream, Error> {
    let proxy = proxy::named_by(&proxy::FOR_ALL, target, |name| std::env::var(name).ok())?;
    let (nearest, of_target) = addresses(target, proxy.as_ref(), |host, port| look_up(host, port, hangs))?;
    let Some(proxy) = proxy else {
        return connect(&nearest, deadline).map_err(|error| Error(error.tell(&target.host)));
    };
    if proxy.kind == Protocol::Https {
        return Err(Error(format!(
            "{proxy} is an https:// one, which is used for webhooks alone: write http:// or socks5h://, or name {} in NO_PROXY",
            target.host
        )));
    }
    let mut of_target = of_target.into_iter();
    let mut address = of_target.next();
    loop {
        let mut stream = connect(&nearest, deadline).map_err(|error| Error(error.tell(&proxy.to_string())))?;
        match tunnel::open(&mut Bounded { stream: &mut stream, deadline }, &proxy, target, address) {
            Ok(()) => return Ok(stream),
            // The proxy has closed the connection after that: another address needs another connection.
            Err(Refusal::Unreachable(_)) if of_target.len() > 0 => address = of_target.next(),
            Err(refusal) => {
                let route = Route { host: &target.host, proxy: Some(&proxy), stage: Stage::Proxy };
                return Err(explain(&ureq::Error::from(refusal), route));
            }
        }
    }
}

/// A connection that ends at the deadline, however slowly the other end speaks.
struct Bounded<'a> {
    stream: &'a mut TcpStream,
    deadline: Boot,
}

impl Bounded<'_> {
    fn bounded<T>(&mut self, work: impl FnOnce(&mut TcpStream) -> io::Result<T>) -> io::Result<T> {
        let left = self.deadline.since(boot_now());
        let timed_out = || io::Error::other(ureq::Error::Timeout(Timeout::Global));
        if left.is_zero() {
            return Err(timed_out());
        }
        self.stream.set_read_timeout(Some(left))?;
        self.stream.set_write_timeout(Some(left))?;
        // At a socket's timeout the system says EAGAIN: socket(7), `SO_RCVTIMEO`.
        work(self.stream).map_err(|error| if error.kind() == io::ErrorKind::WouldBlock { timed_out() } else { error })
    }
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.bounded(|stream| stream.read(buffer))
    }
}

impl Write for Bounded<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bounded(|stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
