//! The read-only proxy of docs/security.md, as it stands there, between the agent and a real engine.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value as Json;

use crate::support::agent::{Place, finish, quick};
use crate::support::real_engine::{RealEngine, skip};
use crate::support::robot::Robot;
use crate::support::wait_until;

const SECURITY: &str = include_str!("../../docs/security.md");
const SECURITY_CHINESE: &str = include_str!("../../docs/security.zh-CN.md");

/// The blocks of a page, each with its language in its first line.
fn blocks(page: &str) -> Vec<&str> {
    page.split("\n```").skip(1).step_by(2).collect()
}

/// haproxy with the page's configuration on sockets of the test's own. It ends with this.
struct Proxy {
    haproxy: Child,
    socket: PathBuf,
}

impl Proxy {
    fn start(folder: &Path) -> Result<Proxy, String> {
        let socket = folder.join("docker.sock");
        let config = blocks(SECURITY)
            .into_iter()
            .find_map(|block| block.strip_prefix("haproxy\n"))
            .unwrap()
            .replace("/run/vps-monitor-docker/docker.sock", socket.to_str().unwrap())
            // A group that is on every machine.
            .replace("group vps-monitor", "group root");
        assert!(config.contains(&format!("bind unix@{} mode 660 group root\n", socket.display())), "{config}");
        let file = folder.join("docker-proxy.cfg");
        // haproxy takes no last line without its end.
        fs::write(&file, format!("{config}\n")).unwrap();
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(file).stdin(Stdio::null()).stderr(Stdio::null());
        let haproxy = command.spawn().map_err(|error| format!("haproxy: {error}"))?;
        let proxy = Proxy { haproxy, socket };
        wait_until("haproxy listens", || UnixStream::connect(&proxy.socket).is_ok());
        Ok(proxy)
    }

    /// The status code that a request is answered with.
    fn ask(&self, request: &str) -> u16 {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        write!(stream, "{request} HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[9..]).parse().unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.haproxy.kill();
        let _ = self.haproxy.wait();
    }
}

#[test]
fn both_pages_have_the_same_proxy() {
    assert_eq!(blocks(SECURITY), blocks(SECURITY_CHINESE));
}

#[test]
fn through_the_read_only_proxy_the_agent_sees_all_that_it_needs_and_nothing_else_passes() {
    let Some(engine) = RealEngine::of_machine("proxy") else { return };
    let robot = Robot::start([]);
    let name = format!("{}web", engine.prefix);
    let yaml = quick(&robot.url()).replace("docker: {enabled: false}", &format!("docker: {{containers: [{name}]}}"));
    let place = Place::configured("no-swap", &yaml);
    let proxy = match Proxy::start(&place.path("")) {
        Ok(proxy) => proxy,
        Err(reason) => return skip(reason),
    };
    engine.run("web", &[], "while [ ! -e /tmp/end ]; do sleep 0.1; done; exit 3");
    let socket = proxy.socket.to_str().unwrap();

    let checked = finish(&mut place.command(&["--docker-socket", socket, "check", "--json"]));
    let document: Json = serde_json::from_str(&checked.stdout).unwrap();
    assert_eq!((checked.code, &document["failures"]), (0, &Json::Array(Vec::new())), "{checked:?}");
    let readings = document["readings"].as_array().unwrap();
    let web = readings.iter().find(|reading| reading["target"] == name.as_str()).unwrap();
    assert_eq!(web["value"], "running", "{web}");

    for allowed in ["/containers/json?all=true", &format!("/containers/{name}/json"), "/info", "/system/df"] {
        let allowed = format!("GET {allowed}");
        assert_eq!(proxy.ask(&allowed), 200, "{allowed}");
    }
    for refused in [
        format!("POST /containers/{name}/stop"),
        format!("POST /containers/{name}/json"),
        format!("DELETE /containers/{name}"),
        format!("GET /containers/{name}/logs?stdout=true"),
        format!("GET /containers/{name}/archive?path=/etc"),
        format!("GET /containers/{name}/json/../../../images/json"),
        format!("GET /v1.24/containers/{name}/json"),
        "POST /containers/create".to_owned(),
        "POST /events".to_owned(),
        "POST /info".to_owned(),
        "GET /system/df/x".to_owned(),
        "GET /info/../images/json".to_owned(),
        "GET /images/json".to_owned(),
        "GET /containers/../images/json".to_owned(),
        "GET /containers/%2e%2e/images/json".to_owned(),
        "GET //images/json".to_owned(),
        "GET /events/../images/json".to_owned(),
        "GET /".to_owned(),
    ] {
        assert_eq!(proxy.ask(&refused), 403, "{refused}");
    }

    // Events pass as they come: the check's interval is an hour.
    let agent = place.start(&["--docker-socket", socket, "run"]);
    agent.wait_for_checks(1);
    engine.docker(&["exec", "@web", "touch", "/tmp/end"]);
    let content = robot.wait_for(1)[0].content();
    assert!(content.contains(&format!("📦 容器: {name}")) && content.contains("退出码: 3"), "{content}");
}
