//! Real mail servers, where they are installed.

use std::fs;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;

use super::{Bed, keys, scheme};
use crate::support::agent::{Place, finish, quick};
use crate::support::authority::Authority;
use crate::support::mail_server::{Kind, MailServer};
use crate::support::network::isolated;
use crate::support::peer::{self, Peer, microsocks, tinyproxy};
use crate::support::robot::KEY;
use crate::support::wait_until;

/// A real server: aiosmtpd, with a login, which takes mails over TLS alone and writes each to its output.
#[test]
fn a_real_mail_server_takes_the_mail_after_the_login() {
    let Some(python) = peer::python_with("aiosmtpd") else { return };
    for (kind, mechanism) in [Kind::Tls, Kind::StartTls].into_iter().flat_map(|kind| [(kind, "PLAIN"), (kind, "LOGIN")])
    {
        let bed = Bed::new(kind, &[]);
        let (certificate, key) = Authority::new("theirs").pem_server("localhost", &bed.place.path("ca.pem"));
        fs::write(bed.place.path("cert.pem"), certificate).unwrap();
        fs::write(bed.place.path("key.pem"), key).unwrap();
        let port = peer::free_port();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/mail_peer.py");
        let mut server = Command::new(python)
            .args([script, &port.to_string(), scheme(kind), KEY, mechanism])
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

/// A name of this machine that is not loopback's would be asked for without a proxy.
const ELSEWHERE: &str = "mail.example.com";

#[test]
fn a_mail_goes_through_the_proxy_for_all_and_through_no_other() {
    type Start = fn(u16, &Path) -> Vec<String>;
    let cases: [(&str, Start, &[&str], &str); 2] = [
        ("tinyproxy", tinyproxy, &["http"], "CONNECT mail.example.com:"),
        ("microsocks", microsocks, &["socks5", "socks5h"], "connected to "),
    ];
    isolated("127.0.0.1 mail.example.com\n", &[], move || {
        let authority = Authority::new("ours");
        let place = Place::on("small-vps");
        authority.write(place.state().parent().unwrap());
        let server = MailServer::start(Kind::StartTls, authority.server(ELSEWHERE), &[]);
        let keys = keys(Kind::StartTls, server.port).replace("localhost", ELSEWHERE);
        place.configure(&(quick("") + &format!("channels: [{{email: {keys}}}]\n")));
        let by = |variable: &str, proxy: &str| {
            let mut command = place.command(&["test-notify"]);
            finish(command.env("SSL_CERT_FILE", place.path("ca.pem")).env(variable, proxy))
        };
        for (name, arguments, schemes, logged) in cases {
            let Some(proxy) = Peer::start_listening(name, arguments) else { continue };
            for scheme in schemes {
                let with = |password: &str| format!("{scheme}://user:{password}@127.0.0.1:{}", proxy.port);
                let told = by("ALL_PROXY", &with("opensesame"));
                assert!(told.code == 0 && told.stdout.contains(": delivered"), "{scheme}: {told:?}");
                let told = by("ALL_PROXY", &with("wrong"));
                let refused = "the proxy that ALL_PROXY names does not accept the user name and password";
                assert!(told.code == 1 && told.stdout.contains(refused), "{scheme}: {told:?}");
                assert!(!told.stdout.contains("wrong"), "{told:?}");
            }
            wait_until("it is in the proxy's log", || proxy.log().contains(logged));
            assert!(!proxy.log().contains(KEY), "{}", proxy.log());
        }
        let mails = || server.heard().iter().filter(|line| *line == "DATA").count();
        let before = mails();
        // A proxy for https lets through port 443 alone, as a rule.
        let told = by("HTTPS_PROXY", "http://127.0.0.1:9");
        assert!(told.code == 0 && mails() == before + 1, "{told:?}");
        let told = by("ALL_PROXY", "https://127.0.0.1:9");
        assert!(told.stdout.contains("is an https:// one, which is used for webhooks alone"), "{told:?}");
        let told = by("ALL_PROXY", "http://127.0.0.1:9");
        assert!(told.stdout.contains("the proxy that ALL_PROXY names: connection refused"), "{told:?}");
        // The mail server itself is no proxy, and closes the connection.
        let told = by("ALL_PROXY", &format!("socks5h://127.0.0.1:{}", server.port));
        assert!(told.stdout.contains("does not speak the protocol of its URL"), "{told:?}");
        assert_eq!(mails(), before + 1);
    });
}
