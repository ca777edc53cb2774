//! SSH logins, by logind's sessions: who, and from where. Off by default: names and addresses go to a group.
//!
//! A session's start is a signal; a look lists the sessions, and asks for those that no look has seen. Which of them are
//! news is decided by the core, which remembers the pairs of user and address. Without a logind sshd's own records are
//! read, and with one those of the time in which no agent ran.

mod wtmp;

use std::cell::RefCell;
use std::collections::HashSet;
use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Collector, Group, Progress, Setup, Source, Switch};
use crate::bus::{Argument, Batch, Body, Bus, Call, DEADLINE, Error, Follow, Malformed};
use crate::clock::{Boot, Now};
use crate::host::Host;
use crate::metric::{Label, Metric, Unit};
use crate::settings::{Complaint, Doc, Section, Written, doc};
use crate::snapshot::{EventDetail, Key, Occurrence, Part, Snapshot};

use wtmp::Wtmp;

pub const SOURCE: &Source =
    &Source { name: GROUP.key, group: GROUP, switch: SWITCH, metrics: &[LOGIN], read: |section, _| read(section) };

pub const LOGIN: &Metric = &Metric {
    name: "login",
    unit: Unit::Word,
    label: Label { zh: "SSH 登录", en: "SSH login" },
    alert_label: Label { zh: "🔑 SSH 登录", en: "🔑 SSH login" },
    order: 4,
    ..Metric::BASE
};

const EVERY: &str = "all";

const GROUP: &Group = &Group {
    key: "logins",
    doc: doc(
        "SSH 登录通知：用户名和来源地址会发到群里，因此默认关闭",
        "SSH logins: names and addresses go to the group, so it is off by default",
    ),
};

const SWITCH: Switch = Switch::Words(
    &[("false", false), ("true", true), (EVERY, true)],
    doc(
        "`true`：用户与来源地址的组合首次出现时通知；`all`：每次登录都通知",
        "`true`: each new pair of user and address; `all`: every login",
    ),
);

const MANAGER: Call<'static> = Call {
    destination: "org.freedesktop.login1",
    path: "/org/freedesktop/login1",
    interface: "org.freedesktop.login1.Manager",
    member: "ListSessions",
    arguments: &[],
};

const SESSIONS: Follow = Follow {
    path: MANAGER.path,
    rule: "type='signal',sender='org.freedesktop.login1',path='/org/freedesktop/login1',\
           interface='org.freedesktop.login1.Manager',member='SessionNew'",
    request: None,
    file: Some(wtmp::PATH),
};

/// As many new sessions have their details asked for at a look; the others have them at the next one.
const MAX_NEW: usize = 50;

const KNOWN_FOR: Duration = Duration::from_secs(30 * 86_400);
const LONGEST_KNOWN: Duration = Duration::from_secs(365 * 86_400);

const IGNORE_USERS: Doc = doc("不通知的用户", "users whose logins are not told").unique();
const IGNORE_FROM: Doc = doc("不通知的来源地址或网段", "addresses and networks whose logins are not told").unique();
const USER: Doc = doc("用户名", "a user's name");
const FROM: Doc = doc("IP 地址，或 10.0.0.0/8 这样的网段", "an IP address, or a network such as 10.0.0.0/8");

fn read(section: &mut Section<'_>) -> Setup {
    let is_every = section.values().get("enabled") == Some(&Written::Text(EVERY.to_owned()));
    let meaning = doc("同一组合多久之内再次登录不算新", "a pair seen within this time is not news");
    let known_for = section.duration("known_for", KNOWN_FOR, Duration::ZERO..=LONGEST_KNOWN, meaning);
    let mut users: Vec<String> = Vec::new();
    section.list("ignore_users", IGNORE_USERS, |item| {
        users.push(item.parse(USER, |text| Ok(text.to_owned()))?);
        Some(())
    });
    section.holds("ignore_users", Written::List(users.iter().cloned().map(Written::Text).collect()));
    let mut networks: Vec<Network> = Vec::new();
    let mut texts: Vec<String> = Vec::new();
    section.list("ignore_from", IGNORE_FROM, |item| {
        let (text, network) = item.parse(FROM, |text| Ok((text.to_owned(), network(text)?)))?;
        texts.push(text);
        networks.push(network);
        Some(())
    });
    section.holds("ignore_from", Written::List(texts.into_iter().map(Written::Text).collect()));
    let ignored = Rc::new(Ignored { users, networks });
    let seen = Rc::new(RefCell::default());
    let records = Rc::new(RefCell::new(Wtmp::at(wtmp::PATH)));
    let open = move |_: &[_], _: &Host| {
        let (ignored, seen, records) = (Rc::clone(&ignored), Rc::clone(&seen), Rc::clone(&records));
        Some(Box::new(Logins { ignored, seen, records, stage: Stage::Begin }) as _)
    };
    let setup = Setup { targets: Vec::new(), ..Setup::new(open) }.woken_by(SESSIONS);
    setup.once_in(if is_every { Duration::ZERO } else { known_for })
}

/// An address and how many of its bits count.
type Network = (IpAddr, u32);

fn network(text: &str) -> Result<Network, Complaint> {
    let refuse = || Complaint::new(format!("`{text}` is no address or network")).expected("such as 10.0.0.0/8");
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse::<u32>().map_err(|_| refuse())?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| refuse())?;
    let most = if address.is_ipv4() { u32::BITS } else { u128::BITS };
    let bits = bits.unwrap_or(most);
    if bits > most { Err(refuse()) } else { Ok((address, bits)) }
}

fn contains((network, bits): Network, address: IpAddr) -> bool {
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let shift = u32::BITS - bits;
            network.to_bits().checked_shr(shift) == address.to_bits().checked_shr(shift)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let shift = u128::BITS - bits;
            network.to_bits().checked_shr(shift) == address.to_bits().checked_shr(shift)
        }
        _ => false,
    }
}

struct Ignored {
    users: Vec<String>,
    networks: Vec<Network>,
}

impl Ignored {
    fn has(&self, login: &Login) -> bool {
        let address = login.from.parse::<IpAddr>().ok();
        let is_in = |address: IpAddr| self.networks.iter().any(|network| contains(*network, address));
        self.users.contains(&login.user) || address.is_some_and(is_in)
    }
}

struct Logins {
    ignored: Rc<Ignored>,
    /// The sessions that a look has asked for.
    seen: Rc<RefCell<HashSet<String>>>,
    records: Rc<RefCell<Wtmp>>,
    stage: Stage,
}

enum Stage {
    Begin,
    List(Batch),
    Details(Batch),
}

/// A session of somebody who logged in.
#[derive(Debug, PartialEq, Eq)]
struct Login {
    user: String,
    from: String,
    at: Timestamp,
}

impl Logins {
    /// Goes on with the look; whether it is over.
    fn step(&mut self, bus: &mut Bus, now: Boot, into: &mut Snapshot) -> Result<bool, Error> {
        loop {
            match std::mem::replace(&mut self.stage, Stage::Begin) {
                Stage::Begin => self.stage = Stage::List(Batch::ask(bus, [MANAGER], now)?),
                Stage::List(mut batch) => match batch.take(bus) {
                    None => {
                        self.stage = Stage::List(batch);
                        return Ok(false);
                    }
                    Some(answers) => {
                        let mut batch = Batch::default();
                        for path in self.unseen(answers)? {
                            let arguments = [Argument::Text("org.freedesktop.login1.Session")];
                            let interface = "org.freedesktop.DBus.Properties";
                            let call =
                                Call { path: &path, interface, member: "GetAll", arguments: &arguments, ..MANAGER };
                            batch.add(bus, &call, now)?;
                        }
                        self.stage = Stage::Details(batch);
                    }
                },
                Stage::Details(mut batch) => {
                    let Some(answers) = batch.take(bus) else {
                        self.stage = Stage::Details(batch);
                        return Ok(false);
                    };
                    // A session that is over by now cannot be asked.
                    let logins = answers.into_iter().flatten().filter_map(|body| parse_session(&body).ok().flatten());
                    self.add(logins, into);
                    return Ok(true);
                }
            }
        }
    }

    fn add(&self, logins: impl IntoIterator<Item = Login>, into: &mut Snapshot) {
        into.happened.extend(logins.into_iter().filter(|login| !self.ignored.has(login)).map(occurrence));
    }

    /// Adds those who came and went while no agent ran: logind has forgotten their sessions. Where sshd's records cannot be
    /// read, there are none.
    fn add_missed(&self, host: &mut Host, into: &mut Snapshot) {
        let Some(since) = host.logins_since.take().filter(|_| host.is_this_system()) else { return };
        let mut missed = Snapshot::default();
        self.add(self.records.borrow().came_since(since).unwrap_or_default(), &mut missed);
        let is_of = |session: &Occurrence, missed: &Occurrence| {
            session.key == missed.key && missed.at.duration_since(session.at).abs() < ONE_LOGIN
        };
        missed.happened.retain(|missed| !into.happened.iter().any(|session| is_of(session, missed)));
        into.happened.extend(missed.happened);
    }

    /// The objects of the sessions that no look has asked for.
    fn unseen(&self, answers: Vec<Result<Body, Error>>) -> Result<Vec<String>, Error> {
        let mut sessions = Vec::new();
        for answer in answers {
            sessions.extend(parse_list(&answer?)?);
        }
        let mut seen = self.seen.borrow_mut();
        seen.retain(|known| sessions.iter().any(|(id, _)| id == known));
        let new = sessions.into_iter().filter(|(id, _)| seen.len() < MAX_SEEN && seen.insert(id.clone()));
        Ok(new.map(|(_, path)| path).take(MAX_NEW).collect())
    }
}

/// sshd writes its record so long after the session's beginning, at most.
const ONE_LOGIN: SignedDuration = SignedDuration::from_secs(10);

/// The most sessions that are known.
const MAX_SEEN: usize = 10_000;

/// The sessions' ids and objects.
fn parse_list(body: &Body) -> Result<Vec<(String, String)>, Malformed> {
    let mut sessions = Vec::new();
    body.of("a(susso)")?.array(8, |reader| {
        reader.structure()?;
        let id = reader.text()?;
        reader.skip("uss")?;
        sessions.push((id, reader.text()?));
        Ok(())
    })?;
    Ok(sessions)
}

/// A login over SSH by a person or a program; `None`: it is another kind of session.
fn parse_session(body: &Body) -> Result<Option<Login>, Malformed> {
    let (mut user, mut from, mut service, mut class, mut at) = <(String, String, String, String, i64)>::default();
    body.of("a{sv}")?.array(8, |reader| {
        reader.structure()?;
        let name = reader.text()?;
        let value = reader.variant()?;
        match name.as_str() {
            "Name" => user = value.text().unwrap_or_default(),
            "RemoteHost" => from = value.text().unwrap_or_default(),
            "Service" => service = value.text().unwrap_or_default(),
            "Class" => class = value.text().unwrap_or_default(),
            "Timestamp" => at = value.number().unwrap_or_default(),
            _ => {}
        }
        Ok(())
    })?;
    // Newer ones have `user-early` and others beside `user`.
    let is_login = service == "sshd" && class.starts_with("user") && !user.is_empty();
    // An IPv4 address may come in the form of IPv6.
    let from = from.parse::<IpAddr>().map_or(from, |address| address.to_canonical().to_string());
    Ok(Timestamp::from_microsecond(at).ok().filter(|_| is_login).map(|at| Login { user, from, at }))
}

/// Between a user and an address, in the target of a login.
const BETWEEN: &str = " ← ";

fn occurrence(login: Login) -> Occurrence {
    let from = if login.from.is_empty() { "?" } else { &login.from };
    let detail = EventDetail::new(vec![Part::At(login.at)]);
    Occurrence { key: Key::new(LOGIN, format!("{}{BETWEEN}{from}", login.user)), at: login.at, detail }
}

/// The address in the target of a login.
pub fn address(target: &str) -> &str {
    target.rsplit(BETWEEN).next().unwrap_or_default()
}

impl Collector for Logins {
    fn begin(&mut self, _host: &mut Host, _now: Boot) -> Duration {
        self.stage = Stage::Begin;
        Duration::ZERO
    }

    fn collect(&mut self, host: &mut Host, now: Now, into: &mut Snapshot) -> Progress {
        match self.step(&mut host.bus, now.boot, into) {
            Ok(true) => {
                self.add_missed(host, into);
                Progress::Done
            }
            Ok(false) => Progress::Awaits(now.boot.after(DEADLINE)),
            Err(error) => {
                // Another system's records are not here.
                let records = (error.is_absence() && host.is_this_system())
                    .then(|| self.records.borrow_mut().look(host.logins_since.take()));
                match records.unwrap_or_else(|| Err(io::Error::other(error.to_string()))) {
                    Ok(logins) => self.add(logins, into),
                    Err(error) => {
                        into.watch(LOGIN, "");
                        into.failures.push(SOURCE.failure(error.to_string()));
                    }
                }
                Progress::Done
            }
        }
    }
}

#[cfg(test)]
mod tests;
