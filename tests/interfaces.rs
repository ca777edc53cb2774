//! Which interfaces count, asked of the kernel: real ones in a network namespace of their own, and this machine's hardware.

use std::fs;
use std::process::Command;

use serde_json::Value as Json;

use crate::support::agent::BINARY;
use crate::support::is_ci;

/// A container's interface `eth0`, whose other end is in a bridge beside a tunnel. Every byte that it sends is counted on
/// the other end and on the bridge as well.
const NAMESPACE: &str = r#"
mount -t sysfs sysfs /sys && ip link add eth0 type veth peer name veth1 && ip link add podman0 type bridge &&
ip link set veth1 master podman0 && ip tuntap add tailscale0 mode tun &&
ip link add "$(printf 'vpn-\271\343')" type veth peer name veth2 &&
for name in lo eth0 veth1 podman0; do ip link set "$name" up || exit; done &&
ip address add 10.9.0.1/24 dev eth0 && ip neighbour add 10.9.0.2 lladdr 02:00:00:00:00:02 dev eth0 || exit 100
bash -c 'exec 3>/dev/udp/10.9.0.2/9; while printf %01000d 0 >&3; do :; done' &
"$0" --config "$1" check --json
code=$?
kill $!
exit $code
"#;

/// `check --json` in the namespace, and its exit code; `None` where there cannot be one, with a word on why.
fn check_in_namespace(interfaces: &str) -> Option<(Json, i32)> {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.yaml");
    fs::write(
        &config,
        format!(
            "system: {{memory: {{enabled: false}}, disk: {{enabled: false}}, cpu: {{enabled: false}}, swap: {{enabled: false}}}}\n\
             network: {{traffic: {{sample_interval: 0.3, threshold_mbps: 1000000, interfaces: {interfaces}}}, \
             connections: {{enabled: false}}}}\ndocker: {{enabled: false}}\n"
        ),
    )
    .unwrap();
    let mut unshare = Command::new("unshare");
    let output = unshare.args(["--net", "--mount", "sh", "-c", NAMESPACE, BINARY]).arg(&config).output().unwrap();
    let json = serde_json::from_slice(&output.stdout).ok();
    if json.is_none() {
        assert!(!is_ci(), "CI runs as root, and has these kinds of interfaces: {output:?}");
        println!("skipped: interfaces of its own take root: {}", String::from_utf8_lossy(&output.stderr));
    }
    Some((json?, output.status.code().unwrap()))
}

fn mbps(found: &Json, metric: &str) -> f64 {
    let reading = found["readings"].as_array().unwrap().iter().find(|reading| reading["metric"] == metric);
    reading.unwrap_or_else(|| panic!("no {metric}: {found:#}"))["value"].as_f64().unwrap()
}

#[test]
fn in_a_container_its_own_interface_counts_and_none_that_sees_the_same_bytes() {
    let Some((found, code)) = check_in_namespace("[]") else { return };
    let [received, sent] = ["traffic_in", "traffic_out"].map(|metric| mbps(&found, metric));
    assert!(sent > 0.0 && received < sent / 2.0, "received {received}, sent {sent}");
    assert_eq!(code, 0);
    let (found, _) = check_in_namespace("[podman0, veth1, \"vpn-*\"]").unwrap();
    let received = mbps(&found, "traffic_in");
    assert!(received > 0.0, "what eth0 sends is seen twice: {found:#}");
}

#[test]
fn a_named_interface_that_is_missing_makes_traffic_unknown_and_is_named() {
    let Some((found, code)) = check_in_namespace("[eth0, wg0]") else { return };
    let readings = found["readings"].as_array().unwrap();
    let is_traffic = |reading: &serde_json::Value| reading["metric"].as_str().unwrap().starts_with("traffic");
    assert!(code == 3 && !readings.iter().any(is_traffic), "{found:#}");
    let error = found["failures"][0]["error"].as_str().unwrap();
    assert!(error.ends_with("no interface is named wg0"), "{error}");
}
