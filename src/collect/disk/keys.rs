//! The keys of the disks: limits for all paths, and own ones for each.

use std::ops::RangeInclusive;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use super::{DISK_STATE, Disk, Found, SOURCE, Watch};
use crate::collect::{EVERY, Setup, read_limits_within};
use crate::host::Host;
use crate::metric::{self, Limits, Metric};
use crate::settings::{Complaint, Doc, Item, Section, Text, Written, doc};

/// The limits for a path, and the quantities that are off there.
#[derive(Clone, Copy, Debug)]
struct PathLimits {
    usage: Limits,
    /// `None`: they are not read.
    inodes: Option<f64>,
    /// `None`: there is none.
    forecast_hours: Option<f64>,
    /// Whether it is told that it turned read-only.
    read_only: bool,
}

/// A path of the list.
#[derive(Debug)]
struct Entry {
    /// Or [`AUTO`].
    path: Rc<str>,
    /// `None`: the section's.
    own: Option<PathLimits>,
    written: Written,
}

/// Each path is asked and shown: one file system may give each directory a size of its own (quotas).
pub fn read(section: &mut Section<'_>) -> Setup {
    let limits = PathLimits::read(section, PathLimits::default());
    let mut entries: Vec<Entry> = Vec::new();
    section.list("paths", PATHS, |item| {
        let entry = Entry::read(item, limits)?;
        if entries.iter().any(|earlier| Path::new(&*earlier.path) == Path::new(&*entry.path)) {
            item.named_twice(&entry.path, "path");
        } else {
            entries.push(entry);
        }
        Some(())
    });
    if entries.is_empty() {
        entries.push(Entry::of_path(ROOT.into()));
    }
    section.holds("paths", Written::List(entries.iter().map(|entry| entry.written.clone()).collect()));
    let found = entries.iter().any(|entry| *entry.path == *AUTO).then(|| limits.found());
    entries.retain(|entry| *entry.path != *AUTO);
    let watched = entries.iter().map(|Entry { path, own, .. }| own.unwrap_or(limits).watch(path));
    let watched: Vec<Watch> = watched.collect();
    let targets = entries.iter().map(|entry| Rc::clone(&entry.path)).collect();
    let open = move |_: &[_], _: &Host| Some(Box::new(Disk::new(watched.clone(), found.clone())) as _);
    let setup = Setup { targets, ..Setup::new(open) };
    let own = entries.iter().filter_map(|Entry { path, own, .. }| Some((&**path, own.as_ref()?)));
    own.chain([(EVERY, &limits)]).fold(setup, |setup, (target, limits)| limits.limit(setup, target))
}

impl Default for PathLimits {
    fn default() -> PathLimits {
        let default = |metric: &Metric| metric.default.unwrap_or(Limits::NONE);
        PathLimits {
            usage: default(metric::DISK),
            inodes: default(metric::INODES).warning,
            forecast_hours: default(metric::DISK_FORECAST).warning,
            read_only: true,
        }
    }
}

impl PathLimits {
    /// A key that is not written has the value of `around`.
    fn read(section: &mut Section<'_>, around: PathLimits) -> PathLimits {
        let usage = read_limits_within(section, metric::DISK, around.usage, "threshold", THRESHOLD);
        let least = section.size_or_off("free_below", around.usage.least_left_bytes, LEAST_LEFT, FREE_BELOW);
        section.mark_as_judging(&["free_below"]);
        let usage = Limits { least_left_bytes: least, ..usage };
        let inodes = section.percent_or_off("inodes", around.inodes, INODES);
        let forecast = around.forecast_hours.map(hours);
        let forecast = section.duration_or_off("forecast", forecast, LEAST_FORECAST..=LONGEST_FORECAST, FORECAST);
        let read_only = section.boolean("read_only", around.read_only, READ_ONLY);
        let forecast_hours = forecast.map(|forecast| forecast.as_secs_f64() / HOUR_SECONDS);
        PathLimits { usage, inodes, forecast_hours, read_only }
    }

    fn watch(&self, path: &Rc<str>) -> Watch {
        let (reads_inodes, reads_state) = (self.inodes.is_some(), self.read_only);
        Watch { path: Rc::clone(path), reads_inodes, reads_state, sight: None }
    }

    fn found(&self) -> Found {
        let own = PathLimits::limit(*self, Setup::new(|_, _| None), EVERY);
        let metrics = SOURCE.metrics().filter(|metric| own.is_on(metric, EVERY)).collect();
        Found { reads_inodes: self.inodes.is_some(), reads_state: self.read_only, metrics }
    }

    fn limit(self, setup: Setup, target: &str) -> Setup {
        let at = |metric: &Metric, limit: Option<f64>| {
            let default = metric.default.unwrap_or(Limits::NONE);
            limit.map(|warning| Limits { warning: Some(warning), ..default })
        };
        let PathLimits { usage, inodes, forecast_hours, read_only } = self;
        setup
            .with(metric::DISK, target, Some(usage))
            .with(metric::DISK_FORECAST, target, at(metric::DISK_FORECAST, forecast_hours))
            .with(DISK_STATE, target, read_only.then_some(Limits::NONE))
            .with(metric::INODES, target, at(metric::INODES, inodes))
            .with(metric::INODE_FORECAST, target, at(metric::INODE_FORECAST, inodes.and(forecast_hours)))
    }
}

impl Entry {
    fn of_path(path: Rc<str>) -> Entry {
        let written = Written::Text(path.to_string());
        Entry { path, own: None, written }
    }

    /// `- /data`, or a section with `path:` and limits of its own.
    fn read(item: &mut Item<'_>, around: PathLimits) -> Option<Entry> {
        item.text_or_section(
            PATH,
            |text| Ok(Entry::of_path(if text == AUTO { text.into() } else { absolute_path(text)? })),
            |section| {
                let path = section.parse("path", OWN_PATH, |text| absolute_path(text).map(Some));
                if let Some(path) = &path {
                    section.holds("path", Written::Text(path.to_string()));
                }
                if !section.is_written("path") {
                    section.problem("path", Complaint::new("is missing").expected("a path such as /data"));
                }
                section.inherit();
                let own = PathLimits::read(section, around);
                let written = Written::Section(section.values().clone().into());
                Some(Entry { path: path?, own: Some(own), written })
            },
        )
    }
}

const THRESHOLD: Doc = doc("磁盘使用率 (%)，与 `df` 一致", "disk usage, percent, as `df` shows it");

const LEAST_LEFT: RangeInclusive<u64> = 1 << 20..=1 << 50;

const FREE_BELOW: Doc = doc(
    "剩余空间少于此值也告警，不论百分比，如 5GB（1GB 为 2³⁰ 字节）",
    "an alert, too, if less is left, whatever the percent, such as 5GB (1 GB is 2^30 bytes)",
);

const INODES: Doc = doc("inode 使用率 (%)，与 `df -i` 一致", "inode usage, percent, as `df -i` shows it");

const HOUR_SECONDS: f64 = 3600.0;

const LEAST_FORECAST: Duration = Duration::from_secs(3600);
const LONGEST_FORECAST: Duration = Duration::from_secs(7 * 24 * 3600);

const FORECAST: Doc = doc(
    "按近两天的增长，空间或 inode 在此时间内用尽即告警",
    "an alert if, by its growth in the last two days, the space or the inodes are used up within this time",
);

fn hours(hours: f64) -> Duration {
    Duration::from_secs_f64(hours * HOUR_SECONDS)
}

const READ_ONLY: Doc = doc(
    "磁盘由可写变为只读时告警（严重）；本来就只读的不算",
    "a critical alert if a disk that could be written turns read-only",
);

const ROOT: &str = "/";

/// In place of a path: every disk of this host.
const AUTO: &str = "auto";

const PATHS: Doc = doc(
    "要监控的路径，每个单独告警，留空则只监控根目录；`auto`：本机所有不小于 512 MB 的磁盘文件系统",
    "paths to watch, each with its own alert; empty: only the root directory; `auto`: every file system of a disk here of 512 MB or more",
)
.default(ROOT)
.unique()
.values("绝对路径、`auto`，或如下各项", "absolute paths, `auto`, or entries as below")
.below(&[Text {
    zh: "  - {path: /backup, threshold: 98, critical: 99, for: 10m, free_below: 5GB}  # 单独的阈值，未写的取上面的值",
    en: "limits of its own; what it does not say is as above",
}]);

const PATH: Doc = doc("绝对路径，或 `auto`", "an absolute path, or `auto`").pattern("^(/|auto$)");

const OWN_PATH: Doc = doc("下列阈值所属的路径", "the path that the limits are for")
    .values("绝对路径", "an absolute path")
    .pattern("^/")
    .required();

fn absolute_path(text: &str) -> Result<Rc<str>, Complaint> {
    if !Path::new(text).is_absolute() {
        return Err(Complaint::new(format!("`{text}` is not an absolute path")).expected("a path such as / or /data"));
    }
    if text.contains('\0') {
        return Err(Complaint::new("a path cannot hold a NUL character"));
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::{Configured, SOURCES};
    use crate::settings;
    use crate::snapshot::Watched;

    fn read(keys: &str) -> Result<Configured, Vec<String>> {
        let text = format!("system: {{disk: {{{keys}}}}}");
        let disk: Vec<_> = SOURCES.iter().copied().filter(|source| source.name == "disk").collect();
        let read = |document: &mut Section<'_>| crate::collect::read(document, &disk, Duration::MAX).remove(0);
        settings::read("c", text.as_bytes(), read)
            .map(|read| read.value)
            .map_err(|problems| problems.list.iter().map(|p| format!("{} [{}]", p.message, p.expected)).collect())
    }

    /// The limits for a target, and whether it is read.
    fn at(disk: &Configured, metric: &'static Metric, target: &str) -> Option<Limits> {
        let mut limits = disk.limits().filter(|(of, ..)| *of == metric);
        let found = limits.find(|(_, at, _)| **at == *target || **at == *EVERY).map(|(.., limits)| limits);
        found.filter(|_| disk.is_on(metric, target))
    }

    fn warnings(disk: &Configured, target: &str) -> [Option<f64>; 4] {
        [metric::DISK, metric::INODES, metric::DISK_FORECAST, metric::INODE_FORECAST]
            .map(|metric| at(disk, metric, target)?.warning)
    }

    #[test]
    fn a_path_has_limits_of_its_own_and_where_it_says_nothing_those_of_the_section() {
        let own = "{path: /backup, threshold: 98, critical: 99, for: 10m, inodes: 95, forecast: 2h}";
        let keys = format!("threshold: 70, critical: 90, paths: [/, {own}, {{path: /data, for: 5m}}]");
        let disk = read(&keys).unwrap();
        let usage = |target| at(&disk, metric::DISK, target).unwrap();
        let limits = Limits { critical: Some(90.0), ..Limits::warning(70.0) };
        assert_eq!(usage("/"), limits);
        assert_eq!(usage("/data"), Limits { lasts: Duration::from_secs(300), ..limits });
        let own = Limits { critical: Some(99.0), lasts: Duration::from_secs(600), ..Limits::warning(98.0) };
        assert_eq!(usage("/backup"), own);
        assert_eq!(warnings(&disk, "/backup"), [Some(98.0), Some(95.0), Some(2.0), Some(2.0)]);
        assert_eq!(warnings(&disk, "/"), [Some(70.0), Some(90.0), Some(24.0), Some(24.0)]);
    }

    #[test]
    fn the_least_that_must_be_left_is_a_second_limit_of_the_same_quantity() {
        let disk =
            read("free_below: 5GB, paths: [/, {path: /a, free_below: 500MB}, {path: /b, free_below: 0}]").unwrap();
        let least = |target| at(&disk, metric::DISK, target).unwrap().least_left_bytes;
        assert_eq!([least("/"), least("/a"), least("/b")], [Some(5 << 30), Some(500 << 20), None]);
        assert_eq!(at(&read("").unwrap(), metric::DISK, "/").unwrap().least_left_bytes, None);
        assert_eq!(
            read("free_below: 5").unwrap_err(),
            ["system.disk.free_below: `5` is not a size [a unit behind it, such as `5GB`]"]
        );
    }

    #[test]
    fn what_is_off_at_one_path_is_on_at_others_and_the_other_way_round() {
        let disk = read("paths: [/, {path: /mail, inodes: 0}, {path: /backup, forecast: 0}]").unwrap();
        assert_eq!(warnings(&disk, "/mail"), [Some(80.0), None, Some(24.0), None]);
        assert_eq!(warnings(&disk, "/backup"), [Some(80.0), Some(90.0), None, None]);
        let watched: Vec<String> = disk
            .watched()
            .filter_map(|watched| match watched {
                Watched::One(key) if key.metric == metric::INODES => Some(key.target.to_string()),
                _ => None,
            })
            .collect();
        assert_eq!(watched, ["/", "/backup"]);

        let disk =
            read("inodes: 0, forecast: 0, paths: [/, {path: /mail, inodes: 95}, {path: /x, forecast: 1d}]").unwrap();
        assert_eq!(warnings(&disk, "/"), [Some(80.0), None, None, None]);
        assert_eq!(warnings(&disk, "/mail"), [Some(80.0), Some(95.0), None, None]);
        assert_eq!(warnings(&disk, "/x"), [Some(80.0), None, Some(24.0), None]);
    }

    #[test]
    fn an_entry_that_makes_no_sense_is_told_of() {
        for (keys, told) in [
            ("paths: [{threshold: 90}]", "system.disk.paths[0].path: is missing [a path such as /data]"),
            (
                "paths: [{path: data}]",
                "system.disk.paths[0].path: `data` is not an absolute path [a path such as / or /data]",
            ),
            ("paths: [/a, {path: /a/}]", "system.disk.paths[1]: `/a/` is named twice [each path once]"),
            (
                "paths: [{path: /a, treshold: 9}]",
                "system.disk.paths[0]: unknown key `treshold`; did you mean `threshold`? []",
            ),
            (
                "critical: 95, paths: [{path: /a, threshold: 98}]",
                "system.disk.paths[0].critical: 95 is not beyond threshold, which is 98 [more than 98]",
            ),
        ] {
            let problems = read(keys).unwrap_err();
            assert!(problems.iter().any(|problem| problem == told), "{problems:#?}");
        }
    }

    #[test]
    fn the_configuration_in_force_shows_all_limits_of_an_entry() {
        let disk = read("threshold: 70, free_below: 1GiB, paths: [/, {path: /backup, inodes: 0}]").unwrap();
        let shown = serde_json::to_value(disk.values()).unwrap();
        let own = serde_json::json!(
            {"path": "/backup", "threshold": 70, "critical": null, "for": 0, "free_below": "1GB", "inodes": 0, "forecast": 86400, "read_only": true}
        );
        assert_eq!(shown["paths"], serde_json::json!(["/", own]));
    }

    #[test]
    fn limits_alone_are_judged_anew_and_need_no_new_measurement() {
        let disk = |entry: &str| read(&format!("paths: [{{path: /backup, {entry}}}]")).unwrap();
        assert!(disk("threshold: 98").measures_the_same(&disk("threshold: 97, critical: 99, free_below: 1GB")));
        assert!(!disk("inodes: 0").measures_the_same(&disk("inodes: 90")));
    }
}
