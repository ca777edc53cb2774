//! Disks that are found, from lists that a test writes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;

use super::super::KnownMounts;
use super::super::tests::{DATA, ROOT};
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

/// The disks that are found but for `others`, a `-` before each that is missing.
fn disks(mounts: &mut Mounts, others: &[Rc<str>]) -> Vec<String> {
    let found = mounts.disks(others).into_iter();
    found.map(|FoundDisk { path, is_missing }| format!("{}{path}", if is_missing { "-" } else { "" })).collect()
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
        let found = mounts.disks(&[]);
        found.iter().filter(|disk| !disk.is_missing).for_each(|disk| mounts.hold(&disk.path, true, true));
        let found = disks(mounts, &[]);
        let kept = mounts.disks(&[]);
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

/// A mount point, its device, the disk there, and whether it can be written.
type On = (&'static str, &'static str, u32, &'static str);

/// Agents one after another, on a machine whose disks have numbers.
struct Agents {
    list: tempfile::NamedTempFile,
    mounts: Mounts,
    known: KnownMounts,
    moves: Vec<String>,
}

impl Agents {
    fn new() -> Agents {
        let list = tempfile::NamedTempFile::new().unwrap();
        let mut mounts = Mounts::listed_in(list.path());
        mounts.ask_id = ask_id;
        Agents { list, mounts, known: KnownMounts::default(), moves: Vec::new() }
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
        let found = self.mounts.disks(named);
        self.mounts.keep_only(found.iter().map(|disk| &disk.path).chain(named));
        let in_sight = found.iter().filter(|disk| !disk.is_missing).map(|disk| (&disk.path, true));
        let named = named.iter().map(|path| (path, false)).filter(|(path, _)| self.mounts.ask(path).is_ok());
        for (path, is_found) in in_sight.chain(named.collect::<Vec<_>>()) {
            self.mounts.hold(path, is_found, true);
        }
        if let Some(change) = self.mounts.take_change() {
            self.known = change.known;
            self.moves.extend(change.moves.iter().map(|(from, to)| format!("{from} {to}")));
        }
        let shown =
            found.iter().filter(|disk| *disk.path != *"/").map(|FoundDisk { path, is_missing }| match is_missing {
                true => format!("-{path}"),
                false => format!("{path} {:?}", self.mounts.write_state(path).unwrap()),
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
fn a_disk_whose_mount_point_has_a_name_that_is_no_text_is_found_by_its_other_one() {
    let list = tempfile::NamedTempFile::new().unwrap();
    let lines = [b"2 1 8:16 / /\xff rw - ext4 /dev/sdb rw\n".as_slice(), DATA.as_bytes()];
    fs::write(list.path(), [ROOT.as_bytes(), lines[0], lines[1]].concat()).unwrap();
    let mut mounts = Mounts::listed_in(list.path());
    mounts.refresh();
    assert_eq!(disks(&mut mounts, &[]), ["/", "/no/data"]);
}
