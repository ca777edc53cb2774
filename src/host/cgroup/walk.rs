//! One bounded walk through a tree of control groups.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::group::Owner;
use crate::files::each_entry;

/// The most groups of one walk. A host with 1,000 containers has some 1,200.
const MAX_GROUPS: usize = 2000;

/// The most entries of one folder that are looked at: a group has some 80 files.
const MAX_ENTRIES: usize = 2 * MAX_GROUPS;

/// A group, and its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub owner: Owner,
    pub folder: PathBuf,
}

/// The groups of one walk, from the root down: if there are too many, the deepest are missing. Groups that come or go
/// meanwhile may be missing too.
#[derive(Debug, Default)]
pub struct Groups {
    pub owned: Vec<Group>,
    /// Those above them, without the root: a slice stands before the slices in it.
    pub slices: Vec<PathBuf>,
}

/// The groups that have an owner.
pub fn walk(root: &Path) -> Vec<Group> {
    walk_all(root).owned
}

pub fn walk_all(root: &Path) -> Groups {
    let Groups { owned: mut groups, mut slices } = Groups::default();
    let mut left = VecDeque::from([root.to_owned()]);
    let mut met = 0;
    while let Some(folder) = left.pop_front() {
        let (mut looked_at, mut below) = (0, 0);
        // One that is gone has no groups.
        let _ = each_entry(&folder, |entry| {
            looked_at += 1;
            if looked_at > MAX_ENTRIES || met > MAX_GROUPS {
                return ControlFlow::Break(());
            }
            if entry.is_folder() {
                (met, below) = (met + 1, below + 1);
                let folder = entry.path();
                match Owner::of(relative(&folder, root)) {
                    _ if met > MAX_GROUPS => {}
                    Some(owner) => groups.push(Group { owner, folder }),
                    None => left.push_back(folder),
                }
            }
            ControlFlow::Continue(())
        });
        if met > MAX_GROUPS {
            break;
        }
        if folder == root {
            continue;
        }
        match below {
            0 => groups.push(Group { owner: Owner::of_leaf(relative(&folder, root)), folder }),
            _ => slices.push(folder),
        }
    }
    Groups { owned: groups, slices }
}

fn relative<'a>(folder: &'a Path, root: &Path) -> &'a Path {
    folder.strip_prefix(root).unwrap_or(folder)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn found(groups: &[&str]) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        groups.iter().for_each(|group| fs::create_dir_all(root.path().join(group)).unwrap());
        let mut found: Vec<String> = walk(root.path())
            .into_iter()
            .map(|group| relative(&group.folder, root.path()).to_string_lossy().into_owned())
            .collect();
        found.sort();
        found
    }

    #[test]
    fn what_has_an_owner_stands_for_all_below_it() {
        let groups = [
            "init.scope",
            "system.slice/nginx.service/workers",
            "system.slice/system-getty.slice/getty@tty1.service",
            "user.slice/user-0.slice/session-1.scope",
            "other/group",
            "empty",
        ];
        assert_eq!(
            found(&groups),
            [
                "empty",
                "init.scope",
                "other/group",
                "system.slice/nginx.service",
                "system.slice/system-getty.slice/getty@tty1.service",
                "user.slice/user-0.slice"
            ]
        );
    }

    #[test]
    fn a_tree_of_any_size_is_walked_within_its_bound() {
        let groups: Vec<String> = (0..MAX_GROUPS + 500).map(|number| format!("a/{number}")).collect();
        let groups: Vec<&str> = groups.iter().map(String::as_str).chain(["top.service"]).collect();
        let found = found(&groups);
        assert!(found.len() <= MAX_GROUPS && found.contains(&"top.service".to_owned()), "{}", found.len());
        assert!(walk(Path::new("/nonexistent")).is_empty());
    }
}
