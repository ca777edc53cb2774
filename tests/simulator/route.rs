//! Which news the readers of a channel are told, worked out apart from the agent's own code.

use super::hold::is_meant;
use super::host::WATCHED;
use super::model::held::Released;
use super::model::{News, Told};
use super::random::Random;

/// The keys of a route. Without keys it takes everything.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Route {
    kinds: &'static [&'static str],
    is_critical: bool,
    targets: &'static [&'static str],
}

const ROUTES: [Route; 4] = [
    Route { kinds: &[], is_critical: false, targets: &[] },
    Route {
        kinds: &["alert", "recovery", "digest"],
        is_critical: false,
        targets: &["memory", "disk(*)", "connections", "u1.service"],
    },
    Route { kinds: &["alert", "recovery"], is_critical: true, targets: &[] },
    Route { kinds: &["alert"], is_critical: false, targets: &[] },
];

impl Route {
    pub fn chosen(random: &mut Random) -> Route {
        random.pick(&ROUTES)
    }

    pub fn takes_everything(self) -> bool {
        self == Route::default()
    }

    /// Whether it takes any news of containers.
    pub fn takes_containers(&self) -> bool {
        self.targets.is_empty()
    }

    fn names(&self, kind: &str) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    fn is_about(&self, place: usize) -> bool {
        let is_named = |target: &&str| is_meant(place, target) || **target == *WATCHED[place].target;
        self.targets.is_empty() || self.targets.iter().any(is_named)
    }

    pub fn takes(&self, told: &Told) -> bool {
        let kind = if told.news == News::Recovered { "recovery" } else { "alert" };
        self.names(kind) && self.is_about(told.place) && (!self.is_critical || told.is_of_critical)
    }

    /// The end of a hold.
    pub fn takes_released(&self, released: &Released) -> bool {
        match released {
            Released::Burning(told) if !self.names("digest") => self.takes(told),
            Released::Burning(told) => self.is_about(told.place),
            Released::Over(place, over) => {
                let is_end = over.is_known && self.names("recovery");
                (self.names("digest") || is_end) && self.is_about(*place) && (!self.is_critical || over.is_critical)
            }
        }
    }
}

/// As the configuration has it.
impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |texts: &[&str]| texts.iter().map(|text| format!("\"{text}\"")).collect::<Vec<_>>().join(", ");
        let level = if self.is_critical { "critical" } else { "warning" };
        write!(f, "level: {level}, kinds: [{}], targets: [{}]", list(self.kinds), list(self.targets))
    }
}
