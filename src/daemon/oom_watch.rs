//! Notices processes that the kernel killed because memory ran out, within a moment.
//!
//! On version 2 the kernel tells of changed counters; a group that often reaches its limit changes them often, so after
//! each word the watch rests for a second. On version 1 it looks at /proc/vmstat every ten seconds, or when the agent is
//! awake seven seconds after the last look or later. Only if that count rose the groups are looked through.
//!
//! The known kills go into the state once they are told. So the next agent tells those that happened while none ran, with
//! its first check: by then the engine has told of its containers.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use super::causes::container_name;
use crate::clock::{Boot, Now};
use crate::collect::docker::Engine;
use crate::collect::oom::{self, KillCount, OOM_KILL};
use crate::core::Input;
use crate::host::{Host, KnownKills, OomKill, Owner};
use crate::snapshot::{Cause, Key, Occurrence, Snapshot, Value};

const REST: Duration = Duration::from_secs(1);
const PERIOD: Duration = Duration::from_secs(10);

/// So much before a look is due by the period, it is made with other work: most of a wake-up's cost is the wake-up.
const EARLY: Duration = Duration::from_secs(3);

/// A container that ends with its killed process is told of by its engine, with that cause. So much later it has ended.
const ENDS_WITHIN: Duration = Duration::from_secs(2);

pub struct OomWatch {
    /// `None`: the kernel tells of no changes.
    inotify: Option<Inotify>,
    count: Count,
    known: KnownKills,
    /// The known kills have changed, and the state does not have them yet.
    is_new: bool,
    /// From before the beginning.
    missed: Vec<OomKill>,
    /// When to look again though the kernel tells nothing.
    due: Option<Boot>,
    /// How many kills the engine told of by the last look.
    heard: u64,
    /// Of containers that may be about to end, or may have ended.
    waiting: Vec<(Boot, OomKill)>,
}

/// Where all kills are counted.
enum Count {
    OfHost(KillCount),
    /// In a container: its own.
    Own,
}

impl OomWatch {
    /// `remembered` is what an earlier agent knew since this start of the machine. `None`: kills cannot be told here.
    pub fn begin(host: &mut Host, remembered: Option<KnownKills>, now: Boot) -> Option<OomWatch> {
        let cgroups = host.cgroups.as_ref()?;
        let count = match cgroups.own_kills() {
            Some(_) => Count::Own,
            // There /proc/vmstat counts the kills of others.
            None if host.shares_its_kernel => return None,
            None => Count::OfHost(KillCount::of(host)),
        };
        let groups = cgroups.oom_counts();
        let inotify =
            cgroups.notifies().then(|| Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC).ok()).flatten();
        let known = KnownKills { total: 0, groups };
        let (due, missed, waiting) = (None, Vec::new(), Vec::new());
        let mut watch = OomWatch { inotify, count, known, is_new: true, missed, due, heard: 0, waiting };
        watch.known.total = watch.count_all(host)?;
        // A container that was started again counts anew.
        if let Some(remembered) = remembered.filter(|remembered| remembered.total <= watch.known.total) {
            watch.is_new = remembered != watch.known;
            watch.known = remembered;
            watch.missed = watch.new_kills(host);
        }
        watch.follow(host);
        watch.due = watch.inotify.is_none().then(|| now.after(PERIOD));
        Some(watch)
    }

    /// Readable when a count has changed; not while the watch rests.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.inotify.as_ref().filter(|_| self.due.is_none()).map(AsFd::as_fd)
    }

    pub fn due(&self) -> Option<Boot> {
        self.waiting.iter().map(|(due, _)| *due).chain(self.due).min()
    }

    /// Looks, if there is something to look at; returns the kills that are to be told.
    pub fn advance(&mut self, is_ready: bool, host: &mut Host, engine: &Engine, now: Now) -> Vec<Input> {
        // A watch that rests does so to the end.
        let early = if self.inotify.is_none() { EARLY } else { Duration::ZERO };
        if is_ready || self.due.is_some_and(|due| due.before(early) <= now.boot) {
            let change = self.inotify.as_ref().map_or(Change::Perhaps, drain);
            self.due = match change {
                Change::Perhaps => Some(now.boot.after(PERIOD)),
                Change::Nothing => None,
                Change::Count | Change::NewGroup => Some(now.boot.after(REST)),
            };
            if change == Change::NewGroup {
                self.follow(host);
            }
            if change != Change::Nothing {
                self.look(host, engine, now.boot);
            }
        }
        let (ended, waiting) = std::mem::take(&mut self.waiting).into_iter().partition(|(due, _)| *due <= now.boot);
        self.waiting = waiting;
        let told: Vec<Occurrence> = Vec::into_iter(ended)
            .filter(|(_, kill)| self.is_untold(kill, host, engine))
            .map(|(_, kill)| told(&kill, engine, now))
            .collect();
        if self.waiting.is_empty() {
            self.heard = engine.oom_events();
        }
        self.news(told)
    }

    pub fn has_missed(&self) -> bool {
        !self.missed.is_empty()
    }

    /// The kills from before the beginning. The engine has told of containers that ended meanwhile, as `found`.
    #[inline(never)]
    pub fn take_missed(&mut self, found: &Snapshot, host: &Host, engine: &Engine, now: Now) -> Vec<Input> {
        let mut missed = std::mem::take(&mut self.missed);
        let told_by_engine = found.readings.iter().filter(|reading| is_killed(&reading.value)).count() as u64;
        for kill in missed.iter_mut().filter(|kill| kill.owner.is_none()) {
            kill.times = kill.times.saturating_sub(told_by_engine);
        }
        missed.retain(|kill| kill.times > 0 && (kill.owner.is_none() || self.is_untold(kill, host, engine)));
        let told: Vec<Occurrence> = missed.iter().map(|kill| told(kill, engine, now)).collect();
        self.news(told)
    }

    /// Nearly always there are none: no iterator moves inputs that are not there.
    fn news(&mut self, told: Vec<Occurrence>) -> Vec<Input> {
        let mut news = Vec::new();
        if let Some(known) = self.news_to_remember() {
            news.push(known);
        }
        if !told.is_empty() {
            news.push(Input::Happened(told));
        }
        news
    }

    /// The known kills, if there are new ones and all are told.
    pub fn news_to_remember(&mut self) -> Option<Input> {
        let is_told = self.waiting.is_empty() && self.missed.is_empty();
        (is_told && std::mem::take(&mut self.is_new)).then(|| Input::KillsKnown(Some(Box::new(self.known.clone()))))
    }

    /// The kills that were not known, and are from now on.
    fn new_kills(&mut self, host: &mut Host) -> Vec<OomKill> {
        let Some(killed) = self.count_all(host) else { return Vec::new() };
        // Some of these may be told already: they were counted in their groups before they were counted in all.
        let new = killed.saturating_sub(self.known.total);
        let Some(cgroups) = host.cgroups.as_ref().filter(|_| new > 0) else { return Vec::new() };
        let kills = cgroups.oom_kills_since(&mut self.known.groups, new);
        let told = kills.iter().map(|kill| kill.times).fold(0, u64::saturating_add);
        self.known.total = killed.saturating_add(told.saturating_sub(new));
        self.is_new = true;
        kills
    }

    fn look(&mut self, host: &mut Host, engine: &Engine, now: Boot) {
        for kill in self.new_kills(host) {
            let may_have_ended = kill.owner.is_none() || is_of_engine(&kill, engine);
            let due = if may_have_ended { now.after(ENDS_WITHIN) } else { now };
            self.waiting.push((due, kill));
        }
    }

    /// Whether nobody else tells of it. The engine does of a container that has ended; the group of that is gone, so nobody
    /// may be known to be its owner.
    fn is_untold(&self, kill: &OomKill, host: &Host, engine: &Engine) -> bool {
        if kill.owner.is_none() {
            return engine.oom_events() == self.heard;
        }
        !is_of_engine(kill, engine)
            || host.cgroups.as_ref().is_some_and(|cgroups| cgroups.is_there_since(&kill.folder, &self.known.groups))
    }

    fn count_all(&mut self, host: &mut Host) -> Option<u64> {
        match &mut self.count {
            Count::OfHost(count) => count.read(host).ok(),
            Count::Own => host.cgroups.as_ref()?.own_kills(),
        }
    }

    /// Watches the counters that are there now, and new groups below the root. A watch that is there already stays.
    fn follow(&self, host: &Host) {
        let (Some(inotify), Some(cgroups)) = (&self.inotify, &host.cgroups) else { return };
        let _ = inotify.add_watch(cgroups.root(), AddWatchFlags::IN_CREATE | AddWatchFlags::IN_ONLYDIR);
        for counter in cgroups.kill_counters() {
            let _ = inotify.add_watch(&counter, AddWatchFlags::IN_MODIFY);
        }
    }
}

/// Whether the engine says of a container that it ended for want of memory.
fn is_killed(value: &Value) -> bool {
    matches!(value, Value::Container(word) if word.causes.contains(&Cause::OomKilled))
}

fn is_of_engine(kill: &OomKill, engine: &Engine) -> bool {
    matches!(&kill.owner, Some(Owner::Container(id)) if engine.name_of(id).is_some())
}

fn told(kill: &OomKill, engine: &Engine, now: Now) -> Occurrence {
    let target = match &kill.owner {
        Some(Owner::Container(id)) => container_name(id, engine),
        Some(Owner::Named(name) | Owner::User(name) | Owner::Unit(name) | Owner::Other(name)) => name.as_str().into(),
        None => kill.slice.as_deref().unwrap_or_default().into(),
    };
    Occurrence { key: Key::new(OOM_KILL, target), at: now.wall, detail: oom::detail(kill.times, kill.reason) }
}

/// The news of the kernel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Nothing,
    /// It tells nothing at all.
    Perhaps,
    Count,
    /// A group below the root: it has a count of its own.
    NewGroup,
}

/// Takes the words of the kernel.
fn drain(inotify: &Inotify) -> Change {
    /// The words of one turn; the others are taken in the next.
    const MAX_READS: usize = 16;
    let read = std::iter::from_fn(|| inotify.read_events().ok()).take(MAX_READS);
    read.flatten().fold(Change::Nothing, |change, event| match change {
        Change::NewGroup => change,
        _ if event.mask.contains(AddWatchFlags::IN_CREATE) => Change::NewGroup,
        _ => Change::Count,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::collect::docker::{DockerConfig, Memory};

    /// A watch on version 1, which has just looked.
    fn looked(host: &Host, now: Boot) -> OomWatch {
        OomWatch {
            inotify: None,
            count: Count::OfHost(KillCount::of(host)),
            known: KnownKills { total: 0, groups: Default::default() },
            is_new: false,
            missed: Vec::new(),
            due: Some(now.after(PERIOD)),
            heard: 0,
            waiting: Vec::new(),
        }
    }

    #[test]
    fn a_look_comes_with_other_work_or_by_itself_after_the_period() {
        // Without groups no kill is found, however many this machine has had.
        let mut host = Host::new(None);
        host.cgroups = None;
        let engine = Engine::new(&DockerConfig::default(), Some(Memory::default()));
        let now = clock::now();
        for (awake, due) in [(1, 10), (6, 10), (7, 17), (10, 20)].map(|(awake, due)| {
            let seconds = |seconds| now.boot.after(Duration::from_secs(seconds));
            (Now { boot: seconds(awake), ..now }, seconds(due))
        }) {
            let mut watch = looked(&host, now.boot);
            let _ = watch.advance(false, &mut host, &engine, awake);
            assert_eq!(watch.due(), Some(due), "{awake:?}");
        }
    }
}
