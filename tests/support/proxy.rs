//! An HTTP proxy for https: takes one CONNECT after another, notes what was asked for, and leads every one of them to
//! the same address.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

pub struct Proxy {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// `answer` is the status line's rest: `200 OK` opens the tunnel to `upstream`. Its thread ends with the test run.
    pub fn start(upstream: SocketAddr, answer: &'static str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let heads = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&heads);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A client that goes away in the middle is no fault of the proxy's.
                let _ = serve(client, upstream, answer, &noted);
            }
        });
        Proxy { address, heads }
    }

    /// For `HTTPS_PROXY`, with a name and a password.
    pub fn url(&self) -> String {
        format!("http://user:opensesame@{}", self.address)
    }

    /// What clients said, up to the empty line.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("the proxy did not panic").clone()
    }
}

fn serve(client: TcpStream, upstream: SocketAddr, answer: &str, heads: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    heads.lock().expect("the test did not panic").push(head);
    write!(&client, "HTTP/1.1 {answer}\r\n\r\n")?;
    if !answer.starts_with("200") {
        return Ok(());
    }
    let server = TcpStream::connect(upstream)?;
    let (mut client_sends, mut server_takes) = (reader, server.try_clone()?);
    std::thread::spawn(move || {
        let copied = io::copy(&mut client_sends, &mut server_takes);
        server_takes.shutdown(Shutdown::Write).and(copied)
    });
    io::copy(&mut &server, &mut &client)?;
    client.shutdown(Shutdown::Both)
}
