//! `config check`, `show` and `template` through the binary; what each mistake is told is in tests/config.rs.

use crate::support::agent::{Place, quick};
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
fn the_template_is_the_installed_file_byte_for_byte() {
    let template = Place::on("this-vm").run(&["config", "template"]);
    assert_eq!((template.code, template.stderr.as_str()), (0, ""));
    assert_eq!(template.stdout, include_str!("../../etc/config.yaml"));
}
