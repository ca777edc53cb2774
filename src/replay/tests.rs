//! Replays of written histories: waits, missing readings, bad input, both forms; and arbitrary bytes.

use proptest::prelude::*;

use super::*;
use crate::config::Config;

const YAML: &str = "general: {timezone: UTC, hostname: web-1, language: en}\nsystem: {memory: {for: 20m}}\n";

fn config(yaml: &str) -> Resolved {
    Resolved::new(&Config::parse("config.yaml", yaml.as_bytes()).unwrap().value)
}

/// Every message as JSON, and the summary or the error.
fn replayed(yaml: &str, history: &[u8]) -> (Vec<String>, String) {
    let config = config(yaml);
    let mut history = History::new(history, "history", &config.plan);
    let mut replay = Replay::new(&config);
    let mut messages = Vec::new();
    loop {
        match history.next_check() {
            Ok(Some(check)) => {
                messages.extend(replay.check(check).iter().map(|told| told.json(&config.style).unwrap()))
            }
            Ok(None) => return (messages, replay.summary()),
            Err(error) => return (messages, error.to_string()),
        }
    }
}

/// The times and the news of every message.
fn news(yaml: &str, history: &str) -> Vec<String> {
    let (messages, end) = replayed(yaml, format!("{}\n{history}", csv::HEADER).as_bytes());
    assert!(end.contains("still firing"), "{end}");
    let brief = |message: &String| {
        let message: serde_json::Value = serde_json::from_str(message).unwrap();
        let time = message["time"].as_str().unwrap()[11..16].to_owned();
        format!("{time} {}", message["alerts"][0]["news"].as_str().unwrap())
    };
    messages.iter().map(brief).collect()
}

/// Rows of memory, a quarter of an hour apart from midnight on.
fn memory(values: &[&str]) -> String {
    values.iter().enumerate().map(|(nth, value)| format!("{},memory,,{value}\n", nth * 900)).collect()
}

#[test]
fn a_reading_stands_for_the_time_since_the_one_before_it() {
    let with_for = |wait: &str| format!("general: {{timezone: UTC}}\nsystem: {{memory: {{for: {wait}}}}}\n");
    let rows = memory(&["50", "85", "85", "85"]);
    assert_eq!(news(&with_for("15m"), &rows), ["00:15 fired"]);
    assert_eq!(news(&with_for("30m"), &rows), ["00:30 fired"]);
    assert_eq!(news(&with_for("31m"), &rows), ["00:45 fired"]);
    assert_eq!(news(&with_for("20m"), &memory(&["50", "85", "50", "85", "50"])), [""; 0]);
    // There is nothing before the first one, and a reading that is missing stands for nothing.
    assert_eq!(news(&with_for("15m"), &memory(&["85", "85"])), ["00:15 fired"]);
    assert_eq!(news(&with_for("20m"), &memory(&["50", "", "85"])), ["00:30 fired"]);
}

#[test]
fn what_has_no_row_and_what_has_no_value_changes_nothing() {
    let rows = "0,memory,,85\n900,memory,,\n1800,disk,/,10\n2700,memory,,50\n";
    assert_eq!(news("general: {timezone: UTC}\n", rows), ["00:00 fired", "00:45 recovered"]);
}

#[test]
fn what_the_configuration_does_not_measure_is_not_told() {
    let off = "system: {memory: {enabled: false}}\ndocker: {enabled: false}\n";
    assert_eq!(news(off, "0,memory,,99\n0,container_state,web,exited\n"), [""; 0]);
}

#[test]
fn objects_of_check_are_told_of_as_the_same_readings_in_rows() {
    let reading = |metric: &str, target: &str, value: &str, verdict: &str| {
        format!(r#"{{"metric": "{metric}", "target": "{target}", "value": {value}, "verdict": "{verdict}"}}"#)
    };
    let check = |time: &str, readings: &[String]| {
        format!(
            "{{\"schema\": 1, \"host\": \"web-1\", \"time\": \"{time}\",\n \"readings\": [{}]}}\n",
            readings.join(",")
        )
    };
    let objects = check(
        "1970-01-01T00:00:00Z",
        &[reading("disk", "/data", "91.5", "breach"), reading("container_state", "web", "\"exited\"", "breach")],
    ) + &check("1970-01-01T00:15:00Z", &[reading("disk", "/data", "20", "clear")]);
    let rows = "time,metric,target,value\n0,disk,/data,91.5\n0,container_state,web,exited\n900,disk,/data,20\n";
    let (messages, summary) = replayed(YAML, objects.as_bytes());
    assert_eq!((&messages, &summary), (&replayed(YAML, rows.as_bytes()).0, &replayed(YAML, rows.as_bytes()).1));
    assert_eq!(
        messages[0],
        "{\"time\":\"1970-01-01T00:00:00+00:00\",\"kind\":\"alert\",\"alerts\":[{\"metric\":\"disk\",\
         \"target\":\"/data\",\"value\":91.5,\"threshold\":80,\"level\":\"warning\",\"news\":\"fired\",\
         \"since\":\"1970-01-01T00:00:00+00:00\",\"returns\":0}]}\n"
    );
    assert!(messages[1].contains("\"value\":\"exited\",\"expected\":\"running\""), "{}", messages[1]);
    assert_eq!(
        summary,
        "2 checks from 1970-01-01T00:00:00+00:00 to 1970-01-01T00:15:00+00:00: 3 messages (1 alert, 1 docker_alert, \
         1 recovery), 1 alert still firing"
    );
}

#[test]
fn a_share_of_a_bound_that_can_be_exceeded_may_be_more_than_100_percent() {
    for row in
        ["traffic_quota,,3955.7", "disk,/,101", "conntrack,,120", "container_memory,web,104", "container_cpu,web,250"]
    {
        let (_, summary) = replayed(YAML, format!("{}\n0,{row}\n", csv::HEADER).as_bytes());
        assert!(summary.starts_with("1 check from "), "{row}: {summary}");
    }
}

#[test]
fn what_cannot_be_understood_is_named_by_file_and_line() {
    let long = format!("0,disk,{},1", "x".repeat(70_000));
    let wide = format!("0,disk,{},1", "x".repeat(5_000));
    for (rows, why) in [
        ("60,memory,,1\n\n0,memory,,1", "history:4: out of order"),
        ("0,memory,,1\n0,memory,,2", "history:3: memory is there twice"),
        ("0,memory,,NaN", "history:2: `NaN` is no value"),
        (
            "0,memory,,85\n60,memory,,-5",
            "history:3: -5 is no value of memory; expected 0 to 100, or nothing where it is not known",
        ),
        ("0,inodes,/,120", "history:2: 120 is no value of inodes(/); expected 0 to 100"),
        ("0,cpu,,100.06", "history:2: 100.06 is no value of cpu"),
        ("0,disk,/data,-0.1", "history:2: -0.1 is no value of disk(/data); expected 0 or more"),
        ("0,connections,,-1", "history:2: -1 is no value of connections; expected 0 or more"),
        ("0,memory,,1\n60,memry,,1", "history:3: there is no metric `memry`; did you mean `memory`?"),
        ("0,Traffic-In,,1", "history:2: there is no metric `Traffic-In`; did you mean `traffic_in`?"),
        ("0,load_average,,1", "history:2: there is no metric `load_average`; expected one of memory, disk"),
        ("0,memory,1", "history:2: 3 columns"),
        ("0,memory,85.2,", "history:2: `85.2` is in the column of the target"),
        ("noon,memory,,1", "history:2: `noon` is no time"),
        (&long, "history:2: the line is longer than 64 KiB"),
        (&wide, "is longer than 4096 bytes"),
    ] {
        let (_, error) = replayed(YAML, format!("{}\n{rows}\n", csv::HEADER).as_bytes());
        assert!(error.contains(why), "{error}");
    }
    let mut not_utf8 = b"time,metric,target,value\n0,disk,/".to_vec();
    not_utf8.extend(b"\xff,1\n");
    let object = "{\"schema\": 1, \"time\": \"1970-01-01T00:00:00Z\", \"readings\": [";
    for (bytes, why) in [
        (not_utf8, "history:2: it is not UTF-8 from byte 9 on"),
        (b"".to_vec(), "history: it is empty"),
        (b"time,value\n".to_vec(), "history:1: expected time,metric,target,value"),
        (b"\n\n{}".to_vec(), "history:1: expected"),
        (format!("{object}]}}\n{object}\n").into(), "history:2: the object that begins here has no end"),
        (format!("{object}]}}\nx").into(), "history:2: expected an object"),
        (format!("{object}\n\n{{}}]}}").into(), "history:3: missing field `metric`"),
        (format!("{object}]}}").replace(": 1", ": 2").into(), "history:1: its schema is 2"),
        (
            format!("{object}{{\"metric\": \"cpu\", \"target\": \"\", \"value\": 120, \"verdict\": \"breach\"}}]}}")
                .into(),
            "history:1: 120 is no value of cpu; expected 0 to 100",
        ),
        (
            format!("{object}{{\"metric\": \"memry\", \"target\": \"\", \"value\": 1, \"verdict\": \"clear\"}}]}}")
                .into(),
            "history:1: there is no metric `memry`; did you mean `memory`?",
        ),
    ] {
        let (_, error) = replayed(YAML, &bytes);
        assert!(error.contains(why), "{error}");
    }
}

/// `100 * x / x` may be a little more than 100, and a disk's share much more: `df` counts the blocks of its reserve.
#[test]
fn a_share_that_is_off_by_less_than_is_told_is_the_whole_and_a_disk_can_be_over_it() {
    let told = |row: &str| replayed(YAML, format!("{}\n{row}\n", csv::HEADER).as_bytes()).0.concat();
    assert!(told("0,swap,,100.04").contains("\"value\":100.0,"));
    assert!(told("0,disk,/,105.3").contains("\"value\":105.3,"));
    assert_eq!(told("0,swap,,-0.00000000001"), "");
}

#[test]
fn no_more_than_a_bounded_number_of_targets_is_remembered() {
    let rows: String = (0..50_001).map(|nth| format!("{nth},disk,/{nth},1\n")).collect();
    let (_, error) = replayed(YAML, format!("{}\n{rows}", csv::HEADER).as_bytes());
    assert_eq!(error, "history:50002: more than 50000 different targets");
}

fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("memory".to_owned()),
        Just("cpu".to_owned()),
        Just("container_state".to_owned()),
        Just("exited".to_owned()),
        Just(String::new()),
        (0..100_000u32).prop_map(|number| number.to_string()),
        (0.0..100.0f64).prop_map(|number| number.to_string()),
        "[ -~]{0,6}",
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        replayed(YAML, &bytes);
        replayed(YAML, &[b"{\"schema\":1,", &bytes[..]].concat());
        replayed(YAML, &[csv::HEADER.as_bytes(), b"\n", &bytes[..]].concat());
    }

    #[test]
    fn arbitrary_rows_never_panic(rows in proptest::collection::vec(proptest::collection::vec(field(), 3..6), 0..9)) {
        let rows: String = rows.iter().map(|row| row.join(",") + "\n").collect();
        replayed(YAML, format!("{}\n{rows}", csv::HEADER).as_bytes());
    }

    /// The first alert is told, a lasting one not more often than the steps say, and a recovery only after its alert.
    #[test]
    fn arbitrary_readings_lead_to_messages_in_their_order(
        readings in proptest::collection::vec((0..90_000u32, 0.0..100.0), 1..40),
    ) {
        let mut time = 0;
        let mut rows = String::new();
        for (step, value) in readings {
            time += step + 1;
            rows += &format!("{time},disk,/,{value}\n");
        }
        let mut is_firing = false;
        for told in news("general: {timezone: UTC}\nsystem: {disk: {forecast: 0}}\n", &rows) {
            let is_recovery = told.ends_with("recovered");
            prop_assert_eq!(is_firing && !is_recovery, told.ends_with("worse") || told.ends_with("reminded"));
            prop_assert!(is_firing || !is_recovery);
            is_firing = !is_recovery;
        }
    }
}

#[test]
fn quiet_hours_hold_and_the_first_check_after_them_tells() {
    let yaml =
        "general: {timezone: UTC}\nquiet_hours: [{from: '00:15', to: '01:00'}]\nsystem: {memory: {critical: 95}}\n";
    let rows = memory(&["50", "85", "50", "50", "50"]);
    let (messages, end) = replayed(yaml, format!("{}\n{rows}", csv::HEADER).as_bytes());
    let [held] = messages.as_slice() else { panic!("{messages:?}") };
    let told =
        r#"{"time":"1970-01-01T01:00:00+00:00","kind":"held","alerts":[{"metric":"memory","target":"","value":85.0,"#;
    assert!(
        held.starts_with(told) && held.contains(r#""news":"recovered","since":"1970-01-01T00:15:00+00:00""#),
        "{held}"
    );
    assert!(end.contains(": 1 message (1 held, 0 alert, 0 recovery), 0 alerts still firing"), "{end}");
    assert_eq!(news(yaml, &memory(&["50", "85", "85", "85", "85"])), ["01:00 fired"]);
    // A critical alert passes.
    assert_eq!(news(yaml, &memory(&["50", "97", "50"])), ["00:15 fired", "00:30 recovered"]);
    let (_, end) = replayed(yaml, format!("{}\n{}", csv::HEADER, memory(&["50", "85"])).as_bytes());
    assert!(end.ends_with("1 alert still firing, 1 alert held"), "{end}");
}

/// A disk that grows by half a point an hour from 66 % on, and then stands still: its messages as people see them.
fn growing_disk(yaml: &str, metric: &str) -> (Vec<String>, Vec<String>) {
    let config = config(yaml);
    let share = |hour: u32| 66.0 + f64::from(hour.min(60)) / 2.0;
    let rows: String = (0..100).map(|hour| format!("{},{metric},/,{}\n", hour * 3600, share(hour))).collect();
    let history = format!("{}\n{rows}", csv::HEADER);
    let mut history = History::new(history.as_bytes(), "history", &config.plan);
    let mut replay = Replay::new(&config);
    let (mut texts, mut news) = (Vec::new(), Vec::new());
    while let Some(check) = history.next_check().unwrap() {
        for told in replay.check(check) {
            let json: serde_json::Value = serde_json::from_str(&told.json(&config.style).unwrap()).unwrap();
            let alert = &json["alerts"][0];
            news.push(format!(
                "{} {} {} at {} of {}",
                json["time"].as_str().unwrap()[8..16].to_owned(),
                alert["metric"].as_str().unwrap(),
                alert["news"].as_str().unwrap(),
                alert["value"],
                alert["threshold"]
            ));
            texts.push(
                told.text(&config.style)
                    .lines()
                    .skip(2)
                    .take_while(|line| !line.starts_with('⏰'))
                    .collect::<Vec<_>>()
                    .join(" | "),
            );
        }
    }
    (texts, news)
}

const FORECAST: &str = "general: {timezone: UTC, alert_repeat: never}\nsystem: {disk: {threshold: 100, inodes: 100}}\n";

#[test]
fn a_disk_is_told_of_before_it_is_full_again_at_half_of_the_hours_and_withdrawn_after_six_hours() {
    let (texts, news) = growing_disk(FORECAST, "disk");
    assert_eq!(
        texts,
        [
            "⏳ 磁盘预测(/): 约 23 小时后写满 (现 88.5%，近 24 小时 +11.5%)",
            "⏳ 磁盘预测(/): 约 11 小时后写满 (现 94.5%，近 24 小时 +11.5%) | 📈 已逼近 (上次通知约 23 小时)",
            "⏳ 磁盘预测(/): 现 96.0%，近 24 小时 +0.0% (已恢复正常) | ⏳ 历时 1 天 9 小时，06:00 起正常",
        ]
    );
    assert_eq!(
        news,
        [
            "02T21:00 disk_forecast fired at 23.0 of 24",
            "03T09:00 disk_forecast worse at 11.0 of 24",
            "04T12:00 disk_forecast recovered at null of 24",
        ]
    );
    let english = FORECAST.replace("UTC,", "UTC, language: en,");
    let (texts, _) = growing_disk(&english, "inodes");
    assert_eq!(texts[0], "⏳ Inode forecast(/): used up in about 23 h (now 88.5%, +11.5% in 24 h)");
    assert_eq!(texts[1].split(" | ").nth(1), Some("📈 closer (last told: about 23 h)"));
}

#[test]
fn a_forecast_that_is_off_or_was_recorded_is_not_told() {
    assert_eq!(growing_disk(&FORECAST.replace("threshold: 100", "threshold: 100, forecast: 0"), "disk").0, [""; 0]);
    assert_eq!(growing_disk(FORECAST, "disk_forecast").0, [""; 0]);
    let soon = growing_disk(&FORECAST.replace("threshold: 100", "threshold: 100, forecast: 7h"), "disk").1;
    assert_eq!(soon, [""; 0], "it stood still 8 hours before it was full");
}

#[test]
fn a_word_about_the_host_is_judged_by_its_quantity() {
    let yaml = "general: {timezone: UTC, language: en, alert_settle: 0}\n";
    let told = |metric: &str, target: &str, words: &[&str]| {
        let rows = words.iter().enumerate();
        let rows: String = rows.map(|(hour, word)| format!("{},{metric},{target},{word}\n", hour * 3600)).collect();
        let (messages, _) = replayed(yaml, format!("{}\n{rows}", csv::HEADER).as_bytes());
        let kind = |line: &String| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["kind"].as_str().unwrap().to_owned()
        };
        messages.iter().map(kind).collect::<Vec<String>>()
    };
    assert_eq!(told("disk_state", "/data", &["writable", "read-only", "writable"]), ["alert", "recovery"]);
    // It was never written, and then somebody mounted it otherwise.
    assert_eq!(told("disk_state", "/data", &["read-only", "read-only", "writable", "read-only"]), ["alert"]);
    assert_eq!(told("unit_state", "nginx.service", &["failed", "active"]), ["alert", "recovery"]);
    assert_eq!(told("clock_sync", "", &["unsynchronized", "unsynchronized"]), ["alert"]);
    // The word does not tell for how long.
    assert_eq!(told("reboot_needed", "", &["required", "required"]), [""; 0]);
}
