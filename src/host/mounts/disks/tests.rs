//! Disks that are found, from lists that a test writes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;

use super::super::tests::{DATA, ROOT};
use super::super::{KnownMounts, WriteState};
use super::*;

#[test]
fn disks_are_whole_local_file_systems() {
    let list = "1 1 254:0 / / rw - ext4 /dev/vda rw\n\
        2 1 8:16 / /data rw - xfs /dev/sdb rw\n\
        3 1 8:16 / /srv/www rw - xfs /dev/sdb rw\n\
        4 1 254:0 /etc/hosts /etc/hosts rw - ext4 /dev/vda rw\n\
        5 1 8:32 /part /bind rw - ext4 /dev/sdc rw\n\
        6 1 0:40 / /mnt/nfs rw - nfs4 server:/x rw\n\
        7 1 0:41 / /run rw - tmpfs tmpfs rw\n\
        8 1 7:1 / /snap/core/1 ro - squashfs /dev/loop1 ro\n\
        9 1 0:42 / /var/lib/docker/overlay2/a/merged rw - overlay overlay rw\n\
        10 1 253:9 / /var/lib/docker/devicemapper/mnt/a rw - ext4 /dev/dm-9 rw\n\
        11 1 253:1 / /var/lib/docker rw - ext4 /dev/dm-1 rw\n\
        12 1 8:1 / /boot/efi rw - vfat /dev/sda1 rw\n\
        13 1 0:50 /@home /home rw - btrfs /dev/sdd rw\n\
        14 1 0:50 /@ /pool/root rw - btrfs /dev/sdd rw\n\
        15 1 11:0 / /cdrom ro - iso9660 /dev/sr0 ro\n\
        16 1 0:51 / /tank rw - zfs tank rw\n\
        17 1 8:48 / /covered/below rw - ext4 /dev/sde rw\n\
        18 1 0:52 / /covered rw - tmpfs tmpfs rw\n";
    let table = Table::parse(list.as_bytes()).unwrap();
    let points: Vec<_> = table.disks().into_iter().map(|mount| mount.point.to_str().unwrap()).collect();
    assert_eq!(points, ["/", "/data", "/srv/www", "/var/lib/docker", "/home", "/pool/root", "/tank"]);
}

/// `-` for a disk that is missing.
fn mark(sight: &Sight) -> &'static str {
    match sight {
        Sight::There => "",
        Sight::Missing => "-",
        Sight::Asleep => "~",
    }
}

/// The disks that are found but for `others`, a `-` before each that is missing.
fn disks(mounts: &mut Mounts, others: &[Rc<str>]) -> Vec<String> {
    let found = mounts.disks(others, Timestamp::UNIX_EPOCH, DAY).into_iter();
    found.map(|FoundDisk { path, sight }| format!("{}{path}", mark(&sight))).collect()
}

/// The disks that `auto` finds from list to list, and in the end by the memory of the process before.
fn found(lists: &[&[&str]]) -> Vec<Vec<String>> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut mounts = Mounts::listed_in(file.path());
    let mut known = KnownMounts::default();
    let look = |mounts: &mut Mounts, list: &[&str]| {
        fs::write(file.path(), list.concat()).unwrap();
        mounts.watched = None;
        mounts.refresh();
        let found = mounts.disks(&[], Timestamp::UNIX_EPOCH, DAY);
        found.iter().filter(|disk| disk.sight == Sight::There).for_each(|disk| mounts.hold(&disk.path, true, true));
        let found = disks(mounts, &[]);
        let kept = mounts.disks(&[], Timestamp::UNIX_EPOCH, DAY);
        mounts.keep_only(kept.iter().map(|disk| &disk.path));
        found
    };
    let mut found: Vec<_> = lists
        .iter()
        .map(|list| {
            let found = look(&mut mounts, list);
            known = mounts.take_change().map_or_else(|| known.clone(), |change| change.known);
            found
        })
        .collect();
    let mut after = Mounts::listed_in(file.path());
    after.remember(&known, None);
    found.push(look(&mut after, lists.last().unwrap()));
    found
}

#[test]
fn a_found_disk_that_something_else_is_mounted_over_is_missed() {
    let over = "6 2 0:60 / /no/data rw - tmpfs tmpfs rw\n";
    let around = "7 1 0:61 / /no rw - nfs4 server:/x rw\n";
    for cover in [over, around] {
        assert_eq!(
            found(&[&[ROOT, DATA], &[ROOT, DATA, cover]]),
            [["/", "/no/data"], ["/", "-/no/data"], ["/", "-/no/data"]]
        );
    }
    // A disk over it is the disk there.
    let disk = "6 2 8:32 / /no/data rw - ext4 /dev/sdc rw\n";
    assert_eq!(found(&[&[ROOT, DATA], &[ROOT, DATA, disk]])[1], ["/", "/no/data"]);
}

#[test]
fn a_found_disk_with_two_mount_points_keeps_its_own_and_one_that_moved_is_not_missed() {
    let before = "6 1 8:16 / /a rw - ext4 /dev/sdb rw\n";
    let after = "7 1 8:16 / /z rw - ext4 /dev/sdb rw\n";
    let lists: [&[&str]; 4] = [&[ROOT, DATA], &[ROOT, before, DATA, after], &[ROOT, after], &[ROOT, before, after]];
    let keeps = [["/", "/no/data"], ["/", "/no/data"], ["/", "/z"], ["/", "/z"], ["/", "/z"]];
    assert_eq!(found(&lists), keeps);
}

#[test]
fn a_found_disk_is_missed_where_it_is_not_mounted_and_one_that_nobody_names_any_more_is_not() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (data, none): (Rc<str>, &[Rc<str>]) = ("/no/data".into(), &[]);
    let list = |mounts: &mut Mounts, list: &[&str]| {
        fs::write(file.path(), list.concat()).unwrap();
        mounts.watched = None;
        mounts.refresh();
    };
    for is_found in [true, false] {
        let mut before = Mounts::listed_in(file.path());
        list(&mut before, &[ROOT, DATA]);
        before.hold(&data, is_found, false);
        let known = before.take_change().unwrap().known;
        list(&mut before, &[ROOT]);
        assert_eq!(disks(&mut before, none).contains(&"-/no/data".to_owned()), is_found);
        // So it is for the next process.
        let mut after = Mounts::listed_in(file.path());
        after.remember(&known, None);
        list(&mut after, &[ROOT]);
        assert_eq!(disks(&mut after, none).contains(&"-/no/data".to_owned()), is_found);
        // Named, it is missed in any case.
        assert!(after.ask(&data).is_err());
        assert_eq!(disks(&mut after, std::slice::from_ref(&data)), ["/"]);
    }
}

/// Where each mount point has a disk of which number, as statvfs(3) would tell.
fn ask_id(point: &Path) -> Option<DiskId> {
    NUMBERS.with_borrow(|numbers| numbers.get(point.to_str()?).copied().map(DiskId::of_a_test))
}

thread_local! {
    static NUMBERS: RefCell<HashMap<&'static str, u32>> = RefCell::default();
}

const DAY: Duration = Duration::from_secs(86_400);

/// A mount point, its device, the disk there, and whether it can be written.
type On = (&'static str, &'static str, u32, &'static str);

/// Agents one after another, on a machine whose disks have numbers.
struct Agents {
    list: tempfile::NamedTempFile,
    mounts: Mounts,
    known: KnownMounts,
    moves: Vec<String>,
    now: Timestamp,
}

impl Agents {
    fn new() -> Agents {
        let list = tempfile::NamedTempFile::new().unwrap();
        let mut mounts = Mounts::listed_in(list.path());
        mounts.ask_id = ask_id;
        Agents { list, mounts, known: KnownMounts::default(), moves: Vec::new(), now: Timestamp::UNIX_EPOCH }
    }

    fn restart(&mut self) {
        self.mounts = Mounts::listed_in(self.list.path());
        self.mounts.ask_id = ask_id;
        self.mounts.remember(&self.known, None);
    }

    /// Each disk but that of `/` and its state, a `-` before each that is missing.
    fn look(&mut self, disks: &[On], named: &[Rc<str>]) -> Vec<String> {
        NUMBERS.set(disks.iter().map(|(point, _, number, _)| (*point, *number)).collect());
        let line =
            |(point, device, _, options): &On| format!("2 1 {device} / {point} {options} - ext4 /dev/x {options}\n");
        fs::write(self.list.path(), ROOT.to_owned() + &disks.iter().map(line).collect::<String>()).unwrap();
        self.mounts.watched = None;
        self.mounts.refresh();
        let found = self.mounts.disks(named, self.now, DAY);
        self.mounts.keep_only(found.iter().map(|disk| &disk.path).chain(named));
        let in_sight = found.iter().filter(|disk| disk.sight == Sight::There).map(|disk| (&disk.path, true));
        let named = named.iter().map(|path| (path, false)).filter(|(path, _)| self.mounts.ask(path).is_ok());
        for (path, is_found) in in_sight.chain(named.collect::<Vec<_>>()) {
            self.mounts.hold(path, is_found, true);
        }
        if let Some(change) = self.mounts.take_change() {
            self.known = change.known;
            self.moves.extend(change.moves.iter().map(|(from, to)| format!("{from} {to}")));
            self.moves.sort();
        }
        let shown = found.iter().filter(|disk| *disk.path != *"/").map(|FoundDisk { path, sight }| match sight {
            Sight::There => format!("{path} {:?}", self.mounts.write_state(path).unwrap()),
            _ => format!("{}{path}", mark(sight)),
        });
        shown.collect()
    }
}

#[test]
fn another_read_only_disk_that_was_mounted_while_no_agent_ran_is_as_it_should_be_and_the_same_one_is_not() {
    for (number, state) in [(8, "/a ReadOnly"), (7, "/a TurnedReadOnly")] {
        let mut agents = Agents::new();
        assert_eq!(agents.look(&[("/a", "8:16", 7, "rw")], &[]), ["/a Writable"]);
        agents.restart();
        assert_eq!(agents.look(&[("/a", "8:16", number, "ro")], &[]), [state]);
        agents.restart();
        assert_eq!(agents.look(&[("/a", "8:32", number, "ro")], &[]), [state], "by another device");
    }
}

#[test]
fn a_disk_that_is_gone_is_missed_though_another_one_has_the_number_of_its_device() {
    for restarts in [false, true] {
        let mut agents = Agents::new();
        assert_eq!(agents.look(&[("/a", "8:16", 7, "rw")], &[]), ["/a Writable"]);
        if restarts {
            agents.restart();
        }
        assert_eq!(agents.look(&[("/b", "8:16", 8, "rw")], &[]), ["/b Writable", "-/a"]);
        assert_eq!(agents.moves, [""; 0]);
    }
}

#[test]
fn a_disk_that_moved_is_found_there_with_its_past_whether_an_agent_ran_or_not() {
    for restarts in [false, true] {
        let mut agents = Agents::new();
        assert_eq!(agents.look(&[("/a", "8:16", 7, "rw")], &[]), ["/a Writable"]);
        if restarts {
            agents.restart();
        }
        assert_eq!(agents.look(&[("/z", "8:32", 7, "ro")], &[]), ["/z TurnedReadOnly"]);
        assert_eq!(agents.moves, ["/a /z"]);
        agents.restart();
        assert_eq!(agents.look(&[("/z", "8:32", 7, "ro")], &[]), ["/z TurnedReadOnly"]);
        assert_eq!(agents.look(&[], &[]), ["-/z"]);
        assert_eq!(agents.moves.len(), 1);
    }
}

#[test]
fn a_disk_that_moved_to_a_named_path_is_not_missed() {
    let (mut agents, named) = (Agents::new(), ["/data".into()]);
    assert_eq!(agents.look(&[("/a", "8:16", 7, "rw")], &named), ["/a Writable"]);
    assert_eq!(agents.look(&[("/data", "8:16", 7, "rw")], &named), [""; 0]);
    assert_eq!(agents.moves, ["/a /data"]);
}

#[test]
fn a_copy_of_a_disk_with_its_number_does_not_stand_for_it() {
    let mut agents = Agents::new();
    let both = [("/a", "8:16", 7, "rw"), ("/copy", "8:32", 7, "rw")];
    assert_eq!(agents.look(&both, &[]), ["/a Writable", "/copy Writable"]);
    assert_eq!(agents.look(&both[1..], &[]), ["/copy Writable", "-/a"]);
    assert_eq!(agents.moves, [""; 0]);
}

#[test]
fn a_disk_that_turned_read_only_is_known_at_a_named_path_and_in_the_place_of_another_disk() {
    for restarts in [false, true] {
        for (to, named) in [("/c", None), ("/d", Some("/d")), ("/d", Some("/d/below"))] {
            let named: Vec<Rc<str>> = named.into_iter().map(Rc::from).collect();
            let mut agents = Agents::new();
            agents.look(&[("/a", "8:16", 7, "rw"), ("/c", "8:32", 8, "rw")], &[]);
            agents.look(&[("/a", "8:16", 7, "ro"), ("/c", "8:32", 8, "rw")], &[]);
            if restarts {
                agents.restart();
            }
            let found = agents.look(&[(to, "8:16", 7, "ro")], &named);
            let path = named.first().map_or(to, |path| path);
            assert_eq!(agents.moves, [format!("/a {path}")]);
            assert_eq!(agents.mounts.write_state(&path.into()), Some(WriteState::TurnedReadOnly), "{path} {found:?}");
            agents.restart();
            agents.look(&[(to, "8:48", 7, "ro")], &named);
            assert_eq!(agents.mounts.write_state(&path.into()), Some(WriteState::TurnedReadOnly), "{path}");
        }
    }
}

#[test]
fn disks_that_change_places_take_their_past_with_them() {
    for restarts in [false, true] {
        let mut agents = Agents::new();
        agents.look(&[("/a", "8:16", 7, "rw"), ("/b", "8:32", 8, "rw")], &[]);
        if restarts {
            agents.restart();
        }
        let swapped = [("/a", "8:32", 8, "rw"), ("/b", "8:16", 7, "ro")];
        assert_eq!(agents.look(&swapped, &[]), ["/a Writable", "/b TurnedReadOnly"]);
        assert_eq!(agents.moves, ["/a /b", "/b /a"]);
        // One follows the other.
        let chained = [("/c", "8:16", 7, "ro"), ("/b", "8:32", 8, "rw")];
        assert_eq!(agents.look(&chained, &[]), ["/c TurnedReadOnly", "/b Writable"]);
        assert_eq!(agents.moves, ["/a /b", "/a /b", "/b /a", "/b /c"]);
    }
}

#[test]
fn of_two_copies_that_are_gone_the_device_tells_which_one_moved_and_without_it_none_has() {
    let both = [("/c", "8:16", 7, "rw"), ("/d", "8:32", 7, "rw")];
    for (device, moves, missing) in [("8:32", "/d /e", "-/c"), ("8:48", "", "-/c -/d")] {
        let mut agents = Agents::new();
        agents.look(&both, &[]);
        let mut found = agents.look(&[("/e", device, 7, "rw")], &[]);
        found.sort();
        assert_eq!((found[..found.len() - 1].join(" ").as_str(), agents.moves.join(" ").as_str()), (missing, moves));
    }
}

#[test]
fn a_disk_without_a_number_of_its_own_is_missed_though_another_one_has_its_device() {
    let mut agents = Agents::new();
    agents.look(&[("/a", "7:0", 0x700, "rw"), ("/b", "7:1", 0x701, "rw")], &[]);
    agents.restart();
    assert_eq!(agents.look(&[("/b", "7:0", 0x700, "rw")], &[]), ["/b Writable", "-/a"]);
    assert_eq!(agents.moves, [""; 0]);
}

#[test]
fn a_missing_disk_is_missed_for_a_day_whatever_restarts_and_a_clock_that_was_ahead_makes_it_no_longer() {
    let mut agents = Agents::new();
    agents.look(&[("/a", "8:16", 7, "rw")], &[]);
    for (hours, missing) in [(1, true), (24, true), (25, false)] {
        agents.restart();
        agents.now = Timestamp::from_second(hours * 3600).unwrap();
        assert_eq!(!agents.look(&[], &[]).is_empty(), missing, "{hours}");
    }
    assert_eq!(agents.look(&[("/a", "8:16", 7, "rw")], &[]), ["/a Writable"]);
    assert_eq!(agents.look(&[], &[]), ["-/a"]);
    agents.now = Timestamp::from_second(-3600).unwrap();
    assert_eq!(agents.look(&[], &[]), ["-/a"]);
}

#[test]
fn while_the_list_cannot_be_read_nothing_is_known_and_nothing_forgotten() {
    let mut agents = Agents::new();
    let disks = [("/a", "8:16", 7, "rw"), ("/b", "8:32", 8, "rw")];
    agents.look(&disks, &[]);
    for unreadable in ["", "what is this\n", "1 1 254:0 / /elsewhere rw - ext4 /dev/vda rw\n"] {
        fs::write(agents.list.path(), unreadable).unwrap();
        agents.mounts.watched = None;
        agents.mounts.refresh();
        assert!(agents.mounts.unreadable().is_some(), "{unreadable}");
        let found = agents.mounts.disks(&[], agents.now, DAY);
        assert!(found.len() == 3 && found.iter().all(|disk| disk.sight == Sight::Missing), "{found:?}");
        assert_eq!(agents.mounts.write_state(&"/a".into()), None);
        assert!(agents.mounts.take_change().is_none());
        // It is read again though nobody reports a change.
        assert!(agents.mounts.watched.is_none());
    }
    assert_eq!(agents.look(&[("/a", "8:16", 7, "ro"), disks[1]], &[]), ["/a TurnedReadOnly", "/b Writable"]);
}

#[test]
fn a_disk_whose_mount_point_has_a_name_that_is_no_text_is_found_by_its_other_one() {
    let list = tempfile::NamedTempFile::new().unwrap();
    let lines = [b"2 1 8:16 / /\xff rw - ext4 /dev/sdb rw\n".as_slice(), DATA.as_bytes()];
    fs::write(list.path(), [ROOT.as_bytes(), lines[0], lines[1]].concat()).unwrap();
    let mut mounts = Mounts::listed_in(list.path());
    mounts.refresh();
    assert_eq!(disks(&mut mounts, &[]), ["/", "/no/data"]);
}

#[test]
fn a_found_disk_that_an_automounter_took_away_is_not_forgotten_and_not_missed() {
    let list = tempfile::NamedTempFile::new().unwrap();
    let mut mounts = Mounts::listed_in(list.path());
    let auto = "2 1 0:50 / /no/data rw - autofs systemd-1 rw,direct\n";
    let disk = |options: &str| format!("3 2 8:16 / /no/data {options} - ext4 /dev/sdb {options}\n");
    let mut look = |lines: &[&str]| {
        fs::write(list.path(), ROOT.to_owned() + &lines.concat()).unwrap();
        mounts.expect_change();
        mounts.refresh();
        let found = disks(&mut mounts, &[]);
        let there: Vec<Rc<str>> = ["/".into(), "/no/data".into()].into();
        mounts.keep_only(there.iter());
        if found.contains(&"/no/data".to_owned()) {
            mounts.hold(&there[1], true, true);
        }
        (found, mounts.write_state(&there[1]))
    };
    let (writable, read_only) = (disk("rw"), disk("ro"));
    assert_eq!(look(&[auto, &writable]), (vec!["/".to_owned(), "/no/data".to_owned()], Some(WriteState::Writable)));
    assert_eq!(look(&[auto]).0, ["/", "~/no/data"]);
    assert_eq!(look(&[auto, &read_only]).1, Some(WriteState::TurnedReadOnly));
    assert_eq!(look(&[]).0, ["/", "-/no/data"], "the automounter is gone, too");
}

#[test]
fn a_file_system_that_has_a_number_is_none_that_has_not() {
    // An ext4 that is gone, and an XFS by its device; a disk that was made anew.
    let mut agents = Agents::new();
    agents.look(&[("/a", "7:0", 9, "rw")], &[]);
    assert_eq!(agents.look(&[("/b", "7:0", 0x700, "rw")], &[]), ["/b Writable", "-/a"]);
    let mut agents = Agents::new();
    agents.look(&[("/a", "7:0", 9, "rw")], &[]);
    assert_eq!(agents.look(&[("/a", "7:0", 0x700, "ro")], &[]), ["/a ReadOnly"]);
    let mut agents = Agents::new();
    agents.look(&[("/a", "7:0", 0x700, "rw")], &[]);
    assert_eq!(agents.look(&[("/b", "7:0", 9, "rw")], &[]), ["/b Writable", "-/a"]);
}
