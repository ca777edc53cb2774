//! Alerts while people deploy, stop and remove containers, and while containers crash: event by event, with the alert
//! state machine behind the collector, at every pace.

mod world;

use std::time::Duration;

use vps_monitor::collect::docker::{DockerConfig, Entry, Expected};
use vps_monitor::docker::Labels;

use world::World;

const NOTHING: [&str; 0] = [];

/// Pauses, in milliseconds, between the steps of a deploy: within one batch of events, over several, and slower than the
/// agent's looks. The steps of one take no longer than the grace.
const PACES: [i64; 7] = [0, 1, 90, 150, 250, 700, 2400];

fn watching(names: &[&str]) -> DockerConfig {
    DockerConfig { containers: names.iter().map(|name| Entry::new(*name)).collect(), ..DockerConfig::default() }
}

fn plain() -> Labels {
    Labels::default()
}

fn shop(service: &str, number: &str) -> Labels {
    Labels {
        compose_project: "shop".to_owned(),
        compose_service: service.to_owned(),
        compose_number: number.to_owned(),
        compose_oneoff: "False".to_owned(),
        ..Labels::default()
    }
}

fn task(service: &str, task: &str) -> Labels {
    Labels { swarm_service: service.to_owned(), swarm_task: task.to_owned(), ..Labels::default() }
}

/// A world in which these run, and have been seen to.
fn running(config: &DockerConfig, containers: &[(&str, Labels)]) -> World {
    let mut world = World::new(config);
    containers.iter().for_each(|(name, labels)| world.run(name, labels));
    world.pass(30_000);
    assert_eq!(world.told(), NOTHING);
    world
}

#[test]
fn an_updater_that_stops_removes_and_runs_anew_is_told_of_at_no_pace() {
    for names in [&[][..], &["w*"], &["web"]] {
        for pace in PACES {
            let mut world = running(&watching(names), &[("web", plain())]);
            world.stop("web");
            world.pass(pace);
            world.remove("web");
            world.pass(pace);
            world.create("web", &plain());
            world.pass(pace);
            world.start("web");
            world.pass(300_000);
            assert_eq!(world.told(), NOTHING, "{names:?} with {pace} ms between the steps");
        }
    }
}

#[test]
fn compose_recreates_five_services_and_nothing_is_told_at_any_pace() {
    for names in [&[][..], &["shop-*"], &["web", "db", "cache", "api", "jobs"], &["shop-web-1"]] {
        for pace in PACES {
            let services = ["web", "db", "cache", "api", "jobs"];
            let containers: Vec<(String, Labels)> =
                services.iter().map(|service| (format!("shop-{service}-1"), shop(service, "1"))).collect();
            let containers: Vec<(&str, Labels)> = containers.iter().map(|(n, l)| (n.as_str(), l.clone())).collect();
            let mut world = running(&watching(names), &containers);
            for (name, labels) in &containers {
                let temporary = format!("0123456789ab_{name}");
                world.create(&temporary, labels);
                world.pass(pace);
                world.stop(name);
                world.pass(pace);
                world.remove(name);
                world.pass(pace);
                world.rename(&temporary, name);
                world.pass(pace);
                world.start(name);
            }
            world.pass(300_000);
            assert_eq!(world.told(), NOTHING, "{names:?} with {pace} ms between the steps");
        }
    }
}

#[test]
fn compose_1_renames_the_old_container_and_nothing_is_told() {
    for pace in PACES {
        let mut world = running(&watching(&[]), &[("shop_web_1", shop("web", "1"))]);
        world.stop("shop_web_1");
        world.pass(pace);
        world.rename("shop_web_1", "0123456789ab_shop_web_1");
        world.pass(pace);
        world.run("shop_web_1", &shop("web", "1"));
        world.pass(pace);
        world.remove("0123456789ab_shop_web_1");
        world.pass(300_000);
        assert_eq!(world.told(), NOTHING, "{pace}");
    }
}

#[test]
fn a_recreation_that_fails_halfway_is_told_after_the_grace() {
    // The old one is gone, and the new one was not renamed.
    let mut world = running(&watching(&[]), &[("shop-web-1", shop("web", "1"))]);
    world.create("0123456789ab_shop-web-1", &shop("web", "1"));
    world.stop("shop-web-1");
    world.pass(500);
    world.remove("shop-web-1");
    world.pass(9000);
    assert_eq!(world.told(), NOTHING);
    world.pass(300_000);
    assert_eq!(world.told(), ["shop-web-1 removed Removed"]);
    // It is not told again while it lasts, and over when the name runs.
    world.pass(3_600_000);
    assert_eq!(world.told(), NOTHING);
    world.rename("0123456789ab_shop-web-1", "shop-web-1");
    world.pass(1000);
    assert_eq!(world.told(), NOTHING);
    world.start("shop-web-1");
    world.pass(1000);
    assert_eq!(world.told(), ["shop-web-1 running ok"]);

    // The new one has the name, and cannot be started.
    let mut world = running(&watching(&[]), &[("web", plain())]);
    world.stop("web");
    world.remove("web");
    world.create("web", &plain());
    world.pass(20_000);
    assert_eq!(world.told(), ["web created"]);
}

#[test]
fn an_updater_that_puts_the_old_container_aside_is_not_told_of() {
    for pace in PACES {
        let mut world = running(&watching(&[]), &[("web", plain())]);
        world.stop("web");
        world.pass(pace);
        world.rename("web", "web-old");
        world.pass(pace);
        world.run("web", &plain());
        world.pass(300_000);
        world.remove("web-old");
        world.pass(300_000);
        assert_eq!(world.told(), NOTHING, "{pace}");
    }
}

#[test]
fn what_is_slower_than_the_grace_is_told_and_called_over() {
    for (names, first) in [(&[][..], "web removed Removed"), (&["web"], "web missing")] {
        let mut world = running(&watching(names), &[("web", plain())]);
        world.remove_by_force("web");
        world.pass(9900);
        assert_eq!(world.told(), NOTHING);
        world.pass(20_000);
        assert_eq!(world.told(), [first]);
        world.run("web", &plain());
        world.pass(1000);
        assert_eq!(world.told(), ["web running ok"]);
    }
}

#[test]
fn the_grace_is_the_configurations_and_zero_is_none() {
    let mut world = running(&DockerConfig { grace: Duration::ZERO, ..watching(&[]) }, &[("web", plain())]);
    world.stop("web");
    world.pass(300);
    assert_eq!(world.told(), ["web exited StoppedByHand"]);
    let mut world = running(&DockerConfig { grace: Duration::from_secs(60), ..watching(&[]) }, &[("web", plain())]);
    world.stop("web");
    world.pass(59_000);
    assert_eq!(world.told(), NOTHING);
    world.pass(2000);
    assert_eq!(world.told(), ["web exited StoppedByHand"]);
}

#[test]
fn a_crash_is_told_at_once_though_something_was_done_on_purpose_before() {
    let mut world = running(&watching(&[]), &[("web", plain())]);
    world.kill("web", "1");
    world.pass(5000);
    world.die("web", 1);
    world.pass(200);
    assert_eq!(world.told(), ["web exited ExitCode(1)"]);
    world.start("web");
    world.pass(200);
    assert_eq!(world.told(), ["web running ok"]);
    world.pause("web");
    world.pass(5000);
    world.unpause("web");
    world.pass(100_000);
    assert_eq!(world.told(), NOTHING);
}

#[test]
fn a_death_is_told_though_the_container_runs_again_by_the_time_of_the_look() {
    for pace in [0, 100, 250, 1000] {
        let mut world = running(&watching(&[]), &[("worker", plain())]);
        for _ in 0..2 {
            world.die("worker", 139);
            world.pass(pace);
            world.restart_by_policy("worker");
            world.pass(400_000);
            assert_eq!(world.told(), ["worker exited ExitCode(139)", "worker running ok"], "{pace}");
        }
    }
}

#[test]
fn a_death_that_no_event_told_of_is_found_by_the_restart_count() {
    let mut world = running(&watching(&[]), &[("worker", plain())]);
    world.set_follows_events(false);
    world.die("worker", 139);
    world.restart_by_policy("worker");
    world.set_follows_events(true);
    world.pass(61_000);
    assert_eq!(world.told(), ["worker exited", "worker running ok"]);
    world.pass(300_000);
    assert_eq!(world.told(), NOTHING);
}

#[test]
fn a_death_is_told_though_no_event_told_of_the_start_before_it() {
    let mut world = running(&watching(&[]), &[("web", plain())]);
    world.die("web", 3);
    world.pass(500);
    assert_eq!(world.told(), ["web exited ExitCode(3)"]);
    world.set_follows_events(false);
    world.start("web");
    world.set_follows_events(true);
    world.pass(61_000);
    assert_eq!(world.told().last().unwrap(), "web running ok");
    world.die("web", 4);
    world.restart_by_policy("web");
    world.pass(500);
    assert_eq!(world.told(), ["web exited ExitCode(4)", "web running ok"]);
}

#[test]
fn a_restart_by_hand_and_a_finished_run_are_no_deaths() {
    let mut world = running(&watching(&[]), &[("web", plain()), ("cron", plain())]);
    world.stop("web");
    world.start("web");
    world.die("cron", 0);
    world.restart_by_policy("cron");
    world.pass(300_000);
    assert_eq!(world.told(), NOTHING);
    // Named, it is told whatever it ended with.
    let mut world = running(&watching(&["cron"]), &[("cron", plain())]);
    world.die("cron", 0);
    world.restart_by_policy("cron");
    world.pass(1000);
    assert_eq!(world.told(), ["cron exited ExitCode(0)", "cron running ok"]);
}

#[test]
fn a_restart_loop_is_one_alert() {
    let mut world = running(&watching(&[]), &[("app", plain())]);
    for _ in 0..20 {
        world.die("app", 7);
        world.pass(100);
        world.restart_by_policy("app");
        world.pass(15_000);
    }
    let told = world.told();
    let again = ["app exited ExitCode(7)", "app running ok"];
    assert_eq!(told[..4], [again, again].concat());
    let looping = told.iter().filter(|line| line.contains("RestartLoop")).count();
    // Each check tells it again here, where there is no cooldown; no turn of the loop is an alert or an all-clear.
    assert!(looping >= 1 && told[4..].iter().all(|line| line.contains("RestartLoop")), "{told:#?}");
}

#[test]
fn a_container_that_removes_itself_is_told_where_it_failed() {
    let mut world = running(&watching(&[]), &[("backup", plain())]);
    world.die("backup", 3);
    world.remove("backup");
    world.pass(300_000);
    assert_eq!(world.told(), ["backup exited ExitCode(3)"]);
    world.run("backup", &plain());
    world.pass(1000);
    assert_eq!(world.told(), ["backup running ok"]);
    world.die("backup", 0);
    world.remove("backup");
    world.pass(300_000);
    assert_eq!(world.told(), NOTHING);
    // One whose whole life was between two looks.
    world.run("backup-2", &plain());
    world.die("backup-2", 4);
    world.remove("backup-2");
    world.pass(300_000);
    assert_eq!(world.told(), ["backup-2 exited ExitCode(4)"]);
}

/// Another container stands for its service.
#[test]
fn a_container_of_a_service_that_no_list_had_is_told_by_its_own_name() {
    let mut world = running(&watching(&["web"]), &[("shop-web-1", shop("web", "1"))]);
    world.run("shop-web-2", &shop("web", "2"));
    world.die("shop-web-2", 4);
    world.remove("shop-web-2");
    world.pass(300_000);
    assert_eq!(world.told(), ["shop-web-2 exited ExitCode(4)"]);
}

#[test]
fn however_long_its_removal_takes_a_container_that_failed_is_told_once() {
    for pause_millis in [10, 1000, 20_000, 200_000] {
        let mut world = running(&watching(&[]), &[("backup", plain())]);
        world.die("backup", 3);
        world.begin_to_remove("backup");
        world.pass(pause_millis);
        world.remove("backup");
        world.pass(300_000);
        assert_eq!(world.told(), ["backup exited ExitCode(3)"], "{pause_millis}");
    }
}

#[test]
fn what_was_stopped_at_first_sight_is_taken_as_it_is_until_it_runs() {
    let mut world = World::new(&watching(&[]));
    for (name, code) in [("old", 3), ("killed", 137), ("job", 0)] {
        world.run(name, &plain());
        world.die(name, code);
    }
    world.create("never", &plain());
    world.restart_agent(0, |_| {});
    world.pass(300_000);
    assert_eq!(world.told(), NOTHING);
    world.start("old");
    world.pass(1000);
    world.die("old", 3);
    world.pass(1000);
    assert_eq!(world.told(), ["old exited ExitCode(3)"]);
    // Named, it is told as it is.
    let mut world = World::new(&watching(&["old"]));
    world.run("old", &plain());
    world.die("old", 0);
    world.restart_agent(0, |_| {});
    assert_eq!(world.told(), ["old exited ExitCode(0)"]);
}

#[test]
fn a_crash_while_the_agent_was_away_is_told_and_so_is_a_removal() {
    let mut world = running(&watching(&[]), &[("web", plain()), ("db", plain()), ("job", plain()), ("cache", plain())]);
    world.restart_agent(60_000, |world| {
        world.die("web", 3);
        world.remove_by_force("db");
        world.die("job", 0);
        world.run("new", &plain());
        world.die("new", 3);
    });
    world.pass(9000);
    assert_eq!(world.told(), ["web exited ExitCode(3)"]);
    world.pass(60_000);
    assert_eq!(world.told()[0], "db removed Removed");
}

#[test]
fn a_crash_that_the_engine_mended_while_the_agent_was_away_is_told_once_with_its_cause() {
    for away_millis in [1000, 60_000, 7_200_000] {
        for (is_remembered, died) in [(true, "web exited ExitCode(139)"), (false, "web exited")] {
            let mut world = running(&watching(&[]), &[("web", plain())]);
            let crash = |world: &mut World| {
                world.wait(500);
                world.die("web", 139);
                world.wait(100);
                world.restart_by_policy("web");
                if !is_remembered {
                    world.forget_events();
                }
            };
            world.restart_agent(away_millis, crash);
            assert_eq!(world.told(), [died, "web running ok"], "{away_millis}");
            world.pass(300_000);
            // Neither this agent tells it again, nor the next one.
            world.restart_agent(60_000, |_| {});
            world.pass(300_000);
            assert_eq!(world.told(), NOTHING, "{away_millis}");
            // A death that is told while the agent runs is not told again by the next one.
            world.die("web", 3);
            world.restart_by_policy("web");
            world.pass(1000);
            assert_eq!(world.told(), ["web exited ExitCode(3)", "web running ok"]);
            world.restart_agent(60_000, |_| {});
            assert_eq!(world.told(), NOTHING);
            world.restart_agent(away_millis, crash);
            assert_eq!(world.told(), [died, "web running ok"], "{away_millis}");
        }
    }
}

#[test]
fn what_people_and_tools_did_while_the_agent_was_away_is_no_crash() {
    for is_remembered in [true, false] {
        let containers = [("web", plain()), ("db", plain()), ("shop-web-1", shop("web", "1")), ("cron", plain())];
        let mut world = running(&watching(&[]), &containers);
        world.restart_agent(3_600_000, |world| {
            // `docker restart`.
            world.stop("web");
            world.start("web");
            // A deploy.
            world.remove_by_force("shop-web-1");
            world.run("shop-web-1", &shop("web", "1"));
            // The engine was restarted, and started its containers: with live-restore it would not have touched them.
            world.kill_silently("db");
            if is_remembered {
                world.die("cron", 0);
                world.restart_by_policy("cron");
            } else {
                world.forget_events();
            }
        });
        world.pass(300_000);
        assert_eq!(world.told(), NOTHING, "{is_remembered}");
    }
}

#[test]
fn a_start_of_the_machine_is_no_crash_of_its_containers() {
    let mut world = running(&watching(&[]), &[("web", plain()), ("db", plain())]);
    world.restart_agent(1_000, |world| {
        world.wait(60_000);
        world.reboot();
        // It waits for the database, and its policy starts it again until that is there.
        for _ in 0..2 {
            world.wait(10_000);
            world.die("web", 1);
            world.restart_by_policy("web");
        }
    });
    world.pass(600_000);
    assert_eq!(world.told(), NOTHING);
    // Later it is one.
    world.restart_agent(3_600_000, |world| {
        world.wait(600_000);
        world.die("web", 1);
        world.restart_by_policy("web");
    });
    assert_eq!(world.told(), ["web exited ExitCode(1)", "web running ok"]);
}

#[test]
fn who_stopped_a_container_while_the_agent_was_away_is_told() {
    let mut world = running(&watching(&[]), &[("web", plain()), ("backup", plain())]);
    world.restart_agent(60_000, |world| {
        world.stop("web");
        world.die("backup", 3);
        world.remove("backup");
    });
    world.pass(20_000);
    assert_eq!(world.told(), ["backup exited ExitCode(3)", "web exited StoppedByHand"]);
}

#[test]
fn a_container_made_while_the_agent_was_away_is_taken_as_it_is_found() {
    let mut world = running(&watching(&["web", "*"]), &[("web", plain())]);
    world.restart_agent(60_000, |world| {
        world.run("job", &plain());
        world.die("job", 3);
        world.run("new", &plain());
        world.die("new", 1);
        world.restart_by_policy("new");
    });
    world.pass(300_000);
    assert_eq!(world.told(), NOTHING);
}

#[test]
fn what_took_the_place_of_a_container_while_the_agent_was_away_is_meant_to_run() {
    let mut world = running(&watching(&[]), &[("web", plain())]);
    world.restart_agent(60_000, |world| {
        world.remove_by_force("web");
        world.run("web", &plain());
        world.die("web", 3);
    });
    world.pass(1000);
    assert_eq!(world.told(), ["web exited ExitCode(3)"]);
}

#[test]
fn the_cause_is_the_same_after_a_restart_of_the_agent() {
    let mut world = running(&watching(&[]), &[("web", plain()), ("db", plain())]);
    world.stop("web");
    world.set_oom_flag("db");
    world.oom("db");
    world.die("db", 1);
    world.pass(20_000);
    assert_eq!(world.told(), ["db exited OomKilled ExitCode(1)", "web exited StoppedByHand"]);
    world.restart_agent(1000, |_| {});
    assert_eq!(world.values(), ["db exited OomKilled ExitCode(1)", "web exited StoppedByHand"]);
    // Nothing is taken back because of it.
    assert!(world.told().iter().all(|line| !line.ends_with("ok")));
}

#[test]
fn a_stop_of_the_engine_is_told_as_that_and_only_of_what_did_not_come_back() {
    for events_are_told in [true, false] {
        let mut world = running(&watching(&[]), &[("web", plain()), ("db", plain())]);
        world.restart_engine(events_are_told, 20_000);
        assert_eq!(world.told(), NOTHING);
        world.start("db");
        world.pass(20_000);
        assert_eq!(world.told(), ["web exited EngineStopped"], "{events_are_told}");
        world.restart_agent(1000, |_| {});
        assert_eq!(world.values(), ["web exited EngineStopped"]);
    }
}

#[test]
fn a_stale_flag_is_not_taken_for_the_cause() {
    let mut world = running(&watching(&[]), &[("web", plain()), ("api", plain()), ("job", plain())]);
    ["web", "api", "job"].iter().for_each(|name| world.set_oom_flag(name));
    world.stop("web");
    world.die("api", 3);
    world.die("job", 0);
    world.pass(20_000);
    assert_eq!(world.told(), ["api exited ExitCode(3)", "web exited StoppedByHand"]);
}

#[test]
fn a_stop_by_its_own_signal_is_a_stop() {
    let mut world = running(&watching(&[]), &[("nginx", plain()), ("db", plain())]);
    world.set_stop_signal("nginx", "SIGQUIT");
    for name in ["nginx", "db"] {
        world.kill(name, "3");
        world.die(name, 131);
    }
    world.pass(500);
    assert_eq!(world.told(), ["db exited ExitCode(131)"]);
    world.pass(20_000);
    assert_eq!(world.told(), ["nginx exited StoppedByHand"]);
}

#[test]
fn of_a_swarms_slot_the_newest_task_speaks() {
    for names in [&[][..], &["web.*"], &["web"]] {
        for pace in PACES {
            let mut world = running(&watching(names), &[("web.1.k2n0", task("web", "web.1.k2n0"))]);
            world.create("web.1.q9w8", &task("web", "web.1.q9w8"));
            world.pass(pace);
            world.kill("web.1.k2n0", "15");
            world.die("web.1.k2n0", 143);
            world.pass(pace);
            world.start("web.1.q9w8");
            world.pass(300_000);
            assert_eq!(world.told(), NOTHING, "{names:?} {pace}");
            world.die("web.1.q9w8", 1);
            world.pass(500);
            let target = if names == ["web"] { "web" } else { "web.1" };
            assert_eq!(world.told(), [format!("{target} exited ExitCode(1)")]);
            world.run("web.1.zzzz", &task("web", "web.1.zzzz"));
            world.pass(1000);
            assert_eq!(world.told(), [format!("{target} running ok")]);
        }
    }
}

#[test]
fn a_service_that_is_scaled_down_or_moved_to_another_container_is_not_missed() {
    let containers = [("shop-web-1", shop("web", "1")), ("shop-web-2", shop("web", "2"))];
    for names in [&[][..], &["web"]] {
        let mut world = running(&watching(names), &containers);
        world.stop("shop-web-2");
        world.pass(500);
        world.remove("shop-web-2");
        world.pass(300_000);
        assert_eq!(world.told(), NOTHING);
        world.run("shop-web-3", &shop("web", "3"));
        world.pass(500);
        world.remove_by_force("shop-web-1");
        world.pass(300_000);
        assert_eq!(world.told(), NOTHING, "{names:?}");
        // A crash is a crash.
        world.die("shop-web-3", 1);
        world.pass(500);
        assert_eq!(world.told().len(), 1, "{names:?}");
    }
}

#[test]
fn a_health_alert_lasts_over_a_stop_and_ends_when_it_runs_and_is_healthy() {
    for names in [&[][..], &["web"]] {
        let mut world = running(&watching(names), &[("web", plain())]);
        world.set_health("web", "unhealthy");
        world.pass(500);
        assert_eq!(world.told(), ["web unhealthy"]);
        world.stop("web");
        world.pass(50_000);
        world.told();
        world.set_health("web", "starting");
        world.start("web");
        world.pass(1000);
        assert_eq!(world.told(), ["web running ok"], "{names:?}");
        assert_eq!(world.values(), ["web unhealthy"]);
        world.set_health("web", "healthy");
        world.pass(500);
        assert_eq!(world.told(), ["web healthy ok"]);
        // The next container of the name is healthy, too.
        world.set_health("web", "unhealthy");
        world.pass(500);
        world.told();
        world.remove_by_force("web");
        world.run("web", &plain());
        world.set_health("web", "healthy");
        world.pass(1000);
        assert_eq!(world.told(), ["web healthy ok"]);
    }
}

#[test]
fn a_job_that_fails_is_told_and_one_that_ends_well_is_not() {
    let job = Entry { expected: Expected::Exited, ..Entry::new("job") };
    let config = DockerConfig { containers: vec![job], ..DockerConfig::default() };
    let mut world = running(&config, &[("job", plain())]);
    world.die("job", 0);
    world.pass(300_000);
    assert_eq!(world.told(), NOTHING);
    world.start("job");
    world.pass(1000);
    world.die("job", 3);
    world.pass(1000);
    assert_eq!(world.told(), ["job exited ExitCode(3)"]);
}

#[test]
fn forty_thousand_finished_jobs_are_not_remembered_and_those_that_run_are_within_a_bound() {
    let mut world = World::new(&watching(&[]));
    world.pass(0);
    for number in 0..12_000 {
        world.create(&format!("job-{number}"), &plain());
    }
    world.run("web", &plain());
    world.pass(61_000);
    assert!(world.memory_bytes() < 300, "{}", world.memory_bytes());
    (0..12_000).for_each(|number| world.start(&format!("job-{number}")));
    world.pass(61_000);
    assert!((100_000..1_500_000).contains(&world.memory_bytes()), "{}", world.memory_bytes());
    (0..12_000).for_each(|number| world.die(&format!("job-{number}"), 0));
    world.pass(61_000);
    assert_eq!(world.told(), NOTHING);
    assert!(world.memory_bytes() < 300, "{}", world.memory_bytes());
}

#[test]
fn an_engine_that_is_gone_for_a_minute_is_told_where_containers_were_seen() {
    let mut world = running(&watching(&[]), &[("web", plain())]);
    world.set_engine(false);
    (0..14).for_each(|_| world.look_again(4000));
    assert_eq!(world.told(), NOTHING);
    (0..3).for_each(|_| world.look_again(4000));
    assert_eq!(world.told(), ["Docker unavailable"]);
    // The agent that is started meanwhile knows that there was one.
    world.restart_agent(1000, |_| {});
    world.pass(120_000);
    assert!(world.told().iter().all(|line| line == "Docker unavailable"));
    world.set_engine(true);
    world.look_again(1000);
    assert_eq!(world.told(), ["Docker available ok"]);
}
