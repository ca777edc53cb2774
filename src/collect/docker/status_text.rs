//! Parses the list's `Status` text, which saves inspecting a container: `Up 5 minutes (healthy)`, `Exited (3) 2 hours
//! ago`. moby's `container/state.go` makes it, `docker/go-units` its durations; podman's has the same form, without the
//! health.

use std::time::Duration;

/// The health in brackets at the end of the text of a container that runs and has a health check.
pub fn health(status: &str) -> Option<&'static str> {
    let (_, bracket) = status.strip_suffix(')')?.rsplit_once('(')?;
    match bracket {
        "healthy" => Some("healthy"),
        "unhealthy" => Some("unhealthy"),
        "health: starting" | "starting" => Some("starting"),
        _ => None,
    }
}

/// The exit code of a container that ended or is being restarted.
pub fn exit_code(status: &str) -> Option<i64> {
    let rest = status.strip_prefix("Exited (").or_else(|| status.strip_prefix("Restarting ("))?;
    rest.split_once(')')?.0.parse().ok()
}

/// The least time that a container has been up: the text is rounded down to its unit.
pub fn uptime(status: &str) -> Option<Duration> {
    let mut words = status.strip_prefix("Up ")?.split(' ');
    let (count, unit) = match (words.next()?, words.next()?) {
        ("Less", _) => return Some(Duration::ZERO), // than a second
        ("About", _) => (1, words.next()?),         // a minute, an hour
        (count, unit) => (count.parse().ok()?, unit),
    };
    let unit_seconds: u64 = match unit.trim_end_matches('s') {
        "second" => 1,
        "minute" => 60,
        "hour" => 60 * 60,
        "day" => 24 * 60 * 60,
        "week" => 7 * 24 * 60 * 60,
        "month" => 30 * 24 * 60 * 60,
        "year" => 365 * 24 * 60 * 60,
        _ => return None,
    };
    Some(Duration::from_secs(unit_seconds.saturating_mul(count)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn health_is_the_last_bracket_of_one_that_is_up() {
        for (status, expected) in [
            ("Up 55 seconds (healthy)", Some("healthy")),
            ("Up 54 seconds (unhealthy)", Some("unhealthy")),
            ("Up 54 seconds (health: starting)", Some("starting")),
            ("Up 55 seconds (Paused)", None),
            ("Up 55 seconds", None),
            ("Exited (0) 56 seconds ago", None),
            ("", None),
        ] {
            assert_eq!(health(status), expected, "{status}");
        }
    }

    #[test]
    fn the_exit_code_is_that_of_one_that_ended() {
        assert_eq!(exit_code("Exited (137) 54 seconds ago"), Some(137));
        assert_eq!(exit_code("Exited (-1) 2 days ago"), Some(-1));
        assert_eq!(exit_code("Restarting (7) 6 seconds ago"), Some(7));
        assert_eq!(exit_code("Up 3 seconds (healthy)"), None);
        assert_eq!(exit_code("Created"), None);
    }

    #[test]
    fn uptime_is_rounded_down_to_its_unit() {
        for (status, seconds) in [
            ("Up Less than a second", Some(0)),
            ("Up 1 second", Some(1)),
            ("Up 54 seconds (health: starting)", Some(54)),
            ("Up About a minute", Some(60)),
            ("Up 9 minutes", Some(540)),
            ("Up About an hour (healthy)", Some(3600)),
            ("Up 3 weeks", Some(1_814_400)),
            ("Exited (0) 56 seconds ago", None),
            ("Up many moons", None),
        ] {
            assert_eq!(uptime(status).map(|uptime| uptime.as_secs()), seconds, "{status}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_texts_never_panic(status in "(Up |Exited \\(|)[\\PC]{0,40}") {
            let _ = (health(&status), exit_code(&status), uptime(&status));
        }
    }
}
