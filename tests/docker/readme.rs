//! The alert that both READMEs show is the one that a real engine's crash makes.

use crate::support::agent::{Place, quick};
use crate::support::real_engine::RealEngine;
use crate::support::robot::Robot;

#[test]
fn the_alert_of_the_readmes_is_a_real_one() {
    let readmes = [
        ("zh", include_str!("../../README.zh-CN.md"), "⏰ 时间: "),
        ("en", include_str!("../../README.md"), "⏰ Time: "),
    ];
    let Some(engine) = RealEngine::of_machine("readme") else { return };
    let name = format!("{}web", engine.prefix);
    engine.run("web", &[], "exit 3");
    for (language, readme, time) in readmes {
        let robot = Robot::start([]);
        let yaml = quick(&robot.url())
            .replace("general: {", &format!("general: {{language: {language}, "))
            .replace("docker: {enabled: false}", &format!("docker: {{containers: [{name}]}}"));
        let place = Place::configured("no-swap", &yaml);
        assert_eq!(place.run(&["run", "--once"]).code, 0);
        let content = robot.wait_for(1)[0].content();
        let shown = readme.split("\n```\n").nth(1).unwrap();
        let (shown, shown_time) = shown.split_once(time).unwrap();
        assert_eq!(content.replace(&name, "shop-web-1").split(time).next(), Some(shown));
        assert_eq!(shown_time, "2026-02-04 15:30:00");
    }
}
