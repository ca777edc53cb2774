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
        Bed::with_certificate_of("localhost", entry, answers)
    }

    /// One whose server has a certificate of that name.
    pub fn with_certificate_of(name: &str, entry: impl Fn(&str) -> String, answers: Vec<Answer>) -> Bed {
        let authority = Authority::new("ours");
        let server = Robot::start_tls(answers, authority.server(name));
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
