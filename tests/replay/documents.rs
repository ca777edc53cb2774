//! Types the commands of docs/replay.md.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::support::agent::{BINARY, Finished, finish};
use crate::support::is_ci;

/// In the place of a Prometheus: answers as its API does (prometheus.io/docs/prometheus/latest/querying/api).
const PROMETHEUS: &str = r#"#!/bin/sh
for word; do query=$word; done
case $query in
    *node_memory*) echo '{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"instance":"web-1:9100"},
        "values":[[1770000000,"41.5"],[1770000900,"85.25"],[1770001800,"NaN"],[1770002700,"40"]]}]}}';;
    *node_filesystem_free_bytes*) echo '{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"mountpoint":"/data"},
        "values":[[1770000000,"10"],[1770000900,"11"],[1770001800,"91.5"],[1770002700,"91.6"]]}]}}';;
    # Without the space that is free for root alone it is another share than the agent's.
    *) exit 22;;
esac
"#;

/// All blocks of shell of a page, in one shell.
fn typed(page: &str, has_jq: bool) -> Finished {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
    let blocks = text.split("\n```sh\n").skip(1).filter_map(|rest| rest.split("\n```").next());
    let script: Vec<&str> = blocks.take(if has_jq { 2 } else { 1 }).collect();
    let folder = tempfile::tempdir().unwrap();
    let curl = folder.path().join("curl");
    fs::write(&curl, PROMETHEUS).unwrap();
    fs::set_permissions(&curl, fs::Permissions::from_mode(0o755)).unwrap();
    let binaries = Path::new(BINARY).parent().unwrap().display().to_string();
    let path = format!("{}:{binaries}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    finish(shell.args(["-ec", &script.join("\n")]).current_dir(folder.path()).env("PATH", path).env("TZ", "UTC"))
}

#[test]
fn what_the_page_has_people_type_leads_to_the_messages_that_it_promises() {
    let has_jq = Command::new("jq").arg("--version").output().is_ok();
    if !has_jq {
        assert!(!is_ci(), "jq is not installed");
        eprintln!("the export from Prometheus is left out, jq is not installed");
    }
    for page in ["docs/replay.md", "docs/replay.zh-CN.md"] {
        let shown = typed(page, has_jq);
        assert_eq!(shown.code, 0, "{shown:?}");
        assert!(shown.stdout.contains("85.2%"), "{shown:?}");
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
        let summaries: Vec<&str> = shown.stderr.lines().collect();
        assert!(text.contains(summaries[0]), "{page} shows another sum than {summaries:?}");
        if has_jq {
            assert!(shown.stdout.contains(r#""metric":"disk","target":"/data","value":91.5"#), "{shown:?}");
            assert!(summaries[1].ends_with("3 messages (2 alert, 1 recovery), 1 alert still firing"), "{shown:?}");
        }
    }
}
