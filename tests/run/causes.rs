//! The causes under an alert of the built agent on this machine's own control groups.

use std::process::{Command, Stdio};

use vps_monitor::host::Cgroups;

use crate::support::agent::{BINARY, Place, finish};
use crate::support::real_engine::skip;
use crate::support::robot::Robot;

#[test]
fn an_alert_names_who_holds_the_memory_of_this_machine() {
    let is_told = |cgroups: Cgroups| cgroups.memory(1).first().is_some_and(|(_, bytes)| *bytes > 20 << 20);
    if !Cgroups::of_this_system().is_some_and(is_told) {
        return skip("no control group holds memory here".to_owned());
    }
    let robot = Robot::start([]);
    let memory = |causes: u8| {
        format!(
            "general: {{hostname: web-1, timezone: UTC, causes: {causes}}}\nwechat: {{webhook_url: \"{}\"}}\n\
             system: {{memory: {{threshold: 1}}, disk: {{enabled: false}}, cpu: {{enabled: false}}, swap: {{enabled: false}}}}\n\
             network: {{traffic: {{enabled: false}}, connections: {{enabled: false}}}}\ndocker: {{enabled: false}}\n\
             scheduled_report: {{enabled: false}}\n",
            robot.url()
        )
    };
    for (causes, is_named) in [(1, true), (0, false)] {
        let place = Place::configured("small-vps", &memory(causes));
        // With the machine's own /proc.
        let mut command = Command::new(BINARY);
        command.arg("--config").arg(place.config()).arg("--state-dir").arg(place.state()).args(["run", "--once"]);
        assert_eq!(finish(command.stdin(Stdio::null())).code, 0);
        let message = robot.received().last().unwrap().content();
        let lines: Vec<&str> = message.lines().collect();
        assert!(lines[2].starts_with("📊 内存使用率: "), "{message}");
        assert_eq!(lines[3].starts_with("↳ ") && lines[3].ends_with('B'), is_named, "{message}");
        assert_eq!(lines.len(), if is_named { 5 } else { 4 }, "{message}");
    }
}
