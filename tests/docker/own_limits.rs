//! The limits of containers' own memory: whose they are.

use vps_monitor::collect::docker::{DockerConfig, Entry};

use super::{at, collect, config, watching};
use crate::support::fleet::{Container, Fleet, running};

#[test]
fn a_services_containers_have_the_limits_of_its_entry_by_their_labels_and_no_others_do_by_their_names() {
    const SHOP: &[(&str, &str)] = &[("com.docker.compose.project", "shop"), ("com.docker.compose.service", "web")];
    let replica = |id, name| Container { labels: SHOP, ..running(id, name) };
    let containers = vec![
        replica("a", "shop-web-1"),
        replica("b", "shop-web-2"),
        running("c", "my-web-proxy"),
        running("d", "x_web_y"),
    ];
    let engine = Fleet::new(containers).engine("Api-Version: 1.41");
    let mut config = DockerConfig { memory: Some(90.0), ..config(engine.address(), &["web", "*"]) };
    config.containers[0].own.memory = Some(50.0);
    assert_eq!(config.containers[1], Entry::new("*"));
    let mut docker = watching(&config);
    collect(&mut docker, at(0));
    let measured = docker.measured();
    let mut measured: Vec<_> = measured.iter().map(|of| (&*of.target, of.limits_of.as_deref())).collect();
    measured.sort_unstable();
    let of_service = Some("web");
    assert_eq!(measured, [("my-web-proxy", None), ("shop-web-2", of_service), ("web", None), ("x_web_y", None)]);
}
