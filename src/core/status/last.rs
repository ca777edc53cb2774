//! The last check's findings in `status`: kept small, because a host can have thousands of containers.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::core::reading::ReadingDocument;
use crate::metric;
use crate::rule::{self, Finding, Rules, Verdict};
use crate::snapshot::{Key, Reading, Snapshot, Value};

/// The most unexpected containers that are shown; `check` has the whole list.
const MAX_CONTAINERS: usize = 100;

/// The number of containers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Containers {
    pub watched: usize,
    /// In the expected state, and healthy if that is checked.
    pub clear: usize,
}

/// The readings of one check that are kept.
#[derive(Clone, Debug, Default)]
pub struct LastReadings {
    readings: Vec<Reading>,
    containers: Containers,
    /// The watched subjects, a container by its state alone.
    keys: Vec<Key>,
}

impl LastReadings {
    /// Takes in a check. It keeps all quantities, and the containers that are not in the expected state, with an alert
    /// or without.
    pub fn take(&mut self, findings: &[Finding<'_>], snapshot: &Snapshot) {
        let found = findings.iter().map(|finding| &finding.reading.key);
        let named = found.chain(snapshot.watched_keys()).filter(|key| key.metric != metric::CONTAINER_HEALTH);
        self.keys.clear();
        // Thousands at their length: a list that doubles takes three times its memory for a moment.
        self.keys.reserve_exact(named.clone().count());
        self.keys.extend(named.cloned());
        self.readings.clear();
        self.containers = Containers::default();
        let mut shown = 0;
        for Finding { reading, verdict, .. } in findings.iter().filter(|finding| !finding.reading.value.is_no_end()) {
            if let Value::Container(container) = &reading.value {
                let is_clear = *verdict == Verdict::Clear;
                if reading.key.metric == metric::CONTAINER_STATE {
                    self.containers.watched += 1;
                    self.containers.clear += usize::from(is_clear);
                }
                if (is_clear && container.word == container.expected) || shown == MAX_CONTAINERS {
                    continue;
                }
                shown += 1;
            }
            self.readings.push((*reading).clone());
        }
    }

    /// Judged by the rules that are in force now.
    pub fn documents(&self, rules: &Rules) -> Vec<ReadingDocument> {
        let snapshot = Snapshot { readings: self.readings.clone(), ..Snapshot::default() };
        rule::evaluate(&snapshot, rules).iter().map(ReadingDocument::new).collect()
    }

    /// Takes in which containers a look between two checks found.
    pub fn take_subjects(&mut self, findings: &[Finding<'_>], is_everything: bool) {
        if is_everything {
            self.keys.retain(|key| key.metric != metric::CONTAINER_STATE);
        }
        let found = findings.iter().map(|finding| &finding.reading.key);
        let mut new: HashSet<&Key> = found.filter(|key| key.metric == metric::CONTAINER_STATE).collect();
        for known in &self.keys {
            new.remove(known);
        }
        let new: Vec<Key> = new.into_iter().cloned().collect();
        self.keys.extend(new);
    }

    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// The subjects that the last check and the looks after it spoke of, some of them twice.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter()
    }

    pub fn containers(&self) -> Containers {
        self.containers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Resolved};
    use crate::snapshot::ContainerWord;

    fn taken(snapshot: &Snapshot) -> (Vec<ReadingDocument>, Containers) {
        let rules = Resolved::new(&Config::default()).rules;
        let mut last = LastReadings::default();
        last.take(&rule::evaluate(snapshot, &rules), snapshot);
        (last.documents(&rules), last.containers())
    }

    fn container(word: &str, well: Option<bool>) -> Value {
        Value::from(ContainerWord { well, ..ContainerWord::new(word, "running") })
    }

    #[test]
    fn quantities_are_kept_and_of_containers_those_that_are_not_as_expected() {
        let mut snapshot = Snapshot::default();
        snapshot.push(metric::CPU, "", Value::Number(91.234));
        snapshot.push(metric::CONTAINER_STATE, "web", container("running", Some(true)));
        snapshot.push(metric::CONTAINER_STATE, "db", container("exited", Some(false)));
        // Stopped before the agent saw it for the first time: no alert, but shown here.
        snapshot.push(metric::CONTAINER_STATE, "old", container("exited", Some(true)));
        snapshot.push(metric::CONTAINER_HEALTH, "web", container("starting", None));
        let (documents, containers) = taken(&snapshot);
        let shown: Vec<_> =
            documents.iter().map(|d| (d.metric.as_str(), d.target.as_str(), d.verdict.as_str())).collect();
        assert_eq!(
            shown,
            [
                ("cpu", "", "breach"),
                ("container_state", "db", "breach"),
                ("container_state", "old", "clear"),
                ("container_health", "web", "unknown"),
            ]
        );
        assert_eq!(containers, Containers { watched: 3, clear: 2 });
        assert_eq!((&documents[0].unit, documents[0].value.as_f64()), (&Some("percent".to_owned()), Some(91.234)));
    }

    #[test]
    fn thousands_of_containers_are_counted_and_a_hundred_shown() {
        let mut snapshot = Snapshot::default();
        for number in 0..5000 {
            snapshot.push(metric::CONTAINER_STATE, format!("job-{number}"), container("exited", Some(false)));
        }
        let (documents, containers) = taken(&snapshot);
        assert_eq!((documents.len(), containers), (MAX_CONTAINERS, Containers { watched: 5000, clear: 0 }));
    }
}
