//! The configuration, and people's changes to it while the agent runs.

use vps_monitor::config::{Config, Resolved};

use super::clock::SECOND;
use super::engine::{NAMES, OF_COMPOSE, OF_SWARM, SERVICE};
use super::host::{CONNECTIONS_THRESHOLD, WATCHED};
use super::model::Rules;
use super::pager;
use super::random::Random;
use super::reports::CRON;

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

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub webhook: Option<Webhook>,
    /// A second channel beside it, of another vendor.
    pub has_pager: bool,
    pub check_interval: i64,
    pub cooldown: i64,
    pub send_recovery: bool,
    pub grace: i64,
    pub language: &'static str,
    /// Which of [`WATCHED`] are.
    pub watched: [bool; WATCHED.len()],
    pub docker: &'static str,
    pub containers: &'static [&'static str],
}

/// All by name, some by name, all by pattern.
pub const LISTS: [&[&str]; 3] =
    [&["c0", "c1", "c2", "c3", "shop-web-1", SERVICE], &["c0", "c3", "web"], &["c*", "shop-*", "stack_*"]];

/// A reload's view of the file.
#[derive(Clone, Debug)]
pub enum Edited {
    Settings(Settings),
    /// It is not valid.
    Invalid,
    /// It says nothing.
    Emptied,
}

impl Settings {
    pub fn new(random: &mut Random) -> Settings {
        Settings {
            webhook: Some(Webhook { robot: 0, secret: 0 }),
            has_pager: random.once_in(4),
            check_interval: random.pick(&[30, 60, 60, 300, 900]),
            cooldown: random.pick(&[0, 60, 300, 300, 3600]),
            send_recovery: !random.once_in(8),
            grace: 10,
            language: "zh",
            watched: [true; WATCHED.len()],
            docker: "true",
            containers: LISTS[0],
        }
    }

    /// Those of a script that says nothing of it.
    pub fn usual() -> Settings {
        let by_chance = Settings::new(&mut Random::new(0));
        Settings { has_pager: false, check_interval: 60, cooldown: 3600, send_recovery: true, ..by_chance }
    }

    /// The file as somebody leaves it.
    pub fn edited(&self, random: &mut Random) -> Edited {
        let mut new = self.clone();
        match random.range(0, 10) {
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
                new.watched[place] ^= WATCHED[place].0.name != "memory";
            }
            5 => new.docker = random.pick(&["true", "auto", "false"]),
            6 => new.containers = random.pick(&LISTS),
            7 => {
                new.check_interval = random.pick(&[30, 60, 300]);
                new.cooldown = random.pick(&[0, 60, 300, 3600]);
                new.send_recovery = random.once_in(2);
                new.grace = random.pick(&[0, 10, 60]);
            }
            8 if random.once_in(2) => return Edited::Invalid,
            // Without a channel it would be taken over.
            8 if self.webhook.is_some() => return Edited::Emptied,
            _ => {}
        }
        Edited::Settings(new)
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
        (config, resolved)
    }

    fn text(&self) -> String {
        let Settings { check_interval, cooldown, send_recovery, grace, language, docker, .. } = self;
        let disks: Vec<&str> = ["/a", "/b"].into_iter().filter(|path| self.watches("disk", path)).collect();
        let webhook = self.webhook.map_or_else(String::new, Webhook::key);
        format!(
            "general: {{hostname: sim, timezone: UTC, check_interval: {check_interval}, alert_cooldown: {cooldown}, alert_repeat: 0, alert_settle: 0, \
             send_recovery: {send_recovery}, language: {language}}}\n\
             wechat: {{webhook_url: \"{webhook}\"}}\n\
             system: {{disk: {{enabled: {}, forecast: 0, paths: [{}]}}, swap: {{enabled: {}}}}}\n\
             network: {{traffic: {{enabled: false}}, \
             connections: {{enabled: {}, threshold: {CONNECTIONS_THRESHOLD}}}}}\n\
             docker: {{enabled: {docker}, alert_unavailable: false, grace: {grace}, containers: [{}]}}\n\
             scheduled_report: {{cron: \"{CRON}\"}}\n",
            !disks.is_empty(),
            if disks.is_empty() { "/".to_owned() } else { disks.join(", ") },
            self.watches("swap", ""),
            self.watches("connections", ""),
            self.containers.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", "),
        )
    }

    fn watches(&self, metric: &str, target: &str) -> bool {
        WATCHED.iter().zip(self.watched).any(|((one, at, _), is)| is && one.name == metric && *at == target)
    }

    pub fn is_watched(&self, place: usize) -> bool {
        self.watched[place]
    }

    pub fn rules(&self) -> Rules {
        Rules { cooldown: self.cooldown * SECOND, send_recovery: self.send_recovery }
    }

    /// Whether a container's end is to be told whatever its exit code: it is watched by name.
    pub fn names(&self, number: usize) -> bool {
        let service = match number {
            OF_COMPOSE => "web",
            OF_SWARM => SERVICE,
            _ => NAMES[number],
        };
        self.watches_containers() && self.containers.iter().any(|entry| [NAMES[number], service].contains(entry))
    }

    fn watches_containers(&self) -> bool {
        self.docker != "false"
    }

    /// Whether one is watched at all.
    pub fn watches_container(&self, number: usize) -> bool {
        self.watches_containers() && (self.names(number) || self.containers == LISTS[2])
    }

    /// The settings behind a container's alerts are the same.
    pub fn judges_alike(&self, other: &Settings, number: usize) -> bool {
        self.watches_container(number) == other.watches_container(number) && self.names(number) == other.names(number)
    }
}
