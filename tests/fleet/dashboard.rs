//! The dashboard: its form, and that each panel has data of real agents in Prometheus and in VictoriaMetrics.
//!
//! No real Grafana can be installed here. tests/tools/dashboard_schema.py checks each field against Grafana's own schema, by hand.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::Value as Json;

use super::push::{prometheus, results, victoria_metrics};
use super::share::share;
use crate::support::agent::{Place, finish, quick};
use crate::support::engine::Engine;
use crate::support::peer::{Peer, ask, free_port, program};
use crate::support::wait_until;

fn dashboard() -> Json {
    serde_json::from_slice(&fs::read(share("grafana/vps-monitor.json")).unwrap()).unwrap()
}

/// The dashboard's expressions, each with its panel.
fn expressions(dashboard: &Json) -> Vec<(String, String)> {
    let of = |panel: &Json| {
        let title = panel["title"].as_str().unwrap().to_owned();
        let targets = panel["targets"].as_array().unwrap().clone();
        targets.into_iter().map(move |target| (title.clone(), target["expr"].as_str().unwrap().to_owned()))
    };
    dashboard["panels"].as_array().unwrap().iter().flat_map(of).collect()
}

#[test]
fn the_dashboard_is_whole_and_prometheus_understands_each_panel() {
    let dashboard = dashboard();
    assert_eq!((&dashboard["uid"], &dashboard["title"]), (&"vps-monitor".into(), &"vps-monitor".into()));
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<i64> = panels.iter().map(|panel| panel["id"].as_i64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    // No two panels share a cell of the grid, which is 24 wide.
    let mut cells = BTreeSet::new();
    for panel in panels {
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_i64().unwrap());
        assert!(x + w <= 24, "{panel:#}");
        for cell in (y..y + h).flat_map(|row| (x..x + w).map(move |column| (row, column))) {
            assert!(cells.insert(cell), "two panels at {cell:?}: {}", panel["title"]);
        }
        let of_targets = panel["targets"].as_array().unwrap().iter().map(|target| &target["datasource"]);
        for datasource in of_targets.chain([&panel["datasource"]]) {
            assert_eq!((&datasource["type"], &datasource["uid"]), (&"prometheus".into(), &"${datasource}".into()));
        }
    }
    let variables: Vec<&str> =
        dashboard["templating"]["list"].as_array().unwrap().iter().map(|list| list["name"].as_str().unwrap()).collect();
    assert_eq!(variables, ["datasource", "instance"]);
    for (title, expression) in expressions(&dashboard) {
        assert!(expression.contains("{instance=~\"$instance\"}"), "{title} shows other hosts, too: {expression}");
    }

    // A recording rule for each, which promtool parses.
    let rules: String = expressions(&dashboard)
        .iter()
        .enumerate()
        .map(|(number, (_, expression))| format!("  - record: panel:{number}\n    expr: '{expression}'\n"))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("panels.yml");
    fs::write(&file, format!("groups:\n- name: panels\n  rules:\n{rules}")).unwrap();
    let Some(promtool) = program("promtool") else { return };
    let finished = finish(Command::new(promtool).args(["check", "rules"]).arg(&file));
    assert_eq!(finished.code, 0, "{finished:?}");
}

/// A disk that has filled for a day, in the state: the hours before with less and less.
fn disk_fills(place: &Place) {
    assert_eq!(place.run(&["run", "--once"]).code, 0);
    let mut state: Json = serde_json::from_slice(&fs::read(place.state_file()).unwrap()).unwrap();
    let disk =
        state["forecasts"]["series"].as_array_mut().unwrap().iter_mut().find(|series| series["metric"] == "disk");
    let disk = disk.expect("the disk is remembered");
    let now = u32::from_str_radix(disk["peaks"].as_str().unwrap(), 16).unwrap();
    disk["peaks"] = (0..26).map(|hour| format!("{:04x}", now * (26 - hour) / 26)).collect::<String>().into();
    fs::write(place.state_file(), state.to_string()).unwrap();
}

/// The panels for which a server has nothing.
fn empty(server: &Peer, dashboard: &Json) -> Vec<String> {
    let has_none = |expression: &str| results(server, &expression.replace("$instance", ".*")).is_empty();
    expressions(dashboard).into_iter().filter(|(_, expression)| has_none(expression)).map(|(title, _)| title).collect()
}

#[test]
fn each_panel_shows_something_of_two_real_agents_scraped_or_pushed() {
    let Some(victoria_metrics) = victoria_metrics() else { return };
    let engine = Engine::recorded("docker-26.1.5", "containers-all");
    let docker = format!("docker: {{socket: {}}}", engine.path().display());
    let (well, failing) = (Place::on("small-vps"), Place::on("no-swap"));
    fs::remove_file(failing.path("proc/net/dev")).unwrap();
    let ports = [free_port(), free_port()];
    let push = victoria_metrics.url("/api/v1/import/prometheus");
    for (place, port, host) in [(&well, ports[0], "web-1"), (&failing, ports[1], "web-2")] {
        let yaml = quick("")
            .replace("docker: {enabled: false}", &docker)
            .replace("disk: {enabled: false}", "disk: {threshold: 100, forecast: 1h, paths: [/]}")
            .replace("web-1", host);
        place.configure(&format!("{yaml}metrics: {{listen: {port}, push: ['{push}']}}\n"));
    }
    disk_fills(&well);
    let agents = [well.start(&["run"]), failing.start(&["run"])];
    for port in ports {
        wait_until("the page is there", || ask(port, "GET", "/metrics", "").is_some());
    }
    let Some(prometheus) = prometheus(&ports) else { return };
    let dashboard = dashboard();
    for server in [&prometheus, &victoria_metrics] {
        let count = |query: &str| Some(results(server, query).first()?["value"][1].as_str()?.to_owned());
        wait_until("both hosts are there", || {
            count("count(vps_monitor_build_info)").as_deref() == Some("2") && empty(server, &dashboard).is_empty()
        });
        let shown = |title: &str| {
            let all = expressions(&dashboard);
            let (_, expression) = all.iter().find(|(of, _)| of == title).unwrap();
            count(&expression.replace("$instance", ".*")).unwrap()
        };
        assert_eq!(["Hosts", "Silent hosts", "Measurements that fail"].map(shown), ["2", "0", "1"]);
    }
    for agent in agents {
        assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
    }
}
