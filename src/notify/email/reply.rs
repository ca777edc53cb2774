//! A mail server's replies, and their meaning for the mail, the account and the person who set it up.
//!
//! A reply's first digit says whether it may be tried again (RFC 5321 section 4.2.1), and the stage whether the account or the
//! mail is refused.

use crate::http::{Answer, Response};
use crate::notify::Lack;
use crate::notify::answer::{no_picture, one_line};
use crate::outbox::Outcome;
use crate::secret::{Scrubber, Secret};
use crate::smtp::{LACKING, REFUSED_RECIPIENT, STAGE, Server, WITHOUT_PICTURE};

pub fn classify(answer: &Answer, password: Option<&Secret>) -> Outcome {
    let scrub = |text: &str| scrubbed(text, password);
    let response = match answer {
        Ok(response) => response,
        Err(error) => return Outcome::Retry { reason: one_line(&scrub(&error.0)) },
    };
    let stage = stage(response);
    let reason = if response.status == LACKING {
        one_line(&scrub(&response.body))
    } else {
        one_line(&scrub(&format!("{stage}: {} {}", response.status, response.body)))
    };
    match (response.status, stage) {
        (200..=299, "data") => Outcome::Delivered,
        (LACKING, _) => Outcome::ChannelRefused { reason },
        // The mail is too large, or a mailbox is full.
        (552 | 523, "mail" | "rcpt" | "data") => Outcome::MessageRefused { reason },
        (500..=599, "data") => Outcome::MessageRefused { reason },
        (500..=599, _) => Outcome::ChannelRefused { reason },
        _ => Outcome::Retry { reason },
    }
}

fn scrubbed(text: &str, password: Option<&Secret>) -> String {
    password.map_or_else(|| text.to_owned(), |password| Scrubber::of_url(password).scrub(text))
}

/// Whoever is not among the recipients any more would miss every mail without a word.
pub fn lacks(answer: &Answer, password: Option<&Secret>) -> Vec<Lack> {
    let Ok(response) = answer else { return Vec::new() };
    if !matches!((response.status, stage(response)), (200..=299, "data")) {
        return Vec::new();
    }
    let refused = response.headers.iter().filter(|(key, _)| key == REFUSED_RECIPIENT).map(|(_, told)| {
        let (recipient, why) = told.split_once(": ").unwrap_or_default();
        Lack {
            what: format!("the mail did not go to {}", one_line(recipient)),
            why: one_line(&scrubbed(why, password)),
        }
    });
    let picture = response.header(WITHOUT_PICTURE).map(|why| no_picture("the mail", &scrubbed(why, password)));
    refused.chain(picture).collect()
}

/// The server's words for the mail that it took, which have the mail's number in its queue.
pub fn receipt(answer: &Answer) -> Option<String> {
    let response = answer.as_ref().ok()?;
    Some(one_line(&format!("{} {}", response.status, response.body)))
}

/// Where the dialogue ended.
fn stage(response: &Response) -> &str {
    response.header(STAGE).unwrap_or_default()
}

const PORT_25: &str = "most clouds let nothing out to port 25: use smtps:// (465) or smtp+starttls:// (587)";
const CODE: &str = "this provider wants an authorisation code (授权码) and not the password: enable SMTP in the mailbox's \
                    settings, and write the code into email.password";
const APP_PASSWORD: &str = "this provider wants an app password and not the account's: make one in the account's security \
                            settings, and write it into email.password";
const NO_PASSWORDS: &str =
    "Microsoft takes no passwords by SMTP any more: use a mailbox of another provider, or a relay";
const LOGIN: &str = "user or password is not right: check the user in email.url, and email.password; many providers want a \
                     password for applications. It is tried once an hour, as providers lock accounts";

/// Advice for providers, by the end of the server's name.
const PROVIDERS: [(&str, &str); 14] = [
    ("qq.com", CODE),
    ("163.com", CODE),
    ("126.com", CODE),
    ("yeah.net", CODE),
    ("sina.com", CODE),
    ("aliyun.com", CODE),
    ("gmail.com", APP_PASSWORD),
    ("googlemail.com", APP_PASSWORD),
    ("mail.me.com", APP_PASSWORD),
    ("yahoo.com", APP_PASSWORD),
    ("outlook.com", NO_PASSWORDS),
    ("hotmail.com", NO_PASSWORDS),
    ("office365.com", NO_PASSWORDS),
    ("live.com", NO_PASSWORDS),
];

/// Advice on an answer that is not a delivery.
pub fn advice(answer: &Answer, server: &Server) -> Option<&'static str> {
    let response = match answer {
        Ok(response) => response,
        Err(error) => return (server.port == 25 && error.0.contains("timed out")).then_some(PORT_25),
    };
    let is_of = |(end, _): &&(&str, &str)| {
        server.host.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    Some(match (response.status, stage(response)) {
        (200..=299, "data") => return None,
        (LACKING, "starttls") => "the server has no STARTTLS at that port: use smtps:// (465), or the port that has it",
        (LACKING, "mail") => {
            "use addresses in ASCII in email.from and email.to (a domain in its form with xn--), or a server that takes \
             others (SMTPUTF8)"
        }
        (LACKING, _) => "use smtps:// or smtp+starttls://, which have a login, and another server if this one has none",
        (500..=599, "auth") => PROVIDERS.iter().find(is_of).map_or(LOGIN, |(_, advice)| advice),
        (530, _) => "the server wants a login: write the user into email.url, and the password into email.password",
        (552 | 523, _) => "the mailbox is full, or the mail is too large for the server",
        (500..=599, "mail" | "rcpt") => {
            "the server refuses an address: check email.to, and that email.from is the account's own address"
        }
        (500..=599, "data") => {
            "the server takes the mail for spam or forbids its content: look at the words of its answer"
        }
        (500..=599, _) => {
            "the server does not serve this host: is its address on a blocklist, or is it another kind of server?"
        }
        _ => {
            "the server is busy, or wants to see whether the mail is tried again (greylisting): it is, with growing pauses"
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Error;

    fn answer(stage: &str, status: u16, body: &str) -> Answer {
        let headers = vec![(STAGE.to_owned(), stage.to_owned())];
        Ok(Response { headers, ..Response::new(status, body) })
    }

    fn server(host: &str, port: u16) -> Server {
        Server { port, ..Server::of(&format!("smtps://u@{host}")).unwrap() }
    }

    #[test]
    fn each_reply_has_its_consequence_and_its_remedy() {
        let host = server("smtp.example.com", 465);
        for (stage, status, outcome, remedy) in [
            ("greeting", 421, "Retry", "busy"),
            ("greeting", 554, "ChannelRefused", "blocklist"),
            ("ehlo", 502, "ChannelRefused", "blocklist"),
            ("starttls", LACKING, "ChannelRefused", "no STARTTLS"),
            ("auth", LACKING, "ChannelRefused", "which have a login"),
            ("auth", 535, "ChannelRefused", "email.password"),
            ("auth", 534, "ChannelRefused", "email.password"),
            ("auth", 538, "ChannelRefused", "email.password"),
            ("auth", 504, "ChannelRefused", "email.password"),
            ("auth", 454, "Retry", "busy"),
            ("mail", 530, "ChannelRefused", "wants a login"),
            ("mail", 501, "ChannelRefused", "email.from"),
            ("mail", 553, "ChannelRefused", "email.from"),
            ("mail", 552, "MessageRefused", "too large"),
            ("rcpt", 550, "ChannelRefused", "email.to"),
            ("rcpt", 551, "ChannelRefused", "email.to"),
            ("rcpt", 450, "Retry", "greylisting"),
            ("rcpt", 451, "Retry", "greylisting"),
            ("rcpt", 452, "Retry", "greylisting"),
            ("data", 550, "MessageRefused", "spam"),
            ("data", 554, "MessageRefused", "spam"),
            ("data", 523, "MessageRefused", "too large"),
            ("data", 451, "Retry", "busy"),
            // Not the end of the mail.
            ("rcpt", 250, "Retry", "busy"),
        ] {
            let answer = answer(stage, status, "words");
            let told = classify(&answer, None);
            assert!(format!("{told:?}").starts_with(outcome), "{stage} {status}: {told:?}");
            assert!(advice(&answer, &host).unwrap().contains(remedy), "{stage} {status}");
        }
        let delivered = answer("data", 250, "queued as 1");
        assert_eq!((classify(&delivered, None), advice(&delivered, &host)), (Outcome::Delivered, None));
    }

    #[test]
    fn a_refused_login_is_explained_for_the_provider() {
        let refused = answer("auth", 535, "5.7.8 no");
        for (host, told) in [
            ("smtp.qq.com", "授权码"),
            ("smtp.exmail.qq.com", "授权码"),
            ("smtp.163.com", "授权码"),
            ("smtp.gmail.com", "app password"),
            ("smtp.office365.com", "Microsoft"),
            ("smtp.notqq.com", "user or password"),
        ] {
            assert!(advice(&refused, &server(host, 465)).unwrap().contains(told), "{host}");
        }
    }

    #[test]
    fn no_reason_holds_the_password_and_a_closed_port_is_known() {
        let password = Secret::new("opensesame-0123456789");
        let told = classify(&answer("auth", 535, "no opensesame-0123456789 here"), Some(&password));
        assert_eq!(told.reason(), "auth: 535 no … here");
        let timed_out = Err(Error("timed out while connecting to smtp.example.com".to_owned()));
        assert_eq!(advice(&timed_out, &server("smtp.example.com", 25)), Some(PORT_25));
        assert_eq!(advice(&timed_out, &server("smtp.example.com", 465)), None);
    }
}
