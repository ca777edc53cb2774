//! A mail server that plays a script: a real listener, in plain text, with STARTTLS, or in TLS, which keeps every line.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::PATIENCE;

/// The replies that differ from a good server's: each to the commands that begin with its word. `greeting` and `.`
/// are the beginning and the mail's end; `. picture` is the end of one with a picture.
pub type Script = &'static [(&'static str, &'static str)];

pub struct MailServer {
    pub port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Tls,
    StartTls,
    Plain,
}

impl MailServer {
    /// Its threads end with the test run.
    pub fn start(kind: Kind, tls: ServerConfig, script: Script) -> MailServer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let (heard, tls) = (Arc::<Mutex<Vec<String>>>::default(), Arc::new(tls));
        let keeps = Arc::clone(&heard);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (heard, tls) = (Arc::clone(&keeps), Arc::clone(&tls));
                // A client that goes away in the middle is no fault of the server's.
                std::thread::spawn(move || serve(client, kind, &tls, script, &heard).is_ok());
            }
        });
        MailServer { port, heard }
    }

    /// Every line that came, those of mails too.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

fn encrypted(client: TcpStream, tls: &Arc<ServerConfig>) -> io::Result<StreamOwned<ServerConnection, TcpStream>> {
    Ok(StreamOwned::new(ServerConnection::new(Arc::clone(tls)).map_err(io::Error::other)?, client))
}

fn serve(
    client: TcpStream,
    kind: Kind,
    tls: &Arc<ServerConfig>,
    script: Script,
    heard: &Mutex<Vec<String>>,
) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    if kind == Kind::Tls {
        return converse(BufReader::new(encrypted(client, tls)?), false, true, script, heard).map(drop);
    }
    if converse(BufReader::new(client.try_clone()?), kind == Kind::StartTls, true, script, heard)? {
        converse(BufReader::new(encrypted(client, tls)?), false, false, script, heard)?;
    }
    Ok(())
}

/// Returns whether the client begins TLS.
fn converse(
    mut stream: BufReader<impl Read + Write>,
    may_start_tls: bool,
    greets: bool,
    script: Script,
    heard: &Mutex<Vec<String>>,
) -> io::Result<bool> {
    let reply = |word: &str, own: &str| {
        let played = script.iter().find(|(at, _)| word.to_ascii_uppercase().starts_with(&at.to_ascii_uppercase()));
        played.map_or(own, |(_, reply)| reply).replace('\n', "\r\n") + "\r\n"
    };
    if greets {
        stream.get_mut().write_all(reply("greeting", "220 fake ESMTP").as_bytes())?;
        stream.get_mut().flush()?;
    }
    let (mut is_mail, mut has_picture) = (false, false);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(false);
        }
        let line = line.trim_end_matches(['\r', '\n']).to_owned();
        heard.lock().unwrap().push(line.clone());
        let word = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        let answer = match &*word {
            "." => {
                is_mail = false;
                reply(if has_picture { ". picture" } else { "." }, "250 queued as 1")
            }
            _ if is_mail => {
                has_picture |= line.starts_with("Content-ID:");
                continue;
            }
            "EHLO" if may_start_tls => reply("EHLO", "250-fake\n250-SIZE 1000000\n250 STARTTLS"),
            "EHLO" => reply("EHLO TLS", "250-fake\n250 AUTH PLAIN LOGIN"),
            "STARTTLS" => reply("STARTTLS", "220 go on"),
            "AUTH" => reply(&line, if line == "AUTH LOGIN" { "334 VXNlcm5hbWU6" } else { "235 welcome" }),
            "DATA" => {
                (is_mail, has_picture) = (true, false);
                reply("DATA", "354 go on")
            }
            "MAIL" | "RCPT" | "RSET" => reply(&line, "250 ok"),
            "QUIT" => reply("QUIT", "221 bye"),
            // The lines of AUTH LOGIN: the name, then the password.
            _ if heard.lock().unwrap().iter().rev().nth(1).is_some_and(|line| line == "AUTH LOGIN") => {
                reply("NAME", "334 UGFzc3dvcmQ6")
            }
            _ => reply("PASSWORD", "235 welcome"),
        };
        if !answer.starts_with("354") && word == "DATA" {
            is_mail = false;
        }
        if answer.trim() == "silence" {
            std::thread::sleep(PATIENCE);
            return Ok(false);
        }
        stream.get_mut().write_all(answer.as_bytes())?;
        stream.get_mut().flush()?;
        if word == "STARTTLS" && answer.starts_with("220") {
            return Ok(true);
        }
        if word == "QUIT" {
            return Ok(false);
        }
    }
}
