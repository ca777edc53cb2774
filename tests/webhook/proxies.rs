//! Proxies: each kind, its view of the request, its refusals, and the requests that go without it. curl is the judge.

use std::path::Path;
use std::process::Command;

use super::{post, refusal, worker};
use crate::support::authority::Authority;
use crate::support::network::isolated;
use crate::support::proxy::{Proxy, Script};
use crate::support::robot::{KEY, Robot};
use vps_monitor::worker::Worker;

const VARIABLES: [&str; 8] =
    ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"];

/// A worker with these variables and no other of their kind.
fn with(environment: &[(&str, &str)], certificates: &Path) -> Worker {
    let worker = VARIABLES.iter().fold(worker(), |worker, name| worker.with_variable(name, ""));
    let worker = environment.iter().fold(worker, |worker, (name, value)| worker.with_variable(name, value));
    worker.with_variable("SSL_CERT_FILE", certificates)
}

fn tls_url() -> String {
    format!("https://robot.example.com/send?key={KEY}")
}

/// A robot behind a proxy, and the file of the authority that vouches for it.
pub(super) struct Bed {
    authority: Authority,
    pub(super) robot: Robot,
    folder: tempfile::TempDir,
}

impl Bed {
    pub(super) fn new() -> Bed {
        let authority = Authority::new("ours");
        let robot = Robot::start_tls([], authority.server("robot.example.com"));
        Bed { authority, robot, folder: tempfile::tempdir().unwrap() }
    }

    pub(super) fn worker(&self, environment: &[(&str, &str)]) -> Worker {
        with(environment, &self.authority.write(self.folder.path()))
    }

    fn proxy(&self, script: Script) -> Proxy {
        Proxy::start(self.robot.address(), script)
    }
}

#[test]
fn an_http_proxy_sees_the_host_and_nothing_of_the_secret() {
    let bed = Bed::new();
    let proxy = bed.proxy(Script::default());
    let answer = post(&bed.worker(&[("https_proxy", &proxy.url("http"))]), &tls_url()).unwrap();
    assert_eq!((answer.status, bed.robot.received().len()), (200, 1));
    let head = &proxy.asked()[0];
    assert!(head.starts_with("CONNECT robot.example.com:443 HTTP/1.1\r\nHost: robot.example.com:443\r\n"), "{head}");
    assert!(head.contains("\r\nProxy-Authorization: Basic dXNlcjpvcGVuc2VzYW1l\r\n"), "{head}");
    assert!(!head.contains(KEY), "{head}");
}

#[test]
fn a_proxy_inside_tls_is_checked_as_the_robot_is() {
    let bed = Bed::new();
    let proxy = Proxy::start_tls(bed.robot.address(), bed.authority.server("localhost"));
    let url = format!("https://user:opensesame@localhost:{}", proxy.address().port());
    let answer = post(&bed.worker(&[("https_proxy", &url)]), &tls_url()).unwrap();
    assert_eq!((answer.status, bed.robot.received().len()), (200, 1));
    assert!(proxy.asked()[0].starts_with("CONNECT robot.example.com:443 "));

    let stranger = Proxy::start_tls(bed.robot.address(), Authority::new("stranger").server("localhost"));
    let url = format!("https://user:opensesame@localhost:{}", stranger.address().port());
    let told = refusal(&bed.worker(&[("https_proxy", &url)]), &tls_url());
    assert!(told.starts_with("the certificate of the proxy that https_proxy names is signed by"), "{told}");
    assert_eq!((stranger.asked().len(), bed.robot.received().len()), (0, 1));
}

#[test]
fn a_plain_robot_is_asked_for_with_its_whole_url() {
    let robot = Robot::start([]);
    let proxy = Proxy::start(robot.address(), Script::default());
    let worker = with(&[("http_proxy", &proxy.url("http"))], Path::new("/dev/null"));
    let answer = post(&worker, &format!("http://me:p%40ss@relay.example.com:8080/send?key={KEY}")).unwrap();
    assert_eq!(answer.status, 200);
    let head = &proxy.asked()[0];
    assert!(head.starts_with("POST http://relay.example.com:8080/send?key="), "{head}");
    assert!(head.contains("\r\nhost: relay.example.com:8080\r\n"), "{head}");
    assert!(head.to_lowercase().contains("\r\nproxy-authorization: basic dxnlcjpvcgvuc2vzyw1l\r\n"), "{head}");
    let received = &robot.received()[0];
    assert!(received.path.starts_with("/send?key=") && received.body.contains("markdown"));
    // "me:p@ss"
    assert_eq!(received.header("authorization"), Some("Basic bWU6cEBzcw=="));
}

#[test]
fn socks_proxies_are_spoken_to_in_each_dialect() {
    let bed = Bed::new();
    let hosts = "10.1.2.3 robot.example.com\n";
    isolated(hosts, &["ip addr add 10.1.2.3/32 dev lo"], move || {
        // In this network, with its names.
        let robot = Robot::start_tls([], bed.authority.server("robot.example.com"));
        for (scheme, asked) in [
            ("socks4", "socks4 user 10.1.2.3:443"),
            ("socks", "socks4 user 10.1.2.3:443"),
            ("socks4a", "socks4 user robot.example.com:443"),
            ("socks5", "socks5 user:opensesame 10.1.2.3:443"),
            ("socks5h", "socks5 user:opensesame robot.example.com:443"),
        ] {
            let proxy = Proxy::start(robot.address(), Script { wants_login: true, ..Script::default() });
            let answer = post(&bed.worker(&[("ALL_PROXY", &proxy.url(scheme))]), &tls_url()).unwrap();
            assert_eq!((answer.status, proxy.asked()), (200, vec![asked.to_owned()]), "{scheme}");
        }
        assert_eq!(robot.received().len(), 5);
    });
}

#[test]
fn a_socks_proxy_that_cannot_reach_one_address_is_asked_for_the_next() {
    let bed = Bed::new();
    isolated("fd00::9 robot.example.com\n10.1.2.3 robot.example.com\n10.1.2.4 robot.example.com\n", &[], move || {
        let robot = Robot::start_tls([], bed.authority.server("robot.example.com"));
        let proxy = Proxy::start(robot.address(), Script { socks: &[3, 4], ..Script::default() });
        let answer = post(&bed.worker(&[("ALL_PROXY", &proxy.url("socks5"))]), &tls_url()).unwrap();
        assert_eq!((answer.status, proxy.asked().len(), robot.received().len()), (200, 3, 1), "{:?}", proxy.asked());
        // SOCKS 4 knows no IPv6.
        let proxy = Proxy::start(robot.address(), Script::default());
        post(&bed.worker(&[("ALL_PROXY", &proxy.url("socks4"))]), &tls_url()).unwrap();
        assert_eq!(proxy.asked(), ["socks4 user 10.1.2.3:443"]);
    });
}

#[test]
fn a_proxy_that_refuses_is_told_by_its_variable_alone() {
    let bed = Bed::new();
    let told = |scheme: &str, script: Script| {
        let proxy = bed.proxy(script);
        let told = refusal(&bed.worker(&[("https_proxy", &proxy.url(scheme))]), &tls_url());
        let rest = told.strip_prefix("the proxy that https_proxy names ").map(str::to_owned);
        let rest = rest.unwrap_or_else(|| panic!("{told}"));
        assert!(!rest.contains("opensesame") && !rest.contains(&proxy.address().to_string()), "{rest}");
        rest
    };
    let http = |http| Script { http, ..Script::default() };
    assert_eq!(told("http", http("407 Secret")), "does not accept the user name and password (HTTP 407)");
    assert_eq!(told("http", http("403 Secret")), "refuses to connect to robot.example.com:443 (HTTP 403)");
    let socks = Script { socks: &[2], ..Script::default() };
    assert_eq!(told("socks5h", socks), "cannot connect: not allowed (SOCKS 5 code 2)");
    let socks = Script { socks: &[91], ..Script::default() };
    assert!(told("socks4a", socks).contains("SOCKS 4 code 91"));
    // Nothing of the message went anywhere.
    assert_eq!(bed.robot.received().len(), 0);
}

#[test]
fn a_proxy_that_is_not_there_is_told_without_its_address() {
    let bed = Bed::new();
    for scheme in ["http", "https", "socks5h"] {
        let worker = bed.worker(&[("https_proxy", &format!("{scheme}://user:opensesame@127.0.0.1:1"))]);
        assert_eq!(refusal(&worker, &tls_url()), "the proxy that https_proxy names: connection refused");
    }
    let worker = bed.worker(&[("https_proxy", &format!("http://{}.invalid:1", "x".repeat(64)))]);
    let told = refusal(&worker, &tls_url());
    assert!(told.starts_with("cannot resolve the name of the proxy that https_proxy names"), "{told}");
}

/// The requests of curl and of the agent to a proxy, in a row of environments.
#[test]
fn the_variables_mean_what_they_mean_to_curl() {
    if Command::new("curl").arg("--version").output().is_err() {
        assert!(!crate::support::is_ci(), "CI has curl");
        eprintln!("left out: there is no curl");
        return;
    }
    let bed = Bed::new();
    // A request that does not go to the proxy ends at a name, or at an address, that does not exist.
    isolated("", &["ip route add unreachable 10.0.0.0/8"], move || {
        let (plain, tls) = (Robot::start([]), Robot::start_tls([], bed.authority.server("robot.example.com")));
        let certificates = bed.authority.write(bed.folder.path());
        let https = "https://robot.example.com/send";
        let http = "http://relay.example.com/send";
        let address = "http://10.255.255.1/send";
        let rows: [(&str, &[(&str, &str)]); 25] = [
            (https, &[("HTTPS_PROXY", "@")]),
            (https, &[("https_proxy", "http://@"), ("HTTPS_PROXY", "http://127.0.0.1:1")]),
            (https, &[("HTTPS_PROXY", "http://@"), ("ALL_PROXY", "http://127.0.0.1:1")]),
            (https, &[("all_proxy", "socks5h://@"), ("ALL_PROXY", "http://127.0.0.1:1")]),
            (https, &[("http_proxy", "http://@")]),
            (https, &[("HTTP_PROXY", "http://@")]),
            (http, &[("http_proxy", "http://@")]),
            (http, &[("HTTP_PROXY", "http://@")]),
            (http, &[("HTTPS_PROXY", "http://@")]),
            (http, &[("ALL_PROXY", "socks4a://@")]),
            (http, &[("ALL_PROXY", "socks5h://me:pw@@")]),
            (http, &[("all_proxy", "HTTP://@/ignored")]),
            (https, &[("HTTPS_PROXY", "@"), ("NO_PROXY", "*")]),
            (https, &[("HTTPS_PROXY", "@"), ("NO_PROXY", "example.com")]),
            (https, &[("HTTPS_PROXY", "@"), ("NO_PROXY", ".example.com")]),
            (https, &[("HTTPS_PROXY", "@"), ("NO_PROXY", "Robot.Example.COM.")]),
            (https, &[("HTTPS_PROXY", "@"), ("NO_PROXY", "ample.com")]),
            (https, &[("HTTPS_PROXY", "@"), ("NO_PROXY", "other.com, example.com")]),
            (https, &[("HTTPS_PROXY", "@"), ("NO_PROXY", "*"), ("no_proxy", "other.com")]),
            (address, &[("http_proxy", "@"), ("NO_PROXY", "10.0.0.0/8")]),
            (address, &[("http_proxy", "@"), ("NO_PROXY", "10.255.255.1")]),
            (address, &[("http_proxy", "@"), ("NO_PROXY", "11.0.0.0/8,10.255.255.2/32")]),
            (address, &[("http_proxy", "@"), ("NO_PROXY", "10.255.0.0/16,")]),
            (address, &[("http_proxy", "@"), ("NO_PROXY", "255.1")]),
            (address, &[("http_proxy", "@"), ("NO_PROXY", "10.255.255.1/33")]),
        ];
        for (url, environment) in rows {
            let robot = if url.starts_with("https") { &tls } else { &plain };
            let [by_curl, by_us] = [true, false].map(|by_curl| {
                let proxy = Proxy::start(robot.address(), Script::default());
                let there = proxy.address().to_string();
                let environment: Vec<(&str, String)> = environment
                    .iter()
                    .map(|(name, value)| {
                        let value = match value.strip_suffix('@') {
                            Some(before) => format!("{before}{there}"),
                            None => value.replace("@/", &format!("{there}/")),
                        };
                        (*name, value)
                    })
                    .collect();
                if by_curl {
                    let mut curl = Command::new("curl");
                    for name in VARIABLES {
                        curl.env_remove(name);
                    }
                    let curl = curl.envs(environment).args(["-s", "-k", "-m", "5", "-d", "{}", url]);
                    curl.output().unwrap();
                } else {
                    let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, &**value)).collect();
                    let _ = post(&with(&environment, &certificates), url);
                }
                let line = |head: String| head.lines().next().unwrap_or_default().to_owned();
                proxy.asked().into_iter().map(line).collect::<Vec<_>>()
            });
            assert_eq!(by_us, by_curl, "{url} {environment:?}");
        }
    });
}
