//! E-mail: a message becomes one mail, as text and as HTML, for all recipients, by the provider's mail server.
//!
//! RFC 5321 (the envelope), RFC 5322 (the header), RFC 3834 (`Auto-Submitted`). Providers' limits are not published; QQ's and
//! NetEase's free accounts are known to refuse bursts.

mod mime;
mod reply;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::{Channel, ChannelKind, ChannelLimits, Form, Job, Lack, Vendor, secret_key};
use crate::http::{Answer, Method, Request};
use crate::message::{Escape, Message};
use crate::outbox::{Budget, Outcome};
use crate::secret::Secret;
use crate::settings::{Complaint, Doc, NO_DOC, Section, Written, doc};
use crate::smtp::{PASSWORD, RECIPIENT, SENDER, Security, Server, USER};
use crate::text;
use crate::worker::{Illustrated, PictureJob};

const BUDGET: Budget =
    Budget { attempts: 10, window: Duration::from_secs(60), longest_attempt: crate::worker::MAIL_DEADLINE };

const _: () = assert!(BUDGET.is_within_bounds());

/// In a mail it is a third longer, and the strictest servers take 10 MB.
const MAX_PICTURE_BYTES: usize = 5 * 1024 * 1024;

pub const KIND: &ChannelKind =
    &ChannelKind { name: "email", doc: doc("电子邮件（SMTP）", "E-mail by SMTP"), setting: "email.url", read };

const URL_DOC: Doc = doc(
    "邮件服务器，例如 `smtps://user@smtp.example.com`；`smtps` 为 465 端口的 TLS，`smtp+starttls` 为 587 端口的 STARTTLS",
    "the mail server, such as `smtps://user@smtp.example.com`; `smtps` is TLS at port 465, `smtp+starttls` STARTTLS at 587; \
     `smtp` is for this machine's own",
)
.values("URL，或其出处", "URL, or where it is");

const PASSWORD_DOC: Doc = doc(
    "登录密码；国内邮箱多为授权码，Gmail、iCloud 为应用专用密码",
    "the password; with many providers one for applications (授权码, app password)",
)
.values(
    "密码，或其出处：`credential:NAME`、`file:/path`、`env:NAME`",
    "text, or where it is: `credential:NAME`, `file:/path`, `env:NAME`",
);

const FROM_DOC: Doc = doc("发件人地址，留空则为登录名", "the sender's address; empty: the user's name in `url`");

const TO_DOC: Doc = doc("收件人地址", "the recipients' addresses").values("地址的列表", "list of addresses");

fn read(section: &mut Section<'_>) -> Option<Channel> {
    let problems = section.problem_count();
    let url = secret_key(section, "url", "URL", URL_DOC, server, Secret::expose);
    let password = secret_key(section, "password", "password", PASSWORD_DOC, password, Secret::to_string);
    let from =
        section.parse("from", FROM_DOC, |text| if text.trim().is_empty() { Ok(String::new()) } else { address(text) });
    let to = section.list("to", TO_DOC, |item| item.parse(NO_DOC, address)).unwrap_or_default();
    section.holds("to", Written::texts(&to));
    let parsed = url.as_ref().and_then(|url| Server::of(&url.expose()));
    let (Some(url), Some(server)) = (url, parsed) else {
        section.holds("from", Written::Text(from));
        return None;
    };
    let from = if from.is_empty() { address(&server.user).unwrap_or_default() } else { from };
    section.holds("from", Written::Text(from.clone()));
    if section.problem_count() > problems {
        return None;
    }
    if from.is_empty() {
        section.problem("from", Complaint::new("is missing").expected("an address such as ops@example.com"));
    }
    if to.is_empty() {
        section.problem("to", Complaint::new("names nobody").expected("to: [ops@example.com]"));
    }
    match (&password, server.user.is_empty()) {
        (None, false) => {
            section.problem("password", Complaint::new("is missing").expected("the password of the user in `url`"))
        }
        (Some(_), true) => {
            let expected = "smtps://USER@HOST; a user's name may hold an @";
            section.problem("url", Complaint::new("has no user's name, and there is a password").expected(expected));
        }
        _ => {}
    }
    (section.problem_count() == problems).then(|| Channel::new(Email { url, user: server.user, password, from, to }))
}

fn server(text: &str) -> Result<Option<Secret>, Complaint> {
    const EXPECTED: &str = "smtps://USER@HOST or smtp+starttls://USER@HOST, with :PORT if it is not 465 or 587";
    let text = text.trim();
    let refused = |what: &str, expected: &str| Err(Complaint::new(what).expected(expected));
    match Server::of(text) {
        _ if text.is_empty() => Ok(None),
        None if !text.is_ascii() => refused(
            "has characters beyond ASCII",
            "the server's name in its form with xn--; in a user's name %XX for each byte",
        ),
        None => refused("is no mail server's URL", EXPECTED),
        Some(server) if server.user.contains(':') => {
            refused("holds a password", "the user's name alone; the password belongs into `password`")
        }
        Some(server) if server.security == Security::None && (!server.is_loopback() || !server.user.is_empty()) => {
            refused("is not encrypted, which is for a mail server on this machine without a password alone", EXPECTED)
        }
        Some(_) => Ok(Some(Secret::new(text))),
    }
}

fn password(text: &str) -> Result<Option<Secret>, Complaint> {
    let text = text.trim_matches(['\r', '\n']);
    match text {
        "" => Ok(None),
        text if text.contains(char::is_control) => Err(Complaint::new("is no password").expected("one line")),
        text => Ok(Some(Secret::new(text))),
    }
}

/// `ops@example.com`, with nothing that could end a command or a line. Characters beyond ASCII are for servers that take them
/// (RFC 6531).
fn address(text: &str) -> Result<String, Complaint> {
    let text = text.trim();
    let is_beyond = |c: char| !c.is_ascii() && !c.is_whitespace() && !text::is_hidden(c);
    let is_local = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c) || is_beyond(c);
    let is_domain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.') || is_beyond(c);
    let is_address = |(local, domain): (&str, &str)| {
        (1..=64).contains(&local.len())
            && local.chars().all(is_local)
            && (1..=255).contains(&domain.len())
            && domain.chars().all(is_domain)
            && !domain.starts_with(['.', '-'])
    };
    match text.rsplit_once('@') {
        Some(parts) if is_address(parts) => Ok(text.to_owned()),
        _ => Err(Complaint::new("is no mail address").expected("an address such as ops@example.com, without a name")),
    }
}

/// One account, and its recipients.
#[derive(Debug)]
struct Email {
    url: Secret,
    /// Empty: none.
    user: String,
    password: Option<Secret>,
    from: String,
    to: Vec<String>,
}

/// Control characters are left out.
const PLAIN: Escape = Escape { own: visible, foreign: visible };

fn visible(c: char, into: &mut String) {
    if c == '\n' || !c.is_control() {
        into.push(c);
    }
}

impl Email {
    /// The request that sends `mail`.
    fn request(&self, mail: String) -> Request {
        let mut headers = vec![(Cow::Borrowed(SENDER), Secret::new(&*self.from))];
        headers.extend(self.to.iter().map(|to| (Cow::Borrowed(RECIPIENT), Secret::new(&**to))));
        if let Some(password) = &self.password {
            headers.push((USER.into(), Secret::new(&*self.user)));
            headers.push((PASSWORD.into(), password.clone()));
        }
        Request { method: Method::Post, url: self.url.clone(), headers, body: mail.into_bytes() }
    }
}

impl Vendor for Email {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn setting(&self) -> &'static str {
        "the keys of email"
    }

    fn address_setting(&self) -> &'static str {
        KIND.setting
    }

    /// The longest message is far shorter than the 10 MB that the strictest servers take.
    fn limits(&self) -> ChannelLimits {
        ChannelLimits { part: None, budget: Some(BUDGET) }
    }

    fn escape(&self) -> Escape {
        PLAIN
    }

    fn encode(&self, message: &Message, form: Form<'_>) -> Vec<Job> {
        vec![Job::Post(self.request(mime::mail(message, &self.from, &self.to, form.now)))]
    }

    fn has_pictures_inside(&self) -> bool {
        true
    }

    fn illustrated(&self, message: &Message, form: Form<'_>) -> Option<Illustrated> {
        Some(Illustrated::Post(PictureJob {
            request: self.request(String::new()),
            body: mime::illustrated(message, &self.from, &self.to, form.now),
            max_bytes: MAX_PICTURE_BYTES,
            without: Some(mime::mail(message, &self.from, &self.to, form.now)),
        }))
    }

    fn receipt(&self, answer: &Answer) -> Option<String> {
        reply::receipt(answer)
    }

    fn lacks(&self, answer: &Answer) -> Vec<Lack> {
        reply::lacks(answer, self.password.as_ref())
    }

    fn classify(&self, answer: &Answer) -> Outcome {
        reply::classify(answer, self.password.as_ref())
    }

    fn advice(&self, answer: &Answer) -> Option<Cow<'static, str>> {
        let server = Server::of(&self.url.expose())?;
        reply::advice(answer, &server).map(Cow::Borrowed)
    }

    fn secrets(&self) -> Vec<&Secret> {
        self.password.iter().collect()
    }
}

/// Neither the server nor the addresses are secret.
impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mail from {} to {} by {}", self.from, self.to.join(", "), self.url.expose())
    }
}

#[cfg(test)]
mod tests;
