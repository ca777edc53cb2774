//! The dialogue: greeting, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, QUIT. It ends at the first reply that is no consent, but
//! for one to a mail that is taken without its picture.

use std::net::SocketAddr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::connection::{Connection, Reply};
use super::{LACKING, PASSWORD, RECIPIENT, REFUSED_RECIPIENT, SENDER, STAGE, Security, USER, WITHOUT_PICTURE};
use crate::http::{Answer, Error, Request, Response};
use crate::secret::Secret;

/// Why the dialogue is over.
enum End {
    /// This reply, in this stage.
    Replied(&'static str, Reply),
    /// The server lacks something that is needed.
    Lacks(&'static str, &'static str),
    Failed(Error),
}

impl From<Error> for End {
    fn from(error: Error) -> End {
        End::Failed(error)
    }
}

/// Found on the way to the last reply.
#[derive(Default)]
struct Notes {
    /// The refused recipients, each with the reply.
    refused: Vec<(String, Reply)>,
    /// Why the mail goes without its picture.
    without_picture: Option<String>,
}

/// Sends the mail, or `spare` if the server does not take that.
///
/// # Errors
/// There was no reply.
pub fn run(mut connection: Connection, request: &Request, spare: Option<&[u8]>) -> Answer {
    let mut notes = Notes::default();
    let end = match converse(&mut connection, request, spare, &mut notes) {
        Ok(reply) => End::Replied("data", reply),
        Err(end) => end,
    };
    connection.quit();
    let answer = |stage: &str, status, body| {
        let refused = notes
            .refused
            .into_iter()
            .map(|(recipient, reply)| (REFUSED_RECIPIENT, format!("{recipient}: {} {}", reply.code, reply.text())));
        let without = notes.without_picture.map(|why| (WITHOUT_PICTURE, why));
        let headers = [(STAGE, stage.to_owned())].into_iter().chain(refused).chain(without);
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).collect();
        Ok(Response { status, headers, body })
    };
    match end {
        End::Replied(stage, reply) => answer(stage, reply.code, reply.text()),
        End::Lacks(stage, what) => answer(stage, LACKING, what.to_owned()),
        End::Failed(error) => Err(error),
    }
}

fn converse(
    connection: &mut Connection,
    request: &Request,
    spare: Option<&[u8]>,
    notes: &mut Notes,
) -> Result<Reply, End> {
    let header = |name| values(request, name).next();
    if connection.security() == Security::Tls {
        connection.encrypt()?;
    }
    taken("greeting", connection.reply()?)?;
    let mut offers = greet(connection)?;
    if connection.security() == Security::StartTls {
        if offers.offered("STARTTLS").is_none() {
            return Err(End::Lacks("starttls", "it offers no STARTTLS at this port"));
        }
        taken("starttls", connection.ask("STARTTLS")?)?;
        connection.encrypt()?;
        offers = greet(connection)?;
    }
    if let (Some(user), Some(password)) = (header(USER), header(PASSWORD)) {
        log_in(connection, &offers, &user.expose(), &password.expose())?;
    }
    let (mut mail, mut spare) = (&*request.body, spare);
    // RFC 1870; 0: no limit is told.
    let limit = offers.offered("SIZE").and_then(|size| size.trim().parse().ok()).filter(|limit| *limit > 0);
    if let (Some(limit), Some(smaller)) = (limit, spare)
        && mail.len() > limit
    {
        notes.without_picture = Some(format!("the server takes no mail of more than {limit} bytes"));
        (mail, spare) = (smaller, None);
    }
    loop {
        let end = transact(connection, request, mail, &offers, &mut notes.refused);
        let refusal = match &end {
            Ok(reply) if reply.code >= 500 => reply,
            Err(End::Replied("mail" | "data", reply @ Reply { code: 523 | 552, .. })) => reply,
            _ => return end,
        };
        let Some(smaller) = spare.take() else { return end };
        notes.without_picture = Some(format!("{} {}", refusal.code, refusal.text()));
        mail = smaller;
        taken("mail", connection.ask("RSET")?)?;
    }
}

/// One mail on the connection. The reply is the one to its end.
fn transact(
    connection: &mut Connection,
    request: &Request,
    mail: &[u8],
    offers: &Reply,
    refused: &mut Vec<(String, Reply)>,
) -> Result<Reply, End> {
    refused.clear();
    let sender = values(request, SENDER).next().map(Secret::expose).unwrap_or_default();
    let parameters = parameters(request, mail, offers)?;
    taken("mail", connection.ask(&format!("MAIL FROM:<{sender}>{parameters}"))?)?;
    let mut is_taken = false;
    for recipient in values(request, RECIPIENT) {
        let reply = connection.ask(&format!("RCPT TO:<{}>", recipient.expose()))?;
        if reply.is_success() {
            is_taken = true;
        } else {
            refused.push((recipient.expose().to_string(), reply));
        }
    }
    if !is_taken {
        let none = || Reply { code: LACKING, lines: vec!["the mail has no recipient".to_owned()] };
        // One that may be taken later makes the mail one to try again.
        let first = refused.drain(..).map(|(_, reply)| reply).min_by_key(|reply| reply.code >= 500);
        return Err(End::Replied("rcpt", first.unwrap_or_else(none)));
    }
    let ready = connection.ask("DATA")?;
    if ready.code != 354 {
        return Err(End::Replied("data", ready));
    }
    Ok(connection.hand_over(&stuffed(mail))?)
}

/// Behind the sender: the mail's size (RFC 1870), and that addresses and header are in UTF-8 (RFC 6531), if they are.
fn parameters(request: &Request, mail: &[u8], offers: &Reply) -> Result<String, End> {
    let mut parameters = String::new();
    if offers.offered("SIZE").is_some() {
        parameters += &format!(" SIZE={}", mail.len());
    }
    let is_ascii = |name| values(request, name).all(|address| address.expose().is_ascii());
    if !(is_ascii(SENDER) && is_ascii(RECIPIENT)) {
        if offers.offered("SMTPUTF8").is_none() {
            return Err(End::Lacks("mail", "it takes addresses in ASCII alone (it offers no SMTPUTF8)"));
        }
        parameters += " BODY=8BITMIME SMTPUTF8";
    }
    Ok(parameters)
}

fn values<'a>(request: &'a Request, name: &'a str) -> impl Iterator<Item = &'a Secret> {
    request.headers.iter().filter(move |(key, _)| key == name).map(|(_, value)| value)
}

fn taken(stage: &'static str, reply: Reply) -> Result<Reply, End> {
    if reply.is_success() { Ok(reply) } else { Err(End::Replied(stage, reply)) }
}

/// The name of this host is its address: one that nobody can look up is refused by some (RFC 5321 section 4.1.3).
fn greet(connection: &mut Connection) -> Result<Reply, End> {
    let name = match connection.local_address() {
        Some(SocketAddr::V6(address)) => match address.ip().to_ipv4_mapped() {
            Some(v4) => format!("[{v4}]"),
            None => format!("[IPv6:{}]", address.ip()),
        },
        Some(SocketAddr::V4(address)) => format!("[{}]", address.ip()),
        None => "localhost".to_owned(),
    };
    taken("ehlo", connection.ask(&format!("EHLO {name}"))?)
}

/// RFC 4954; LOGIN is older, and all that some servers have.
fn log_in(connection: &mut Connection, offers: &Reply, user: &str, password: &str) -> Result<(), End> {
    if connection.security() == Security::None {
        return Err(End::Lacks("auth", "a password is sent over an encrypted connection alone"));
    }
    let offered = |mechanism: &str| {
        let is_of_auth = |line: &&String| line.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("AUTH"));
        let mut words = offers.lines.iter().filter(is_of_auth).flat_map(|line| line.split([' ', '=']));
        words.any(|word| word.eq_ignore_ascii_case(mechanism))
    };
    let reply = if offered("PLAIN") {
        let login = BASE64_STANDARD.encode(format!("\0{user}\0{password}"));
        connection.ask(&format!("AUTH PLAIN {login}"))?
    } else if offered("LOGIN") {
        let mut reply = connection.ask("AUTH LOGIN")?;
        for answer in [user, password] {
            if reply.code != 334 {
                break;
            }
            reply = connection.ask(&BASE64_STANDARD.encode(answer))?;
        }
        reply
    } else {
        return Err(End::Lacks("auth", "it offers no login that this program has (PLAIN, LOGIN)"));
    };
    taken("auth", reply).map(drop)
}

/// The mail with its end, a dot before each line that begins with one: RFC 5321 section 4.5.2.
fn stuffed(mail: &[u8]) -> Vec<u8> {
    let mut stuffed = Vec::with_capacity(mail.len() + 8);
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            stuffed.push(b'.');
        }
        stuffed.extend_from_slice(line);
    }
    if !stuffed.ends_with(b"\r\n") {
        stuffed.extend_from_slice(b"\r\n");
    }
    stuffed.extend_from_slice(b".\r\n");
    stuffed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_a_dot_does_not_end_the_mail() {
        assert_eq!(stuffed(b"a\r\n.\r\n..b\r\nc"), b"a\r\n..\r\n...b\r\nc\r\n.\r\n");
        assert_eq!(stuffed(b""), b"\r\n.\r\n");
    }
}
