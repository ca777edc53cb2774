//! The mounts of paths, from lists that a test writes and from the kernel's.

use super::*;

pub(super) const ROOT: &str = "1 1 254:0 / / rw - ext4 /dev/vda rw\n";
pub(super) const DATA: &str = "2 1 8:16 / /no/data rw - ext4 /dev/sdb rw\n";
const BIND: &str = "3 1 254:0 /srv /no/bind rw - ext4 /dev/vda rw\n";
const AUTOMOUNT: &str = "4 1 0:50 / /no/auto rw - autofs systemd-1 rw,direct\n";
const MOUNTED: &str = "5 4 0:51 / /no/auto rw - nfs4 server:/x rw\n";

/// The results of asking for `path` while the mounts change from list to list.
fn asked(path: &str, lists: &[&[&str]]) -> Vec<Result<Access, String>> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut mounts = Mounts::listed_in(file.path());
    let path: Rc<str> = path.into();
    let ask = |list: &&[&str]| {
        fs::write(file.path(), list.concat()).unwrap();
        // No kernel reports this list's changes.
        mounts.watched = None;
        mounts.refresh();
        let asked = mounts.ask(&path).map_err(|unmounted| unmounted.to_string());
        if asked.is_ok() {
            mounts.hold(&path, false, true);
        }
        asked
    };
    lists.iter().map(ask).collect()
}

fn apart(mount: &str) -> Result<Access, String> {
    Ok(Access::Apart { mount: mount.into() })
}

const DIRECTLY: Result<Access, String> = Ok(Access::Directly);

#[test]
fn a_path_that_was_on_a_mount_that_is_gone_is_not_measured_as_what_is_around_it() {
    let told = |what: &str| {
        Err(format!(
            "{what} is not mounted any more, and / would be measured in its place: \
             mount it again, or remove the path from the configuration"
        ))
    };
    let (with, without): (&[&str], &[&str]) = (&[ROOT, DATA], &[ROOT]);
    assert_eq!(asked("/no/data", &[with, without, without, with]), [DIRECTLY, told("it"), told("it"), DIRECTLY]);
    assert_eq!(asked("/no/data/below", &[with, without]), [apart("/no/data"), told("/no/data")]);
    assert_eq!(asked("/no/data", &[without, without]), [DIRECTLY, DIRECTLY]);
    let told = asked("/no/bind/x", &[&[ROOT, BIND], &[ROOT]]).pop().unwrap().unwrap_err();
    assert!(told.starts_with("/no/bind is not mounted any more"), "{told}");
}

#[test]
fn another_mount_in_its_place_or_deeper_is_no_loss() {
    let other = "6 1 8:32 / /no/data rw - ext4 /dev/sdc rw\n";
    let deeper = "7 6 8:48 / /no/data/x rw - ext4 /dev/sdd rw\n";
    let lists: [&[&str]; 3] = [&[ROOT, DATA], &[ROOT, other], &[ROOT, other, deeper]];
    assert_eq!(asked("/no/data/x", &lists), [apart("/no/data"), apart("/no/data"), DIRECTLY]);
}

#[test]
fn a_mount_that_an_automounter_took_away_is_asked_for_again() {
    let lists: [&[&str]; 3] = [&[ROOT, AUTOMOUNT, MOUNTED], &[ROOT, AUTOMOUNT], &[ROOT, AUTOMOUNT, MOUNTED]];
    // In a process of its own: the mount of another path may be well.
    assert_eq!(asked("/no/auto/x", &lists), [apart("/no/auto"), apart("/no/auto/x"), apart("/no/auto")]);
}

#[test]
fn a_link_that_is_turned_elsewhere_is_followed_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (link, new) = (folder.path().join("link"), folder.path().join("new"));
    let turn = |target: &str| {
        std::os::unix::fs::symlink(target, &new).unwrap();
        fs::rename(&new, &link).unwrap();
    };
    let list = tempfile::NamedTempFile::new().unwrap();
    let nfs = "8 1 0:60 / /no/nfs rw - nfs4 server:/x rw\n";
    fs::write(list.path(), [ROOT, DATA, nfs].concat()).unwrap();
    let mut mounts = Mounts::listed_in(list.path());
    mounts.refresh();
    let path: Rc<str> = link.to_str().unwrap().into();
    for (target, expected) in [("/no/data", DIRECTLY), ("/no/nfs/x", apart("/no/nfs")), ("/etc", DIRECTLY)] {
        turn(target);
        assert_eq!(mounts.ask(&path).map_err(|unmounted| unmounted.to_string()), expected, "{target}");
    }
}

#[test]
fn what_is_remembered_is_of_the_paths_that_are_watched() {
    let mut mounts = Mounts::of_this_process();
    mounts.refresh();
    let paths: Vec<Rc<str>> = ["/", "/proc", "/tmp"].map(Rc::from).to_vec();
    for path in &paths {
        mounts.ask(path).unwrap();
        mounts.hold(path, false, true);
    }
    mounts.keep_only(paths[..1].iter());
    assert_eq!(mounts.held.keys().collect::<Vec<_>>(), [&paths[0]]);
}

#[test]
fn a_disk_that_is_not_mounted_again_after_a_restart_is_missed_and_a_bind_mount_is_not() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let paths: [Rc<str>; 3] = ["/no/data/x", "/no/bind", "/"].map(Rc::from);
    let ask = |mounts: &mut Mounts, list: &[&str]| {
        fs::write(file.path(), list.concat()).unwrap();
        mounts.watched = None;
        mounts.refresh();
        let told = paths.each_ref().map(|path| match mounts.ask(path) {
            Ok(_) => {
                mounts.hold(path, false, true);
                false
            }
            Err(_) => true,
        });
        (told, mounts.take_change().map(|change| change.known))
    };
    let mut before = Mounts::listed_in(file.path());
    let (told, kept) = ask(&mut before, &[ROOT, DATA, BIND]);
    let kept = kept.unwrap();
    let expected: Rc<str> = "/no/data/x".into();
    assert_eq!(told, [false; 3]);
    assert_eq!(kept.points.iter().collect::<Vec<_>>(), [(&expected, &"/no/data".to_owned())]);
    assert_eq!(kept.writable.len(), 3, "all could be written");
    assert_eq!(ask(&mut before, &[ROOT, DATA, BIND]).1, None, "nothing has changed");

    let mut after = Mounts::listed_in(file.path());
    after.remember(&kept, None);
    assert_eq!(ask(&mut after, &[ROOT]), ([true, false, false], None));
    assert_eq!(ask(&mut after, &[ROOT, DATA]), ([false; 3], None));
    // A path that left the configuration is forgotten.
    after.keep_only(paths[1..].iter());
    let kept = after.take_change().unwrap().known;
    assert_eq!((kept.points.len(), kept.writable.len()), (0, 2));
}

/// The states of a path, while the options of its superblock change from list to list and the kernel reports no change.
fn states(mount: &str, options: &[&str]) -> Vec<Option<WriteState>> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut mounts = Mounts::listed_in(file.path());
    let path: Rc<str> = "/no/data".into();
    // It is beyond the first page of the list.
    let before: String = (10..200).map(|id| format!("{id} 1 0:{id} / /run/{id} rw - tmpfs tmpfs rw\n")).collect();
    let state = |options: &&str| {
        let list = format!("{ROOT}{before}2 1 8:16 / /no/data {mount} - ext4 /dev/sdb {options}\n");
        fs::write(file.path(), list).unwrap();
        mounts.refresh();
        mounts.hold(&path, false, true);
        mounts.write_state(&path)
    };
    options.iter().map(state).collect()
}

#[test]
fn a_file_system_that_could_be_written_once_has_turned_and_one_that_never_could_has_not() {
    use WriteState::{ReadOnly, TurnedReadOnly, Writable};
    assert_eq!(
        states("ro", &["ro", "rw", "ro", "ro", "rw"]),
        [ReadOnly, Writable, TurnedReadOnly, TurnedReadOnly, Writable].map(Some)
    );
    assert_eq!(states("rw", &["ro,errors=remount-ro"]), [Some(TurnedReadOnly)], "the kernel has turned it");
    assert_eq!(states("ro", &["rw,emergency_ro"]), [Some(TurnedReadOnly)]);
}

#[test]
fn what_is_on_no_disk_has_no_such_state_and_the_memory_of_a_disk_outlives_the_process() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(
        file.path(),
        format!("{ROOT}2 1 0:30 / /run ro - tmpfs tmpfs ro\n3 1 8:16 / /no/data ro - ext4 /dev/sdb ro\n"),
    )
    .unwrap();
    let mut mounts = Mounts::listed_in(file.path());
    let paths: [Rc<str>; 2] = ["/run/x", "/no/data"].map(Rc::from);
    let state = |mounts: &mut Mounts| {
        mounts.refresh();
        paths.each_ref().map(|path| {
            mounts.hold(path, false, true);
            mounts.write_state(path)
        })
    };
    assert_eq!(state(&mut mounts), [Some(WriteState::OfNoDisk), Some(WriteState::ReadOnly)]);
    let mut mounts = Mounts::listed_in(file.path());
    let points = [(paths[1].clone(), "/no/data".to_owned())].into();
    mounts.remember(&KnownMounts { points, writable: [paths[1].clone()].into(), ..KnownMounts::default() }, None);
    assert_eq!(state(&mut mounts)[1], Some(WriteState::TurnedReadOnly));
}

#[test]
fn an_unreadable_list_means_that_nothing_is_known_to_answer() {
    assert_eq!(asked("/", &[&["what is this\n"], &[]]), [apart("/"), apart("/")]);
}

#[test]
fn the_running_kernels_list_is_read_once_until_it_changes() {
    let mut mounts = Mounts::of_this_process();
    mounts.refresh();
    assert!(mounts.watched.as_ref().is_some_and(|list| !changed(list)));
    assert_eq!(mounts.ask(&"/proc".into()), Ok(Access::Directly));
}

/// Whether a refresh reads the list, if nobody reports a change of it.
#[test]
fn the_list_is_read_for_superblocks_alone_and_only_where_somebody_wants_to_know() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), [ROOT, DATA].concat()).unwrap();
    for (reads_state, is_read) in [(true, true), (false, false)] {
        let mut mounts = Mounts::listed_in(file.path());
        mounts.refresh();
        let path: Rc<str> = "/no/data".into();
        mounts.hold(&path, false, reads_state);
        mounts.text.clear();
        mounts.refresh();
        assert_eq!((!mounts.text.is_empty(), mounts.write_state(&path).is_some()), (is_read, is_read));
        assert_eq!(mounts.ask(&path), Ok(Access::Directly), "{reads_state}");
    }
}

#[test]
fn another_disk_in_its_place_begins_anew_and_an_alert_goes_on_until_a_disk_there_can_be_written() {
    use WriteState::{ReadOnly, TurnedReadOnly, Writable};
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut mounts = Mounts::listed_in(file.path());
    let path: Rc<str> = "/data".into();
    let mut state = |device: &str, options: &str| {
        let list = format!("{ROOT}2 1 {device} / /data {options} - ext4 /dev/sdx {options}\n");
        fs::write(file.path(), list).unwrap();
        mounts.watched = None;
        mounts.refresh();
        mounts.hold(&path, false, true);
        mounts.write_state(&path).unwrap()
    };
    let found = [("8:16", "rw"), ("8:32", "ro"), ("8:48", "rw"), ("8:48", "ro"), ("8:64", "ro"), ("8:64", "rw")]
        .map(|(device, options)| state(device, options));
    assert_eq!(found, [Writable, ReadOnly, Writable, TurnedReadOnly, TurnedReadOnly, Writable]);
}
