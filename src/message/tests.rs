//! The layouts, byte for byte as the plan has them, and in English.

use jiff::tz;

use super::*;
use crate::alert::{Episode, News, Transition};
use crate::metric::{self, Metric};
use crate::rule::Limit;
use crate::snapshot::{Cause, ContainerWord, Failure, Key, Snapshot, Value, Watched};

fn style(language: Language) -> Style {
    Style { language, host: "主机名".to_owned(), zone: tz::TimeZone::fixed(tz::offset(8)) }
}

fn at(time: &str) -> Timestamp {
    format!("{time}+08:00").parse().unwrap()
}

fn usage(percent: f64, used_bytes: u64, total_bytes: u64) -> Value {
    Value::Usage { percent, used_bytes, total_bytes }
}

fn transition(metric: &'static Metric, target: &str, news: News, value: Value) -> Transition {
    let limit = match metric.name {
        "container_state" => Limit::Expected("running".into()),
        "container_health" => Limit::Expected("healthy".into()),
        "traffic_in" | "traffic_out" => Limit::Threshold(100.0),
        "connections" => Limit::Threshold(1000.0),
        _ => Limit::Threshold(80.0),
    };
    Transition {
        key: Key::new(metric, target),
        news,
        value,
        limit,
        since: Timestamp::UNIX_EPOCH,
        episode: Episode::default(),
    }
}

fn container(word: &str, causes: Vec<Cause>) -> Value {
    Value::from(ContainerWord { causes, well: Some(false), ..ContainerWord::new(word, "x") })
}

const GB: u64 = 1 << 30;

#[test]
fn a_system_alert_is_as_in_the_plan() {
    let transitions = [
        transition(metric::DISK, "/", News::Fired, usage(92.1, 1, 2)),
        transition(metric::MEMORY, "", News::Fired, usage(85.2, 1, 2)),
    ];
    let messages = alerts(&transitions, &style(Language::Chinese), at("2026-02-04T15:30:00"));
    assert_eq!(messages.len(), 1);
    assert_eq!(
        messages[0].text(&Escape::NONE),
        "⚠️ VPS 告警 [主机名]\n━━━━━━━━━━━━━━━━\n📊 内存使用率: 85.2% (阈值: 80%)\n💾 磁盘使用率(/): 92.1% (阈值: 80%)\n\
         ⏰ 时间: 2026-02-04 15:30:00"
    );
}

#[test]
fn a_disk_on_which_too_little_is_left_says_how_much() {
    let value = usage(96.0, 96 * GB, 100 * GB);
    let limit = Limit::LeftBytes(5 * GB);
    let transitions = [Transition { limit, ..transition(metric::DISK, "/backup", News::Fired, value) }];
    let line = |language| {
        let message = alerts(&transitions, &style(language), at("2026-02-04T15:30:00")).remove(0);
        message.lines[0].plain().to_owned()
    };
    assert_eq!(line(Language::Chinese), "💾 磁盘使用率(/backup): 96.0% (剩余 4GB，低于 5GB)");
    assert_eq!(line(Language::English), "💾 Disk usage(/backup): 96.0% (4GB left, less than 5GB)");
}

#[test]
fn a_docker_alert_is_as_in_the_plan() {
    let transitions = [transition(metric::CONTAINER_STATE, "nginx", News::Fired, container("exited", vec![]))];
    let messages = alerts(&transitions, &style(Language::Chinese), at("2026-02-04T15:30:00"));
    assert_eq!(
        messages[0].text(&Escape::NONE),
        "🐳 Docker 告警 [主机名]\n━━━━━━━━━━━━━━━━\n📦 容器: nginx\n❌ 状态: exited (期望: running)\n⏰ 时间: 2026-02-04 15:30:00"
    );
}

#[test]
fn a_recovery_is_as_in_the_plan() {
    let transitions = [transition(metric::MEMORY, "", News::Recovered, usage(72.1, 1, 2))];
    let message = recovery(&transitions, &style(Language::Chinese), at("2026-02-04T15:45:00")).unwrap();
    assert_eq!(
        message.text(&Escape::NONE),
        "✅ VPS 恢复 [主机名]\n━━━━━━━━━━━━━━━━\n📊 内存使用率: 72.1% (已恢复正常)\n⏰ 时间: 2026-02-04 15:45:00"
    );
}

#[test]
fn a_report_is_as_in_the_plan() {
    let mut snapshot = Snapshot::default();
    snapshot.push(metric::MEMORY, "", usage(65.2, 2_254_857_830, 3_435_973_836));
    snapshot.push(metric::DISK, "/", usage(45.8, 19_649_640_038, 40 * GB));
    snapshot.push(metric::CPU, "", Value::Number(23.5));
    snapshot.push(metric::SWAP, "", usage(12.0, 1, 2));
    snapshot.push(metric::TRAFFIC_IN, "", Value::Number(2.3));
    snapshot.push(metric::TRAFFIC_OUT, "", Value::Number(1.1));
    snapshot.push(metric::CONNECTIONS, "", Value::Number(156.0));
    let message = report(&snapshot, &Sections::default(), &style(Language::Chinese), at("2026-02-04T09:00:00"));
    assert_eq!(
        message.text(&Escape::NONE),
        "📊 VPS 状态报告 [主机名]\n━━━━━━━━━━━━━━━━━━━━━━\n🖥️ 系统状态\n  • CPU: 23.5%\n  • 内存: 65.2% (2.1GB / 3.2GB)\n  \
         • Swap: 12.0%\n  • 磁盘(/): 45.8% (18.3GB / 40GB)\n\n🌐 网络状态\n  • 入站: 2.3 Mbps\n  • 出站: 1.1 Mbps\n  \
         • 连接数: 156\n\n⏰ 报告时间: 2026-02-04 09:00:00"
    );
}

#[test]
fn a_report_tells_the_means_of_rates_in_one_line_where_they_are_known() {
    let mut snapshot = Snapshot::default();
    snapshot.push_rate(metric::CPU, 23.5, Some(12.34));
    snapshot.push_rate(metric::TRAFFIC_IN, 2.3, Some(0.04));
    snapshot.push_rate(metric::TRAFFIC_OUT, 1.1, None);
    let lines = |language| report(&snapshot, &Sections::default(), &style(language), at("2026-02-04T09:00:00")).lines;
    let found = lines(Language::Chinese);
    assert_eq!(found[1], "  • CPU: 23.5%");
    assert_eq!(found[6..], ["", "🧮 上次报告以来平均: CPU 12.3%，入站 0.0 Mbps", ""]);
    assert_eq!(lines(Language::English)[7], "🧮 Mean since the last report: CPU 12.3%, In 0.0 Mbps");
}

#[test]
fn a_report_tells_how_many_logins_there_were() {
    let line = |language, logins| {
        let sections = Sections { logins: Some(logins), ..Sections::default() };
        report(&Snapshot::default(), &sections, &style(language), at("2026-02-04T09:00:00")).lines[0].clone()
    };
    assert_eq!(line(Language::Chinese, (12, 3)), "🔑 SSH 登录 12 次，来自 3 个地址");
    assert_eq!(line(Language::English, (12, 3)), "🔑 12 SSH logins from 3 addresses");
    assert_eq!(line(Language::English, (1, 1)), "🔑 1 SSH login from 1 address");
}

#[test]
fn what_could_not_be_measured_is_unknown_with_its_reason_and_what_is_off_is_left_out() {
    let mut snapshot = Snapshot::default();
    snapshot.push(metric::DISK, "/", usage(45.8, GB, 2 * GB));
    let failure = |collector, metrics, target: Option<&str>, error: &str| Failure {
        collector,
        metrics,
        target: target.map(Into::into),
        error: error.to_owned(),
    };
    snapshot.failures.push(failure("memory", &[metric::MEMORY, metric::SWAP], None, "no [such] file"));
    snapshot.failures.push(failure("disk", &[metric::DISK], Some("/data"), "gone"));
    for (metric, target) in [
        (metric::MEMORY, ""),
        (metric::DISK, "/data"),
        (metric::DISK, "/"),
        (metric::SWAP, ""),
        (metric::CONNECTIONS, ""),
    ] {
        snapshot.watch(metric, target);
    }
    let message = report(&snapshot, &Sections::default(), &style(Language::Chinese), at("2026-02-04T09:00:00"));
    assert_eq!(
        message.lines,
        [
            "🖥️ 系统状态",
            "  • 内存: 未知 (no [such] file)",
            "  • Swap: 未知 (no [such] file)",
            "  • 磁盘(/data): 未知 (gone)",
            "  • 磁盘(/): 45.8% (1GB / 2GB)",
            "",
            "🌐 网络状态",
            "  • 连接数: 未知",
            ""
        ]
    );
}

#[test]
fn lines_come_in_the_order_of_the_metrics_with_their_labels() {
    let all = [
        transition(metric::CONNECTIONS, "", News::Fired, Value::Number(1520.0)),
        transition(metric::TRAFFIC_OUT, "", News::Fired, Value::Number(120.0)),
        transition(metric::TRAFFIC_IN, "", News::Fired, Value::Number(120.5)),
        transition(metric::SWAP, "", News::Fired, usage(90.0, 9, 10)),
        transition(metric::CPU, "", News::Fired, Value::Number(99.96)),
        transition(metric::DISK, "/b", News::Fired, usage(81.0, 1, 2)),
        transition(metric::DISK, "/a", News::Fired, usage(82.0, 1, 2)),
        transition(metric::MEMORY, "", News::HeldBack, usage(99.0, 1, 2)),
    ];
    assert_eq!(
        alerts(&all, &style(Language::Chinese), at("2026-02-04T15:30:00"))[0].lines,
        [
            "💾 磁盘使用率(/b): 81.0% (阈值: 80%)",
            "💾 磁盘使用率(/a): 82.0% (阈值: 80%)",
            "🔥 CPU 使用率: 100.0% (阈值: 80%)",
            "🔄 Swap 使用率: 90.0% (阈值: 80%)",
            "📥 入站流量: 120.5 Mbps (阈值: 100 Mbps)",
            "📤 出站流量: 120.0 Mbps (阈值: 100 Mbps)",
            "🔗 连接数: 1520 (阈值: 1000)",
        ]
    );
}

#[test]
fn containers_have_one_block_each_in_a_message_of_their_own() {
    let transitions = [
        transition(metric::CPU, "", News::Fired, Value::Number(90.0)),
        transition(metric::CONTAINER_STATE, "web", News::Fired, container("exited", vec![Cause::ExitCode(3)])),
        transition(
            metric::CONTAINER_STATE,
            "db",
            News::Fired,
            container("exited", vec![Cause::OomKilled, Cause::ExitCode(137)]),
        ),
        transition(metric::CONTAINER_HEALTH, "web", News::Fired, container("unhealthy", vec![])),
    ];
    let messages = alerts(&transitions, &style(Language::Chinese), at("2026-02-04T15:30:00"));
    assert_eq!(messages.iter().map(|m| m.kind).collect::<Vec<_>>(), [Kind::Alert, Kind::DockerAlert]);
    assert_eq!(
        messages[1].lines,
        [
            "📦 容器: web",
            "❌ 状态: exited (期望: running)",
            "💥 退出码: 3",
            "❌ 健康: unhealthy (期望: healthy)",
            "📦 容器: db",
            "❌ 状态: exited (期望: running)",
            "💥 原因: 内存不足被系统杀死 (OOM)",
            "💥 退出码: 137 (SIGKILL，可能内存不足)",
        ]
    );
}

#[test]
fn all_recoveries_of_a_check_are_one_message() {
    let transitions = [
        transition(metric::CONTAINER_STATE, "nginx", News::Recovered, container("running", vec![])),
        transition(metric::DISK, "/", News::Recovered, usage(40.0, 1, 2)),
        transition(metric::SWAP, "", News::RecoveredUntold, usage(1.0, 1, 2)),
        transition(metric::CPU, "", News::RecoveredMuted, Value::Number(1.0)),
    ];
    assert_eq!(
        recovery(&transitions, &style(Language::Chinese), at("2026-02-04T15:45:00")).unwrap().lines,
        ["💾 磁盘使用率(/): 40.0% (已恢复正常)", "📦 容器: nginx", "✅ 状态: running (已恢复正常)"]
    );
    assert_eq!(recovery(&transitions[2..], &style(Language::Chinese), at("2026-02-04T15:45:00")), None);
}

#[test]
fn english_has_the_same_layouts() {
    let english = style(Language::English);
    let fired = [
        transition(metric::MEMORY, "", News::Fired, usage(85.2, 1, 2)),
        transition(metric::CONTAINER_STATE, "nginx", News::Fired, container("exited", vec![])),
    ];
    let messages = alerts(&fired, &english, at("2026-02-04T15:30:00"));
    assert_eq!(
        messages[0].text(&Escape::NONE),
        "⚠️ VPS Alert [主机名]\n━━━━━━━━━━━━━━━━\n📊 Memory usage: 85.2% (threshold: 80%)\n⏰ Time: 2026-02-04 15:30:00"
    );
    assert_eq!(messages[1].lines, ["📦 Container: nginx", "❌ State: exited (expected: running)"]);
    let recovered = [transition(metric::MEMORY, "", News::Recovered, usage(72.1, 1, 2))];
    assert_eq!(
        recovery(&recovered, &english, at("2026-02-04T15:45:00")).unwrap().lines,
        ["📊 Memory usage: 72.1% (back to normal)"]
    );
}

#[test]
fn nothing_from_outside_is_among_our_own_words() {
    const NAME: &str = "<@all>\n\u{202e}";
    let style = Style { host: NAME.to_owned(), ..style(Language::Chinese) };
    let word =
        |word: &str| ContainerWord { causes: vec![Cause::HealthOutput(NAME.into())], ..ContainerWord::new(word, NAME) };
    let of_container = |news| {
        let value = Value::from(ContainerWord { well: Some(false), ..word(NAME) });
        Transition { limit: Limit::Expected(NAME.into()), ..transition(metric::CONTAINER_STATE, NAME, news, value) }
    };
    let now = at("2026-02-04T15:30:00");
    let mut messages = Vec::new();
    for news in [News::Fired, News::Recovered] {
        let mut transitions = vec![transition(metric::DISK, NAME, news, usage(92.1, 1, 2)), of_container(news)];
        messages.extend(alerts(&transitions, &style, now).into_iter().chain(recovery(&transitions, &style, now)));
        // From four containers on each is a line.
        transitions.extend((0..4).map(|number| Transition {
            key: Key::new(metric::CONTAINER_STATE, format!("{NAME}{number}")),
            ..of_container(news)
        }));
        messages.extend(alerts(&transitions, &style, now).into_iter().chain(recovery(&transitions, &style, now)));
    }
    messages.extend(digest(messages.clone(), &style, now));
    messages.push(configuration_refused(NAME, &style, now));
    let lost = LostState { kept_as: Some(NAME), saved: None, titles: &[NAME.to_owned()], messages: 1 };
    messages.push(state_lost(lost, &style, now));
    let mut snapshot = Snapshot::default();
    snapshot.push(metric::DISK, NAME, usage(45.8, GB, 2 * GB));
    snapshot.push(metric::CONTAINER_STATE, NAME, Value::from(word(NAME)));
    let failure = Failure {
        collector: "docker",
        metrics: &[metric::CONTAINER_STATE],
        target: Some(NAME.into()),
        error: NAME.to_owned(),
    };
    snapshot.failures.push(failure);
    snapshot.watched.push(Watched::One(Key::new(metric::DISK, NAME)));
    messages.push(report(&snapshot, &Sections::default(), &style, now));
    assert_eq!(messages.len(), 3 + 3 + 1 + 2 + 1);
    for message in &messages {
        let facts = message.facts.iter().map(|fact| &fact.line);
        for span in message.lines.iter().chain([&message.title]).chain(facts).flat_map(Line::spans) {
            match span {
                Span::Own(text) => assert!(!text.contains(['<', '\u{202e}']), "{text} in {message:?}"),
                Span::Foreign(text) => assert!(!text.contains(['\n', '\u{202e}']), "{text} in {message:?}"),
            }
        }
    }
}

#[test]
fn a_hosts_name_cannot_change_the_title() {
    let style = Style { host: "a]\n<@all>".to_owned(), ..style(Language::Chinese) };
    let title = test(&style, at("2026-02-04T15:45:00")).title;
    let spans = [Span::Own("🔔 VPS 测试 ["), Span::Foreign("a] <@all>"), Span::Own("]")];
    assert_eq!(title.spans().collect::<Vec<_>>(), spans);
}

#[test]
fn a_message_that_could_not_be_delivered_for_a_minute_says_so_in_its_title() {
    let message = test(&style(Language::Chinese), at("2026-02-04T15:45:00"));
    let title = |seconds, language| {
        as_told_now(&message, std::time::Duration::from_secs(seconds), 0, language).title.plain().to_owned()
    };
    assert_eq!(title(59, Language::Chinese), message.title.plain());
    assert_eq!(title(725, Language::Chinese), "🔔 VPS 测试 [主机名] (延迟 12 分钟)");
    assert_eq!(title(725, Language::English), "🔔 VPS 测试 [主机名] (12 min late)");
}

#[test]
fn a_message_is_bounded_when_it_is_made_and_says_how_many_it_leaves_out() {
    let long_name = "长".repeat(30_000);
    let transitions: Vec<Transition> = (0..40_000)
        .map(|number| {
            let name = if number == 0 { long_name.clone() } else { format!("web-{number}") };
            transition(metric::CONTAINER_STATE, &name, News::Fired, container("exited", vec![]))
        })
        .collect();
    let style = Style { host: "h".repeat(70_000), ..style(Language::English) };
    let [message] = alerts(&transitions, &style, at("2026-02-04T15:30:00")).try_into().unwrap();
    assert!(
        message.lines.len() <= MAX_LINES + 1 && message.text(&Escape::NONE).len() < MAX_TEXT_BYTES + 2000,
        "{}",
        message.lines.len()
    );
    assert!(
        message.lines.last().unwrap().plain().contains(" more, see `vps-monitor status`"),
        "{:?}",
        message.lines.last()
    );
    assert_eq!(message.facts.iter().map(|fact| fact.times).sum::<u64>(), 40_000);
    assert!(message.facts.len() <= MAX_LINES + 1);
    assert!(message.title.len() < 600 && message.title.plain().ends_with("…]"));
}
