//! The client of the system bus against a real dbus-daemon, which is Debian's `dbus`: login, answers, errors, signals.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::poll::{PollFd, ppoll};
use nix::sys::time::TimeSpec;
use vps_monitor::bus::{Argument, Body, Bus, Call, Error, Follow, Question};
use vps_monitor::clock;

struct Daemon(Child);

impl Daemon {
    /// A bus that listens in `folder`. `None`: there is no dbus-daemon here.
    fn start(folder: &Path) -> Option<Daemon> {
        let config = format!(
            "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" \
             \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n<busconfig><type>session</type>\
             <listen>unix:path={}/bus</listen><auth>EXTERNAL</auth><policy context=\"default\"><allow send_destination=\"*\" \
             eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>",
            folder.display()
        );
        fs::write(folder.join("config"), config).unwrap();
        let mut command = Command::new("dbus-daemon");
        command.args(["--nofork", "--nopidfile", "--print-address", "--config-file"]).arg(folder.join("config"));
        let Ok(mut child) = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn() else {
            assert!(std::env::var_os("VPS_MONITOR_REQUIRE_DOCKER").is_none(), "the gate has a dbus-daemon");
            println!("skipped: there is no dbus-daemon (Debian: apt install dbus)");
            return None;
        };
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        assert!(address.starts_with("unix:path="), "{address}");
        Some(Daemon(child))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const fn call<'a>(member: &'a str, arguments: &'a [Argument<'a>]) -> Call<'a> {
    let bus = "org.freedesktop.DBus";
    Call { destination: bus, path: "/org/freedesktop/DBus", interface: bus, member, arguments }
}

fn wait(bus: &mut Bus) {
    let now = clock::boot_now();
    let (fd, flags) = bus.fd().expect("a connection");
    let left = bus.due().map(|due| TimeSpec::from(due - now));
    ppoll(&mut [PollFd::new(fd, flags)], left, None).unwrap();
    bus.advance(clock::boot_now());
}

fn answer(bus: &mut Bus, question: Question) -> Result<Body, Error> {
    loop {
        if let Some(answer) = bus.answer(question) {
            return answer;
        }
        wait(bus);
    }
}

#[test]
fn a_real_bus_lets_it_in_and_answers_each_question() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_daemon) = Daemon::start(folder.path()) else { return };
    let mut bus = Bus::at(folder.path().join("bus"));
    let rule = "type='signal',member='PropertiesChanged'";
    bus.follow(Follow { path: "/", rule, request: None, file: None }).unwrap();
    let now = clock::boot_now();
    let ours = bus.ask(&call("NameHasOwner", &[Argument::Text("org.freedesktop.DBus")]), now).unwrap();
    let nobodys = bus.ask(&call("GetNameOwner", &[Argument::Text("org.example.A")]), now).unwrap();
    let names = bus.ask(&call("ListNames", &[]), now).unwrap();
    let mut listed = Vec::new();
    let body = answer(&mut bus, names).unwrap();
    body.of("as")
        .unwrap()
        .array(4, |reader| {
            listed.push(reader.text()?);
            Ok(())
        })
        .unwrap();
    assert!(listed.contains(&":1.0".to_owned()), "{listed:?}");
    assert_eq!(answer(&mut bus, ours).unwrap().signature, "b");
    match answer(&mut bus, nobodys).unwrap_err() {
        Error::Refused { name, text } => {
            assert!(name.ends_with("NameHasNoOwner") && text.contains("org.example.A"), "{name}: {text}");
        }
        error => panic!("{error}"),
    }
    assert_eq!(bus.take_signals().count(), 0);
}

#[test]
fn a_real_bus_that_ends_is_an_error_and_its_successor_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let Some(daemon) = Daemon::start(folder.path()) else { return };
    let mut bus = Bus::at(folder.path().join("bus"));
    let first = bus.ask(&call("GetId", &[]), clock::boot_now()).unwrap();
    answer(&mut bus, first).unwrap();
    drop(daemon);
    while bus.fd().is_some() {
        wait(&mut bus);
    }
    assert!(bus.ask(&call("GetId", &[]), clock::boot_now()).unwrap_err().is_absence());
    fs::remove_file(folder.path().join("bus")).unwrap_or_default();
    let Some(_daemon) = Daemon::start(folder.path()) else { return };
    let again = bus.ask(&call("GetId", &[]), clock::boot_now()).unwrap();
    answer(&mut bus, again).unwrap();
}
