//! Logins as sshd writes them to /var/log/wtmp (utmp(5)), where no logind has sessions.
//!
//! It has those with a terminal: sshd records no others. A first look finds who is logged in, a later one everybody who
//! came since, also who is gone by then. Those who came and went while no agent ran are in it, as far as its end goes back.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;

use jiff::Timestamp;

use super::Login;

pub const PATH: &str = "/var/log/wtmp";

/// glibc's `struct utmp`: where `long` of a login has 64 bits, the record is longer (bits/utmp.h,
/// `__WORDSIZE_TIME64_COMPAT32`).
const LAYOUT: Layout = if cfg!(target_arch = "aarch64") { LONG } else { SHORT };
const SHORT: Layout = Layout { bytes: 384, seconds: 340, seconds_bytes: 4, micros: 344, address: 348 };
const LONG: Layout = Layout { bytes: 400, seconds: 344, seconds_bytes: 8, micros: 352, address: 360 };

/// The places in a record that differ.
#[derive(Clone, Copy, Debug)]
struct Layout {
    bytes: usize,
    seconds: usize,
    seconds_bytes: usize,
    micros: usize,
    address: usize,
}

/// The kinds of records that matter (utmp(5)).
const BOOT_TIME: u16 = 2;
const USER_PROCESS: u16 = 7;
const DEAD_PROCESS: u16 = 8;

/// A first look reads as much, and each later one: some hundred records.
const MAX_BYTES: u64 = 64 * 1024;

/// The places of the line and of the user, which are as long.
const LINE: usize = 8;
const USER: usize = 44;
const NAME_BYTES: usize = 32;

/// The file, read as far as its end at the last look.
#[derive(Debug)]
pub struct Wtmp {
    path: PathBuf,
    read: Option<Place>,
}

/// The file's inode, and how many bytes of it were read.
type Place = (u64, u64);

impl Wtmp {
    pub fn at(path: impl Into<PathBuf>) -> Wtmp {
        Wtmp { path: path.into(), read: None }
    }

    /// Those who came since the last look; at the first one those who are there, and those who came since `missed_since`. A
    /// file that is not there has none: one is made with the first login.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn look(&mut self, missed_since: Option<Timestamp>) -> io::Result<Vec<Login>> {
        let Some((bytes, read)) = self.read_on()? else {
            self.read = Some((0, 0));
            return Ok(Vec::new());
        };
        if self.read.replace(read).is_some() {
            return Ok(came(&bytes, LAYOUT));
        }
        let mut logins = present(&bytes, LAYOUT);
        logins.extend(missed_since.map_or_else(Vec::new, |since| came_after(&bytes, since)));
        logins.sort_by(|one, other| (one.at, &one.user).cmp(&(other.at, &other.user)));
        logins.dedup();
        Ok(logins)
    }

    /// Those who came after `since`, as far as the end of the file has them.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn came_since(&self, since: Timestamp) -> io::Result<Vec<Login>> {
        Ok(self.read_on()?.map_or_else(Vec::new, |(bytes, _)| came_after(&bytes, since)))
    }

    /// The records that were not read yet, and how far it is read then; `None`: it is not there.
    fn read_on(&self) -> io::Result<Option<(Vec<u8>, Place)>> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let metadata = file.metadata()?;
        let (inode, length) = (metadata.ino(), metadata.len());
        let record = LAYOUT.bytes as u64;
        let whole = length - length % record;
        // A file that was rotated is read from its beginning, and one that was cut.
        let from = match self.read {
            Some((known, read)) if known == inode && read <= whole => read,
            Some(_) => 0,
            None => whole.saturating_sub(MAX_BYTES - MAX_BYTES % record),
        };
        let mut bytes = vec![0; (whole - from).min(MAX_BYTES - MAX_BYTES % record) as usize];
        file.read_exact_at(&mut bytes, from)?;
        let read = from + bytes.len() as u64;
        Ok(Some((bytes, (inode, read))))
    }
}

/// Everybody who came, in the order of the records.
fn came(bytes: &[u8], layout: Layout) -> Vec<Login> {
    let records = bytes.chunks_exact(layout.bytes).filter(|record| kind(record) == USER_PROCESS);
    records.filter_map(|record| login(record, layout)).collect()
}

fn came_after(bytes: &[u8], since: Timestamp) -> Vec<Login> {
    came(bytes, LAYOUT).into_iter().filter(|login| login.at > since).collect()
}

/// Everybody who has not gone.
fn present(bytes: &[u8], layout: Layout) -> Vec<Login> {
    let mut lines: BTreeMap<&[u8], Option<Login>> = BTreeMap::new();
    for record in bytes.chunks_exact(layout.bytes) {
        let line = record.get(LINE..LINE + NAME_BYTES).unwrap_or_default();
        match kind(record) {
            BOOT_TIME => lines.clear(),
            USER_PROCESS => drop(lines.insert(line, login(record, layout))),
            DEAD_PROCESS => drop(lines.remove(line)),
            _ => {}
        }
    }
    let mut logins: Vec<Login> = lines.into_values().flatten().collect();
    logins.sort_by_key(|login| login.at);
    logins
}

fn kind(record: &[u8]) -> u16 {
    record.first_chunk().map_or(0, |bytes| u16::from_ne_bytes(*bytes))
}

/// `None`: nobody who came over the network.
fn login(record: &[u8], layout: Layout) -> Option<Login> {
    let user = record.get(USER..USER + NAME_BYTES)?.split(|byte| *byte == 0).next().filter(|user| !user.is_empty())?;
    let address: [u8; 16] = record.get(layout.address..)?.first_chunk().copied()?;
    // Of IPv4 the first four bytes alone are used.
    let address = match address {
        [0, 0, 0, 0, ..] if address == [0; 16] => return None,
        [a, b, c, d, rest @ ..] if rest == [0; 12] => IpAddr::from([a, b, c, d]),
        _ => IpAddr::from(Ipv6Addr::from(address)).to_canonical(),
    };
    let seconds = record.get(layout.seconds..layout.seconds + layout.seconds_bytes)?;
    // Seconds of 32 bits count on after 2038: nothing was logged before 1970.
    let seconds = match seconds {
        [a, b, c, d] => i64::from(u32::from_ne_bytes([*a, *b, *c, *d])),
        _ => i64::from_ne_bytes(seconds.try_into().ok()?),
    };
    let micros = i32::from_ne_bytes(record.get(layout.micros..)?.first_chunk().copied()?);
    let nanos = micros.clamp(0, 999_999) * 1000;
    let at = Timestamp::new(seconds, nanos).ok()?;
    Some(Login { user: String::from_utf8_lossy(user).into_owned(), from: address.to_string(), at })
}

/// A record of a test: somebody came.
#[cfg(test)]
pub fn of(user: &str, address: [u8; 4]) -> Vec<u8> {
    tests::record(LAYOUT, USER_PROCESS, user, user, &address, 1_770_000_000)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    pub fn record(layout: Layout, kind: u16, line: &str, user: &str, address: &[u8], second: u32) -> Vec<u8> {
        let mut record = vec![0; layout.bytes];
        let mut put = |at: usize, bytes: &[u8]| record[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &kind.to_ne_bytes());
        put(LINE, line.as_bytes());
        put(USER, user.as_bytes());
        put(layout.seconds, &second.to_ne_bytes());
        put(layout.micros, &250_000_i32.to_ne_bytes());
        put(layout.address, address);
        record
    }

    fn shown(logins: Vec<Login>) -> Vec<String> {
        logins.into_iter().map(|login| format!("{} {} {}", login.user, login.from, login.at)).collect()
    }

    const V4: &[u8] = &[203, 0, 113, 7];

    #[test]
    fn a_login_has_its_user_its_address_and_its_time_in_both_layouts() {
        for layout in [SHORT, LONG] {
            let mut all = record(layout, USER_PROCESS, "pts/0", "root", V4, 1_770_000_000);
            let v6 = "2001:db8::1".parse::<Ipv6Addr>().unwrap().octets();
            all.extend(record(layout, USER_PROCESS, "pts/1", "bob", &v6, 4_000_000_000));
            let mapped = "::ffff:198.51.100.9".parse::<Ipv6Addr>().unwrap().octets();
            all.extend(record(layout, USER_PROCESS, "pts/2", "ann", &mapped, 1_770_000_000));
            // At the machine itself.
            all.extend(record(layout, USER_PROCESS, "tty1", "root", &[], 1_770_000_000));
            assert_eq!(
                shown(came(&all, layout)),
                [
                    "root 203.0.113.7 2026-02-02T02:40:00.25Z",
                    "bob 2001:db8::1 2096-10-02T07:06:40.25Z",
                    "ann 198.51.100.9 2026-02-02T02:40:00.25Z",
                ]
            );
        }
    }

    #[test]
    fn a_first_look_finds_who_is_there_and_a_later_one_who_came_also_if_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wtmp");
        let mut wtmp = Wtmp::at(&path);
        assert_eq!(wtmp.look(None).unwrap(), []);
        let came = |line: &str, user: &str, second| record(LAYOUT, USER_PROCESS, line, user, V4, second);
        let gone = |line: &str| record(LAYOUT, DEAD_PROCESS, line, "", &[], 9);
        // Nothing was there before, so this one is new.
        fs::write(&path, came("pts/0", "new", 1)).unwrap();
        assert_eq!(wtmp.look(None).unwrap().len(), 1);

        let boot = record(LAYOUT, BOOT_TIME, "~", "reboot", &[], 5);
        let all = [came("pts/0", "before", 1), boot, came("pts/0", "a", 6), came("pts/1", "b", 7), gone("pts/0")];
        fs::write(&path, all.concat()).unwrap();
        let mut wtmp = Wtmp::at(&path);
        let users = |wtmp: &mut Wtmp| wtmp.look(None).unwrap().into_iter().map(|login| login.user).collect::<Vec<_>>();
        assert_eq!(users(&mut wtmp), ["b"]);
        assert!(users(&mut wtmp).is_empty());
        let more = [came("pts/0", "c", 8), gone("pts/0"), vec![7; 10]];
        fs::write(&path, [all.concat(), more.concat()].concat()).unwrap();
        assert_eq!(users(&mut wtmp), ["c"], "half a record is not read");
        // logrotate moves it away.
        fs::rename(&path, folder.path().join("wtmp.1")).unwrap();
        fs::write(&path, came("pts/2", "d", 10)).unwrap();
        assert_eq!(users(&mut wtmp), ["d"]);
    }

    #[test]
    fn those_who_came_and_went_since_a_time_are_found_once_beside_those_who_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wtmp");
        let since = |second: i64| Timestamp::from_second(second).unwrap();
        assert_eq!(Wtmp::at(&path).came_since(since(0)).unwrap(), []);
        let came = |line: &str, user: &str, second| record(LAYOUT, USER_PROCESS, line, user, V4, second);
        let gone = record(LAYOUT, DEAD_PROCESS, "pts/0", "", &[], 9);
        let boot = record(LAYOUT, BOOT_TIME, "~", "reboot", &[], 7);
        let all = [came("pts/0", "known", 4), came("pts/1", "cut off", 6), boot, came("pts/0", "gone", 8), gone];
        fs::write(&path, [all.concat(), came("pts/2", "there", 10)].concat()).unwrap();
        let users =
            |logins: io::Result<Vec<Login>>| logins.unwrap().into_iter().map(|login| login.user).collect::<Vec<_>>();
        assert_eq!(users(Wtmp::at(&path).came_since(since(5))), ["cut off", "gone", "there"]);
        let mut wtmp = Wtmp::at(&path);
        assert_eq!(users(wtmp.look(Some(since(5)))), ["cut off", "gone", "there"], "who is there is not found twice");
        assert!(users(wtmp.look(Some(since(5)))).is_empty());
        assert_eq!(users(Wtmp::at(&path).look(None)), ["there"]);
    }

    #[test]
    fn of_a_large_file_the_end_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wtmp");
        let file = File::create(&path).unwrap();
        let size = LAYOUT.bytes as u64 * 100_000;
        file.set_len(size).unwrap();
        file.write_all_at(&record(LAYOUT, USER_PROCESS, "pts/0", "root", V4, 1), size - LAYOUT.bytes as u64).unwrap();
        let mut wtmp = Wtmp::at(&path);
        assert_eq!(wtmp.look(None).unwrap().len(), 1);
        assert_eq!(wtmp.look(None).unwrap(), []);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            for layout in [SHORT, LONG] {
                let _ = (came(&bytes, layout), present(&bytes, layout));
            }
        }
    }
}
