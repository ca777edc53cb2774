//! A local datagram socket that never waits, and finds its receiver again after losing it.

use std::io::{self, ErrorKind};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;

/// The sending end.
#[derive(Debug)]
pub struct Sender {
    address: SocketAddr,
    connected: Option<UnixDatagram>,
}

impl Sender {
    /// A socket for the listener at `path`, or, if that begins with `@`, at an abstract address (unix(7)). It connects
    /// when there is something to send.
    ///
    /// # Errors
    /// `path` is no address: it is too long, for example.
    pub fn to(path: &Path) -> io::Result<Sender> {
        let address = match path.as_os_str().as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
            _ => SocketAddr::from_pathname(path),
        }?;
        Ok(Sender { address, connected: None })
    }

    /// Sends one datagram, at once or not at all. A receiver that was restarted listens on a new socket at the old
    /// address, and the old one answers ECONNREFUSED or ENOTCONN: then there is one more attempt, on a new connection.
    ///
    /// # Errors
    /// Nobody listens, or the receiver has no room: `WouldBlock`.
    pub fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        if let Some(socket) = &self.connected {
            match socket.send(datagram) {
                Err(error) if error.kind() != ErrorKind::WouldBlock => self.connected = None,
                sent_or_full => return sent_or_full.map(drop),
            }
        }
        let socket = self.connect()?;
        let sent = socket.send(datagram).map(drop);
        self.connected = Some(socket);
        sent
    }

    fn connect(&self) -> io::Result<UnixDatagram> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.connect_addr(&self.address)?;
        Ok(socket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abstract_address_is_reached_and_a_full_one_is_not_waited_for() {
        let name = format!("vps-monitor-test-{}", std::process::id());
        let receiver = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let mut sender = Sender::to(Path::new(&format!("@{name}"))).unwrap();
        let error = (0..1 << 20).find_map(|_| sender.send(b"x").err()).unwrap();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        receiver.recv(&mut [0; 8]).unwrap();
        sender.send(b"y").unwrap();
        drop(receiver);
        assert_eq!(sender.send(b"z").unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert!(Sender::to(Path::new(&"long".repeat(100))).is_err());
    }
}
