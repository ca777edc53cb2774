//! The tracked connections of a network namespace, against `conntrack -C`.

use std::fs;
use std::process::Command;

use serde_json::Value as Json;

use crate::support::agent::BINARY;
use crate::support::is_ci;

/// A rule that needs the connections' states has them tracked. Each of these is one; nobody answers.
const NAMESPACE: &str = r#"
ip link set lo up && iptables -A INPUT -m conntrack --ctstate INVALID -j DROP && conntrack -C >/dev/null || exit 100
bash -c 'for port in 10001 10002 10003 10004 10005; do exec 3>/dev/udp/127.0.0.1/$port; echo >&3; done' 2>/dev/null
before=$(conntrack -C); "$0" --config "$1" check --json
echo "$before $(conntrack -C) $(sysctl -n net.netfilter.nf_conntrack_max)"
"#;

#[test]
fn tracked_connections_are_as_many_as_conntrack_counts() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.yaml");
    fs::write(&config, "network: {traffic: {enabled: false}, conntrack: {enabled: true}}\n").unwrap();
    let mut unshare = Command::new("unshare");
    let output = unshare.args(["--net", "sh", "-c", NAMESPACE, BINARY]).arg(&config).output().unwrap();
    if output.status.code() == Some(100) || !output.status.success() {
        assert!(!is_ci(), "CI has root, iptables and conntrack: {output:?}");
        println!("skipped: it takes root, iptables and conntrack (Debian: apt install conntrack)");
        return;
    }
    let text = String::from_utf8(output.stdout).unwrap();
    let (json, counts) = text.trim_end().rsplit_once('\n').unwrap();
    let counts: Vec<f64> = counts.split(' ').map(|count| count.parse().unwrap()).collect();
    let [before, after, most] = counts[..] else { panic!("{text}") };
    let found: Json = serde_json::from_str(json).unwrap();
    let readings = found["readings"].as_array().unwrap();
    let reading =
        readings.iter().find(|reading| reading["metric"] == "conntrack").unwrap_or_else(|| panic!("{found:#}"));
    let ours = reading["value"].as_f64().unwrap() / 100.0 * most;
    assert!(before >= 5.0 && (before.min(after)..=before.max(after)).contains(&ours.round()), "{ours}: {counts:?}");
}
