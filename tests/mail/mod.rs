//! E-mail against mail servers: one that plays every reply, and real ones where they are installed.

mod pictures;
mod real;

use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use vps_monitor::http::Answer;
use vps_monitor::message::{self, Language, Style};
use vps_monitor::notify::{CHANNEL_KINDS, Form, Job};
use vps_monitor::settings;
use vps_monitor::worker::Worker;

use crate::support::agent::{Finished, Place, finish, quick};
use crate::support::authority::Authority;
use crate::support::mail_server::{Kind, MailServer, Script};
use crate::support::robot::KEY;
use crate::support::wait_until;

/// A host with one account at a server on this machine. Its password is [`KEY`]: all output is searched for that.
struct Bed {
    place: Place,
    server: MailServer,
}

fn scheme(kind: Kind) -> &'static str {
    match kind {
        Kind::Tls => "smtps",
        Kind::StartTls => "smtp+starttls",
        Kind::Plain => "smtp",
    }
}

fn keys(kind: Kind, port: u16) -> String {
    let scheme = scheme(kind);
    let to = "to: [ops@c.example, d@e.example]";
    match kind {
        Kind::Plain => format!("{{url: '{scheme}://localhost:{port}', from: a@b.example, {to}}}"),
        _ => format!("{{url: '{scheme}://a@b.example@localhost:{port}', password: '{KEY}', {to}}}"),
    }
}

impl Bed {
    fn new(kind: Kind, script: Script) -> Bed {
        Bed::speaking(kind, kind, script)
    }

    /// One whose client takes the server for one of another kind.
    fn speaking(taken_for: Kind, kind: Kind, script: Script) -> Bed {
        let authority = Authority::new("ours");
        let server = MailServer::start(kind, authority.server("localhost"), script);
        let place = Place::on("small-vps");
        authority.write(place.state().parent().unwrap());
        place.configure(&(quick("") + &format!("channels: [{{email: {}}}]\n", keys(taken_for, server.port))));
        Bed { place, server }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.place.command(arguments);
        command.env("SSL_CERT_FILE", self.place.path("ca.pem"));
        command
    }

    fn test_notify(&self) -> Finished {
        finish(&mut self.command(&["test-notify"]))
    }

    fn expect(&self, code: i32, told: &str) {
        let finished = self.test_notify();
        assert_eq!(finished.code, code, "{told}: {finished:?} {:?}", self.server.heard());
        assert!(finished.stdout.contains(told), "{told}: {finished:?}");
    }

    /// The number of dialogues.
    fn attempts(&self) -> usize {
        self.server.heard().iter().filter(|line| line.starts_with("EHLO")).count()
    }
}

#[test]
fn a_mail_is_handed_over_in_tls_by_starttls_or_to_this_machine() {
    for kind in [Kind::Tls, Kind::StartTls, Kind::Plain] {
        let bed = Bed::new(kind, &[]);
        bed.expect(0, ": delivered");
        // Nobody waits for the server to read the goodbye.
        wait_until("the goodbye is heard", || bed.server.heard().last().is_some_and(|line| line == "QUIT"));
        let heard = bed.server.heard();
        let words: Vec<&str> = heard.iter().map(|line| line.split(' ').next().unwrap()).collect();
        let dialogue: &[&str] = match kind {
            Kind::Tls => &["EHLO", "AUTH", "MAIL", "RCPT", "RCPT", "DATA", "Date:"],
            Kind::StartTls => &["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "RCPT", "DATA", "Date:"],
            Kind::Plain => &["EHLO", "MAIL", "RCPT", "RCPT", "DATA", "Date:"],
        };
        assert_eq!(&words[..dialogue.len()], dialogue, "{heard:?}");
        assert_eq!(heard[heard.len() - 2..], [".", "QUIT"], "{heard:?}");
        for line in ["EHLO [127.0.0.1]", "MAIL FROM:<a@b.example>", "RCPT TO:<ops@c.example>", "RCPT TO:<d@e.example>"]
        {
            assert!(heard.iter().any(|heard| heard == line), "{line}: {heard:?}");
        }
    }
}

#[test]
fn test_notify_says_of_each_reply_whether_it_is_a_delivery_and_what_to_do() {
    let login: Script = &[("EHLO", "250-fake\n250 AUTH LOGIN")];
    Bed::new(Kind::Tls, login).expect(0, ": delivered");
    for (kind, script, told) in [
        (Kind::Tls, [("greeting", "554 5.7.1 blocked")], "blocklist"),
        (Kind::Tls, [("EHLO", "502 no")], "blocklist"),
        (Kind::StartTls, [("EHLO", "250 fake")], "no STARTTLS"),
        (Kind::StartTls, [("STARTTLS", "502 no")], "blocklist"),
        (Kind::Tls, [("EHLO", "250 fake")], "no login that this program has"),
        (Kind::Tls, [("EHLO", "250-fake\n250 AUTH GSSAPI XOAUTH2")], "no login that this program has"),
        (Kind::Tls, [("AUTH", "535 5.7.8 wrong 0f9e8d7c-6b5a-4c3d-9e2f-1a0b9c8d7e6f")], "auth: 535 5.7.8 wrong …"),
        (Kind::Tls, [("AUTH", "534 5.7.9 app password")], "a password for applications"),
        (Kind::Tls, [("AUTH", "538 encrypt")], "email.password"),
        (Kind::Plain, [("MAIL", "530 5.7.0 log in")], "wants a login"),
        (Kind::Tls, [("MAIL", "501 not your address")], "email.from"),
        (Kind::Tls, [("MAIL", "553 not your address")], "email.from"),
        (Kind::Tls, [("RCPT", "550 5.1.1 no such user")], "email.to"),
        (Kind::Tls, [("RCPT", "551 elsewhere")], "email.to"),
        (Kind::Tls, [("DATA", "554 no")], "spam"),
        (Kind::Tls, [(".", "550 5.7.1 spam")], "spam"),
        (Kind::Tls, [(".", "554 policy")], "spam"),
        (Kind::Tls, [(".", "552 too large")], "too large"),
        (Kind::Tls, [(".", "523 too large")], "too large"),
    ] {
        let script: Script = Box::leak(Box::new(script));
        let bed = Bed::new(kind, script);
        bed.expect(1, told);
        assert!(bed.attempts() <= 2, "{script:?} is no reason to try again: {:?}", bed.server.heard());
    }
}

#[test]
fn what_passes_is_tried_again_and_what_is_no_mail_server_is_named() {
    let long: &'static str = Box::leak("220-".repeat(1_000_000).into_boxed_str());
    let endless: &'static str = Box::leak("220-more\n".repeat(100_000).into_boxed_str());
    let cases: [(Kind, Kind, &'static str, &'static str, &'static str); 12] = [
        (Kind::Tls, Kind::Tls, "greeting", "421 busy", "greylisting"),
        (Kind::Tls, Kind::Tls, "AUTH", "454 later", "greylisting"),
        (Kind::Tls, Kind::Tls, "RCPT", "450 4.2.0 greylisted", "greylisting"),
        (Kind::Tls, Kind::Tls, "RCPT", "451 later", "greylisting"),
        (Kind::Tls, Kind::Tls, "RCPT", "452 full", "greylisting"),
        (Kind::Tls, Kind::Tls, ".", "451 later", "greylisting"),
        (Kind::Tls, Kind::Tls, "greeting", "<html>sign in</html>", "does not answer as a mail server does"),
        (Kind::Tls, Kind::Tls, "greeting", "", "does not answer as a mail server does"),
        (Kind::Tls, Kind::Tls, "greeting", long, "does not answer as a mail server does"),
        (Kind::Tls, Kind::Tls, "greeting", endless, "does not answer as a mail server does"),
        (Kind::StartTls, Kind::StartTls, "STARTTLS", "220 go on\n250 and more", "speaks before the TLS handshake"),
        (Kind::Tls, Kind::StartTls, "", "", "port 587 smtp+starttls://"),
    ];
    // The pauses between the attempts are real ones.
    std::thread::scope(|scope| {
        for (taken_for, kind, at, reply, told) in cases {
            scope.spawn(move || {
                let script: Script = if at.is_empty() { &[] } else { Box::leak(Box::new([(at, reply)])) };
                let bed = Bed::speaking(taken_for, kind, script);
                bed.expect(1, told);
                assert!(bed.server.heard().iter().all(|line| !line.contains("QVVUSA")), "{:?}", bed.server.heard());
            });
        }
    });
}

/// The answer to a test mail, from a worker that has this long.
fn send(bed: &Bed, kind: Kind, deadline: Duration) -> Answer {
    let email = CHANNEL_KINDS.iter().find(|kind| kind.name == "email").unwrap();
    let yaml = keys(kind, bed.server.port);
    let channel = settings::read("test", yaml.as_bytes(), email.read).unwrap().value.unwrap();
    let style = Style { language: Language::English, host: "web-1".to_owned(), zone: jiff::tz::TimeZone::UTC };
    let message = message::test(&style, jiff::Timestamp::UNIX_EPOCH);
    let Some(Job::Post(request)) = channel.encode(&message, Form::default()).pop() else { panic!("no mail") };
    let worker = Worker::at(env!("CARGO_BIN_EXE_vps-monitor")).with_deadline(deadline);
    worker.with_variable("SSL_CERT_FILE", bed.place.path("ca.pem")).post(&request).unwrap().wait()
}

#[test]
fn a_server_that_says_nothing_is_given_up_with_the_stage_and_the_ports() {
    // One that waits for TLS says nothing to a client that waits for a greeting.
    let bed = Bed::speaking(Kind::StartTls, Kind::Tls, &[]);
    let error = send(&bed, Kind::StartTls, Duration::from_secs(2)).unwrap_err().to_string();
    assert!(error.contains("does not answer; port 465 wants smtps://"), "{error}");
    let bed = Bed::new(Kind::Tls, &[(".", "silence")]);
    let error = send(&bed, Kind::Tls, Duration::from_secs(4)).unwrap_err().to_string();
    assert!(error.contains("was given the mail and does not say whether it takes it"), "{error}");
}

#[test]
fn a_certificate_of_nobody_gets_neither_password_nor_mail() {
    for kind in [Kind::Tls, Kind::StartTls] {
        let bed = Bed::new(kind, &[]);
        let finished = finish(&mut bed.place.command(&["test-notify"]));
        assert!(finished.stdout.contains("signed by an authority that this system does not know"), "{finished:?}");
        let heard = bed.server.heard();
        assert!(heard.iter().all(|line| line.starts_with("EHLO") || line == "STARTTLS"), "{heard:?}");
    }
}

#[test]
fn an_address_beyond_ascii_is_for_a_server_that_takes_it() {
    let utf8: Script = &[("EHLO", "250-fake\n250-8BITMIME\n250-SMTPUTF8\n250 AUTH PLAIN")];
    for (script, code, told) in [
        (utf8, 0, ": delivered"),
        (&[], 1, "email.from and email.to (a domain in its form with xn--), or a server that takes others"),
    ] {
        let bed = Bed::new(Kind::Tls, script);
        let yaml = std::fs::read_to_string(bed.place.config()).unwrap().replace("ops@c.example", "用户@c.example");
        bed.place.configure(&yaml);
        bed.expect(code, told);
        let heard = bed.server.heard();
        let is_begun = heard.iter().any(|line| line == "MAIL FROM:<a@b.example> BODY=8BITMIME SMTPUTF8");
        assert_eq!(is_begun, code == 0, "{heard:?}");
        assert_eq!(heard.iter().any(|line| line == "To: 用户@c.example,"), code == 0, "{heard:?}");
    }
}

#[test]
fn the_agent_sends_alert_and_recovery_as_one_conversation_and_names_a_recipient_that_is_refused() {
    let bed = Bed::new(Kind::Tls, &[("RCPT TO:<d@e.example>", "550 5.1.1 nobody")]);
    let agent = bed.place.spawn(bed.command(&["run"]));
    agent.wait_for_log("delivered kind=alert channel=email");
    agent.wait_for_log("the mail did not go to d@e.example channel=email: 550 5.1.1 nobody");
    assert!(!std::fs::read_to_string(bed.place.state_file()).unwrap().contains(KEY));
    assert_eq!(bed.place.run(&["config", "show"]).code, 0);
    bed.place.status();
    bed.place.become_host("no-swap");
    agent.signal(Signal::SIGUSR1);
    agent.wait_for_log("delivered kind=recovery channel=email");
    agent.stop(Signal::SIGTERM);
    let heard = bed.server.heard();
    let of = |name: &str| heard.iter().filter(|line| line.starts_with(name)).cloned().collect::<Vec<_>>();
    let (references, ids) = (of("References: "), of("Message-ID: "));
    assert!(references.len() == 2 && references[0] == references[1], "{references:?}");
    assert!(ids.len() == 2 && ids[0] != ids[1], "{ids:?}");
    bed.expect(0, ": delivered\n  but the mail did not go to d@e.example: 550 5.1.1 nobody\n");
}
