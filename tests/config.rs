//! Configuration files: valid ones, invalid ones with the words about each, and hostile ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use vps_monitor::config::{Config, template};
use vps_monitor::metric;
use vps_monitor::snapshot::{Key, Watched};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/config");

/// The YAML files of a directory of fixtures, sorted.
fn files(directory: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new(FIXTURES).join(directory)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}

fn parse_fixture(path: &Path) -> Result<Config, String> {
    let name = path.file_name().unwrap().to_str().unwrap();
    let read = Config::parse(name, &fs::read(path).unwrap());
    read.map(|read| read.value).map_err(|problems| format!("{problems}\n"))
}

fn valid(name: &str) -> Config {
    parse_fixture(&Path::new(FIXTURES).join("valid").join(name)).unwrap()
}

#[test]
fn every_valid_file_is_accepted() {
    for path in files("valid") {
        if let Err(problems) = parse_fixture(&path) {
            panic!("{problems}");
        }
    }
}

#[test]
fn the_plans_file_means_what_the_plan_says() {
    let config = valid("plan.yaml");
    let default = Config::default();
    assert_eq!(config.general, default.general);
    assert_eq!(config.sources, default.sources);
    assert_eq!(config.scheduled_report, default.scheduled_report);
    let names: Vec<&str> = config.docker.containers.iter().map(|container| &*container.name).collect();
    assert_eq!(names, ["nginx", "mysql", "redis"]);
    let healths: Vec<bool> = config.docker.containers.iter().map(|container| container.check_health).collect();
    assert_eq!(healths, [true, true, false]);
}

#[test]
fn files_that_say_nothing_mean_the_defaults() {
    for name in ["empty.yaml", "comments.yaml", "null.yaml", "nulls.yaml"] {
        assert_eq!(valid(name), Config::default(), "{name}");
    }
}

#[test]
fn line_ends_and_byte_order_marks_change_nothing() {
    let expected = valid("document-marks.yaml");
    assert_eq!(expected.general.check_interval, Duration::from_secs(60));
    assert_eq!(valid("bom.yaml"), expected);
    assert_eq!(valid("no-line-feed-at-the-end.yaml"), expected);
    let crlf = valid("crlf.yaml");
    assert_eq!(crlf.general.hostname, "web-1");
    let of_paths = |metric| ["/", "/data"].map(|path| Watched::One(Key::new(metric, path)));
    let metrics = [
        metric::DISK,
        metric::DISK_FORECAST,
        metric::INODES,
        metric::INODE_FORECAST,
        vps_monitor::collect::disk::DISK_STATE,
    ];
    let paths = metrics.map(of_paths).concat();
    assert!(crlf.sources.iter().any(|source| source.watched().eq(paths.iter().cloned())));
}

/// `config show` prints the sections' fields; all other documents come from their readers.
#[test]
fn the_fields_of_the_configuration_are_the_keys_that_are_described() {
    fn paths(value: &serde_json::Value, path: &str, found: &mut Vec<String>) {
        for (key, value) in value.as_object().into_iter().flatten() {
            let path = format!("{path}{key}");
            paths(value, &format!("{path}."), found);
            found.push(path);
        }
    }
    let mut fields = Vec::new();
    paths(&serde_json::to_value(Config::default()).unwrap(), "", &mut fields);
    let described = Config::describe().into_iter().map(|key| key.path).filter(|path| !path.contains("[]"));
    let mut described: Vec<String> = described.collect();
    fields.sort();
    described.sort();
    assert_eq!(fields, described);
}

#[test]
fn beside_each_threshold_stand_a_second_limit_and_how_long_it_must_last() {
    fn sections(schema: &serde_json::Value, found: &mut usize) {
        let Some(keys) = schema["properties"].as_object() else { return };
        if keys.keys().any(|key| key.starts_with("threshold")) {
            assert!(keys.contains_key("critical") && keys.contains_key("for"), "{schema:#}");
            *found += 1;
        }
        keys.values().for_each(|key| sections(key, found));
    }
    let schema = serde_json::from_str(include_str!("../share/config.schema.json")).unwrap();
    let mut found = 0;
    sections(&schema, &mut found);
    assert!(found >= 6, "{found} sections");
}

/// The expected problems are beside each file. `UPDATE_EXPECTED=1` writes them anew, to be reviewed in the diff.
#[test]
fn every_invalid_file_is_told_what_is_wrong_with_it() {
    let mut different = Vec::new();
    for path in files("invalid") {
        let Err(said) = parse_fixture(&path) else { panic!("{} is accepted", path.display()) };
        let expected = path.with_extension("txt");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&expected, &said).unwrap();
        }
        if fs::read_to_string(&expected).unwrap_or_default() != said {
            different.push(said);
        }
    }
    assert!(different.is_empty(), "not as expected:\n{}", different.join("\n"));
}

#[test]
fn no_message_shows_a_key() {
    for path in files("invalid") {
        let said = parse_fixture(&path).err().unwrap_or_default();
        for secret in ["693a91f6", "0ec2sifa5aaa", "abcdef"] {
            assert!(!said.contains(secret), "{said}");
        }
    }
}

#[test]
fn the_template_holds_the_defaults_and_every_key() {
    let filled = template().replace("YOUR_KEY", "693a91f6-7bcd-4bc4-97a0-0ec2sifa5aaa");
    let config = Config::parse("template", filled.as_bytes()).unwrap().value;
    assert_eq!(Config { channels: Config::default().channels, ..config }, Config::default());

    let keys = serde_json::to_value(Config::default()).unwrap();
    assert_keys_are_written(&keys, 0);
}

/// Whether the template has each of these keys, indented as deep as it is nested.
fn assert_keys_are_written(keys: &serde_json::Value, depth: usize) {
    for (key, value) in keys.as_object().into_iter().flatten() {
        let line = format!("\n{}{key}:", "  ".repeat(depth));
        assert!(template().contains(&line), "the template lacks {line:?}");
        assert_keys_are_written(value, depth + 1);
    }
}

#[test]
fn the_template_as_it_is_complains_of_its_placeholder_alone() {
    let problems = Config::parse("template", template().as_bytes()).unwrap_err();
    let messages: Vec<&str> = problems.list.iter().map(|problem| problem.message.as_str()).collect();
    assert!(messages.len() == 1 && messages[0].starts_with("wechat.webhook_url: "), "{messages:?}");
}

#[test]
fn what_config_show_prints_means_the_same() {
    for path in files("valid") {
        let config = parse_fixture(&path).unwrap();
        let shown = config.to_yaml().unwrap();
        assert!(!shown.contains("693a91f6"), "{shown}");
        let without_secret = Config { channels: Config::default().channels, ..config };
        let again = Config::parse("shown", without_secret.to_yaml().unwrap().as_bytes());
        assert_eq!(again.unwrap().value, without_secret, "{}", path.display());
    }
}

/// Files made to exhaust memory, stack or patience: each ends in an error, within bounds. Each is read by a process of
/// its own, this test run again, because a peak of memory belongs to a process.
#[test]
fn hostile_files_end_in_an_error_within_bounds() {
    const FILE: &str = "VPS_MONITOR_TEST_HOSTILE_FILE";
    if let Some(path) = std::env::var_os(FILE) {
        let problems = Config::load(Path::new(&path)).expect_err("accepted");
        println!("problems={} peak_kib={}", problems.list.len(), peak_kib());
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    for (name, content) in hostile_contents() {
        let path = directory.path().join(name);
        fs::write(&path, content).unwrap();
        let name_of_this_test = "config::hostile_files_end_in_an_error_within_bounds";
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([name_of_this_test, "--exact", "--nocapture"])
            .env(FILE, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The limit is a second; a loaded machine is given ten.
        let deadline = Instant::now() + Duration::from_secs(10);
        while child.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                child.kill().unwrap();
                panic!("{name} takes too long");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let peak = said.split("peak_kib=").nth(1).and_then(|rest| rest.split_whitespace().next());
        let peak_kib: u64 = peak.unwrap_or_else(|| panic!("{name}: {said}")).parse().unwrap();
        assert!(peak_kib < 100 * 1024, "{name} took {peak_kib} KiB");
    }
}

/// The most memory that this process has held, in KiB (VmHWM of proc_pid_status(5)).
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

fn hostile_contents() -> Vec<(&'static str, Vec<u8>)> {
    const MIB: usize = 1024 * 1024;
    let indented: String = (0..1400).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    let mut chain = "a0: &a0 [x]\n".to_owned();
    for level in 1..30_000 {
        let below = format!("*a{}", level - 1);
        chain.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        if level < 100 {
            bomb.push_str(&format!("a{level}: &a{level} [{}]\n", [below.as_str(); 9].join(", ")));
        }
    }
    let many_keys: String = (0..100_000).map(|number| format!("k{number}: 1\n")).collect();
    let unknown_keys = |end: &str| (0..9_900).map(|number| format!("  sample_{number}: 1{end}")).collect::<String>();
    let paths: String = (0..19_000).map(|number| format!("/{number},")).collect();
    let noise: Vec<u8> = (0..MIB as u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    vec![
        ("fifty_megabytes", vec![b'a'; 50 * MIB]),
        ("open_brackets", vec![b'['; 20_000]),
        ("open_braces", "{a: ".repeat(20_000).into_bytes()),
        ("a_mebibyte_of_brackets", vec![b'['; MIB]),
        ("dashes", "- ".repeat(MIB / 2).into_bytes()),
        ("question_marks", "? ".repeat(MIB / 2).into_bytes()),
        ("deep_indentation", indented.into_bytes()),
        ("alias_bomb", bomb.into_bytes()),
        ("alias_chain", chain.into_bytes()[..MIB / 2].to_vec()),
        ("many_keys", many_keys.into_bytes()),
        ("many_items", "- a\n".repeat(MIB / 4).into_bytes()),
        ("unknown_keys", format!("general:\n{}", unknown_keys("\n")).into_bytes()),
        ("unknown_keys_on_one_line", format!("general: {{{}}}", unknown_keys(",")).into_bytes()),
        ("many_paths", format!("system: {{disk: {{paths: [{}]}}}}", paths).into_bytes()),
        ("one_line", format!("general: {{hostname: \"{}\", nonsense: 1}}", "x".repeat(MIB - 100)).into_bytes()),
        ("one_key", vec![b'k'; MIB]),
        ("quotes", vec![b'"'; MIB - 1]),
        ("anchors", "&a ".repeat(MIB / 3).into_bytes()),
        ("tags", "!a ".repeat(MIB / 3).into_bytes()),
        ("documents", "---\n".repeat(MIB / 4).into_bytes()),
        ("nul_bytes", vec![0; MIB]),
        ("noise", noise),
        ("comments_and_a_mistake", format!("{}x", "# nothing\n".repeat(MIB / 11)).into_bytes()),
        ("line_feeds_and_a_mistake", format!("{}x", "\n".repeat(MIB - 1)).into_bytes()),
        ("escapes", format!("general: {{nonsense: \"{}\"}}", "\\n".repeat(MIB / 2 - 50)).into_bytes()),
        ("folded", format!("general: >\n{}", " x\n\n".repeat(MIB / 4 - 10)).into_bytes()),
    ]
}
