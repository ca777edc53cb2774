//! The machine's starts: that it was started again is told by the core, which knows when the agent last ran; that it has to
//! be started again is read here.
//!
//! Debian and Ubuntu have /run/reboot-required (update-notifier, unattended-upgrades). Elsewhere a kernel in /boot that was
//! installed after the start tells it: /usr/lib/modules is hidden from the service (`ProtectKernelModules`).

use std::fs::{self, File};
use std::io::Read;
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::{Collector, Progress, SYSTEM, Setup, Source, Switch};
use crate::clock::{self, Now};
use crate::files::{Entry, each_entry};
use crate::host::{self, Host};
use crate::metric::{Label, Limits, Metric, Unit};
use crate::settings::{Section, doc};
use crate::snapshot::{Cause, ContainerWord, Snapshot};

pub const SOURCE: &Source = &Source {
    name: "boot",
    group: SYSTEM,
    switch: Switch::On(doc("主机重启，以及需要重启", "restarts of the host, and that it needs one")),
    metrics: &[REBOOT, REBOOT_NEEDED],
    read: |section, _| read(section),
};

/// The machine was started again.
pub const REBOOT: &Metric = &Metric {
    name: "reboot",
    unit: Unit::Word,
    label: Label { zh: "主机重启", en: "Restart of the host" },
    alert_label: Label { zh: "🔄 主机已重启", en: "🔄 The host was restarted" },
    order: 2,
    ..Metric::BASE
};

/// It has to be started again; read only where it has.
pub const REBOOT_NEEDED: &Metric = &Metric {
    name: "reboot_needed",
    label: Label { zh: "需要重启", en: "Restart needed" },
    alert_label: Label { zh: "主机需要重启", en: "The host has to be restarted" },
    order: 81,
    report_order: Some(79),
    default: Some(Limits::NONE),
    ..*REBOOT
};

/// It is told once it is known for so long: many a host restarts by itself at night.
const TOLD_AFTER_DAYS: u64 = 7;

/// As many packages are named.
const MAX_PACKAGES: usize = 3;

const MAX_BYTES: u64 = 4096;

const DAY_SECONDS: i64 = 86_400;

/// It is told after days; a look once an hour is enough.
const LOOK_EVERY: Duration = Duration::from_secs(3600);

fn read(_: &mut Section<'_>) -> Setup {
    let open = |_: &[_], host: &Host| host.is_this_system().then(|| Box::new(Boot::in_root(Path::new("/"))) as _);
    Setup { targets: Vec::new(), ..Setup::new(open) }
}

struct Boot {
    /// When the last look was, and since when a restart is needed, with the packages that want it.
    looked: Option<(clock::Boot, Option<(Timestamp, String)>)>,
    /// The release of the kernel that runs.
    running: String,
    required: PathBuf,
    packages: PathBuf,
    kernels: PathBuf,
}

impl Boot {
    fn in_root(root: &Path) -> Boot {
        Boot {
            looked: None,
            running: host::kernel_release(),
            required: root.join("run/reboot-required"),
            packages: root.join("run/reboot-required.pkgs"),
            kernels: root.join("boot"),
        }
    }

    /// Since when, and the packages that want it.
    fn needed(&self, running: &str, booted: Timestamp) -> Option<(Timestamp, String)> {
        if let Ok(file) = fs::metadata(&self.required) {
            let mut text = Vec::new();
            let _ = File::open(&self.packages).map(|file| file.take(MAX_BYTES).read_to_end(&mut text));
            let written = Timestamp::from_second(file.mtime()).ok()?;
            // Each upgrade writes it anew. It was made by the first one that wanted a restart.
            let made = file.created().ok().and_then(|made| Timestamp::try_from(made).ok());
            return Some((made.map_or(written, |made| made.min(written)), packages(&text)));
        }
        let changed = |file: &fs::Metadata| Timestamp::from_second(file.ctime()).ok();
        // A kernel that is installed changes the folder, too.
        changed(&fs::metadata(&self.kernels).ok()?).filter(|changed| *changed > booted)?;
        let mut latest = None;
        let kernel = |entry: &Entry<'_>| {
            let name = entry.name.to_str()?.strip_prefix("vmlinuz-")?;
            let at = changed(&entry.metadata().ok()?).filter(|at| *at > booted)?;
            (name != running && flavour(name) == flavour(running)).then(|| (at, format!("linux {name}")))
        };
        // Those that could be read count.
        let _ = each_entry(&self.kernels, |entry| {
            latest = latest.take().max(kernel(&entry));
            ControlFlow::Continue(())
        });
        latest
    }
}

/// The names of the packages that want it, each once, as far as there is room.
fn packages(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut names: Vec<&str> = Vec::new();
    for name in text.lines().map(str::trim).filter(|name| !name.is_empty()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    // A kernel says more than its libraries.
    names.sort_by_key(|name| !name.starts_with("linux-image"));
    names.truncate(MAX_PACKAGES);
    names.join(", ")
}

/// `amd64` of `6.1.0-28-amd64`, `x86_64` of `5.14.0-427.el9.x86_64`: kernels of several flavours may be installed.
fn flavour(kernel: &str) -> &str {
    kernel.rsplit(['-', '.']).next().unwrap_or_default()
}

impl Collector for Boot {
    fn collect(&mut self, _host: &mut Host, now: Now, into: &mut Snapshot) -> Progress {
        let booted = now.wall.as_microsecond().saturating_sub(now.boot.as_micros());
        let booted = Timestamp::from_microsecond(booted).unwrap_or(now.wall);
        if self.looked.as_ref().is_none_or(|(at, _)| now.boot.since(*at) >= LOOK_EVERY) {
            self.looked = Some((now.boot, self.needed(&self.running, booted)));
        }
        if let Some((_, Some((since, packages)))) = &self.looked {
            let days = u64::try_from(now.wall.duration_since(*since).as_secs() / DAY_SECONDS).unwrap_or_default();
            let word = ContainerWord {
                well: Some(days < TOLD_AFTER_DAYS),
                causes: vec![Cause::RebootNeeded { packages: packages.clone(), days }],
                ..ContainerWord::new("required", "none")
            };
            into.push(REBOOT_NEEDED, "", word.into());
        }
        Progress::Done
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_file_of_debian_tells_it_with_its_packages_a_kernel_first() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("run")).unwrap();
        let boot = Boot::in_root(root.path());
        assert_eq!(boot.needed("6.1.0-28-amd64", second(0)), None);
        fs::write(&boot.required, "*** System restart required ***\n").unwrap();
        assert_eq!(boot.needed("", second(0)).unwrap().1, "");
        fs::write(&boot.packages, "libc6\nlinux-image-6.1.0-29-amd64\nlibc6\nlibssl3\ndbus\n").unwrap();
        assert_eq!(boot.needed("", second(0)).unwrap().1, "linux-image-6.1.0-29-amd64, libc6, libssl3");
    }

    #[test]
    fn elsewhere_a_kernel_of_the_same_flavour_that_came_after_the_start_tells_it() {
        let root = tempfile::tempdir().unwrap();
        let boot = Boot::in_root(root.path());
        fs::create_dir_all(&boot.kernels).unwrap();
        for name in ["vmlinuz-5.14.0-427.el9.x86_64", "vmlinuz-5.14.0-503.el9.x86_64", "vmlinuz-6.0.0-rt", "config-7"] {
            fs::write(boot.kernels.join(name), "").unwrap();
        }
        let needed = |booted| boot.needed("5.14.0-427.el9.x86_64", second(booted)).map(|(_, packages)| packages);
        assert_eq!(needed(0).as_deref(), Some("linux 5.14.0-503.el9.x86_64"));
        assert_eq!(needed(i64::from(u32::MAX)), None);
        assert_eq!(boot.needed("6.0.0-rt", second(0)), None);
    }

    #[test]
    fn the_look_is_repeated_after_an_hour_and_the_days_go_on() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("run")).unwrap();
        let mut boot = Boot::in_root(root.path());
        let mut host = Host::new(None);
        let now = clock::now().wall;
        let mut days_after = |seconds: i64| {
            let mut snapshot = Snapshot::default();
            let wall = now + SignedDuration::from_secs(seconds);
            let _ =
                boot.collect(&mut host, Now { boot: clock::Boot::from_millis(seconds * 1000), wall }, &mut snapshot);
            snapshot.readings.first().map(|reading| format!("{:?}", reading.value))
        };
        assert_eq!(days_after(0), None);
        fs::write(root.path().join("run/reboot-required"), "").unwrap();
        assert_eq!(days_after(3599), None);
        assert!(days_after(3600).unwrap().contains("days: 0"));
        assert!(days_after(90_000).unwrap().contains("days: 1"));
        fs::remove_file(root.path().join("run/reboot-required")).unwrap();
        assert!(days_after(90_001).is_some());
        assert_eq!(days_after(93_600), None);
    }

    #[test]
    fn an_upgrade_that_writes_the_file_anew_does_not_begin_the_days_anew() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("run")).unwrap();
        let path = root.path().join("run/reboot-required");
        fs::write(&path, "").unwrap();
        let made = fs::metadata(&path).unwrap().created().unwrap();
        let upgrade = made + Duration::from_secs(8 * 86_400);
        File::options().write(true).open(&path).unwrap().set_modified(upgrade).unwrap();
        let (since, _) = Boot::in_root(root.path()).needed("", Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(since, Timestamp::try_from(made).unwrap());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(text in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(packages(&text).split(", ").count() <= text.len().max(1));
        }
    }
}
