//! One mail: a dialogue with a mail server, by RFC 5321, over TLS from the first byte (RFC 8314) or by STARTTLS (RFC 3207).
//!
//! [`send`] blocks, so it runs in a worker process. A connection that was to be encrypted is never used in plain text, and
//! the password goes over no other. The mail is sent once, whatever happens; the server's last reply is the answer, which
//! the channel judges. Every failure without a reply becomes one line that names the stage and the host.
//!
//! Written here because lettre is 0.3 MB and 56 crates more, which is more than the binary has room for.

mod address;
mod connection;
mod session;

use crate::clock::{Boot, boot_now};
use crate::http::{Answer, Error, Request, Target, reach};

pub use address::{Security, Server};
use connection::Connection;

/// Of the mail's envelope, as headers of the request: the login, the sender, each recipient.
pub const USER: &str = "user";
pub const PASSWORD: &str = "password";
pub const SENDER: &str = "from";
pub const RECIPIENT: &str = "to";

/// Of the answer: the stage of the dialogue that the reply belongs to, and each refused recipient with the reply if
/// another one was taken.
pub const STAGE: &str = "stage";
pub const REFUSED_RECIPIENT: &str = "refused";

/// Of the answer: why the mail went without its picture.
pub const WITHOUT_PICTURE: &str = "without-picture";

/// The status of an answer for a server that lacks something, which is no code of a reply.
pub const LACKING: u16 = 0;

/// Whether `request` is a mail.
pub fn is_mail(request: &Request) -> bool {
    Server::of(&request.url.expose()).is_some()
}

/// Sends the mail that is the body of `request`, whose lines end with CR and LF, until `deadline`. `spare` is the same mail
/// without its picture, for a server that does not take the whole one. See [`post`](crate::http::post) for `hangs`.
///
/// # Errors
/// There was no reply.
pub fn send(request: &Request, spare: Option<&[u8]>, deadline: Boot, mut hangs: impl FnMut(Option<&Error>)) -> Answer {
    let server = Server::of(&request.url.expose()).ok_or_else(|| Error("this is no mail server's URL".to_owned()))?;
    let target = Target { https: server.security != Security::None, host: server.host.clone(), port: server.port };
    let stream = reach(&target, deadline, &mut hangs)?;
    let connection = Connection::new(stream, &server, deadline);
    session::run(connection, request, spare)
}

/// Whether there is time left.
fn is_over(deadline: Boot) -> bool {
    deadline.since(boot_now()).is_zero()
}
