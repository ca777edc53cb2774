//! `config check`, `show` and `template` through the binary; the words about each mistake are in tests/config.rs.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::support::agent::{BINARY, Place, finish, quick};
use crate::support::robot::KEY;

#[test]
fn a_valid_file_is_ok_by_argument_and_by_option() {
    let place = Place::configured("this-vm", &quick(""));
    let file = place.config().display().to_string();
    for arguments in [&["config", "check"][..], &["config", "check", &file]] {
        let checked = place.run(arguments);
        assert_eq!((checked.code, checked.stdout.as_str()), (0, "ok\n"), "{checked:?}");
    }
}

#[test]
fn quiet_says_by_the_exit_code_alone_whether_a_file_is_valid() {
    let place = Place::configured("this-vm", &quick(""));
    for (yaml, code) in [(quick(""), 0), ("general: {chek_interval: 900}".to_owned(), 78)] {
        place.configure(&yaml);
        for flag in ["--quiet", "-q"] {
            let checked = place.run(&["config", "check", flag]);
            assert_eq!((checked.code, checked.stdout.as_str(), checked.stderr.as_str()), (code, "", ""), "{yaml}");
        }
    }
    assert_eq!(place.run(&["config", "check", "--quiet", "/no/such/file"]).code, 78);
}

#[test]
fn an_empty_file_is_valid_but_a_reload_does_not_take_it() {
    let place = Place::configured("this-vm", "# nothing\n");
    assert_eq!(place.run(&["config", "check", "--quiet"]).code, 0);
    assert_eq!(place.run(&["config", "check", "--quiet", "--reload"]).code, 1);
    let refused = place.run(&["config", "check", "--reload"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
    assert!(refused.stderr.contains("the configuration is empty"), "{refused:?}");
    place.configure(&quick(""));
    assert_eq!(place.run(&["config", "check", "--reload"]).stdout, "ok\n");
}

#[test]
fn it_is_said_which_file_was_checked_or_that_there_is_none() {
    let place = Place::configured("this-vm", &quick(""));
    let file = place.config().display().to_string();
    assert_eq!(place.run(&["config", "check"]).stderr, format!("checked {file}\n"));
    let checked = Place::on("this-vm").run(&["config", "check", &file]);
    assert_eq!(checked.stderr, format!("checked {file}\n"));
    // The machine may have the standard file.
    let checked = Place::on("this-vm").run(&["config", "check"]);
    let expected = match std::fs::exists("/etc/vps-monitor/config.yaml") {
        Ok(false) => {
            "no file is named and there is no /etc/vps-monitor/config.yaml: the built-in defaults are in force"
        }
        _ => "/etc/vps-monitor/config.yaml",
    };
    assert!(checked.stderr.contains(expected), "{checked:?}");
}

#[test]
fn a_secret_that_every_user_can_read_is_warned_of() {
    let place = Place::configured("this-vm", &quick(&format!("http://127.0.0.1/send?key={KEY}")));
    std::fs::set_permissions(place.config(), Permissions::from_mode(0o644)).unwrap();
    let warning = "config.yaml:2:23: warning: wechat.webhook_url: every user of this machine can read";
    for arguments in [&["config", "check"][..], &["config", "show"], &["run", "--once"]] {
        let ran = place.run(arguments);
        assert!(ran.code == 0 || arguments[0] == "run", "{ran:?}");
        assert!(ran.stderr.contains(warning), "{arguments:?}: {ran:?}");
    }
    std::fs::set_permissions(place.config(), Permissions::from_mode(0o640)).unwrap();
    assert!(!place.run(&["config", "check"]).stderr.contains("warning"));
}

#[test]
fn every_problem_is_on_standard_error_with_its_place_and_the_exit_code_is_78() {
    let text = format!(
        "wechat: {{webhook_urll: \"https://example.org/send?key={KEY}\"}}\nsystem:\n  memory: {{threshold: 180}}\n"
    );
    let place = Place::configured("this-vm", &text);
    let file = place.config().display().to_string();
    let checked = place.run(&["config", "check", &file]);
    assert_eq!((checked.code, checked.stdout.as_str()), (78, ""), "{checked:?}");
    for problem in [format!("{file}:1:10: error:"), format!("{file}:3:23: error:")] {
        assert!(checked.stderr.contains(&problem), "`{problem}` is not in {}", checked.stderr);
    }
    assert!(checked.stderr.contains("webhook_url"), "{}", checked.stderr);
    // The same file stops every command that needs it.
    for arguments in [&["check"][..], &["run"], &["report"], &["test-notify"]] {
        let refused = place.run(arguments);
        assert_eq!((refused.code, refused.stdout.as_str()), (78, ""), "{arguments:?}: {refused:?}");
        assert!(refused.stderr.contains(&format!("{file}:3:23: error:")), "{refused:?}");
    }
}

#[test]
fn of_a_file_with_many_problems_all_are_printed() {
    let keys: String = (0..120).map(|number| format!("key{number}: 1\n")).collect();
    let place = Place::configured("this-vm", &keys);
    let checked = place.run(&["config", "check"]);
    for number in 0..120 {
        let key = format!(":{}:1: error: unknown key `key{number}`", number + 1);
        assert!(checked.stderr.contains(&key), "`{key}` is not in {}", checked.stderr);
    }
    assert!(checked.code == 78 && !checked.stderr.contains(" more"), "{checked:?}");
}

#[test]
fn what_is_shown_is_a_configuration_itself_without_the_secret() {
    let url = format!("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={KEY}");
    let place = Place::configured("this-vm", &quick(&url));
    let shown = place.run(&["config", "show"]);
    assert_eq!((shown.code, shown.stderr.as_str()), (0, ""));
    for line in ["  hostname: web-1", "  check_interval: 3600", "  send_recovery: true", "    threshold: 1000"] {
        assert!(shown.stdout.lines().any(|shown| shown == line), "`{line}` is not in\n{}", shown.stdout);
    }
    let last_four = &KEY[KEY.len() - 4..];
    assert!(shown.stdout.contains(&format!("…{last_four}")), "{}", shown.stdout);
}

#[test]
fn a_configuration_is_read_from_pipes_and_standard_input_and_bounded() {
    let check = |script: &str| {
        let mut shell = Command::new("bash");
        shell.args(["-c", script]).env("AGENT", BINARY).env_remove("VPS_MONITOR_CONFIG");
        let checked = finish(&mut shell);
        (checked.code, checked.stdout, checked.stderr)
    };
    let valid = "printf 'general: {language: en}\\n'";
    for script in [
        format!("{valid} | $AGENT config check /dev/stdin"),
        format!("{valid} | $AGENT --config /dev/stdin config check"),
        format!("$AGENT config check <({valid}; sleep 0.05; echo 'wechat: {{}}')"),
        format!("$AGENT config check /dev/fd/9 9< <({valid})"),
        format!("$AGENT config check /dev/stdin < <({valid})"),
        format!("$AGENT config check /dev/stdin <<< \"$({valid})\""),
    ] {
        let (code, stdout, stderr) = check(&script);
        assert_eq!((code, &*stdout), (0, "ok\n"), "{script}: {stderr}");
    }
    let (code, _, stderr) = check("printf 'general: {languag: en}\\n' | $AGENT config check /dev/stdin");
    assert!(code == 78 && stderr.contains("/dev/stdin:1:11: error: general: unknown key"), "{stderr}");
    for endless in ["yes '#'", "cat /dev/zero"] {
        let (code, _, stderr) = check(&format!("{endless} | $AGENT config check /dev/stdin"));
        assert!(code == 78 && stderr.contains("larger than 1 MiB"), "{stderr}");
    }
}

#[test]
fn the_template_is_the_installed_file_byte_for_byte() {
    let template = Place::on("this-vm").run(&["config", "template"]);
    assert_eq!((template.code, template.stderr.as_str()), (0, ""));
    assert_eq!(template.stdout, include_str!("../../etc/config.yaml"));
}
