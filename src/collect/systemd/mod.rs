//! Units of systemd that failed, that restart again and again, or that are named and not active; asked over the system bus.
//!
//! A unit that is well has no reading: whoever has an alert of it is told that the list was whole. Between checks a unit
//! that fails is noticed by a signal, which systemd sends whenever the number of failed units changes
//! (manager_update_failed_units in src/core/manager.c), also at each turn of a restart loop.

mod unit;
mod units;

use std::cell::RefCell;
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::time::Duration;

use super::{Group, Setup, Source, Switch};
use crate::bus::{Call, Follow};
use crate::metric::{ExpectedWord, Label, Limits, Metric, Unit};
use crate::settings::{Complaint, Doc, Section, doc};

use units::{Units, Watch};

pub const SOURCE: &Source = &Source {
    name: GROUP.key,
    group: GROUP,
    switch: Switch::Auto(doc(
        "`auto`：由 systemd 启动且系统总线应答时才监控",
        "`auto`: where systemd runs and the system bus answers",
    )),
    metrics: &[FAILED_UNITS, UNIT_STATE],
    read: |section, _| read(section),
};

/// How many units failed, as `systemctl --failed` lists them, but for those that are left out.
pub const FAILED_UNITS: &Metric = &Metric {
    name: "failed_units",
    unit: Unit::Count,
    label: Label { zh: "失败单元", en: "Failed units" },
    alert_label: Label { zh: "⚙️ 失败单元", en: "⚙️ Failed units" },
    order: 77,
    ..Metric::BASE
};

/// Of a unit in trouble, and of one that is named: its state in systemd's word.
pub const UNIT_STATE: &Metric = &Metric {
    name: "unit_state",
    unit: Unit::Word,
    label: Label { zh: "单元", en: "Unit" },
    alert_label: Label { zh: "⚙️ 单元", en: "⚙️ Unit" },
    order: 78,
    is_named_by_its_target: true,
    // A named unit that is inactive may be one that is restarted by hand.
    default: Some(Limits { grace: Duration::from_secs(60), ..Limits::NONE }),
    expected: Some(ExpectedWord::new(units::ACTIVE)),
    ..*FAILED_UNITS
};

const GROUP: &Group = &Group {
    key: "systemd",
    doc: doc(
        "systemd 单元：失败、反复重启，或指定的单元未运行",
        "Units of systemd: failed, restarting again and again, or named and not active",
    ),
};

/// systemd's own name on the bus, its path and its interface.
const MANAGER: Call<'static> = Call {
    destination: "org.freedesktop.systemd1",
    path: "/org/freedesktop/systemd1",
    interface: "org.freedesktop.systemd1.Manager",
    member: "Subscribe",
    arguments: &[],
};

/// The properties of the manager: the number of failed units is the only one of these that changes by itself.
const FAILURES: Follow = Follow {
    path: MANAGER.path,
    rule: "type='signal',sender='org.freedesktop.systemd1',path='/org/freedesktop/systemd1',\
           interface='org.freedesktop.DBus.Properties',member='PropertiesChanged'",
    request: Some(MANAGER),
    file: None,
};

const TIMES: RangeInclusive<u64> = 2..=1000;
const WINDOW: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(24 * 3600);
const DEFAULT_TIMES: u64 = 5;
const DEFAULT_WINDOW: Duration = Duration::from_secs(600);

const UNITS_KEY: &str = "units";

const UNITS: Doc = doc(
    "必须处于运行状态的单元，可用 `*`；失败的单元无论是否列出都会告警",
    "units that must be active, `*` allowed; a unit that fails is told of whether or not it is named",
)
.unique();

const IGNORE: Doc = doc(
    "不告警的单元，可用 `*`；`units` 中写明名称的除外",
    "units that are not told of, unless `units` names them exactly, `*` allowed",
)
.unique();

const NAME: Doc = doc("单元名称", "the name of a unit").pattern("^[A-Za-z0-9:_.@\\\\*-]+$");

fn read(section: &mut Section<'_>) -> Setup {
    let named = section.names(UNITS_KEY, [UNITS, NAME], "unit", ("", &[]), unit_name);
    let ignored = section.names("ignore", [IGNORE, NAME], "unit", (UNITS_KEY, &named), unit_name);
    let times = section.integer(
        "restart_loop_times",
        DEFAULT_TIMES,
        TIMES,
        doc("时间窗内自动重启多少次即告警", "restarts in the window that make a restart loop"),
    );
    let window = section.duration(
        "restart_loop_window",
        DEFAULT_WINDOW,
        WINDOW,
        doc("反复重启的时间窗（秒）", "the window of a restart loop, seconds"),
    );
    let times = u32::try_from(times).unwrap_or(u32::MAX);
    let is_asked_for = !named.is_empty();
    let watch = Rc::new(Watch { named, ignored, loop_times: times, loop_window: window });
    // All collectors of this configuration share the memory of earlier looks.
    let memory = Rc::new(RefCell::default());
    let setup = Setup::new(move |_, _| Some(Box::new(Units::new(Rc::clone(&watch), Rc::clone(&memory)))));
    Setup { is_asked_for, ..setup.of_every(UNIT_STATE).woken_by(FAILURES) }
}

/// systemd.unit(5)
const MAX_NAME_BYTES: usize = 255;

/// A unit's name (systemd.unit(5)); without a type it is a service, as for systemctl(1).
fn unit_name(text: &str) -> Result<String, Complaint> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || ":_.@\\-*".contains(c);
    if text.is_empty() || text.len() > MAX_NAME_BYTES || !text.chars().all(is_of_name) {
        return Err(Complaint::new(format!("`{text}` is no unit's name")).expected("a name such as nginx.service"));
    }
    Ok(if text.contains(['.', '*']) { text.to_owned() } else { format!("{text}.service") })
}

#[cfg(test)]
mod tests;
