//! A proxy that speaks HTTP, SOCKS 4, 4a and 5, whichever a client begins with, notes each request, and leads every
//! client to the same address.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: SocketAddr,
    script: Script,
    asked: Mutex<Vec<String>>,
}

#[derive(Clone, Copy, Default)]
pub struct Script {
    /// The status line's rest for HTTP; `200 OK` where it is empty.
    pub http: &'static str,
    /// The codes of SOCKS for the first, the second request and so on; success for all that come after.
    pub socks: &'static [u8],
    /// Whether SOCKS 5 wants `user` and `opensesame`.
    pub wants_login: bool,
}

impl Proxy {
    /// Its threads end with the test run.
    pub fn start(upstream: SocketAddr, script: Script) -> Proxy {
        Proxy::listen(upstream, script, None)
    }

    pub fn start_tls(upstream: SocketAddr, tls: ServerConfig) -> Proxy {
        Proxy::listen(upstream, Script::default(), Some(Arc::new(tls)))
    }

    fn listen(upstream: SocketAddr, script: Script, tls: Option<Arc<ServerConfig>>) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared { upstream, script, asked: Mutex::default() });
        let acceptor = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (shared, tls) = (Arc::clone(&acceptor), tls.clone());
                // A client that goes away in the middle is no fault of the proxy's.
                std::thread::spawn(move || shared.serve(client, tls).is_ok());
            }
        });
        Proxy { address, shared }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `SCHEME://user:opensesame@ADDRESS`
    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://user:opensesame@{}", self.address)
    }

    /// The clients' requests: of HTTP the head, of SOCKS `socks5 user:opensesame host:port`.
    pub fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().expect("the proxy did not panic").clone()
    }
}

impl Shared {
    fn serve(&self, client: TcpStream, tls: Option<Arc<ServerConfig>>) -> io::Result<()> {
        let raw = client.try_clone()?;
        match tls {
            None => self.converse(client, &raw),
            Some(tls) => {
                let session = ServerConnection::new(tls).map_err(io::Error::other)?;
                self.converse(StreamOwned::new(session, client), &raw)
            }
        }
    }

    fn converse(&self, stream: impl Read + Write, raw: &TcpStream) -> io::Result<()> {
        let mut client = BufReader::new(stream);
        let first = *client.fill_buf()?.first().ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut server_gets = Vec::new();
        match first {
            4 => self.socks4(&mut client)?,
            5 => self.socks5(&mut client)?,
            _ => server_gets = self.http(&mut client)?,
        }
        let server = TcpStream::connect(self.upstream)?;
        (&server).write_all(&server_gets)?;
        pump(client, raw, &server)
    }

    fn note(&self, asked: String) -> usize {
        let mut all = self.asked.lock().expect("the test did not panic");
        all.push(asked);
        all.len()
    }

    /// The bytes that the server gets first: none in a tunnel.
    fn http(&self, client: &mut BufReader<impl Read + Write>) -> io::Result<Vec<u8>> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if client.read_line(&mut head)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        self.note(head.clone());
        let answer = if self.script.http.is_empty() { "200 OK" } else { self.script.http };
        let tunnels = head.starts_with("CONNECT ");
        if tunnels || answer != "200 OK" {
            write!(client.get_mut(), "HTTP/1.1 {answer}\r\n\r\n")?;
        }
        if answer != "200 OK" {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        if tunnels {
            return Ok(Vec::new());
        }
        // An origin server gets the path alone.
        let (line, rest) = head.split_once("\r\n").expect("a head has lines");
        let url = line.split(' ').nth(1).expect("a request line has a target");
        let path = url.strip_prefix("http://").and_then(|rest| rest.find('/').map(|slash| &rest[slash..]));
        let line = line.replace(url, path.expect("a proxy is given the whole URL"));
        Ok(format!("{line}\r\n{rest}").into_bytes())
    }

    fn code(&self, request: usize, success: u8) -> u8 {
        self.script.socks.get(request - 1).copied().unwrap_or(success)
    }

    fn socks4(&self, client: &mut BufReader<impl Read + Write>) -> io::Result<()> {
        let mut head = [0; 8];
        client.read_exact(&mut head)?;
        let text = |client: &mut BufReader<_>| -> io::Result<String> {
            let mut bytes = Vec::new();
            client.read_until(0, &mut bytes)?;
            bytes.pop();
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let user = text(client)?;
        let port = u16::from_be_bytes([head[2], head[3]]);
        let host = match head[4..] {
            [0, 0, 0, last] if last != 0 => text(client)?,
            [a, b, c, d] => Ipv4Addr::new(a, b, c, d).to_string(),
            _ => unreachable!("four bytes"),
        };
        let request = self.note(format!("socks4 {user} {host}:{port}"));
        let code = self.code(request, 90);
        client.get_mut().write_all(&[0, code, 0, 0, 0, 0, 0, 0])?;
        client.get_mut().flush()?;
        if code == 90 { Ok(()) } else { Err(io::ErrorKind::ConnectionRefused.into()) }
    }

    fn socks5(&self, client: &mut BufReader<impl Read + Write>) -> io::Result<()> {
        let counted = |client: &mut BufReader<_>| -> io::Result<Vec<u8>> {
            let mut length = [0];
            client.read_exact(&mut length)?;
            let mut bytes = vec![0; length[0].into()];
            client.read_exact(&mut bytes)?;
            Ok(bytes)
        };
        client.read_exact(&mut [0])?;
        let methods = counted(client)?;
        let mut login = "-".to_owned();
        let method = match (self.script.wants_login, methods.contains(&2)) {
            (true, true) => 2,
            (true, false) => 0xff,
            (false, _) => 0,
        };
        client.get_mut().write_all(&[5, method])?;
        client.get_mut().flush()?;
        if method == 2 {
            client.read_exact(&mut [0])?;
            let (user, password) = (counted(client)?, counted(client)?);
            login = format!("{}:{}", String::from_utf8_lossy(&user), String::from_utf8_lossy(&password));
            client.get_mut().write_all(&[1, u8::from(login != "user:opensesame")])?;
            client.get_mut().flush()?;
        }
        let mut head = [0; 4];
        client.read_exact(&mut head)?;
        let host = match head[3] {
            1 => {
                let mut octets = [0; 4];
                client.read_exact(&mut octets)?;
                IpAddr::from(octets).to_string()
            }
            4 => {
                let mut octets = [0; 16];
                client.read_exact(&mut octets)?;
                Ipv6Addr::from(octets).to_string()
            }
            _ => String::from_utf8_lossy(&counted(client)?).into_owned(),
        };
        let mut port = [0; 2];
        client.read_exact(&mut port)?;
        let request = self.note(format!("socks5 {login} {host}:{}", u16::from_be_bytes(port)));
        let code = self.code(request, 0);
        client.get_mut().write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0])?;
        client.get_mut().flush()?;
        if code == 0 { Ok(()) } else { Err(io::ErrorKind::ConnectionRefused.into()) }
    }
}

/// Copies both ways, by turns, until one side ends: a TLS session cannot be shared by two threads.
fn pump(mut client: BufReader<impl Read + Write>, raw: &TcpStream, mut server: &TcpStream) -> io::Result<()> {
    let turn = Some(Duration::from_millis(2));
    raw.set_read_timeout(turn)?;
    server.set_read_timeout(turn)?;
    let mut buffer = [0; 16 * 1024];
    let read = |stream: &mut dyn Read, buffer: &mut [u8]| match stream.read(buffer) {
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(None),
        read => read.map(Some),
    };
    loop {
        match read(&mut client, &mut buffer)? {
            Some(0) => return Ok(()),
            Some(count) => server.write_all(&buffer[..count])?,
            None => {}
        }
        match read(&mut server, &mut buffer)? {
            Some(0) => return client.get_mut().flush(),
            Some(count) => {
                client.get_mut().write_all(&buffer[..count])?;
                client.get_mut().flush()?;
            }
            None => {}
        }
    }
}
