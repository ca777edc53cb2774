//! The configuration, and people's changes of it while the agent runs.

use vps_monitor::config::{Config, Resolved};

use super::clock::{HOUR, SECOND};
use super::engine::{NAMES, OF_COMPOSE, OF_SWARM, SERVICE};
use super::hold::Quiet;
use super::host::{FILLING, FORECAST, Quantity, UNITS, WATCHED};
use super::model::forecast::WITHIN;
use super::pager;
use super::random::Random;
use super::reports::CRON;
use super::route::Route;
use super::rules::{Limits, Rules};

/// A robot's webhook: which robot, and which of its secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Webhook {
    pub robot: usize,
    pub secret: u32,
}

impl Webhook {
    fn key(self) -> String {
        format!("0f9e8d7c-6b5a-4c3d-9e2f-{:04x}{:08x}", self.robot, self.secret)
    }

    /// The webhook that a message is posted to.
    pub fn of(url: &str) -> Webhook {
        let (_, end) = url.rsplit_once('-').expect("a key");
        let number = |digits: &str| u32::from_str_radix(digits, 16).expect("a key");
        Webhook { robot: number(&end[..4]) as usize, secret: number(&end[4..]) }
    }
}

/// The disk that may have limits of its own.
const OWN: &str = "/b";

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub webhook: Option<Webhook>,
    /// A second channel beside it, of another vendor.
    pub has_pager: bool,
    /// A third one, of Slack, which takes the news of this route.
    pub has_ops: bool,
    pub ops_route: Route,
    /// A fourth one, which steps in for the second.
    pub has_spare: bool,
    pub check_interval: i64,
    pub rules: Rules,
    pub grace: i64,
    pub language: &'static str,
    /// Which of [`WATCHED`] are.
    pub watched: [bool; WATCHED.len()],
    pub docker: &'static str,
    pub containers: &'static [&'static str],
    exclude: &'static [&'static str],
    /// The first of `containers` is critical.
    first_is_critical: bool,
    pub quiet: Vec<Quiet>,
}

/// All by name, some by name, all by pattern, every one.
pub const LISTS: [&[&str]; 4] =
    [&["c0", "c1", "c2", "c3", "shop-web-1", SERVICE], &["c0", "c3", "web"], &["c*", "shop-*", "stack_*"], &[]];

/// Patterns of containers that are left out, unless they are named. None is in a list, too: that is no valid file.
const EXCLUDED: [&[&str]; 3] = [&[], &["c1*", "shop-w*"], &["c0*", "c1*", "c2*", "c3*"]];

const DEFAULT_REPEAT: &[i64] = &[3600, 24 * 3600];

/// The file as a reload finds it.
#[derive(Clone, Debug)]
pub enum Edited {
    Settings(Box<Settings>),
    /// It is not valid.
    Invalid,
    /// It says nothing.
    Emptied,
}

impl Settings {
    pub fn new(random: &mut Random) -> Settings {
        let has_pager = random.once_in(3);
        Settings {
            webhook: Some(Webhook { robot: 0, secret: 0 }),
            has_pager,
            has_ops: has_pager && random.once_in(2),
            ops_route: Route::chosen(random),
            has_spare: has_pager && random.once_in(2),
            check_interval: random.pick(&[30, 60, 60, 300, 900]),
            rules: Rules::chosen(random),
            grace: 10,
            language: "zh",
            watched: [true; WATCHED.len()],
            docker: "true",
            containers: LISTS[0],
            exclude: EXCLUDED[0],
            first_is_critical: random.once_in(3),
            quiet: quiet_hours(random),
        }
    }

    /// Those of a script that says nothing of it: alerts at once and, after the cooldown, at each check.
    pub fn usual() -> Settings {
        let by_chance = Settings::new(&mut Random::new(0));
        let limits =
            WATCHED.each_ref().map(|quantity| Limits { threshold: quantity.threshold, critical: None, lasts: 0 });
        let rules = Rules { cooldown: HOUR, send_recovery: true, repeat: vec![0], settle: vec![0], limits };
        let quiet = Vec::new();
        Settings {
            has_pager: false,
            has_ops: false,
            has_spare: false,
            check_interval: 60,
            rules,
            first_is_critical: false,
            quiet,
            ..by_chance
        }
    }

    /// The file as somebody leaves it.
    pub fn edited(&self, random: &mut Random) -> Edited {
        let mut new = self.clone();
        match random.range(0, 11) {
            0 | 1 => {
                let secret = |webhook: Webhook| Webhook { secret: webhook.secret + 1, ..webhook };
                new.webhook = match self.webhook {
                    None => Some(Webhook { robot: random.range(0, 2) as usize, secret: random.range(0, 1000) as u32 }),
                    Some(webhook) if random.once_in(3) => Some(secret(webhook)),
                    // With a second channel, messages without the first go to that one alone.
                    Some(_) if !self.has_pager && random.once_in(3) => None,
                    Some(webhook) => Some(Webhook { robot: 1 - webhook.robot, ..secret(webhook) }),
                };
            }
            2 => new.language = if self.language == "zh" { "en" } else { "zh" },
            3 | 4 => {
                let place = random.range(0, WATCHED.len() as i64) as usize;
                // Memory goes on, so that there is something to check.
                new.watched[place] ^= WATCHED[place].metric.name != "memory";
            }
            5 => new.docker = random.pick(&["true", "auto", "false"]),
            6 => {
                new.containers = random.pick(&LISTS);
                new.exclude = random.pick(&EXCLUDED);
                new.first_is_critical = random.once_in(3);
            }
            7 => {
                new.check_interval = random.pick(&[30, 60, 300]);
                new.grace = random.pick(&[0, 10, 60]);
                new.rules = Rules::chosen(random);
                new.rules.send_recovery = random.once_in(2);
            }
            9 => new.quiet = quiet_hours(random),
            8 if random.once_in(2) => return Edited::Invalid,
            // Without a channel it would be taken over.
            8 if self.webhook.is_some() => return Edited::Emptied,
            _ => {}
        }
        Edited::Settings(Box::new(new))
    }

    /// With a channel again, if there is none.
    pub fn mended(&self) -> Settings {
        let webhook = self.webhook.or(Some(Webhook { robot: 1, secret: 7 }));
        Settings { webhook, ..self.clone() }
    }

    pub fn resolved(&self) -> (Config, Resolved) {
        let text = self.text();
        let config = Config::parse("simulated", text.as_bytes()).unwrap_or_else(|problems| panic!("{problems}")).value;
        let mut resolved = Resolved::new(&config);
        resolved.channels.extend(self.has_pager.then(pager::channel));
        resolved.channels.extend(self.has_ops.then(|| pager::ops_channel(&self.ops_route)));
        resolved.channels.extend(self.has_spare.then(pager::spare_channel));
        (config, resolved)
    }

    fn text(&self) -> String {
        let Settings { check_interval, rules, grace, language, docker, .. } = self;
        let Rules { cooldown, send_recovery, repeat, settle, .. } = rules;
        let repeat = if repeat.is_empty() { "never".to_owned() } else { list(repeat.iter().map(|step| step / SECOND)) };
        let disks: Vec<&str> =
            ["/a", "/b", WATCHED[FILLING].target].into_iter().filter(|path| self.watches("disk", path)).collect();
        let sections: Vec<String> = ["memory", "cpu", "swap"].into_iter().map(|name| self.section(name, "")).collect();
        format!(
            "general: {{hostname: sim, timezone: UTC, check_interval: {check_interval}, alert_cooldown: {}, \
             alert_repeat: {repeat}, alert_settle: {}, send_recovery: {send_recovery}, language: {language}, \
             alert_picture: true}}\n\
             wechat: {{webhook_url: \"{}\"}}\n\
             system: {{{}, disk: {{{}, forecast: 0, paths: {}}}}}\n\
             network: {{traffic: {{enabled: false}}, connections: {{{}}}}}\n\
             docker: {{enabled: {docker}, alert_unavailable: false, grace: {grace}, containers: {}, exclude: {}}}\n\
             scheduled_report: {{cron: \"{CRON}\"}}\n\
             quiet_hours: {}\n\
             systemd: {{enabled: {}}}\n",
            cooldown / SECOND,
            list(settle.iter().map(|step| step / SECOND)),
            self.webhook.map_or_else(String::new, Webhook::key),
            sections.join(", "),
            self.keys("disk", if disks.is_empty() { "" } else { disks[0] }),
            list(if disks.is_empty() { vec!["/"] } else { disks.clone() }.into_iter().map(|path| self.disk(path))),
            self.keys("connections", ""),
            list(self.containers.iter().enumerate().map(|(number, name)| {
                let is_critical = number == 0 && self.first_is_critical;
                format!("{{name: \"{name}\", critical: {is_critical}}}")
            })),
            list(self.exclude.iter().map(|name| format!("\"{name}\""))),
            list(self.quiet.iter()),
            self.is_watched(UNITS.start),
        )
    }

    /// One path, with its limits where it has its own.
    fn disk(&self, path: &str) -> String {
        let place = WATCHED.iter().position(|quantity| quantity.target == path);
        if place == Some(FILLING) {
            let within = if self.is_watched(FORECAST) { format!("{WITHIN}h") } else { "0".to_owned() };
            let critical = self.rules.limits[FILLING].critical;
            let critical = critical.map_or_else(String::new, |critical| format!(", critical: {critical}"));
            return format!("{{path: \"{path}\", forecast: {within}{critical}}}");
        }
        let limits = place.map(|place| (self.rules.limits[place], WATCHED[place].threshold));
        let Some((Limits { threshold, critical, .. }, _)) = limits.filter(|(own, usual)| own.threshold != *usual)
        else {
            return format!("\"{path}\"");
        };
        let critical = critical.map_or_else(String::new, |critical| format!(", critical: {critical}"));
        format!("{{path: \"{path}\", threshold: {threshold}{critical}}}")
    }

    fn section(&self, name: &str, target: &str) -> String {
        format!("{name}: {{{}}}", self.keys(name, target))
    }

    /// Whether and how one quantity is watched.
    fn keys(&self, name: &str, target: &str) -> String {
        let place = WATCHED.iter().position(|quantity| quantity.metric.name == name && quantity.target == target);
        let Some(place) = place else { return "enabled: false".to_owned() };
        let Limits { critical, lasts, .. } = self.rules.limits[place];
        let critical = critical.map_or_else(String::new, |critical| format!(", critical: {critical}"));
        format!("enabled: {}, for: {}{critical}", self.watched[place], lasts / SECOND)
    }

    fn watches(&self, metric: &str, target: &str) -> bool {
        WATCHED.iter().zip(self.watched).any(|(one, is)| is && one.metric.name == metric && one.target == target)
    }

    pub fn watches_the_same(&self, other: &Settings) -> bool {
        self.watched == other.watched
    }

    pub fn is_watched(&self, place: usize) -> bool {
        // All units go by one key.
        let place = if UNITS.contains(&place) { UNITS.start } else { place };
        self.watched[place] && (place != FORECAST || self.watched[FILLING])
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Whether a container's end is to be told whatever its exit code: it is watched by name.
    pub fn names(&self, number: usize) -> bool {
        self.name_of(number).is_some()
    }

    /// The name by which the configuration watches a container: its own, or that of its service.
    fn name_of(&self, number: usize) -> Option<&'static str> {
        let service = match number {
            OF_COMPOSE => "web",
            OF_SWARM => SERVICE,
            _ => NAMES[number],
        };
        let is_listed = |name: &&str| self.watches_containers() && self.containers.contains(name);
        [NAMES[number], service].into_iter().find(is_listed)
    }

    fn watches_containers(&self) -> bool {
        self.docker != "false"
    }

    /// Whether one is watched at all.
    pub fn watches_container(&self, number: usize) -> bool {
        let is_left_out = self.exclude.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(beginning) => NAMES[number].starts_with(beginning),
            None => NAMES[number] == *pattern,
        });
        let by_pattern = self.containers == LISTS[2] || self.containers.is_empty();
        self.watches_containers() && (self.names(number) || (by_pattern && !is_left_out))
    }

    /// A container's alerts go by the same keys, and by the same name: one that leaves what is watched is dropped quietly.
    pub fn judges_alike(&self, other: &Settings, number: usize) -> bool {
        self.watches_container(number) == other.watches_container(number)
            && self.name_of(number) == other.name_of(number)
    }
}

impl Rules {
    /// The defaults in most worlds; alerts at once and again at each check in some, as in 0.1; a `for`, short settlings, or
    /// a critical limit in others.
    fn chosen(random: &mut Random) -> Rules {
        let cooldown = random.pick(&[0, 60, 300, 300, 300, 3600]);
        let repeat: &[i64] = random.pick(&[DEFAULT_REPEAT, DEFAULT_REPEAT, DEFAULT_REPEAT, &[0], &[600, 1800], &[]]);
        let settle: &[i64] = random.pick(&[DEFAULT_REPEAT, DEFAULT_REPEAT, DEFAULT_REPEAT, &[0], &[120, 600, 1200]]);
        let (has_critical, lasts) = (random.once_in(3), random.pick(&[None, None, None, Some(0), Some(90), Some(600)]));
        // One disk has limits of its own in some.
        let has_own = random.once_in(3);
        let limits = WATCHED.each_ref().map(|quantity| Limits {
            threshold: if has_own && quantity.target == OWN { 88.0 } else { quantity.threshold },
            critical: (has_critical && !has_no_for(quantity)).then_some(match quantity.is_counted() {
                true => 3000.0,
                false if has_own && quantity.target == OWN => 97.0,
                false => 95.0,
            }),
            lasts: if has_no_for(quantity) {
                0
            } else {
                lasts.unwrap_or(if quantity.is_rate() { 60 } else { 0 }) * SECOND
            },
        });
        let micros = |steps: &[i64]| steps.iter().map(|step| step * SECOND).collect();
        Rules {
            cooldown: cooldown * SECOND,
            send_recovery: !random.once_in(8),
            repeat: micros(repeat),
            settle: micros(settle),
            limits,
        }
    }

    /// Whether reminders are as they are by default.
    pub fn is_default(&self) -> bool {
        self.repeat == [HOUR, 24 * HOUR]
    }
}

/// It has a threshold of its own kind, and neither a critical limit nor a `for`.
fn has_no_for(quantity: &Quantity) -> bool {
    quantity.is_forecast() || quantity.is_word()
}

/// None in most worlds, one window or two in others.
fn quiet_hours(random: &mut Random) -> Vec<Quiet> {
    let count = random.pick(&[0, 0, 0, 1, 2]);
    (0..count).map(|_| Quiet::chosen(random)).collect()
}

fn list<T: std::fmt::Display>(items: impl Iterator<Item = T>) -> String {
    format!("[{}]", items.map(|item| item.to_string()).collect::<Vec<_>>().join(", "))
}
