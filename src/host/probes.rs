//! Asks file systems that may hang for their size, each question in a child process.
//!
//! A path that is being asked already is not asked twice: a check and a report may meet at one slow mount, and share
//! the answer. Children are few, whatever the number of paths: the unit allows 64 tasks, and a delivery needs one. If a
//! mount does not answer for one path, its other paths are not asked.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::clock::Boot;
use crate::worker::{FileSystem, STATVFS_DEADLINE, StatvfsError, StatvfsTask, Worker};

/// The most children, including those that hang in the kernel and cannot be ended.
const MAX_CHILDREN: usize = 24;

/// The most children of one mount, so that one that hangs does not hold up all others.
const MAX_CHILDREN_OF_MOUNT: usize = 4;

/// `TasksMax=` of the unit.
const TASKS_MAX: usize = 64;

const _: () = assert!(MAX_CHILDREN_OF_MOUNT < MAX_CHILDREN, "one mount that hangs leaves room for others");
const _: () = assert!(2 * MAX_CHILDREN < TASKS_MAX, "a check, a report, a save and a delivery go side by side");

const LAST_ONE_HANGS: &str = "does not answer; the last probe still hangs (a network mount whose server is gone?)";

/// A question, and in time its answer.
#[derive(Debug)]
pub struct Probe {
    path: PathBuf,
    mount: PathBuf,
    since: Boot,
    state: RefCell<State>,
}

#[derive(Debug)]
enum State {
    /// For a child to be free.
    Waiting,
    Asked(StatvfsTask),
    Answered(Result<FileSystem, StatvfsError>),
}

impl Probe {
    /// The answer, once there is one.
    pub fn answer(&self) -> Option<Result<FileSystem, StatvfsError>> {
        match &*self.state.borrow() {
            State::Answered(answer) => Some(answer.clone()),
            State::Waiting | State::Asked(_) => None,
        }
    }

    /// Whether no child has been free for it yet.
    pub fn is_waiting(&self) -> bool {
        matches!(&*self.state.borrow(), State::Waiting)
    }

    fn settle(&self, answer: Result<FileSystem, StatvfsError>) {
        self.state.replace(State::Answered(answer));
    }
}

/// All questions that have no answer yet.
#[derive(Debug, Default)]
pub struct Probes {
    open: Vec<Rc<Probe>>,
    /// Questions whose child was killed and has not ended.
    hung: Vec<(Rc<Probe>, StatvfsTask)>,
    /// Mounts that did not answer when they were last asked: they are asked after the others.
    silent: HashSet<PathBuf>,
}

impl Probes {
    /// Asks for the size of the file system under `path`, which is on `mount`. [`Probes::advance`] goes on with it. A
    /// question whose owner is gone is dropped.
    pub fn ask(&mut self, path: &Path, mount: PathBuf, now: Boot) -> Rc<Probe> {
        if let Some(open) = self.open.iter().find(|open| open.path.as_os_str() == path && open.answer().is_none()) {
            return Rc::clone(open);
        }
        let probe = Rc::new(Probe { path: path.to_owned(), mount, since: now, state: RefCell::new(State::Waiting) });
        self.open.push(Rc::clone(&probe));
        probe
    }

    /// Takes in the children's answers, and starts others. Never waits.
    pub fn advance(&mut self, worker: &Worker, now: Boot) {
        if self.open.is_empty() && self.hung.is_empty() {
            return;
        }
        self.hung.retain(|(_, task)| !task.has_ended());
        self.open.retain(|probe| Rc::strong_count(probe) > 1);
        let mut unanswered: Vec<Rc<Probe>> = self.hung.iter().map(|(probe, _)| Rc::clone(probe)).collect();
        for probe in &self.open {
            if take_answer(probe, now, &mut self.hung) {
                unanswered.push(Rc::clone(probe));
            } else if probe.answer().is_some() {
                self.silent.remove(&probe.mount);
            }
        }
        let unanswered: HashMap<&Path, &Path> = unanswered.iter().map(|probe| (&*probe.mount, &*probe.path)).collect();
        self.silent.extend(unanswered.keys().map(|mount| (*mount).to_owned()));
        for probe in self.open.iter().filter(|probe| probe.is_waiting()) {
            let error = match unanswered.get(&*probe.mount) {
                Some(path) if *path == probe.path => LAST_ONE_HANGS.to_owned(),
                Some(path) => format!("not asked: {} on the same mount does not answer", path.display()),
                None if now.since(probe.since) < STATVFS_DEADLINE => continue,
                None => "not asked: as many others as can be asked at once do not answer".to_owned(),
            };
            probe.settle(Err(StatvfsError(error)));
        }
        self.start(worker);
        self.open.retain(|probe| probe.answer().is_none());
    }

    /// Starts as many children as allowed, those of silent mounts last.
    fn start(&mut self, worker: &Worker) {
        let mut children = self.hung.len();
        let mut of_mount: HashMap<&Path, usize> = HashMap::new();
        for probe in self.open.iter().filter(|probe| matches!(&*probe.state.borrow(), State::Asked(_))) {
            children += 1;
            *of_mount.entry(&probe.mount).or_default() += 1;
        }
        for (silent, most) in [(false, MAX_CHILDREN_OF_MOUNT), (true, 1)] {
            for probe in
                self.open.iter().filter(|probe| probe.is_waiting() && silent == self.silent.contains(&probe.mount))
            {
                let here = of_mount.entry(&probe.mount).or_default();
                if *here >= most {
                    continue;
                }
                if children >= MAX_CHILDREN {
                    return;
                }
                match worker.statvfs(&probe.path) {
                    Ok(task) => {
                        probe.state.replace(State::Asked(task));
                        *here += 1;
                        children += 1;
                    }
                    Err(error) => probe.settle(Err(StatvfsError(error.to_string()))),
                }
            }
        }
    }
}

/// Takes the answer of a probe's child, if there is one; returns whether the child had to be killed for want of one. If
/// it does not end even then, it goes to `hung`.
fn take_answer(probe: &Rc<Probe>, now: Boot, hung: &mut Vec<(Rc<Probe>, StatvfsTask)>) -> bool {
    let mut state = probe.state.borrow_mut();
    let State::Asked(task) = &mut *state else { return false };
    let Some(answer) = task.poll(now) else { return false };
    let is_late = answer.is_err() && now >= task.deadline();
    if let State::Asked(task) = std::mem::replace(&mut *state, State::Answered(answer))
        && is_late
        && !task.has_ended()
    {
        hung.push((Rc::clone(probe), task));
    }
    is_late
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;
    use crate::clock::boot_now;

    /// A worker whose children do what a script says. Each leaves a file in `folder`, by which they are counted, and
    /// ends with it; a `stuck` one cannot be killed.
    struct Children {
        folder: tempfile::TempDir,
        worker: Worker,
    }

    /// A worker's answer.
    const ANSWER: &str = r#"{"Answer":{"Ok":{"block_bytes":4096,"blocks":9,"blocks_free":5,"blocks_available":4,"files":9,"files_free":5}}}"#;

    impl Children {
        fn new(script: &str) -> Children {
            let folder = tempfile::tempdir().unwrap();
            let program = folder.path().join("worker");
            let count = format!("#!/bin/sh\nread -r path; echo \"$path\" >\"{}/asked.$$\"\n", folder.path().display());
            fs::write(&program, count + script).unwrap();
            fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
            let worker = Worker::at(program);
            Children { folder, worker }
        }

        /// The questions so far, in order.
        fn asked(&self) -> Vec<String> {
            let files = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
            let asked = files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("asked"));
            let mut asked: Vec<String> =
                asked.map(|path| fs::read_to_string(path).unwrap().trim().to_owned()).collect();
            asked.sort();
            asked
        }

        /// Goes on until all have an answer or an error, or the time runs out.
        fn advance_until(&self, probes: &mut Probes, mut done: impl FnMut(&Probes) -> bool) {
            let begun = boot_now();
            while !done(probes) {
                assert!(boot_now() - begun < Duration::from_secs(30), "waited in vain: {probes:?}");
                probes.advance(&self.worker, boot_now());
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }

    fn answers(probes: &[Rc<Probe>]) -> Vec<String> {
        let answers = probes.iter().map(|probe| probe.answer().expect("an answer"));
        answers.map(|answer| answer.map_or_else(|error| error.to_string(), |size| size.blocks.to_string())).collect()
    }

    fn all_answered(asked: &[Rc<Probe>]) -> bool {
        asked.iter().all(|probe| probe.answer().is_some())
    }

    #[test]
    fn a_path_is_asked_once_and_all_who_wait_for_it_get_the_answer() {
        let children =
            Children::new(&format!("while [ -e \"$0\" ] && ! [ -e \"$0.go\" ]; do sleep 0.01; done; echo '{ANSWER}'"));
        let mut probes = Probes::default();
        let ask = |probes: &mut Probes| probes.ask(Path::new("/slow/a"), "/slow".into(), boot_now());
        let check = ask(&mut probes);
        children.advance_until(&mut probes, |_| children.asked().len() == 1);
        let report = ask(&mut probes);
        probes.advance(&children.worker, boot_now());
        fs::write(children.folder.path().join("worker.go"), "").unwrap();
        let both = [check, report];
        children.advance_until(&mut probes, |_| all_answered(&both));
        assert_eq!(answers(&both), ["9", "9"]);
        assert_eq!(children.asked(), [r#""/slow/a""#]);
        // The next one asks anew.
        let next = [ask(&mut probes)];
        children.advance_until(&mut probes, |_| all_answered(&next));
        assert_eq!(children.asked().len(), 2);
    }

    #[test]
    fn children_are_few_however_many_paths_there_are_and_all_are_asked_in_the_end() {
        let children =
            Children::new(&format!("while [ -e \"$0\" ] && ! [ -e \"$0.go\" ]; do sleep 0.01; done; echo '{ANSWER}'"));
        let mut probes = Probes::default();
        let ask = |number: usize| (format!("/mnt/{}/{number:02}", number % 9), format!("/mnt/{}", number % 9));
        let asked: Vec<Rc<Probe>> =
            (0..60).map(ask).map(|(path, mount)| probes.ask(Path::new(&path), mount.into(), boot_now())).collect();
        children.advance_until(&mut probes, |_| children.asked().len() == MAX_CHILDREN);
        probes.advance(&children.worker, boot_now());
        for mount in 0..9 {
            let prefix = format!("\"/mnt/{mount}/");
            let of_mount = children.asked().iter().filter(|path| path.starts_with(&prefix)).count();
            assert!((1..=MAX_CHILDREN_OF_MOUNT).contains(&of_mount), "{of_mount} on {prefix}");
        }
        fs::write(children.folder.path().join("worker.go"), "").unwrap();
        children.advance_until(&mut probes, |_| all_answered(&asked));
        assert_eq!(answers(&asked), vec!["9"; 60]);
        assert_eq!(children.asked().len(), 60);
    }

    #[test]
    fn where_a_mount_does_not_answer_the_others_on_it_are_not_asked_and_those_elsewhere_are() {
        let script = format!("case $path in */dead/*) exec sleep 60 ;; esac; echo '{ANSWER}'");
        let children = Children::new(&script);
        let mut probes = Probes::default();
        let ask = |path: &str, mount: &str, probes: &mut Probes| probes.ask(Path::new(path), mount.into(), boot_now());
        let dead: Vec<_> = (0..6).map(|number| ask(&format!("/dead/{number}"), "/dead", &mut probes)).collect();
        let well = [ask("/well/a", "/well", &mut probes)];
        children.advance_until(&mut probes, |_| all_answered(&well) && children.asked().len() == 5);
        let late = boot_now().after(STATVFS_DEADLINE);
        probes.advance(&children.worker, late);
        let mut told = answers(&dead);
        assert!(told.drain(..4).all(|late| late == "no answer within 5 s (a network mount whose server is gone?)"));
        assert!(told.iter().all(|told| told.starts_with("not asked: /dead/")), "{told:?}");
        assert_eq!((answers(&well), children.asked().len()), (vec!["9".to_owned()], 5));
        children.advance_until(&mut probes, |probes| probes.hung.is_empty());
        // Next time one of them is asked, and not four.
        let _next = [ask("/dead/4", "/dead", &mut probes), ask("/dead/5", "/dead", &mut probes)];
        children.advance_until(&mut probes, |_| children.asked().len() == 6);
        probes.advance(&children.worker, boot_now());
        assert_eq!(children.asked().len(), 6);
    }

    #[test]
    fn a_question_that_nobody_waits_for_is_dropped_and_its_child_with_it() {
        let children = Children::new("exec sleep 60");
        let mut probes = Probes::default();
        let asked = probes.ask(Path::new("/dead/a"), "/dead".into(), boot_now());
        children.advance_until(&mut probes, |_| children.asked().len() == 1);
        drop(asked);
        probes.advance(&children.worker, boot_now());
        assert!(probes.open.is_empty() && probes.hung.is_empty());
    }

    /// The nearest thing to a process in state D: its child keeps the output open when it is killed. It ends with the
    /// folder at the latest, so that it outlives no test.
    #[test]
    fn a_child_that_cannot_be_ended_keeps_its_place_and_its_mount_is_left_alone_until_it_has() {
        let children = Children::new("while [ -e \"$0\" ] && ! [ -e \"$0.go\" ]; do sleep 0.01; done & wait");
        let mut probes = Probes::default();
        let stuck = [probes.ask(Path::new("/dead/a"), "/dead".into(), boot_now())];
        children.advance_until(&mut probes, |_| children.asked().len() == 1);
        probes.advance(&children.worker, boot_now().after(STATVFS_DEADLINE));
        assert_eq!(probes.hung.len(), 1);
        let again = ["/dead/a", "/dead/b"].map(|path| probes.ask(Path::new(path), "/dead".into(), boot_now()));
        probes.advance(&children.worker, boot_now());
        assert_eq!(answers(&again), [LAST_ONE_HANGS, "not asked: /dead/a on the same mount does not answer"]);
        assert_eq!(children.asked().len(), 1);
        fs::write(children.folder.path().join("worker.go"), "").unwrap();
        drop(stuck);
        children.advance_until(&mut probes, |probes| probes.hung.is_empty());
        let once_more = probes.ask(Path::new("/dead/a"), "/dead".into(), boot_now());
        children.advance_until(&mut probes, |_| once_more.answer().is_some());
        assert_eq!(children.asked().len(), 2);
    }
}
