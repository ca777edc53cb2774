//! Whom the kernel killed because memory ran out, by the counters of control groups.
//!
//! Version 2 counts a kill in the group of the killed process and in all groups above it, and tells whether a limit was
//! reached; version 1 (since Linux 4.13) in the group alone. A group that is gone has taken its count along: then the
//! slice above it is named, which has counted too, or nobody.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::parse::{Most, field, memory_limit};
use super::walk::{Group, Groups, walk_all};
use super::{Cgroups, Owner, Version, read};
use crate::files::each_entry;

/// The counters of one group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Counts {
    kills: u64,
    /// How often a limit was reached, its own or one above it; version 1 does not tell.
    #[serde(default)]
    limit_reached: u64,
}

impl Counts {
    fn is_none(self) -> bool {
        self == Counts::default()
    }
}

/// The counters of all groups that have any, at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, Counts>", into = "BTreeMap<String, Counts>")]
pub struct OomCounts(HashMap<PathBuf, Counts>);

impl From<BTreeMap<String, Counts>> for OomCounts {
    fn from(saved: BTreeMap<String, Counts>) -> OomCounts {
        OomCounts(saved.into_iter().map(|(folder, counts)| (folder.into(), counts)).collect())
    }
}

/// In the state. A name that is no text is left out: its kills of before are then taken for new ones, of which there are
/// no more than were counted in all.
impl From<OomCounts> for BTreeMap<String, Counts> {
    fn from(counts: OomCounts) -> BTreeMap<String, Counts> {
        let texts = counts
            .0
            .into_iter()
            .filter_map(|(folder, counts)| Some((folder.into_os_string().into_string().ok()?, counts)));
        texts.take(MAX_SAVED).collect()
    }
}

/// A host has a handful of groups in which a process was killed.
const MAX_SAVED: usize = 500;

/// The kills that an agent knows of, told or not: they are in the state, so that the next one tells the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownKills {
    pub total: u64,
    pub groups: OomCounts,
}

/// The kills of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OomKill {
    /// `None`: it is not known whose processes they were.
    pub owner: Option<Owner>,
    /// Then the slice that they were in, if that is known: `system.slice`.
    pub slice: Option<String>,
    /// The group; empty where it is not known.
    pub folder: PathBuf,
    pub times: u64,
    pub reason: OomReason,
}

/// Why memory ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OomReason {
    /// The group's own limit, in bytes, if it is that one.
    Limit(Option<u64>),
    Host,
    /// Nobody has counted it.
    Unknown,
}

impl Cgroups {
    /// How many processes were killed so far in this container, where this is one and its own group tells; `None`: the
    /// root of the host's tree has no such count.
    pub fn own_kills(&self) -> Option<u64> {
        if self.version == Version::One {
            return None;
        }
        Some(self.counts(&self.memory)?.kills)
    }

    /// Whether the counts of groups change with a notification: inotify(7) sees those of version 2.
    pub fn notifies(&self) -> bool {
        self.version == Version::Two
    }

    /// The files whose change tells of a kill anywhere: those of the groups below the root, or of the root itself.
    pub fn kill_counters(&self) -> Vec<PathBuf> {
        let own = self.memory.join(EVENTS);
        if own.exists() {
            return vec![own];
        }
        let mut counters = Vec::new();
        let _ = each_entry(&self.memory, |entry| {
            counters.extend(Some(entry.path().join(EVENTS)).filter(|file| file.exists()));
            if counters.len() < MAX_COUNTERS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        counters
    }

    /// The folder in which new groups below the root appear.
    pub fn root(&self) -> &Path {
        &self.memory
    }

    /// The counters now.
    pub fn oom_counts(&self) -> OomCounts {
        let Groups { owned, slices } = walk_all(&self.memory);
        let folders = owned.into_iter().map(|group| group.folder).chain(slices);
        let counted = folders.filter_map(|folder| Some((self.counts(&folder)?, folder)));
        OomCounts(counted.filter(|(counts, _)| !counts.is_none()).map(|(counts, folder)| (folder, counts)).collect())
    }

    /// Whom the kernel killed since `before`, which becomes the present counters; `total` is how many there were in all.
    pub fn oom_kills_since(&self, before: &mut OomCounts, total: u64) -> Vec<OomKill> {
        let Groups { owned, slices } = walk_all(&self.memory);
        let mut now = OomCounts::default();
        let mut kills = Vec::new();
        // The kills that have an owner, by the slices above it, which have counted them too.
        let mut found: HashMap<PathBuf, u64> = HashMap::new();
        let mut find = |folder: &Path, times: u64| {
            for above in folder.ancestors().skip(1).take_while(|above| *above != self.memory) {
                *found.entry(above.to_owned()).or_default() += times;
            }
            found.get(folder).copied().unwrap_or(0)
        };
        for Group { owner, folder } in owned {
            let Some((times, is_limit_reached)) = self.count(&folder, before, &mut now) else { continue };
            find(&folder, times);
            let reason = self.reason(&folder, is_limit_reached);
            kills.push(OomKill { owner: Some(owner), slice: None, folder, times, reason });
        }
        for folder in slices.into_iter().rev() {
            let Some((times, is_limit_reached)) = self.count(&folder, before, &mut now) else { continue };
            let left = times.saturating_sub(find(&folder, 0));
            if left > 0 {
                find(&folder, left);
                let slice = folder.file_name().map(|name| name.to_string_lossy().into_owned());
                // Whose limit it was is gone, too.
                let reason = if is_limit_reached { OomReason::Limit(None) } else { OomReason::Host };
                kills.push(OomKill { owner: None, slice, folder, times: left, reason });
            }
        }
        // There may be more than were counted in all: some came after that.
        let counted = kills.iter().map(|kill| kill.times).fold(0, u64::saturating_add);
        if total > counted {
            let (folder, reason) = (PathBuf::new(), OomReason::Unknown);
            kills.push(OomKill { owner: None, slice: None, folder, times: total - counted, reason });
        }
        *before = now;
        kills
    }

    /// The kills of a group since `before`, and whether a limit was reached; `None`: there were none.
    fn count(&self, folder: &Path, before: &OomCounts, now: &mut OomCounts) -> Option<(u64, bool)> {
        let counts = self.counts(folder).filter(|counts| !counts.is_none())?;
        now.0.insert(folder.to_owned(), counts);
        let known = before.0.get(folder).copied().unwrap_or_default();
        // A group of the same name that was made anew begins to count anew.
        let known = if known.kills > counts.kills { Counts::default() } else { known };
        let times = counts.kills - known.kills;
        (times > 0).then_some((times, counts.limit_reached > known.limit_reached))
    }

    /// Whether a group is there and has counted at least as many kills as `before` knows of: if not, it has ended.
    pub fn is_there_since(&self, folder: &Path, before: &OomCounts) -> bool {
        let known = before.0.get(folder).copied().unwrap_or_default();
        self.counts(folder).is_some_and(|counts| counts.kills >= known.kills)
    }

    fn counts(&self, folder: &Path) -> Option<Counts> {
        let text = read(&folder.join(self.name("memory.oom_control", EVENTS)))?;
        Some(Counts { kills: field(&text, "oom_kill")?, limit_reached: field(&text, "oom").unwrap_or(0) })
    }

    fn reason(&self, folder: &Path, is_limit_reached: bool) -> OomReason {
        let limit = read(&folder.join(self.name("memory.limit_in_bytes", "memory.max")));
        let limit = match limit.and_then(|text| memory_limit(&text)) {
            Some(Most::Limit(bytes)) => Some(bytes),
            _ => None,
        };
        match self.version {
            Version::Two if is_limit_reached => OomReason::Limit(limit),
            Version::One if limit.is_some() => OomReason::Limit(limit),
            _ => OomReason::Host,
        }
    }
}

const EVENTS: &str = "memory.events";

/// The most counters that are watched: a host has a handful of groups below its root.
const MAX_COUNTERS: usize = 64;

#[cfg(test)]
mod tests {
    use super::super::tests::{ID, cgroups, unit};
    use super::*;

    fn kill(owner: Option<Owner>, times: u64, reason: OomReason) -> (Option<Owner>, u64, OomReason) {
        (owner, times, reason)
    }

    fn told(kills: Vec<OomKill>) -> Vec<(Option<Owner>, u64, OomReason)> {
        kills.into_iter().map(|of| (of.owner, of.times, of.reason)).collect()
    }

    #[test]
    fn kills_are_those_of_their_group_and_the_rest_is_nobodys() {
        let container = Some(Owner::Container(ID.to_owned()));
        let limit = OomReason::Limit(Some(512 << 20));
        for name in ["v2", "v1"] {
            let cgroups = cgroups(name);
            let kills = told(cgroups.oom_kills_since(&mut OomCounts::default(), 3));
            assert_eq!(kills, [kill(container.clone(), 2, limit), kill(None, 1, OomReason::Unknown)], "{name}");
            let mut known = cgroups.oom_counts();
            assert_eq!(told(cgroups.oom_kills_since(&mut known, 1)), [kill(None, 1, OomReason::Unknown)], "{name}");
        }
    }

    #[test]
    fn a_container_counts_its_own_kills_and_a_hosts_root_has_no_count() {
        assert_eq!(cgroups("lxc").own_kills(), Some(1));
        assert_eq!(
            told(cgroups("lxc").oom_kills_since(&mut OomCounts::default(), 1))[0].0,
            Some(unit("redis-server.service"))
        );
        assert_eq!((cgroups("v2").own_kills(), cgroups("v1").own_kills()), (None, None));
        assert_eq!(cgroups("lxc").kill_counters().len(), 1);
        assert!(cgroups("v1").kill_counters().is_empty());
    }

    #[test]
    fn counters_are_saved_by_name_and_one_that_is_no_text_is_left_out() {
        use std::os::unix::ffi::OsStrExt;
        let counts = Counts { kills: 2, limit_reached: 1 };
        let no_text = PathBuf::from(std::ffi::OsStr::from_bytes(b"/b\xff"));
        let groups = OomCounts([("/a".into(), counts), (no_text, counts)].into());
        let json = serde_json::to_string(&KnownKills { total: 3, groups }).unwrap();
        assert_eq!(json, r#"{"total":3,"groups":{"/a":{"kills":2,"limit_reached":1}}}"#);
        let read: KnownKills = serde_json::from_str(&json).unwrap();
        assert_eq!((read.total, read.groups), (3, OomCounts([("/a".into(), counts)].into())));
    }

    /// A counter below a slice is counted in the slice too, which is no owner: nothing is counted twice.
    #[test]
    fn a_group_that_began_anew_counts_from_nothing_and_one_that_is_gone_has_ended() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("cgroup.controllers"), "memory\n").unwrap();
        let group = root.path().join("system.slice/a.service");
        std::fs::create_dir_all(&group).unwrap();
        let count = |kills: u64, limits: u64| {
            std::fs::write(group.join(EVENTS), format!("max 0\noom {limits}\noom_kill {kills}\n")).unwrap();
        };
        count(5, 0);
        let cgroups = Cgroups::below(root.path()).unwrap();
        let mut known = cgroups.oom_counts();
        assert!(cgroups.is_there_since(&group, &known));
        count(1, 1);
        assert!(!cgroups.is_there_since(&group, &known));
        let unit = Some(unit("a.service"));
        assert_eq!(told(cgroups.oom_kills_since(&mut known, 1)), [kill(unit.clone(), 1, OomReason::Limit(None))]);
        count(3, 1);
        assert_eq!(
            told(cgroups.oom_kills_since(&mut known, 9)),
            [kill(unit, 2, OomReason::Host), kill(None, 7, OomReason::Unknown)]
        );
        std::fs::remove_dir_all(&group).unwrap();
        assert!(!cgroups.is_there_since(&group, &known));
    }

    #[test]
    fn of_a_group_that_is_gone_the_slice_above_it_is_known_and_whether_a_limit_was_reached() {
        let root = tempfile::tempdir().unwrap();
        let count = |group: &str, kills: u64, limits: u64| {
            std::fs::create_dir_all(root.path().join(group)).unwrap();
            let text = format!("max 0\noom {limits}\noom_kill {kills}\n");
            std::fs::write(root.path().join(group).join(EVENTS), text).unwrap();
        };
        std::fs::write(root.path().join("cgroup.controllers"), "memory\n").unwrap();
        count("system.slice", 4, 1);
        count("system.slice/a.service", 1, 1);
        count("system.slice/system-b.slice", 2, 0);
        count("system.slice/system-b.slice/b@1.service", 2, 0);
        let cgroups = Cgroups::below(root.path()).unwrap();
        let mut known = cgroups.oom_counts();
        // One more of a.service, one of b@2.service at its limit, and two in system.slice: both have ended.
        count("system.slice", 8, 2);
        count("system.slice/a.service", 2, 1);
        count("system.slice/system-b.slice", 3, 1);
        let kills = cgroups.oom_kills_since(&mut known, 5);
        let told: Vec<_> =
            kills.iter().map(|of| (of.owner.clone(), of.slice.as_deref(), of.times, of.reason)).collect();
        let expected = [
            (Some(unit("a.service")), None, 1, OomReason::Host),
            (None, Some("system-b.slice"), 1, OomReason::Limit(None)),
            (None, Some("system.slice"), 2, OomReason::Limit(None)),
            (None, None, 1, OomReason::Unknown),
        ];
        assert_eq!(told, expected);
        // A slice whose last unit is gone was counted before.
        std::fs::remove_dir_all(root.path().join("system.slice/system-b.slice/b@1.service")).unwrap();
        assert!(cgroups.oom_kills_since(&mut known, 0).is_empty());
    }
}
