//! Rules: which limits hold for which quantity of which target, as data.
//!
//! The first rule that fits wins. Keys of the configuration become rules, and so do the quantities' own defaults,
//! behind all others.

mod judge;

use std::collections::HashMap;
use std::rc::Rc;

pub use judge::{Finding, Level, Limit, Verdict, evaluate, judge};

use crate::metric::{Limits, Metric};
use crate::pattern;
use crate::snapshot::Key;

/// The limits of one quantity, for the targets of one pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    pub metric: &'static Metric,
    /// A target, or a pattern of targets with `*`.
    pub target: Rc<str>,
    pub limits: Limits,
}

impl Rule {
    /// For every target that has the quantity.
    pub fn for_every(metric: &'static Metric, limits: Limits) -> Rule {
        Rule { metric, target: "*".into(), limits }
    }
}

/// All rules, prepared for lookup: a rule for one target costs nothing when others are judged.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    exact: HashMap<Key, (usize, Limits)>,
    /// In the order of their quantities' lines, and for one quantity in their own.
    patterns: Vec<Prepared>,
}

/// A rule for a pattern of targets.
#[derive(Clone, Debug)]
struct Prepared {
    /// That of the quantity, which a search need not look up.
    order: u16,
    metric: &'static Metric,
    /// `None`: it fits every target.
    pattern: Option<Rc<str>>,
    /// Among all rules.
    place: usize,
    limits: Limits,
}

impl Rules {
    /// The limits for `key`; `None`: any value is well.
    pub fn limits(&self, key: &Key) -> Option<&Limits> {
        let exact = self.exact.get(key);
        let order = key.metric.order;
        let first = self.patterns.partition_point(|rule| rule.order < order);
        let of_it = self.patterns[first..].iter().take_while(|rule| rule.order == order);
        let mut of_it = of_it.filter(|rule| rule.metric == key.metric);
        let is_before = |rule: &Prepared| exact.is_none_or(|(exact, _)| rule.place < *exact);
        let fits = |pattern: &Rc<str>| pattern::matches(&**pattern, &*key.target);
        let fitting = of_it.find(|rule| !is_before(rule) || rule.pattern.as_ref().is_none_or(fits));
        fitting.filter(|rule| is_before(rule)).map(|rule| &rule.limits).or(exact.map(|(_, limits)| limits))
    }
}

/// In their order: the first that fits wins.
impl FromIterator<Rule> for Rules {
    fn from_iter<I: IntoIterator<Item = Rule>>(rules: I) -> Rules {
        let mut all = Rules::default();
        for (place, Rule { metric, target, limits }) in rules.into_iter().enumerate() {
            if target.contains('*') {
                let pattern = (&*target != "*").then_some(target);
                all.patterns.push(Prepared { order: metric.order, metric, pattern, place, limits });
            } else {
                all.exact.entry(Key { metric, target }).or_insert((place, limits));
            }
        }
        all.patterns.sort_by_key(|rule| rule.order);
        all.patterns.shrink_to_fit();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric;

    fn rule(target: &str, warning: f64) -> Rule {
        Rule { metric: metric::DISK, target: target.into(), limits: Limits::warning(warning) }
    }

    #[test]
    fn the_first_rule_that_fits_wins() {
        let rules: Rules =
            [rule("/backup", 98.0), rule("/mnt/*", 95.0), rule("/mnt/a", 50.0), rule("*", 80.0), rule("/late", 1.0)]
                .into_iter()
                .collect();
        let warning = |target: &str| rules.limits(&Key::new(metric::DISK, target)).and_then(|limits| limits.warning);
        for (target, limit) in [("/backup", 98.0), ("/backup2", 80.0), ("/mnt/a", 95.0), ("/", 80.0), ("/late", 80.0)] {
            assert_eq!(warning(target), Some(limit), "{target}");
        }
        assert_eq!(rules.limits(&Key::new(metric::MEMORY, "")), None);
    }

    /// If every rule were looked at, this would take 10^8 steps.
    #[test]
    fn a_rule_for_each_of_ten_thousand_targets_costs_the_others_nothing() {
        let rules: Rules = (0..10_000).map(|number| rule(&format!("/{number}"), f64::from(number))).collect();
        assert!(rules.patterns.is_empty());
        for number in 0..10_000 {
            let limits = rules.limits(&Key::new(metric::DISK, format!("/{number}")));
            assert_eq!(limits, Some(&Limits::warning(f64::from(number))));
        }
    }
}
