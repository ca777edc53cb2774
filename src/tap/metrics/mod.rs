//! `metrics`: the readings of each check as text for Prometheus and those who read the same, left as a file for
//! node_exporter, served, or pushed.

mod exposition;
mod page;
mod push;
mod serve;

use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::{Job, Judged, Setup, Tap, TapKind};
use crate::alert::Extent;
use crate::clock::Now;
use crate::http::Answer;
use crate::settings::{Complaint, Doc, Section, Written, doc};

pub use page::{Page, fires};

/// The ending of the files that node_exporter reads (collector/textfile.go).
const ENDING: &str = ".prom";

pub const KIND: &TapKind = &TapKind {
    name: "metrics",
    doc: doc("指标：供 Prometheus、VictoriaMetrics 等抓取", "Metrics for Prometheus, VictoriaMetrics and the like"),
    read,
};

const TEXTFILE: Doc = doc(
    "每次检查后写入的文件，供 node_exporter 的 textfile 收集器读取；留空则不写",
    "file that is written after each check, for node_exporter's textfile collector; empty: none",
)
.values("`.prom` 文件的绝对路径", "absolute path of a `.prom` file")
.pattern(r"^(/.*\.prom)?$");

fn read(section: &mut Section<'_>) -> Vec<Rc<dyn Setup>> {
    let path: Option<PathBuf> = section.parse("textfile", TEXTFILE, textfile);
    let shown = path.as_ref().map(|path| path.display().to_string());
    section.holds("textfile", Written::Text(shown.unwrap_or_default()));
    let mut taps: Vec<Rc<dyn Setup>> = Vec::new();
    taps.extend(path.map(|path| Rc::new(Textfile { path }) as Rc<dyn Setup>));
    taps.extend(serve::read(section).map(|serve| Rc::new(serve) as Rc<dyn Setup>));
    taps.extend(push::read(section).into_iter().map(|push| Rc::new(push) as Rc<dyn Setup>));
    taps
}

fn textfile(text: &str) -> Result<Option<PathBuf>, Complaint> {
    const EXPECTED: &str = "such as /var/lib/prometheus/node-exporter/vps-monitor.prom";
    let path = Path::new(text);
    match (text, path.file_name()) {
        ("", _) => Ok(None),
        _ if !path.is_absolute() => Err(Complaint::new("this is not an absolute path").expected(EXPECTED)),
        (text, Some(name)) if text.ends_with(ENDING) && name != ENDING => Ok(Some(path.to_owned())),
        _ => Err(Complaint::new("node_exporter reads files whose names end in .prom alone").expected(EXPECTED)),
    }
}

#[derive(Debug)]
struct Textfile {
    path: PathBuf,
}

impl Setup for Textfile {
    fn open(&self) -> Box<dyn Tap> {
        Box::new(Writing { path: self.path.clone(), page: Page::default(), hand: Hand::default() })
    }
}

/// Has one sample on its way at most. Of those that come meanwhile the newest is kept.
#[derive(Debug, Default)]
struct Hand {
    is_busy: bool,
    next: Option<String>,
    error: Option<String>,
}

impl Hand {
    fn give(&mut self, text: String) -> Option<String> {
        if self.is_busy {
            self.next = Some(text);
            return None;
        }
        self.is_busy = true;
        Some(text)
    }

    fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// The last sample was taken, or not; returns the next one.
    fn taken(&mut self, result: Result<(), String>) -> Option<String> {
        (self.is_busy, self.error) = (false, result.err());
        let next = self.next.take()?;
        self.give(next)
    }
}

#[derive(Debug)]
struct Writing {
    path: PathBuf,
    page: Page,
    hand: Hand,
}

impl Writing {
    fn write(&self, text: Option<String>) -> Vec<Job> {
        text.map(|text| Job::File { path: self.path.clone(), content: Some(text) }).into_iter().collect()
    }
}

impl Tap for Writing {
    fn name(&self) -> String {
        format!("metrics textfile {}", self.path.display())
    }

    fn take(&mut self, judged: &Judged<'_>, now: Now) -> Vec<Job> {
        self.page.take(judged);
        let text = is_worth_a_sample(judged).then(|| self.page.text(judged.alerts, &judged.agent, now));
        let text = text.and_then(|text| self.hand.give(text));
        self.write(text)
    }

    fn answered(&mut self, _answer: &Answer, _now: Now) -> Vec<Job> {
        Vec::new()
    }

    fn done(&mut self, result: &Result<(), String>, _now: Now) -> Vec<Job> {
        let text = self.hand.taken(result.clone());
        self.write(text)
    }

    fn error(&self) -> Option<&str> {
        self.hand.error()
    }

    fn file(&self) -> Option<&Path> {
        Some(&self.path)
    }
}

/// Each check is; of the looks between two checks those by which an alert changed.
fn is_worth_a_sample(judged: &Judged<'_>) -> bool {
    judged.extent == Extent::Check || !judged.transitions.is_empty()
}
