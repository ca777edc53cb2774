//! The quantities, in the order of their lines: those of the plan, and later ones. In a report each section has an order
//! of its own.
//!
//! Places are tens, so that another quantity fits between two of them.

use std::time::Duration;

use super::{Label, Limits, MessageSection, Metric, Release, Unit};

pub(super) const CATALOGUE: &[&Metric] = &[
    MEMORY,
    MEMORY_PRESSURE,
    DISK,
    DISK_FORECAST,
    CPU,
    SWAP,
    TRAFFIC_IN,
    TRAFFIC_OUT,
    CONNECTIONS,
    INODES,
    INODE_FORECAST,
    CONTAINER_STATE,
    CONTAINER_HEALTH,
    DOCKER_ENGINE,
    CONTAINER_MEMORY,
    CONTAINER_CPU,
];

pub const MEMORY: &Metric = &Metric {
    name: "memory",
    unit: Unit::Percent,
    label: Label { zh: "内存", en: "Memory" },
    alert_label: Label { zh: "📊 内存使用率", en: "📊 Memory usage" },
    order: 10,
    report_order: Some(20),
    shows_sizes: true,
    default: Some(Limits::warning(80.0)),
    ..Metric::BASE
};

/// The share of time in which every task waited for memory.
pub const MEMORY_PRESSURE: &Metric = &Metric {
    name: "memory_pressure",
    label: Label { zh: "内存压力", en: "Memory pressure" },
    alert_label: Label { zh: "🐌 内存压力 (PSI)", en: "🐌 Memory pressure (PSI)" },
    order: 12,
    default: Some(Limits { lasts: Duration::from_secs(60), ..Limits::warning(10.0) }),
    ..Metric::BASE
};

/// One for each watched path. A report shows swap and CPU as shares alone, as in the plan.
pub const DISK: &Metric = &Metric {
    name: "disk",
    unit: Unit::Percent,
    label: Label { zh: "磁盘", en: "Disk" },
    alert_label: Label { zh: "💾 磁盘使用率", en: "💾 Disk usage" },
    order: 20,
    report_order: Some(40),
    shows_sizes: true,
    // More can be in use than its users may have: `df` shows over 100 %, too.
    can_exceed: true,
    default: Some(Limits::warning(80.0)),
    forecast: Some(DISK_FORECAST),
    ..Metric::BASE
};

/// For each watched path: when it is full. In a report only if it is over its limit, among the alerts.
pub const DISK_FORECAST: &Metric = &Metric {
    name: "disk_forecast",
    unit: Unit::Hours,
    label: Label { zh: "磁盘预测", en: "Disk forecast" },
    alert_label: Label { zh: "⏳ 磁盘预测", en: "⏳ Disk forecast" },
    order: 22,
    default: Some(Limits::warning(24.0)),
    release: OF_FORECAST,
    ..Metric::BASE
};

/// A forecast changes with each hour: it is withdrawn once it is half as far away again for so long.
const OF_FORECAST: Release = Release { beyond: 1.5, after: Duration::from_secs(6 * 3600) };

pub const CPU: &Metric = &Metric {
    name: "cpu",
    unit: Unit::Percent,
    is_rate: true,
    label: Label { zh: "CPU", en: "CPU" },
    alert_label: Label { zh: "🔥 CPU 使用率", en: "🔥 CPU usage" },
    order: 30,
    report_order: Some(10),
    default: Some(Limits::of_rate(80.0)),
    ..Metric::BASE
};

pub const SWAP: &Metric = &Metric {
    name: "swap",
    unit: Unit::Percent,
    label: Label { zh: "Swap", en: "Swap" },
    alert_label: Label { zh: "🔄 Swap 使用率", en: "🔄 Swap usage" },
    order: 40,
    report_order: Some(30),
    default: Some(Limits::warning(80.0)),
    ..Metric::BASE
};

pub const TRAFFIC_IN: &Metric = &Metric {
    name: "traffic_in",
    unit: Unit::Mbps,
    is_rate: true,
    section: MessageSection::Network,
    label: Label { zh: "入站", en: "In" },
    alert_label: Label { zh: "📥 入站流量", en: "📥 Traffic in" },
    order: 50,
    report_order: Some(10),
    default: Some(Limits::of_rate(100.0)),
    ..Metric::BASE
};

pub const TRAFFIC_OUT: &Metric = &Metric {
    name: "traffic_out",
    unit: Unit::Mbps,
    is_rate: true,
    section: MessageSection::Network,
    label: Label { zh: "出站", en: "Out" },
    alert_label: Label { zh: "📤 出站流量", en: "📤 Traffic out" },
    order: 60,
    report_order: Some(20),
    default: Some(Limits::of_rate(100.0)),
    ..Metric::BASE
};

pub const CONNECTIONS: &Metric = &Metric {
    name: "connections",
    unit: Unit::Count,
    section: MessageSection::Network,
    label: Label { zh: "连接数", en: "Connections" },
    alert_label: Label { zh: "🔗 连接数", en: "🔗 Connections" },
    order: 70,
    report_order: Some(30),
    default: Some(Limits::warning(1000.0)),
    ..Metric::BASE
};

/// For each watched path whose file system has inodes. In a report only where it is over its limit, among the alerts.
pub const INODES: &Metric = &Metric {
    name: "inodes",
    unit: Unit::Percent,
    label: Label { zh: "inode", en: "Inodes" },
    alert_label: Label { zh: "🗂️ inode 使用率", en: "🗂️ Inode usage" },
    order: 72,
    default: Some(Limits::warning(90.0)),
    forecast: Some(INODE_FORECAST),
    ..Metric::BASE
};

/// For each watched path whose file system has inodes: when none is left.
pub const INODE_FORECAST: &Metric = &Metric {
    name: "inode_forecast",
    unit: Unit::Hours,
    label: Label { zh: "inode 预测", en: "Inode forecast" },
    alert_label: Label { zh: "⏳ inode 预测", en: "⏳ Inode forecast" },
    order: 74,
    default: Some(Limits::warning(24.0)),
    release: OF_FORECAST,
    ..Metric::BASE
};

pub const CONTAINER_STATE: &Metric = &Metric {
    name: "container_state",
    unit: Unit::Word,
    section: MessageSection::Docker,
    label: Label { zh: "状态", en: "State" },
    alert_label: Label { zh: "状态", en: "State" },
    order: 80,
    report_order: Some(10),
    ..Metric::BASE
};

pub const CONTAINER_HEALTH: &Metric = &Metric {
    name: "container_health",
    unit: Unit::Word,
    section: MessageSection::Docker,
    label: Label { zh: "健康", en: "Health" },
    alert_label: Label { zh: "健康", en: "Health" },
    order: 90,
    report_order: Some(20),
    ..Metric::BASE
};

/// Whether the engine answers; read only where `docker.alert_unavailable` asks for it.
pub const DOCKER_ENGINE: &Metric = &Metric {
    name: "docker_engine",
    unit: Unit::Word,
    section: MessageSection::Docker,
    label: Label { zh: "状态", en: "State" },
    alert_label: Label { zh: "状态", en: "State" },
    order: 100,
    report_order: Some(30),
    ..Metric::BASE
};

/// For each container that has a limit and whose memory is watched.
pub const CONTAINER_MEMORY: &Metric = &Metric {
    name: "container_memory",
    unit: Unit::Percent,
    label: Label { zh: "容器内存", en: "Container memory" },
    alert_label: Label { zh: "📦 容器内存使用率", en: "📦 Container memory usage" },
    order: 150,
    can_exceed: true,
    ..Metric::BASE
};

/// The same of its CPU time.
pub const CONTAINER_CPU: &Metric = &Metric {
    name: "container_cpu",
    unit: Unit::Percent,
    is_rate: true,
    label: Label { zh: "容器 CPU", en: "Container CPU" },
    alert_label: Label { zh: "📦 容器 CPU 使用率", en: "📦 Container CPU usage" },
    order: 152,
    can_exceed: true,
    ..Metric::BASE
};
