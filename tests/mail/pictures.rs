//! Mails with the picture in them, and the mails that go without it.

use std::fs;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use nix::sys::signal::Signal;
use rusqlite::Connection;
use vps_monitor::history::FILE_NAME;

use super::Bed;
use crate::support::mail_server::{Kind, Script};
use crate::support::robot::KEY;

impl Bed {
    /// An alert of a number, with its picture, at the first check.
    fn with_pictures(script: Script) -> Bed {
        Bed::with_pictures_at(Kind::Tls, script)
    }

    pub(super) fn with_pictures_at(kind: Kind, script: Script) -> Bed {
        let bed = Bed::new(kind, script);
        let config = fs::read_to_string(bed.place.config()).unwrap().replace("threshold: 80", "threshold: 1, for: 0");
        bed.place.configure(&config.replace("general: {", "general: {alert_picture: true, "));
        bed
    }

    /// The agent's log until its first mail is taken, and everything that the server heard.
    fn first_mail(&self) -> (String, Vec<String>) {
        let agent = self.place.spawn(self.command(&["run"]));
        agent.wait_for_log("delivered kind=alert channel=email attempts=1 reply=\"250 queued as 1\"");
        (agent.stop(Signal::SIGTERM).stderr, self.server.heard())
    }
}

/// A mail's text, from its header to its end.
fn mails(heard: &[String]) -> Vec<String> {
    let mut mails = vec![];
    for line in heard {
        match &**line {
            "DATA" => mails.push(String::new()),
            line => mails.last_mut().into_iter().for_each(|mail: &mut String| *mail += &format!("{line}\n")),
        }
    }
    mails
}

fn has_picture(mail: &str) -> bool {
    mail.contains("Content-ID: <picture.")
}

#[test]
fn an_alerts_picture_is_in_its_mail_where_the_html_shows_it() {
    let bed = Bed::with_pictures(&[("EHLO", "250-fake\n250-SIZE 10000000\n250 AUTH PLAIN")]);
    let (log, heard) = bed.first_mail();
    let [mail] = &mails(&heard)[..] else { panic!("{} mails\n{log}", mails(&heard).len()) };
    let id = mail.split("Content-ID: <").nth(1).unwrap().split('>').next().unwrap();
    let content = |of: &str| {
        let part = mail.split(of).nth(1).unwrap().split_once("\n\n").unwrap().1.split("\n--").next().unwrap();
        BASE64_STANDARD.decode(part.replace('\n', "")).unwrap()
    };
    let html = String::from_utf8(content("Content-Type: text/html")).unwrap();
    assert!(html.contains(&format!("<img src=\"cid:{id}\"")), "{html}");
    let file = content("Content-Type: image/png");
    assert!(file.starts_with(b"\x89PNG\r\n\x1a\n") && file.ends_with(b"IEND\xaeB`\x82"));
    // Its size is told before it comes: RFC 1870. The lines have two bytes more in their ends, or one here.
    let sent = mail.split("\n.\n").next().unwrap();
    let size = sent.len() + 1 + sent.lines().count();
    assert!(heard.contains(&format!("MAIL FROM:<a@b.example> SIZE={size}")), "{size}");
    assert!(!log.contains("picture") && !log.contains(KEY), "{log}");
}

#[test]
fn a_mail_whose_picture_cannot_be_sent_goes_without_it_and_says_so() {
    let cases: [(Script, usize, &str); 4] = [
        (&[("EHLO", "250-fake\n250-SIZE 20000\n250 AUTH PLAIN")], 1, "takes no mail of more than 20000 bytes"),
        (&[(". picture", "552 5.3.4 too big")], 2, "without its picture channel=email: 552 5.3.4 too big"),
        (
            &[(". picture", "554 5.7.1 no pictures here")],
            2,
            "without its picture channel=email: 554 5.7.1 no pictures here",
        ),
        (&[], 1, "no picture can be drawn: history.db is another program's database"),
    ];
    for (script, count, why) in cases {
        let bed = Bed::with_pictures(script);
        if script.is_empty() {
            fs::create_dir_all(bed.place.state()).unwrap();
            let other = Connection::open(bed.place.state().join(FILE_NAME)).unwrap();
            other.execute_batch("CREATE TABLE mine(x)").unwrap();
        }
        let (log, heard) = bed.first_mail();
        assert!(log.contains(why), "{why}: {log}");
        let mails = mails(&heard);
        assert_eq!(mails.len(), count, "{why}");
        assert!(!has_picture(mails.last().unwrap()), "{why}");
        // The same mail, and one connection for both.
        let ids: Vec<_> = heard.iter().filter(|line| line.starts_with("Message-ID: ")).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(bed.attempts(), 1, "{heard:?}");
    }
}

/// One that refuses the mail for good refuses it without its picture, too.
#[test]
fn a_mail_that_is_refused_for_its_text_is_no_mail_without_a_picture() {
    let bed = Bed::with_pictures(&[(".", "554 5.7.1 spam")]);
    let agent = bed.place.spawn(bed.command(&["run"]));
    agent.wait_for_log("refused for good channel=email: data: 554 5.7.1 spam");
    agent.stop(Signal::SIGTERM);
    let mails = mails(&bed.server.heard());
    assert_eq!(mails.iter().map(|mail| has_picture(mail)).collect::<Vec<_>>(), [true, false]);
}
