//! Real mail servers, where they are installed.

use std::fs;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;

use super::{Bed, keys, scheme};
use crate::support::agent::quick;
use crate::support::authority::Authority;
use crate::support::mail_server::Kind;
use crate::support::network::isolated;
use crate::support::peer::{self, Peer};
use crate::support::robot::KEY;
use crate::support::wait_until;

/// A real server: aiosmtpd, with a login, which takes mails over TLS alone and writes each to its output.
#[test]
fn a_real_mail_server_takes_the_mail_after_the_login() {
    let Some(python) = peer::python_with("aiosmtpd") else { return };
    for kind in [Kind::Tls, Kind::StartTls] {
        let bed = Bed::new(kind, &[]);
        let (certificate, key) = Authority::new("theirs").pem_server("localhost", &bed.place.path("ca.pem"));
        fs::write(bed.place.path("cert.pem"), certificate).unwrap();
        fs::write(bed.place.path("key.pem"), key).unwrap();
        let port = peer::free_port();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/mail_peer.py");
        let mut server = Command::new(python)
            .args([script, &port.to_string(), scheme(kind), KEY])
            .current_dir(bed.place.path("cert.pem").parent().unwrap())
            .spawn()
            .unwrap();
        wait_until("aiosmtpd answers", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        let yaml = quick("") + &format!("channels: [{{email: {}}}]\n", keys(kind, port));
        bed.place.configure(&yaml);
        let taken = bed.test_notify();
        bed.place.configure(&yaml.replace("a@b.example@", "other@b.example@"));
        let refused = bed.test_notify();
        let mail = fs::read_to_string(bed.place.path("mail.txt"));
        server.kill().unwrap();
        server.wait().unwrap();
        assert!(taken.code == 0 && taken.stdout.contains(": delivered"), "{taken:?}");
        assert!(refused.code == 1 && refused.stdout.contains("535 5.7.8"), "{refused:?}");
        let mail = mail.unwrap();
        for part in ["from a@b.example", "to ops@c.example,d@e.example", "[web-1]", "text/plain", "text/html"] {
            assert!(mail.contains(part), "{part}: {mail}");
        }
    }
}

/// OpenSMTPD, on folders of its own, hands every mail on to a server that keeps its lines. With OpenSSL 3 the version of
/// Debian 12 serves no TLS, so it is the mail server of this machine.
#[test]
fn a_mail_goes_through_a_real_server_with_its_picture_and_the_log_has_its_number_there() {
    const OTHER: &str = "/usr/sbin/sendmail";
    if !Path::new("/usr/sbin/smtpd").exists() && Path::new(OTHER).exists() {
        eprintln!("left out, as this machine has another mail server, which is not replaced");
        return;
    }
    let folders = ["mount -t tmpfs tmpfs /var/spool", "mkdir -m 711 /var/spool/smtpd", "mount -t tmpfs tmpfs /run"];
    isolated("127.0.0.1 localhost\n", &folders, || {
        let bed = Bed::with_pictures_at(Kind::Plain, &[]);
        let Some(smtpd) = Peer::start_listening("smtpd", |port, folder| {
            let config = folder.join("smtpd.conf");
            let text = format!(
                "smtp max-message-size 200K\nlisten on 127.0.0.1 port {port}\n\
                 action \"on\" relay host smtp://127.0.0.1:{}\nmatch from any for any action \"on\"\n",
                bed.server.port
            );
            fs::write(&config, text).unwrap();
            vec!["-d".to_owned(), "-f".to_owned(), config.display().to_string()]
        }) else {
            return;
        };
        let config = fs::read_to_string(bed.place.config()).unwrap();
        bed.place.configure(&config.replace(&format!(":{}", bed.server.port), &format!(":{}", smtpd.port)));
        let agent = bed.place.spawn(bed.command(&["run"]));
        agent.wait_for_log("delivered kind=alert channel=email attempts=1 reply=\"250 2.0.0 ");
        let log = agent.stop(Signal::SIGTERM).stderr;
        wait_until("it is handed on", || bed.server.heard().iter().any(|line| line == "."));
        let heard = bed.server.heard();
        // OpenSMTPD writes `2.0.0 NUMBER Message accepted for delivery`, and the number into the trace of the mail.
        let number = log.split("reply=\"250 2.0.0 ").nth(1).unwrap().split(' ').next().unwrap();
        assert!(number.len() >= 8 && heard.iter().any(|line| line.contains(number)), "{number}: {heard:?}");
        assert!(heard.iter().any(|line| line.starts_with("Content-ID: <picture.")), "{heard:?}");
    });
}
