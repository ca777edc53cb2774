//! One copy of everything that thousands of containers share: words, readings that are no more than a word, and the
//! observations from equal texts of a list.

use std::collections::VecDeque;
use std::rc::Rc;

use super::judge::Observation;
use crate::docker::Listed;
use crate::snapshot::ContainerWord;

/// The bound of different words: engines do not have more.
const MAX_WORDS: usize = 32;

/// The bound of a list's texts, of which the newest are kept: most containers have `Up 3 days (healthy)` or the like.
const MAX_STATUSES: usize = 32;

#[derive(Debug, Default)]
pub struct Interner {
    words: Vec<Rc<str>>,
    /// Readings without causes and restarts.
    plain: Vec<Rc<ContainerWord>>,
    /// Texts of a list, with their observations.
    statuses: VecDeque<(String, Rc<Observation>)>,
}

impl Interner {
    pub fn get(&mut self, word: &str) -> Rc<str> {
        if let Some(known) = self.words.iter().find(|known| &***known == word) {
            return known.clone();
        }
        let new: Rc<str> = word.into();
        if self.words.len() < MAX_WORDS {
            self.words.push(new.clone());
        }
        new
    }

    /// `word` as one that other readings share, if it has neither causes nor restarts.
    pub fn share(&mut self, word: ContainerWord) -> Rc<ContainerWord> {
        let is_plain = word.causes.is_empty() && word.restarts.is_none();
        if let Some(known) = self.plain.iter().find(|known| is_plain && ***known == word) {
            return known.clone();
        }
        let new = Rc::new(word);
        if is_plain && self.plain.len() < MAX_WORDS {
            self.plain.push(new.clone());
        }
        new
    }

    /// The list's observation of a container.
    pub fn observe(&mut self, listed: &Listed) -> Rc<Observation> {
        let says_the_same = |(status, observed): &&(String, Rc<Observation>)| {
            *status == listed.status && *observed.state == *listed.state
        };
        if let Some((_, observed)) = self.statuses.iter().find(says_the_same) {
            return observed.clone();
        }
        let new = Rc::new(Observation::listed(&listed.state, &listed.status, self));
        if self.statuses.len() == MAX_STATUSES {
            self.statuses.pop_front();
        }
        self.statuses.push_back((listed.status.clone(), new.clone()));
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(state: &str, status: &str) -> Listed {
        serde_json::from_str(&format!(r#"{{"Id":"a","State":"{state}","Status":"{status}"}}"#)).unwrap()
    }

    #[test]
    fn containers_of_which_the_list_says_the_same_share_it_and_others_do_not() {
        let mut interner = Interner::default();
        let first = interner.observe(&listed("running", "Up 3 days (healthy)"));
        assert!(Rc::ptr_eq(&first, &interner.observe(&listed("running", "Up 3 days (healthy)"))));
        for (state, status) in [("running", "Up 3 days"), ("paused", "Up 3 days (healthy)")] {
            assert_eq!(
                *interner.observe(&listed(state, status)),
                Observation::listed(state, status, &mut Interner::default())
            );
        }
        for number in 0..1000 {
            let exited = listed("exited", &format!("Exited ({number}) 3 days ago"));
            assert_eq!(interner.observe(&exited).exit_code, Some(number));
        }
        assert!(interner.statuses.len() <= MAX_STATUSES);
    }

    #[test]
    fn only_readings_that_say_the_same_are_one() {
        let mut interner = Interner::default();
        let [running, exited] = ["running", "exited"].map(|word| ContainerWord::new(word, "running"));
        let first = interner.share(running.clone());
        assert!(Rc::ptr_eq(&first, &interner.share(running.clone())));
        for other in
            [exited, ContainerWord { is_critical: true, ..running.clone() }, ContainerWord { well: None, ..running }]
        {
            assert_eq!(*interner.share(other.clone()), other);
        }
    }
}
