//! Taps that post more than there is room for.

use std::cell::Cell;
use std::rc::Rc;

use super::*;
use crate::http::Answer;
use crate::secret::Secret;
use crate::tap::{Job, Judged, Setup, Tap};

/// Posts so many requests for each look, and counts their answers: the good ones and the errors.
#[derive(Clone, Debug, Default)]
struct Many {
    requests: usize,
    answers: Rc<Cell<(usize, usize)>>,
}

impl Setup for Many {
    fn open(&self) -> Box<dyn Tap> {
        Box::new(self.clone())
    }
}

impl Tap for Many {
    fn name(&self) -> String {
        "many".to_owned()
    }

    fn take(&mut self, _: &Judged<'_>, _: Now) -> Vec<Job> {
        let request = |number| Job::Post(http::Request::json(Secret::new("http://127.0.0.1:1/"), number));
        (0..self.requests).map(|number| request(number.to_string())).collect()
    }

    fn answered(&mut self, answer: &Answer, _: Now) -> Vec<Job> {
        let (good, bad) = self.answers.get();
        self.answers.set(if answer.is_ok() { (good + 1, bad) } else { (good, bad + 1) });
        Vec::new()
    }
}

fn is_post(effect: &Effect) -> bool {
    matches!(effect, Effect::Post { .. })
}

#[test]
fn however_much_a_tap_posts_a_few_processes_are_at_it_and_each_request_ends() {
    let many = Many { requests: 1000, answers: Rc::default() };
    let mut config = config("");
    config.taps = vec![Rc::new(many.clone())];
    let mut agent = Driven::new(config, Mode::default());
    agent.check(10.0, at(0));
    let mut posts = 0;
    while let Some(place) = agent.effects.iter().position(is_post) {
        assert!(agent.effects.iter().filter(|effect| is_post(effect)).count() <= 8);
        let Effect::Post { ticket, .. } = agent.effects.remove(place) else { break };
        posts += 1;
        agent.step(Input::Posted { ticket, answer: Ok(http::Response::new(200, "ok")) }, at(1));
    }
    // The rest was more than may wait.
    assert_eq!((posts, many.answers.get()), (256, (256, 744)));
}
