//! Another quantity, which is nothing but its source's file: from /proc to the robot, to the report and to `check --json`.

mod file_handles;
mod push;

use std::fs;
use std::path::Path;
use std::rc::Rc;

use jiff::Timestamp;
use vps_monitor::clock::{Boot, Now};
use vps_monitor::collect::{Check, SOURCES, Source};
use vps_monitor::config::{Config, Resolved};
use vps_monitor::core::{Core, Effect, Input, Mode, Purpose, ReadingDocument, Ticket};
use vps_monitor::host::Host;
use vps_monitor::http;
use vps_monitor::message::{self, Escape, Sections};
use vps_monitor::metric;
use vps_monitor::notify::CHANNEL_KINDS;
use vps_monitor::rule::{self, Level, Rule, Rules, Verdict};
use vps_monitor::snapshot::{Snapshot, Value};
use vps_monitor::store::Loaded;

use crate::support::lay_over;
use file_handles::{FILE_HANDLES, SOURCE};

fn at(second: i64) -> Now {
    Now {
        wall: Timestamp::from_second(1_770_000_000 + second).unwrap(),
        boot: Boot::from_millis(1_000_000 + second * 1000),
    }
}

/// The configuration of an agent that has the source.
fn config(language: &str, keys: &str) -> Config {
    let sources: Vec<&'static Source> = SOURCES.iter().copied().chain([SOURCE]).collect();
    let text = format!(
        "general: {{hostname: web-1, timezone: UTC, language: {language}}}\n\
         wechat: {{webhook_url: 0f9e8d7c-6b5a-4c3d-9e2f-1a0b9c8d7e6f}}\n\
         system: {{memory: {{threshold: 100}}, disk: {{enabled: false}}{keys}}}\nscheduled_report: {{enabled: false}}\n"
    );
    Config::parse_with(&sources, CHANNEL_KINDS, "config", text.as_bytes())
        .unwrap_or_else(|problems| panic!("{problems}"))
        .value
}

/// A host of the fixtures, and its check.
struct Measured {
    folder: tempfile::TempDir,
    host: Host,
    check: Check,
}

impl Measured {
    fn by(config: &Resolved) -> Measured {
        let folder = tempfile::tempdir().unwrap();
        lay_over(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts/small-vps/proc"), folder.path());
        fs::create_dir_all(folder.path().join("sys/fs")).unwrap();
        let host = Host::new(Some(folder.path()));
        Measured { check: Check::new(&config.plan.sources, &host), host, folder }
    }

    /// A check of the host, while so many files are open.
    fn measure(&mut self, open_files: &str, now: Now) -> Snapshot {
        fs::write(self.folder.path().join("sys/fs/file-nr"), open_files).unwrap();
        self.check.begin(&mut self.host, now.boot);
        let end = Now { boot: now.boot.after(config("en", "").plan().window()), ..now };
        self.check.advance(&mut self.host, end).expect("every window is over")
    }
}

/// Takes in an input, with a disk that saves at once; returns the message that the robot gets.
fn posted(core: &mut Core, inputs: impl IntoIterator<Item = Input>, now: Now) -> Option<(Ticket, String)> {
    let mut effects: Vec<Effect> = inputs.into_iter().flat_map(|input| core.step(input, now)).collect();
    while effects.iter().any(|effect| matches!(effect, Effect::Save(_))) {
        effects.retain(|effect| !matches!(effect, Effect::Save(_)));
        effects.extend(core.step(Input::Saved(Ok(())), now));
    }
    effects.into_iter().find_map(|effect| match effect {
        Effect::Post { ticket, request } => {
            let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
            Some((ticket, body["markdown"]["content"].as_str().unwrap().to_owned()))
        }
        _ => None,
    })
}

fn checked(core: &mut Core, snapshot: Snapshot, now: Now) -> Option<(Ticket, String)> {
    posted(core, [Input::Time, Input::Measured { purpose: Purpose::Check, snapshot }], now)
}

#[test]
fn a_source_that_only_a_test_knows_goes_all_the_way_to_the_robot_and_the_report() {
    for (language, alert, recovery, line) in [
        ("zh", "📂 文件句柄: 1520 (阈值: 1000)", "📂 文件句柄: 900 (已恢复正常)", "  • 文件句柄: 900"),
        (
            "en",
            "📂 File handles: 1520 (threshold: 1000)",
            "📂 File handles: 900 (back to normal)",
            "  • File handles: 900",
        ),
    ] {
        let config = Resolved::new(&config(language, ""));
        let mut measured = Measured::by(&config);
        let mut core = Core::new(config.clone(), Loaded::Nothing, Mode::default(), at(0));
        assert_eq!(core.start(at(0)).iter().filter(|effect| matches!(effect, Effect::Save(_))).count(), 1);
        assert_eq!(posted(&mut core, [Input::Saved(Ok(()))], at(0)), None);
        let (ticket, text) = checked(&mut core, measured.measure("1520\t0\t9223372\n", at(0)), at(5)).unwrap();
        assert_eq!(text.lines().nth(2), Some(alert), "{text}");
        let answer = Ok(http::Response::new(200, r#"{"errcode":0,"errmsg":"ok"}"#));
        assert_eq!(posted(&mut core, [Input::Posted { ticket, answer }], at(6)), None);

        // A failed reading changes nothing.
        let unread = measured.measure("none\n", at(900));
        let error = format!("{}/sys/fs/file-nr: no number", measured.folder.path().display());
        let failure = unread.failures.iter().find(|failure| failure.collector == "file_handles").unwrap();
        assert_eq!(failure.error, error);
        assert_eq!(checked(&mut core, unread, at(905)), None);

        let well = measured.measure("900\t0\t9223372\n", at(1800));
        let report = message::report(&well, &Sections::default(), &config.style, at(1800).wall).text(&Escape::NONE);
        assert!(report.lines().any(|found| found == line), "{report}");
        let (_, text) = checked(&mut core, well, at(1805)).unwrap();
        assert_eq!(text.lines().nth(2), Some(recovery), "{text}");
    }
}

#[test]
fn it_is_in_what_check_prints_and_in_what_the_configuration_shows() {
    let config = config("en", ", file_handles: {threshold: 2000}");
    assert!(config.to_yaml().unwrap().contains("  file_handles:\n    enabled: true\n    threshold: 2000\n"));
    let config = Resolved::new(&config);
    let snapshot = Measured::by(&config).measure("1520\t0\t9223372\n", at(0));
    let findings = rule::evaluate(&snapshot, &config.rules);
    let finding = findings.iter().find(|finding| finding.reading.key.metric == FILE_HANDLES).unwrap();
    let json =
        r#"{"metric":"file_handles","target":"","value":1520,"unit":"count","threshold":2000,"verdict":"clear"}"#;
    assert_eq!(serde_json::to_string(&ReadingDocument::new(finding)).unwrap(), json);
    let table = message::table(&findings, &[], &config.style, at(0).wall, false);
    assert!(table.lines().any(|line| line.split_whitespace().eq(["ok", "file_handles", "1520", "threshold", "2000"])));
}

#[test]
fn it_is_not_measured_where_it_is_switched_off() {
    let config = Resolved::new(&config("en", ", file_handles: {enabled: false}"));
    let snapshot = Measured::by(&config).measure("1520\t0\t9223372\n", at(0));
    assert!(snapshot.readings.iter().all(|reading| reading.key.metric != FILE_HANDLES));
    assert!(snapshot.watched_keys().all(|key| key.metric != FILE_HANDLES));
}

/// Any quantity, any target.
#[test]
fn a_limit_for_one_target_is_a_rule_and_nothing_else() {
    let of_backup = Rule { metric: metric::DISK, target: "/backup".into(), limits: metric::Limits::warning(98.0) };
    let plan = config("en", "").plan();
    let of_keys = plan.limits().map(|(metric, target, limits)| Rule { metric, target, limits });
    let rules: Rules = std::iter::once(of_backup).chain(of_keys).collect();
    let mut snapshot = Snapshot::default();
    snapshot.push(metric::DISK, "/backup", Value::Number(95.0));
    snapshot.push(metric::DISK, "/data", Value::Number(95.0));
    let verdicts: Vec<Verdict> = rule::evaluate(&snapshot, &rules).iter().map(|finding| finding.verdict).collect();
    assert_eq!(verdicts, [Verdict::Clear, Verdict::Breach(Level::Warning)]);
}

/// The posts of one tap, each with its ticket.
fn pushed(effects: Vec<Effect>) -> Vec<(Ticket, serde_json::Value)> {
    let post = |effect| match effect {
        Effect::Post { ticket, request } if request.url.expose() == push::URL => {
            Some((ticket, serde_json::from_slice(&request.body).unwrap()))
        }
        _ => None,
    };
    effects.into_iter().filter_map(post).collect()
}

#[test]
fn a_tap_that_only_a_test_knows_is_given_what_every_check_found_and_told_of_its_answers() {
    let mut config = Resolved::new(&config("en", ""));
    config.taps.push(Rc::new(push::Push));
    let mut measured = Measured::by(&config);
    let mut core = Core::new(config.clone(), Loaded::Nothing, Mode::default(), at(0));
    let _ = core.start(at(0));
    let mut check = |core: &mut Core, open_files, second| {
        let snapshot = measured.measure(open_files, at(second));
        let _ = core.step(Input::Time, at(second));
        pushed(core.step(Input::Measured { purpose: Purpose::Check, snapshot }, at(second + 5)))
    };
    let answered = |core: &mut Core, ticket, second| {
        let answer = Ok(http::Response::new(204, ""));
        pushed(core.step(Input::Posted { ticket, answer }, at(second)))
    };
    let first = check(&mut core, "1520\t0\t9223372\n", 0);
    let [(ticket, body)] = &first[..] else { panic!("{first:?}") };
    assert_eq!((&body["file_handles"][0], &body["file_handles"][1]), (&1520.into(), &"breach".into()), "{body}");
    assert_eq!((body["time"].as_i64(), body["news"].as_str()), (Some(1_770_000_005), Some("firing")));

    // The second waits for the answer to the first.
    assert_eq!(check(&mut core, "900\t0\t9223372\n", 900), []);
    let second = answered(&mut core, *ticket, 910);
    let [(ticket, body)] = &second[..] else { panic!("{second:?}") };
    assert_eq!((&body["file_handles"][0], body["news"].as_str()), (&900.into(), Some("recovered")), "{body}");
    assert_eq!(answered(&mut core, *ticket, 920), []);

    // After a reload the answers to posts of before are nobody's.
    let posted = check(&mut core, "1\t0\t1\n", 1800);
    let _ = core.step(Input::Reloaded { config: Box::new(config), is_empty: false }, at(1810));
    assert_eq!(answered(&mut core, posted[0].0, 1820), []);
}

#[test]
fn a_state_that_was_read_knows_it_whole() {
    config("zh", "");
    let past: vps_monitor::alert::Past = serde_json::from_str(r#"{"metric":"file_handles","target":""}"#).unwrap();
    assert_eq!((past.key.metric.label, past.key.metric.unit), (FILE_HANDLES.label, FILE_HANDLES.unit));
}
