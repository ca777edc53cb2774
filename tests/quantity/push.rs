//! A tap that only the tests know: it posts each check's findings, one request after another. A tap needs nothing else.

use vps_monitor::alert::Extent;
use vps_monitor::clock::Now;
use vps_monitor::http::{Answer, Request};
use vps_monitor::secret::Secret;
use vps_monitor::tap::{Job, Judged, Setup, Tap};

pub const URL: &str = "http://127.0.0.1:1/push/0123456789abcdef";

/// The tap as a configuration would have it.
#[derive(Debug)]
pub struct Push;

impl Setup for Push {
    fn open(&self) -> Box<dyn Tap> {
        Box::new(Pushing::default())
    }
}

#[derive(Debug, Default)]
struct Pushing {
    is_posting: bool,
    waiting: Vec<String>,
}

impl Pushing {
    fn next(&mut self) -> Vec<Job> {
        if self.is_posting || self.waiting.is_empty() {
            return Vec::new();
        }
        self.is_posting = true;
        vec![Job::Post(Request::json(Secret::new(URL), self.waiting.remove(0)))]
    }
}

impl Tap for Pushing {
    fn name(&self) -> String {
        "push".to_owned()
    }

    fn take(&mut self, judged: &Judged<'_>, now: Now) -> Vec<Job> {
        if judged.extent == Extent::Check {
            let of = |finding: &vps_monitor::rule::Finding<'_>| {
                let number = finding.reading.value.number()?;
                Some(format!("\"{}\":[{number},\"{}\"]", finding.reading.key, finding.verdict.name()))
            };
            let readings: Vec<String> = judged.findings.iter().filter_map(of).collect();
            let news = judged.transitions.iter().map(|transition| transition.news.name()).collect::<Vec<_>>().join(",");
            self.waiting.push(format!(
                "{{\"time\":{},{},\"news\":\"{news}\"}}",
                now.wall.as_second(),
                readings.join(",")
            ));
        }
        self.next()
    }

    fn answered(&mut self, answer: &Answer, _now: Now) -> Vec<Job> {
        self.is_posting = false;
        if answer.is_err() {
            self.waiting.clear();
        }
        self.next()
    }
}
