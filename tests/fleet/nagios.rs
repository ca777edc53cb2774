//! `check --format nagios`, run by a real Nagios and read by the parser of its own Perl module.

use std::fs;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, getuid};
use serde_json::Value as Json;

use super::metrics::fed;
use crate::support::agent::{Place, quick};
use crate::support::peer::program;
use crate::support::wait_until;

/// The performance data by Monitoring::Plugin (Debian: libmonitoring-plugin-perl): label, value, unit, warning, critical.
fn performance(line: &str) -> Option<Vec<Json>> {
    const SCRIPT: &str = r#"
        use Monitoring::Plugin::Performance use_die => 1;
        my $line = do { local $/; <STDIN> };
        print join("\t", $_->label, $_->value, $_->uom, $_->warning // "", $_->critical // ""), "\n"
            for Monitoring::Plugin::Performance->parse_perfstring($line);
    "#;
    let is_there = Command::new("perl").args(["-MMonitoring::Plugin", "-e", "1"]).output();
    let is_there = is_there.is_ok_and(|run| run.status.success());
    assert!(is_there || !crate::support::is_ci(), "libmonitoring-plugin-perl must be installed here");
    if !is_there {
        eprintln!("left out, as libmonitoring-plugin-perl is not installed");
        return None;
    }
    let (code, said) = fed(Command::new("perl").args(["-e", SCRIPT]), line);
    assert_eq!(code, 0, "{said}");
    Some(said.lines().map(|line| line.split('\t').collect()).collect())
}

#[test]
fn its_first_line_has_the_state_and_numbers_that_nagios_own_module_reads() {
    let yaml = quick("").replace("disk: {enabled: false}", "disk: {threshold: 99.9, critical: 99.95}");
    let place = Place::configured("small-vps", &yaml);
    let finished = place.run(&["check", "--format", "nagios"]);
    assert_eq!((finished.code, &*finished.stderr), (1, ""), "{finished:?}");
    let (said, numbers) = finished.stdout.lines().next().unwrap().split_once(" | ").unwrap();
    assert_eq!(said, "WARNING - Memory usage: 80.4% (threshold: 80%)");
    let Some(read) = performance(numbers) else { return };
    assert!(read.contains(&serde_json::json!(["memory", "80.4", "%", "80", ""])), "{read:?}");
    let disk = read.iter().find(|one| one[0] == "disk(/)").unwrap();
    assert_eq!((&disk[2], &disk[3], &disk[4]), (&"%".into(), &"99.9".into(), &"99.95".into()), "{read:?}");
    assert!(read.iter().any(|one| one[0] == "connections"), "{read:?}");

    let broken = Place::configured("no-swap", "general: {hostname: [a]}\n").run(&["check", "--format", "nagios"]);
    assert_eq!((broken.code, broken.stdout.lines().count()), (3, 1), "{broken:?}");
    assert!(broken.stdout.starts_with("UNKNOWN - ") && broken.stdout.contains("hostname"), "{broken:?}");

    let well = Place::configured("no-swap", &quick("")).run(&["check", "--format", "nagios"]);
    assert!(well.code == 0 && well.stdout.starts_with("OK - "), "{well:?}");
}

#[test]
fn json_is_a_format_too_and_two_at_once_are_refused() {
    let place = Place::configured("no-swap", &quick(""));
    let json = place.run(&["check", "--format", "json"]).stdout;
    assert!(serde_json::from_str::<Json>(&json).is_ok(), "{json}");
    assert!(place.run(&["check", "--format", "text"]).stdout.contains("memory"));
    assert_eq!(place.run(&["check", "--json", "--format", "nagios"]).code, 64);
    assert_eq!(place.run(&["check", "--format", "icinga"]).code, 64);
}

/// One host with one service, checked each second by this command.
const OBJECTS: &str = "
define timeperiod {\ntimeperiod_name always\nalias always\nDAYS}
define command {\ncommand_name check_vps\ncommand_line COMMAND\n}
define contact {\ncontact_name nobody\nhost_notifications_enabled 0\nservice_notifications_enabled 0
host_notification_period always\nservice_notification_period always
host_notification_commands check_vps\nservice_notification_commands check_vps\n}
define host {\nhost_name web-1\naddress 127.0.0.1\nmax_check_attempts 1\ncontacts nobody\n}
define service {\nhost_name web-1\nservice_description vps\ncheck_command check_vps\ncheck_interval 1\nretry_interval 1
max_check_attempts 1\ncheck_period always\ncontacts nobody\n}
";

struct Nagios(Child);

impl Nagios {
    /// Starts it in this place; status.dat there is its knowledge.
    fn start(place: &Place) -> Option<Nagios> {
        let program = program("nagios4")?;
        let folder = place.path("nagios");
        fs::create_dir(&folder).unwrap();
        let check = place.command(&["check", "--format", "nagios"]);
        let words = [check.get_program()].into_iter().chain(check.get_args()).map(|word| word.to_str().unwrap());
        let days = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]
            .map(|day| format!("{day} 00:00-24:00\n"))
            .concat();
        let objects = OBJECTS.replace("DAYS", &days).replace("COMMAND", &words.collect::<Vec<_>>().join(" "));
        fs::write(folder.join("objects.cfg"), objects).unwrap();
        let user = User::from_uid(getuid()).unwrap().unwrap().name;
        let files = [
            ("cfg_file", "objects.cfg"),
            ("log_file", "nagios.log"),
            ("lock_file", "nagios.pid"),
            ("status_file", "status.dat"),
            ("object_cache_file", "objects.cache"),
            ("precached_object_file", "objects.precache"),
            ("state_retention_file", "retention.dat"),
            ("temp_file", "nagios.tmp"),
            ("temp_path", ""),
            ("check_result_path", ""),
            ("query_socket", "nagios.qh"),
        ]
        .map(|(key, name)| format!("{key}={}\n", folder.join(name).display()))
        .concat();
        let settings = "status_update_interval=1\ninterval_length=1\nexecute_service_checks=1\nexecute_host_checks=0\n\
                        service_inter_check_delay_method=n\ncheck_external_commands=0\n";
        let config = folder.join("nagios.cfg");
        fs::write(&config, format!("{files}{settings}nagios_user={user}\n")).unwrap();
        let log = fs::File::create(folder.join("output")).unwrap();
        let mut command = Command::new(program);
        Some(Nagios(command.arg(config).stdin(Stdio::null()).stdout(log).stderr(Stdio::null()).spawn().unwrap()))
    }
}

impl Drop for Nagios {
    /// By a signal that it takes its workers along with.
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.0.id().cast_signed()), Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

#[test]
fn a_real_nagios_has_the_state_the_text_and_the_numbers() {
    let place = Place::configured("small-vps", &quick(""));
    let Some(_nagios) = Nagios::start(&place) else { return };
    let known = || fs::read_to_string(place.path("nagios/status.dat")).unwrap_or_default();
    wait_until("it has checked", || known().contains("has_been_checked=1\n"));
    let known = known();
    let (_, service) = known.split_once("servicestatus {").unwrap();
    let value = |key: &str| service.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('=')).unwrap();
    let said = "WARNING - Memory usage: 80.4% (threshold: 80%)";
    assert_eq!((value("current_state"), value("plugin_output")), ("1", said), "{service}");
    assert!(value("performance_data").starts_with("memory=80.4%;80;;0;100 memory_used="), "{service}");
}
