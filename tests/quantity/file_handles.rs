//! A source that only the tests know: how many files are open, from /proc/sys/fs/file-nr. It is all that one takes.

use vps_monitor::clock::Now;
use vps_monitor::collect::{Collector, Progress, SYSTEM, Setup, Source, Switch, read_limits};
use vps_monitor::host::{Host, ProcFile};
use vps_monitor::metric::{Label, Limits, Metric, Unit};
use vps_monitor::settings::{self, doc};
use vps_monitor::snapshot::{Snapshot, Value};

pub const SOURCE: &Source = &Source {
    name: "file_handles",
    group: SYSTEM,
    switch: Switch::On(doc("打开的文件数", "open files")),
    metrics: &[FILE_HANDLES],
    read: |section, _| read(section),
};

pub const FILE_HANDLES: &Metric = &Metric {
    name: "file_handles",
    unit: Unit::Count,
    label: Label { zh: "文件句柄", en: "File handles" },
    alert_label: Label { zh: "📂 文件句柄", en: "📂 File handles" },
    order: 35,
    report_order: Some(35),
    default: Some(Limits::warning(1000.0)),
    ..Metric::BASE
};

fn read(section: &mut settings::Section<'_>) -> Setup {
    let limits = read_limits(section, FILE_HANDLES, "threshold", doc("打开的文件数", "files that are open"));
    let open = |_: &[_], host: &Host| Some(Box::new(FileHandles(host.proc_file("sys/fs/file-nr"))) as _);
    Setup::new(open).limited(FILE_HANDLES, limits)
}

struct FileHandles(ProcFile);

impl FileHandles {
    fn count(&mut self, host: &mut Host) -> Result<f64, String> {
        let text = self.0.read(&mut host.buffer).map_err(|error| error.to_string())?;
        let first = str::from_utf8(text).unwrap_or_default().split_whitespace().next();
        first.and_then(|count| count.parse().ok()).ok_or_else(|| format!("{}: no number", self.0.path().display()))
    }
}

impl Collector for FileHandles {
    fn collect(&mut self, host: &mut Host, _now: Now, into: &mut Snapshot) -> Progress {
        match self.count(host) {
            Ok(count) => into.push(FILE_HANDLES, "", Value::Number(count)),
            Err(error) => into.failures.push(SOURCE.failure(error)),
        }
        Progress::Done
    }
}
