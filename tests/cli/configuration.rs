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

/// Every key with a secret, in the sections of all channels and taps.
const SECRETS: &str = r#"
wechat: {webhook_url: "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6-7bcd-4bc4-97a0-0ec2f1fa5aaa"}
channels:
- {name: a, telegram: {token: "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1", chat_id: 5, api_url: "https://bots.example.com/key"}}
- {name: b, dingtalk: {url: "https://oapi.dingtalk.com/robot/send?access_token=0123456789abcdef0123456789abcdef", secret: SECabcdefabcdefabc}}
- {name: c, feishu: {url: "https://open.feishu.cn/open-apis/bot/v2/hook/0123abcd-0123-abcd-0123-abcd01234567", secret: abcdefabcdef}}
- {name: d, slack: {url: "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"}}
- {name: e, discord: {url: "https://discord.com/api/webhooks/123456789012345678/abcdefghijklmnopqrstuvwxyz0123456789_-abcd"}}
- {name: f, ntfy: {topic: my-topic-1, token: tk_abcdefghijklmnop, url: "https://u:p@ntfy.example.com"}}
- {name: g, bark: {device_key: abcdefghijklmnopqrstuv, url: "https://bark.example.com/path"}}
- {name: h, webhook: {url: "https://hooks.example.com/abc", token: very-secret-4711, user: somebody-4711, signing_key: sign-me-please,
    headers: [{name: X-Key, value: hush-hush-1}]}}
- {name: i, email: {url: "smtps://a@smtp.example.com", from: a@example.com, to: [b@example.com], password: "pass-word-1"}}
heartbeat: {url: "https://hc-ping.com/0123abcd-0123-abcd-0123-abcd01234567"}
metrics: {push: ["https://u:p@vm.example.com/api/v1/import/prometheus"]}
alertmanager: {urls: ["https://u:pw@am.example.com/x"]}
"#;

#[test]
fn what_is_shown_and_fed_back_is_refused_at_each_secret_as_a_masked_value() {
    let place = Place::configured("this-vm", SECRETS);
    let shown = place.run(&["config", "show"]);
    assert_eq!((shown.code, shown.stderr.as_str()), (0, ""), "{shown:?}");
    place.configure(&shown.stdout);
    let refused = place.run(&["run", "--once"]);
    let lines = shown.stdout.lines().enumerate().filter(|(_, line)| line.contains('…'));
    let masked: Vec<usize> = lines.map(|(index, _)| index + 1).collect();
    assert_eq!((masked.len(), refused.code), (23, 78), "{}", shown.stdout);
    for line in masked {
        let problem = refused.stderr.lines().find(|problem| problem.contains(&format!("config.yaml:{line}:")));
        let said = "is a masked value, as `config show` prints it";
        assert!(problem.is_some_and(|problem| problem.ends_with(said)), "{line}: {problem:?} of {refused:?}");
    }
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
