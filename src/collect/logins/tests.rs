//! A logind of the test's own behind the bus.

use proptest::prelude::*;

use super::*;
use crate::bus::fake::{FakeBus, body};
use crate::bus::wire::Writer;
use crate::collect::{Check, read as read_sources};
use crate::settings;

fn at(seconds: i64) -> Now {
    Now { wall: Timestamp::from_second(1_770_000_000 + seconds).unwrap(), boot: Boot::from_millis(seconds * 1000) }
}

/// A session: its id, user, address, service and class.
type Session = (&'static str, &'static str, &'static str, &'static str, &'static str);

const ROOT: Session = ("1", "root", "203.0.113.7", "sshd", "user");

struct World {
    fake: FakeBus,
    host: Host,
    check: Check,
    asked: usize,
}

impl World {
    fn new(keys: &str) -> World {
        let fake = FakeBus::listening();
        let mut host = Host::new(None);
        host.bus = fake.client();
        let text = format!("logins: {{enabled: true{keys}}}\n");
        let read = |document: &mut Section<'_>| read_sources(document, &[SOURCE], Duration::MAX);
        let sources = settings::read("c", text.as_bytes(), read).unwrap().value;
        World { check: Check::new(&sources, &host), fake, host, asked: 0 }
    }

    /// The targets of the logins that a look finds.
    fn look(&mut self, sessions: &[Session]) -> Vec<String> {
        self.check.begin(&mut self.host, at(0).boot);
        for _ in 0..20 {
            if let Some(found) = self.check.advance(&mut self.host, at(0)) {
                assert!(found.failures.is_empty(), "{:?}", found.failures);
                return found.happened.iter().map(|happened| happened.key.target.to_string()).collect();
            }
            self.answer(sessions);
            if self.host.bus.advance(at(0).boot) {
                self.check.wake(at(0).boot);
            }
        }
        panic!("it waits for ever");
    }

    fn answer(&mut self, sessions: &[Session]) {
        for (serial, call) in self.fake.calls() {
            match call.member.as_str() {
                "ListSessions" => {
                    let list = body(|body| {
                        body.array(8, |body| sessions.iter().for_each(|session| row(session, body)));
                    });
                    self.fake.reply(serial, "a(susso)", &list);
                }
                "GetAll" => {
                    self.asked += 1;
                    let id = call.path.rsplit('/').next().unwrap();
                    let session = sessions.iter().find(|session| session.0 == id).unwrap();
                    self.fake.reply(serial, "a{sv}", &properties(session));
                }
                _ => {}
            }
        }
    }
}

fn row(session: &Session, body: &mut Writer) {
    body.align(8);
    body.text(session.0);
    body.number(0);
    body.text(session.1);
    body.text("");
    body.text(&format!("/org/freedesktop/login1/session/{}", session.0));
}

fn properties((_, user, from, service, class): &Session) -> Vec<u8> {
    let texts = [("Name", user), ("RemoteHost", from), ("Service", service), ("Class", class), ("TTY", &"pts/0")];
    body(|body| {
        body.array(8, |body| {
            for (name, text) in texts {
                body.align(8);
                body.text(name);
                body.signature("s");
                body.text(text);
            }
            body.align(8);
            body.text("Timestamp");
            body.signature("t");
            body.align(8);
            body.0.extend(1_770_000_000_000_000_u64.to_le_bytes());
        });
    })
}

#[test]
fn a_login_over_ssh_is_found_once_and_other_sessions_are_none() {
    let mut world = World::new("");
    let cron = ("2", "root", "", "cron", "background");
    let console = ("3", "ann", "", "login", "user");
    let mapped = ("4", "bob", "::ffff:198.51.100.9", "sshd", "user-early");
    assert_eq!(world.look(&[ROOT, cron, console, mapped]), ["root ← 203.0.113.7", "bob ← 198.51.100.9"]);
    assert!(world.look(&[ROOT, cron, console, mapped]).is_empty());
    assert_eq!(world.asked, 4, "each session is asked once");
    let again = Session::clone(&("5", ROOT.1, ROOT.2, ROOT.3, ROOT.4));
    assert_eq!(world.look(&[ROOT, again]), ["root ← 203.0.113.7"], "the core knows whether it is news");
}

#[test]
fn users_and_networks_that_are_ignored_are_left_out() {
    let mut world = World::new(", ignore_users: [ansible], ignore_from: ['10.0.0.0/8', '2001:db8::/32', 192.0.2.1]");
    let from = |id, user, from| (id, user, from, "sshd", "user");
    let sessions = [
        from("1", "ansible", "203.0.113.7"),
        from("2", "root", "10.20.30.40"),
        from("3", "root", "2001:db8:1::2"),
        from("4", "root", "192.0.2.1"),
        from("5", "root", "11.0.0.1"),
        from("6", "root", "host.example"),
    ];
    assert_eq!(world.look(&sessions), ["root ← 11.0.0.1", "root ← host.example"]);
}

#[test]
fn networks_are_read_or_refused() {
    for text in ["", "a", "10.0.0.0/33", "10.0.0.0/-1", "::/129", "10.0.0/8", "1.2.3.4/"] {
        assert!(network(text).is_err(), "{text}");
    }
    for (text, inside, is_in) in [
        ("0.0.0.0/0", "203.0.113.7", true),
        ("::/0", "203.0.113.7", false),
        ("203.0.113.0/29", "203.0.113.7", true),
        ("203.0.113.0/30", "203.0.113.7", false),
        ("203.0.113.7", "203.0.113.7", true),
        ("fe80::/10", "fe80::1", true),
    ] {
        assert_eq!(contains(network(text).unwrap(), inside.parse().unwrap()), is_in, "{text} {inside}");
    }
}

/// Neither a bus nor a logind: sshd's records are read.
#[test]
fn without_a_logind_the_records_of_sshd_are_read_and_of_another_system_none() {
    let folder = tempfile::tempdir().unwrap();
    let look = |procfs: Option<&std::path::Path>, path: &std::path::Path| {
        let mut host = Host::new(procfs);
        host.bus = Bus::none();
        let records = Rc::new(RefCell::new(Wtmp::at(path)));
        let ignored = Rc::new(Ignored { users: vec!["ansible".to_owned()], networks: Vec::new() });
        let mut logins = Logins { ignored, seen: Rc::default(), records, stage: Stage::Begin };
        let mut found = Snapshot::default();
        assert_eq!(logins.collect(&mut host, at(0), &mut found), Progress::Done);
        let targets: Vec<String> = found.happened.iter().map(|happened| happened.key.target.to_string()).collect();
        (targets, found.failures.into_iter().map(|failure| failure.error).collect::<Vec<_>>())
    };
    let path = folder.path().join("wtmp");
    std::fs::write(&path, [wtmp::of("root", [203, 0, 113, 7]), wtmp::of("ansible", [203, 0, 113, 7])].concat())
        .unwrap();
    assert_eq!(look(None, &path), (vec!["root ← 203.0.113.7".to_owned()], Vec::new()));
    let absent = "there is no systemd, or no system bus".to_owned();
    assert_eq!(look(Some(folder.path()), &path), (Vec::new(), vec![absent]));
    let (found, failures) = look(None, folder.path());
    assert!(found.is_empty() && failures[0].contains("directory"), "{failures:?}");
}

#[test]
fn who_came_and_went_while_no_agent_ran_is_found_once_and_a_session_that_is_there_is_no_second_login() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wtmp");
    let people = ["root", "ann", "ansible"].map(|user| wtmp::of(user, [203, 0, 113, 7]));
    std::fs::write(&path, people.concat()).unwrap();
    let mut host = Host::new(None);
    let ignored = Rc::new(Ignored { users: vec!["ansible".to_owned()], networks: Vec::new() });
    let records = Rc::new(RefCell::new(Wtmp::at(&path)));
    let logins = Logins { ignored, seen: Rc::default(), records, stage: Stage::Begin };
    let look = |host: &mut Host| {
        let from = "203.0.113.7".to_owned();
        let session = occurrence(Login { user: "root".to_owned(), from, at: at(0).wall });
        let mut found = Snapshot { happened: vec![session], ..Snapshot::default() };
        logins.add_missed(host, &mut found);
        found.happened.iter().map(|happened| happened.key.target.to_string()).collect::<Vec<_>>()
    };
    let there = ["root ← 203.0.113.7"];
    assert_eq!(look(&mut host), there, "a new agent has missed nobody");
    host.logins_since = Some(at(-1).wall);
    assert_eq!(look(&mut host), ["root ← 203.0.113.7", "ann ← 203.0.113.7"]);
    assert_eq!(look(&mut host), there, "and not at the next look");
    // Records of another system, or none at all.
    let mut other = Host::new(Some(folder.path()));
    other.logins_since = Some(at(-1).wall);
    assert_eq!(look(&mut other), there);
    std::fs::remove_file(&path).unwrap();
    host.logins_since = Some(at(-1).wall);
    assert_eq!(look(&mut host), there);
}

#[test]
fn a_list_that_is_none_is_a_failure() {
    let mut world = World::new("");
    world.check.begin(&mut world.host, at(0).boot);
    assert!(world.check.advance(&mut world.host, at(0)).is_none());
    for (serial, _) in world.fake.calls().into_iter().filter(|(_, call)| call.member == "ListSessions") {
        world.fake.refuse(serial, "org.freedesktop.DBus.Error.AccessDenied");
    }
    world.host.bus.advance(at(0).boot);
    world.check.wake(at(0).boot);
    let found = world.check.advance(&mut world.host, at(0)).unwrap();
    assert!(found.failures[0].error.contains("AccessDenied"), "{}", found.failures[0].error);
}

proptest! {
    #[test]
    fn an_arbitrary_session_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for signature in ["a{sv}", "a(susso)"] {
            let message = crate::bus::fake::message(false, 2, &[], Some(1), (signature, &bytes));
            let body = crate::bus::wire::decode(&message).unwrap().body;
            let _ = (parse_list(&body), parse_session(&body));
        }
    }
}
