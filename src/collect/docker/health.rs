//! Judges a container's health. Pure.

use std::time::Duration;

use super::interner::Interner;
use super::judge::{Observation, WatchPolicy};
use crate::snapshot::{Cause, ContainerWord};

/// The least time for which `starting` is neither good nor bad, however short the container's own times are.
pub const SHORTEST_START: Duration = Duration::from_secs(10 * 60);

/// The word of a good health.
pub const EXPECTED: &str = "healthy";

/// The reading of a container's health; `None` if it has none, or is not to be watched.
pub fn health(observed: &Observation, policy: WatchPolicy, interner: &mut Interner) -> Option<ContainerWord> {
    let word = observed.health.as_ref().filter(|_| policy.check_health)?;
    let well = match &**word {
        EXPECTED => Some(true),
        "starting" if !is_overdue(observed) => None,
        _ => Some(false),
    };
    let output = observed.details.as_ref().and_then(|details| details.health_output.clone());
    Some(ContainerWord {
        well,
        causes: output.filter(|_| well == Some(false)).map(Cause::HealthOutput).into_iter().collect(),
        is_critical: policy.is_critical,
        ..ContainerWord::new(word.clone(), interner.get(EXPECTED))
    })
}

/// Whether a container has been starting for longer than its own health check may take. The list alone does not tell:
/// the times of the check are in inspect.
fn is_overdue(observed: &Observation) -> bool {
    let longest_start = observed.details.as_ref().and_then(|details| details.longest_start);
    match (observed.uptime, longest_start) {
        (Some(uptime), Some(longest_start)) => uptime >= longest_start.max(SHORTEST_START),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge::Details;
    use super::super::judge::tests::POLICY;
    use super::*;

    const MINUTE: u64 = 60;

    fn health_of(
        word: &str,
        uptime_seconds: u64,
        longest_start_seconds: Option<u64>,
    ) -> Option<(Option<bool>, Vec<Cause>)> {
        let details = Details {
            health_output: Some("no answer".to_owned()),
            longest_start: longest_start_seconds.map(Duration::from_secs),
            ..Details::default()
        };
        let observed = Observation {
            state: "running".into(),
            health: Some(word.into()),
            uptime: Some(Duration::from_secs(uptime_seconds)),
            details: Some(Box::new(details)),
            ..Observation::default()
        };
        health(&observed, POLICY, &mut Interner::default()).map(|word| (word.well, word.causes))
    }

    #[test]
    fn starting_is_neither_good_nor_bad_for_as_long_as_its_check_may_take() {
        let well = |uptime, longest| health_of("starting", uptime, longest).unwrap().0;
        assert_eq!(well(10 * MINUTE - 1, Some(5)), None);
        assert_eq!(well(10 * MINUTE, Some(5)), Some(false));
        assert_eq!(well(30 * MINUTE, Some(34 * MINUTE)), None);
        assert_eq!(well(34 * MINUTE, Some(34 * MINUTE)), Some(false));
        // The list alone does not tell how long that is.
        assert_eq!(well(99 * MINUTE, None), None);
    }

    #[test]
    fn an_unhealthy_container_tells_its_last_checks_output() {
        let output = Cause::HealthOutput("no answer".to_owned());
        assert_eq!(health_of("unhealthy", 5, None), Some((Some(false), vec![output])));
        assert_eq!(health_of("healthy", 5, None), Some((Some(true), vec![])));
        let observed = Observation { health: Some("unhealthy".into()), ..Observation::default() };
        assert_eq!(health(&observed, WatchPolicy { check_health: false, ..POLICY }, &mut Interner::default()), None);
    }
}
