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
use crate::secret::Secret;
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
    let mut places: Vec<Rc<dyn Place>> = Vec::new();
    places.extend(path.map(|path| Rc::new(Textfile { path }) as Rc<dyn Place>));
    places.extend(serve::read(section).map(|serve| Rc::new(serve) as Rc<dyn Place>));
    places.extend(push::read(section).into_iter().map(|push| Rc::new(push) as Rc<dyn Place>));
    places.into_iter().map(|place| Rc::new(HandedTo(place)) as Rc<dyn Setup>).collect()
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

/// A place that the text is handed to.
trait Place {
    /// See [`Tap::name`].
    fn name(&self) -> String;

    /// Hands over the text of this host.
    fn job(&self, host: &str, text: String) -> Job;

    /// Whether a post was taken.
    fn judge(&self, _answer: &Answer) -> Result<(), String> {
        Ok(())
    }

    /// See [`Setup::secret`].
    fn secret(&self) -> Option<&Secret> {
        None
    }

    /// See [`Tap::file`].
    fn file(&self) -> Option<&Path> {
        None
    }

    /// See [`Tap::serves`].
    fn serves(&self) -> bool {
        false
    }
}

#[derive(Debug)]
struct Textfile {
    path: PathBuf,
}

impl Place for Textfile {
    fn name(&self) -> String {
        format!("metrics textfile {}", self.path.display())
    }

    fn job(&self, _host: &str, text: String) -> Job {
        Job::File { path: self.path.clone(), content: Some(text) }
    }

    fn file(&self) -> Option<&Path> {
        Some(&self.path)
    }
}

struct HandedTo(Rc<dyn Place>);

impl Setup for HandedTo {
    fn open(&self) -> Box<dyn Tap> {
        let place = Rc::clone(&self.0);
        Box::new(Handing { place, page: Page::default(), host: String::new(), is_busy: false, next: None, error: None })
    }

    fn secret(&self) -> Option<&Secret> {
        self.0.secret()
    }
}

/// Has one sample on its way at most. Of those that come meanwhile the newest is kept.
struct Handing {
    place: Rc<dyn Place>,
    page: Page,
    host: String,
    is_busy: bool,
    next: Option<String>,
    error: Option<String>,
}

impl Handing {
    /// The next sample, if there is one and the last was answered.
    fn hand_over(&mut self) -> Vec<Job> {
        if self.is_busy {
            return Vec::new();
        }
        let Some(text) = self.next.take() else { return Vec::new() };
        self.is_busy = true;
        vec![self.place.job(&self.host, text)]
    }

    /// The last sample was taken, or not.
    fn taken(&mut self, result: Result<(), String>) -> Vec<Job> {
        (self.is_busy, self.error) = (false, result.err());
        self.hand_over()
    }
}

impl Tap for Handing {
    fn name(&self) -> String {
        self.place.name()
    }

    /// Each check is worth a sample; of the looks between two checks those by which an alert changed.
    fn take(&mut self, judged: &Judged<'_>, now: Now) -> Vec<Job> {
        self.page.take(judged);
        if judged.extent != Extent::Check && judged.transitions.is_empty() {
            return Vec::new();
        }
        judged.agent.style.host.clone_into(&mut self.host);
        self.next = Some(self.page.text(judged.alerts, &judged.agent, now));
        self.hand_over()
    }

    fn answered(&mut self, answer: &Answer, _now: Now) -> Vec<Job> {
        let result = self.place.judge(answer);
        self.taken(result)
    }

    fn done(&mut self, result: &Result<(), String>, _now: Now) -> Vec<Job> {
        self.taken(result.clone())
    }

    fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    fn serves(&self) -> bool {
        self.place.serves()
    }

    fn file(&self) -> Option<&Path> {
        self.place.file()
    }
}
