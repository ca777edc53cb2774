//! Certificates: the accepted ones, and the words about the others.

use std::path::Path;
use std::process::Command;

use super::{post, refusal, worker};
use crate::support::authority::{self, Authority, self_signed};
use crate::support::is_ci;
use crate::support::proxy::{Proxy, Script};
use crate::support::robot::{Answer, KEY, Robot};
use vps_monitor::worker::Worker;

/// A worker that trusts whom the file names.
fn trusting(pem: &str) -> (Worker, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trusted.pem");
    std::fs::write(&file, pem).unwrap();
    (worker().with_variable("SSL_CERT_FILE", file), folder)
}

#[test]
fn a_certificate_is_taken_from_the_trusted_authority_alone() {
    let directory = tempfile::tempdir().unwrap();
    let ours = Authority::new("ours");
    let trusting = worker().with_variable("SSL_CERT_FILE", ours.write(directory.path()));
    let robot = Robot::start_tls([], ours.server("localhost"));
    assert_eq!(post(&trusting, &robot.url()).unwrap().status, 200);
    assert_eq!(robot.received().len(), 1);

    let stranger = Authority::new("stranger");
    for (server, expected) in [
        (stranger.server("localhost"), "is signed by an authority that this system does not know, or by itself"),
        (ours.server_of_years("localhost", 2001..=2002), "expired on 2002-12-31T00:00:00Z, and here it is 2"),
        (ours.server_of_years("localhost", 3001..=3002), "is not valid before 3001-01-01T00:00:00Z, and here it is 2"),
        (ours.server("other.example.com"), "is for another host (other.example.com)"),
        (ours.server_of_a_common_name("localhost"), "names no host at all (it has no subjectAltName)"),
        (ours.client("localhost"), "is not for servers"),
    ] {
        let robot = Robot::start_tls([], server);
        let told = refusal(&trusting, &robot.url());
        assert!(told.starts_with("the certificate of localhost "), "{told}");
        assert!(told.contains(expected), "{told}: not {expected}");
        assert_eq!(robot.received().len(), 0, "the secret was sent to whoever answered");
    }
}

#[test]
fn a_certificate_that_vouches_for_itself_is_taken_where_it_is_named_and_signs_nothing() {
    let (server, pem) = self_signed("localhost", false);
    let robot = Robot::start_tls([], server.clone());
    let (trusting_it, _folder) = trusting(&pem);
    assert_eq!(post(&trusting_it, &robot.url()).unwrap().status, 200);

    let (trusting_another, _folder) = trusting(&self_signed("localhost", false).1);
    let told = refusal(&trusting_another, &Robot::start_tls([], server).url());
    assert!(told.contains("is not signed by the authority that this system knows"), "{told}");
}

#[test]
fn an_authoritys_own_certificate_is_told_apart_whether_it_is_trusted_or_not() {
    // As `openssl req -x509` makes it.
    let (server, pem) = self_signed("localhost", true);
    for pem in [&*pem, &self_signed("other", true).1] {
        let (trusting, _folder) = trusting(pem);
        let told = refusal(&trusting, &Robot::start_tls([], server.clone()).url());
        assert!(told.contains("is one of an authority and none of a server (CA:TRUE"), "{told}");
        assert!(
            told.contains("-addext basicConstraints=critical,CA:FALSE") && told.contains("SSL_CERT_FILE"),
            "{told}"
        );
    }
}

#[test]
fn the_command_of_the_documents_makes_a_certificate_that_is_taken() {
    if Command::new("openssl").arg("version").output().is_err() {
        assert!(!is_ci(), "CI has openssl");
        eprintln!("left out: there is no openssl");
        return;
    }
    for page in ["troubleshooting.md", "troubleshooting.zh-CN.md"] {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page)).unwrap();
        let command = text.lines().find(|line| line.starts_with("openssl req -x509 ")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let made = Command::new("sh").args(["-c", command]).current_dir(folder.path()).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        let [certificate, key] = ["cert.pem", "key.pem"].map(|name| std::fs::read(folder.path().join(name)).unwrap());
        let robot = Robot::start_tls([], authority::of_pem(&certificate, &key));
        // The name leads nowhere from here, so a proxy leads to the robot.
        let proxy = Proxy::start(robot.address(), Script::default());
        let worker = worker()
            .with_variable("https_proxy", proxy.url("http"))
            .with_variable("no_proxy", "")
            .with_variable("NO_PROXY", "")
            .with_variable("SSL_CERT_FILE", folder.path().join("cert.pem"));
        let answer = post(&worker, &format!("https://relay.example.com/send?key={KEY}")).unwrap();
        assert_eq!((answer.status, robot.received().len()), (200, 1));
    }
}

#[test]
fn a_plain_http_server_on_an_https_port_is_named_as_such() {
    let directory = tempfile::tempdir().unwrap();
    let worker = worker().with_variable("SSL_CERT_FILE", Authority::new("ours").write(directory.path()));
    let robot = Robot::start([Answer::Close]);
    let told = refusal(&worker, &robot.url().replace("http://127.0.0.1", "https://localhost"));
    assert!(told.contains("TLS") || told.contains("localhost closed") || told.contains("broke"), "{told}");
}

#[test]
fn a_file_of_authorities_that_cannot_be_used_is_named() {
    for (file, expected) in
        [("/nonexistent/ca.pem", "/nonexistent/ca.pem: No such file"), ("/dev/null", "holds no certificate")]
    {
        let worker = worker().with_variable("SSL_CERT_FILE", file).with_variable("SSL_CERT_DIR", "");
        let told = refusal(&worker, &format!("https://localhost:1/cgi-bin/webhook/send?key={KEY}"));
        assert!(told.starts_with("SSL_CERT_FILE: ") && told.contains(expected), "{told}");
    }
}
