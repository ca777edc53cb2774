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
    /// [`Metric::order`] of each quantity that has rules, ascending: a search reads nothing else.
    orders: Vec<u16>,
    /// Those of each, in the same order.
    rules: Vec<OfMetric>,
}

/// The rules of one quantity, each with its place in their order.
#[derive(Clone, Debug)]
struct OfMetric {
    metric: &'static Metric,
    /// The first one for every target. Those behind it are never reached.
    every: Option<(usize, Limits)>,
    exact: HashMap<Rc<str>, (usize, Limits)>,
    patterns: Vec<(usize, Rc<str>, Limits)>,
}

impl Rules {
    /// The limits for `key`; `None`: any value is well.
    pub fn limits(&self, key: &Key) -> Option<&Limits> {
        let OfMetric { every, exact, patterns, .. } = &self.rules[self.find(key.metric).ok()?];
        let exact = exact.get(&key.target).map(|(place, limits)| (*place, limits));
        let every = every.as_ref().map(|(place, limits)| (*place, limits));
        let whole = exact.into_iter().chain(every).min_by_key(|(place, _)| *place);
        let is_before = |place: usize| whole.is_none_or(|(whole, _)| place < whole);
        let mut patterns = patterns.iter().take_while(|(place, ..)| is_before(*place));
        let fitting = patterns.find(|(_, pattern, _)| pattern::matches(&**pattern, &*key.target));
        fitting.map(|(.., limits)| limits).or(whole.map(|(_, limits)| limits))
    }

    /// The index of a quantity's rules, or the one where they belong. Bare numbers share an order.
    fn find(&self, metric: &Metric) -> Result<usize, usize> {
        let first = self.orders.partition_point(|order| *order < metric.order);
        let behind = self.orders[first..].iter().take_while(|order| **order == metric.order).count();
        let found = self.rules[first..first + behind].iter().position(|rules| rules.metric == metric);
        found.map(|at| first + at).ok_or(first + behind)
    }
}

/// In their order: the first that fits wins.
impl FromIterator<Rule> for Rules {
    fn from_iter<I: IntoIterator<Item = Rule>>(rules: I) -> Rules {
        let mut all = Rules::default();
        for (place, Rule { metric, target, limits }) in rules.into_iter().enumerate() {
            let at = all.find(metric).unwrap_or_else(|at| {
                all.orders.insert(at, metric.order);
                all.rules.insert(at, OfMetric { metric, every: None, exact: HashMap::new(), patterns: Vec::new() });
                at
            });
            let OfMetric { every, exact, patterns, .. } = &mut all.rules[at];
            if &*target == "*" {
                every.get_or_insert((place, limits));
            } else if target.contains('*') {
                patterns.push((place, target, limits));
            } else {
                exact.entry(target).or_insert((place, limits));
            }
        }
        // A list's first place is room for four.
        all.rules.iter_mut().for_each(|rules| rules.patterns.shrink_to_fit());
        all.orders.shrink_to_fit();
        all.rules.shrink_to_fit();
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
        let rules: Rules = [
            ("/backup", 98.0),
            ("/mnt/*", 95.0),
            ("/mnt/a", 50.0),
            ("*", 80.0),
            ("/late", 1.0),
            ("/la*", 2.0),
            ("*", 3.0),
        ]
        .map(|(target, warning)| rule(target, warning))
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
        assert_eq!(rules.rules[0].patterns.len(), 0);
        for number in 0..10_000 {
            let limits = rules.limits(&Key::new(metric::DISK, format!("/{number}")));
            assert_eq!(limits, Some(&Limits::warning(f64::from(number))));
        }
    }
}
