//! A host with one channel at a server that answers as the vendor's does, over TLS by an authority of its own.

use std::process::Command;

use super::agent::{Finished, Place, finish, quick};
use super::authority::Authority;
use super::robot::{Answer, Received, Robot};

pub struct Bed {
    pub place: Place,
    pub server: Robot,
}

impl Bed {
    /// `entry` makes the channel's entry in the list from the server's origin.
    pub fn new(entry: impl Fn(&str) -> String, answers: Vec<Answer>) -> Bed {
        let authority = Authority::new("ours");
        let server = Robot::start_tls(answers, authority.server("localhost"));
        let place = Place::on("small-vps");
        authority.write(place.state().parent().unwrap());
        place.configure(&(quick("") + &format!("channels: [{}]\n", entry(&server.origin()))));
        Bed { place, server }
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.place.command(arguments);
        command.env("SSL_CERT_FILE", self.place.path("ca.pem"));
        command
    }

    pub fn test_notify(&self) -> Finished {
        finish(&mut self.command(&["test-notify"]))
    }

    /// Tries the channel, which is to end with `code` and to say `told`.
    pub fn expect(&self, code: i32, told: &str) -> Vec<Received> {
        let finished = self.test_notify();
        assert_eq!(finished.code, code, "{told}: {finished:?}");
        assert!(finished.stdout.contains(told), "{told}: {finished:?}");
        self.server.received()
    }
}

/// Answers that no service gives: a page, nothing, a body without end, a redirect, a reset, each until nobody asks again.
pub fn not_of_a_service() -> Vec<(Vec<Answer>, &'static str)> {
    let page = Answer::Whole(200, "Content-Type: text/html".to_owned(), "<html>sign in</html>".to_owned());
    let redirect = Answer::Redirect("https://elsewhere.example.com/".to_owned());
    let again = |answer: Answer| vec![answer; 4];
    vec![
        (again(page), "answer (text/html)"),
        (again(Answer::Huge), "answer ("),
        (again(redirect), "which is not followed"),
        (again(Answer::Reset), "connection"),
    ]
}
