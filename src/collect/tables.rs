//! Tables of the kernel that have a bound: tracked connections and open files. A full one refuses new connections, or lets
//! every program fail.

use std::time::Duration;

use super::parse::{columns, number};
use super::{
    Absence, Collector, NETWORK, Progress, SYSTEM, Setup, Source, Switch, nowhere_in_a_container, read_limits,
};
use crate::clock::{Boot, Now};
use crate::host::{Host, ProcFile};
use crate::metric::{Label, Limits, MessageSection, Metric};
use crate::settings::{Doc, Section, doc};
use crate::snapshot::{Snapshot, Value, Watched};

pub const CONNTRACK: &Source = &Source {
    name: "conntrack",
    group: NETWORK,
    switch: Switch::Auto(doc(
        "连接跟踪表。`auto`：内核有此表时，容器内除外",
        "the table of tracked connections. `auto`: where the kernel has one, and not in a container",
    )),
    metrics: &[CONNTRACK_USAGE],
    read: |section, _| read(section, &OF_CONNTRACK),
};

pub const OPEN_FILES: &Source = &Source {
    name: "open_files",
    group: SYSTEM,
    switch: Switch::Auto(doc(
        "全系统打开的文件。`auto`：容器内除外",
        "files that are open in the whole system. `auto`: not in a container",
    )),
    metrics: &[OPEN_FILES_USAGE],
    read: |section, _| read(section, &OF_FILES),
};

const OF_CONNTRACK: Table = Table {
    source: CONNTRACK,
    doc: doc(
        "连接跟踪表的使用率 (%)，表满时新连接会被丢弃",
        "usage of the table of tracked connections, percent; a full one drops new ones",
    ),
    // nf_conntrack_count is the network namespace's own; the bound is one for all (nf_conntrack-sysctl.rst).
    files: &["sys/net/netfilter/nf_conntrack_count", "sys/net/netfilter/nf_conntrack_max"],
    absence: "no connections are tracked: /proc/sys/net/netfilter has no nf_conntrack_count and nf_conntrack_max, or no bound",
};

const OF_FILES: Table = Table {
    source: OPEN_FILES,
    doc: doc("全系统打开文件数占上限的比例 (%)", "files that are open in the whole system, percent of their bound"),
    // Allocated, unused (0 since Linux 2.6), bound (proc_sys_fs(5)).
    files: &["sys/fs/file-nr"],
    absence: "/proc/sys/fs/file-nr is not there, or has no bound",
};

const CONNTRACK_USAGE: &Metric = &Metric {
    name: "conntrack",
    section: MessageSection::Network,
    label: Label { zh: "连接跟踪表", en: "Connection tracking" },
    alert_label: Label { zh: "🧾 连接跟踪表使用率", en: "🧾 Connection tracking table" },
    order: 76,
    can_exceed: true,
    default: FULL,
    ..Metric::BASE
};

const OPEN_FILES_USAGE: &Metric = &Metric {
    name: "open_files",
    label: Label { zh: "打开文件", en: "Open files" },
    alert_label: Label { zh: "📂 打开文件数占上限", en: "📂 Open files of their bound" },
    order: 44,
    can_exceed: true,
    default: FULL,
    ..Metric::BASE
};

const FULL: Option<Limits> = Some(Limits::warning(90.0));

struct Table {
    source: &'static Source,
    doc: Doc,
    /// Together they have the number of entries first, and their bound last.
    files: &'static [&'static str],
    absence: &'static str,
}

/// A bound in a file of its own changes only by hand: it is not read at each check.
const BOUND_IS_KEPT: Duration = Duration::from_secs(60);

fn read(section: &mut Section<'_>, table: &'static Table) -> Setup {
    let metric = table.source.metrics[0];
    let limits = read_limits(section, metric, "threshold", table.doc);
    // In a container the bound, and often the number, are those of the whole machine.
    let open = move |_: &[Watched], host: &Host| {
        if host.shares_its_kernel { nowhere_in_a_container() } else { Some(Box::new(Usage::new(table, host)) as _) }
    };
    Setup::new(open).limited(metric, limits)
}

struct Usage {
    table: &'static Table,
    files: Vec<ProcFile>,
    /// From a file of its own, and when to read that again.
    bound: Option<(u64, Boot)>,
}

impl Usage {
    fn new(table: &'static Table, host: &Host) -> Usage {
        Usage { table, files: table.files.iter().map(|file| host.proc_file(file)).collect(), bound: None }
    }

    /// `None`: this kernel has no such table, or no bound of it.
    fn percent(&mut self, host: &mut Host, now: Boot) -> Result<Option<f64>, String> {
        let (mut first, mut last) = (None, None);
        let kept = self.bound.filter(|(_, again)| now < *again);
        for file in &mut self.files {
            if let (Some(_), Some((bound, _))) = (first, kept) {
                last = Some(bound);
                break;
            }
            // Without its module there is no table, and nothing to track.
            let text = file.read_if_there(&mut host.buffer).map_err(|error| error.to_string())?;
            let Some(text) = text else { return Ok(None) };
            // A file that was cut may have lost digits, or its last column.
            let whole = text.strip_suffix(b"\n").unwrap_or_default();
            let mut numbers = columns(whole).map(number);
            let of_file = numbers.next().flatten();
            let end = of_file.and_then(|first| numbers.try_fold(first, |_, number| number));
            let (Some(of_file), Some(end)) = (of_file, end) else {
                return Err(format!("{}: it is not made of numbers", file.path().display()));
            };
            if first.is_some() {
                self.bound = Some((end, now.after(BOUND_IS_KEPT)));
            }
            first.get_or_insert(of_file);
            last = Some(end);
        }
        let bound = last.filter(|bound| *bound > 0);
        Ok(first.zip(bound).map(|(used, bound)| used as f64 / bound as f64 * 100.0))
    }
}

impl Collector for Usage {
    fn collect(&mut self, host: &mut Host, now: Now, into: &mut Snapshot) -> Progress {
        let metric = self.table.source.metrics[0];
        match self.percent(host, now.boot) {
            Ok(Some(percent)) => into.push_whole(metric, Value::Number(percent)),
            Ok(None) => return Progress::Absent(Absence::Of(self.table.absence)),
            Err(error) => into.failures.push(self.table.source.failure(error)),
        }
        Progress::Done
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    fn percent(table: &'static Table, texts: &[&[u8]]) -> Result<Option<f64>, String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in table.files.iter().zip(texts) {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let mut host = Host::new(Some(folder.path()));
        Usage::new(table, &host).percent(&mut host, Boot::from_micros(0))
    }

    #[test]
    fn the_entries_are_a_share_of_their_bound() {
        assert_eq!(percent(&OF_CONNTRACK, &[b"59000\n", b"65536\n"]), Ok(Some(59_000.0 / 65_536.0 * 100.0)));
        assert_eq!(
            percent(&OF_FILES, &[b"2137\t0\t9223372036854775807\n"]).map(|share| share.map(f64::round)),
            Ok(Some(0.0))
        );
        assert_eq!(percent(&OF_FILES, &[b"900\t0\t1000\n"]), Ok(Some(90.0)));
    }

    #[test]
    fn a_bound_in_a_file_of_its_own_is_read_once_a_minute() {
        let folder = tempfile::tempdir().unwrap();
        let [count, bound] = [0, 1].map(|place: usize| folder.path().join(OF_CONNTRACK.files[place]));
        fs::create_dir_all(bound.parent().unwrap()).unwrap();
        let mut host = Host::new(Some(folder.path()));
        let mut usage = Usage::new(&OF_CONNTRACK, &host);
        let mut percent_at = |seconds: i64, texts: [&str; 2]| {
            fs::write(&count, texts[0]).unwrap();
            fs::write(&bound, texts[1]).unwrap();
            usage.percent(&mut host, Boot::from_millis(seconds * 1000)).unwrap()
        };
        assert_eq!(percent_at(0, ["50\n", "100\n"]), Some(50.0));
        assert_eq!(percent_at(59, ["60\n", "1000\n"]), Some(60.0));
        assert_eq!(percent_at(60, ["500\n", "1000\n"]), Some(50.0));
    }

    #[test]
    fn without_the_table_or_a_bound_there_is_nothing_to_watch() {
        assert_eq!(percent(&OF_CONNTRACK, &[]), Ok(None));
        assert_eq!(percent(&OF_CONNTRACK, &[b"5\n", b"0\n"]), Ok(None));
    }

    #[test]
    fn an_empty_or_damaged_file_is_unknown_and_not_zero() {
        for text in [&b""[..], b"\n", b"12\tx\t100\n", b"-1\t0\t100\n", b"1\t0\t"] {
            let error = percent(&OF_FILES, &[text]).unwrap_err();
            assert!(error.ends_with("sys/fs/file-nr: it is not made of numbers"), "{text:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(text in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = percent(&OF_FILES, &[&text]);
        }
    }
}
