//! The robot: takes messages, or does not, and answers, or does not.

use vps_monitor::core::Ticket;
use vps_monitor::http::{Error, Response};

use super::clock::{HOUR, MINUTE, SECOND};
use super::random::Random;
use super::settings::Webhook;

/// How the robot, and the way to it, are at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Well,
    /// No connection.
    Unreachable,
    /// Messages arrive and are taken, the answers get lost.
    Mute,
    /// Everything takes long, and much takes too long.
    Slow,
    /// Another program answers: a proxy, a login page.
    Garbage,
    Busy,
    /// Others send to the same robot: it takes nothing for a minute.
    Throttled,
    /// The key is not valid.
    Refused,
    /// Any of these, by message.
    Moody,
}

const MOODS: [Mood; 9] = [
    Mood::Well,
    Mood::Unreachable,
    Mood::Unreachable,
    Mood::Mute,
    Mood::Slow,
    Mood::Garbage,
    Mood::Throttled,
    Mood::Refused,
    Mood::Moody,
];

/// The fate of one message, at the robot or before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Accepted,
    /// Taken, but the answer was lost or replaced.
    AcceptedUnheard,
    /// It did not come to the robot.
    Lost,
    Garbage,
    Errcode(i64),
}

/// Who waits for the outcome of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    There,
    Gone,
    /// It is gone, and what it knew was not saved: the next agent cannot know that there was such a message.
    Forgotten,
    /// It is gone, and all that it had saved.
    Lost,
}

/// A message on its way. Times are true ones.
#[derive(Clone)]
pub struct Flight {
    pub ticket: Ticket,
    pub webhook: Webhook,
    pub sender: Sender,
    pub content: String,
    pub fate: Fate,
    pub posted: i64,
    /// When it comes to the robot; `None`: it has, or it will not.
    pub arrives: Option<i64>,
    /// When the agent hears of it.
    pub answered: i64,
}

pub struct Robot {
    pub mood: Mood,
    changes_at: i64,
    /// Nobody reaches it before this, calm or not.
    down_until: i64,
    /// Since when it takes everything.
    pub well_since: i64,
    /// The secret of its webhook that is valid.
    secret: u32,
    /// It never takes one message in so many, by its text; none: it takes all.
    never_takes: Option<u64>,
    /// Nor any that says this.
    never_takes_text: Option<&'static str>,
    /// Its answers come so much later.
    latency: i64,
}

/// The bound of a whole delivery (see `worker::POST_DEADLINE`).
const PATIENCE: i64 = 10 * SECOND;

impl Robot {
    pub fn new(random: &mut Random) -> Robot {
        Robot {
            mood: Mood::Well,
            changes_at: 0,
            down_until: 0,
            well_since: 0,
            secret: 0,
            never_takes: random.once_in(3).then(|| random.range(3, 40) as u64),
            never_takes_text: None,
            latency: 0,
        }
    }

    /// It takes everything, and nothing changes by chance.
    pub fn be_still(&mut self) {
        (self.changes_at, self.never_takes) = (i64::MAX, None);
    }

    pub fn answer_after(&mut self, seconds: i64) {
        self.latency = seconds * SECOND;
    }

    pub fn never_take(&mut self, text: &'static str) {
        self.never_takes_text = Some(text);
    }

    /// For so long nobody reaches it.
    pub fn go_down(&mut self, time: i64, lasts: i64) {
        self.down_until = time + lasts;
    }

    /// Whether it is down so.
    pub fn is_down(&self, time: i64) -> bool {
        time < self.down_until
    }

    /// There is no message that it never takes.
    pub fn takes_all(&self) -> bool {
        self.never_takes.is_none()
    }

    /// Its webhook has this secret from now on.
    pub fn set_secret(&mut self, secret: u32) {
        self.secret = secret;
    }

    pub fn change_mood(&mut self, time: i64, calm: bool, random: &mut Random) {
        if time < self.down_until {
            (self.mood, self.changes_at, self.well_since) = (Mood::Unreachable, time, time);
        } else if calm {
            if self.mood != Mood::Well {
                self.well_since = time;
            }
            (self.mood, self.changes_at) = (Mood::Well, time);
        } else if self.changes_at <= time {
            self.mood = random.pick(&MOODS);
            self.changes_at = time + random.magnitude(10 * SECOND, 9 * HOUR);
            self.well_since = time;
        }
    }

    /// The fate of a message that is posted now.
    pub fn post(&self, posted: Posted, time: i64, random: &mut Random) -> Flight {
        let Posted { ticket, webhook, content } = posted;
        let mood = match self.mood {
            Mood::Moody => {
                random.pick(&[Mood::Well, Mood::Well, Mood::Unreachable, Mood::Mute, Mood::Garbage, Mood::Busy])
            }
            mood => mood,
        };
        let fate = match mood {
            _ if mood != Mood::Unreachable && webhook.secret != self.secret => Fate::Errcode(93000),
            Mood::Well | Mood::Slow if self.never_takes(&content) => Fate::Errcode(NEVER),
            Mood::Well | Mood::Slow | Mood::Moody => Fate::Accepted,
            Mood::Unreachable => Fate::Lost,
            Mood::Mute => Fate::AcceptedUnheard,
            Mood::Garbage => Fate::Garbage,
            Mood::Busy if random.once_in(4) => Fate::Errcode(40058),
            Mood::Busy => Fate::Errcode(-1),
            Mood::Throttled => Fate::Errcode(45009),
            Mood::Refused => Fate::Errcode(93000),
        };
        let there = if mood == Mood::Slow { random.range(0, PATIENCE) } else { random.range(10_000, SECOND) };
        let back = if mood == Mood::Slow { random.range(0, PATIENCE) } else { random.range(10_000, SECOND) };
        let back = back + self.latency;
        let is_heard = there + back < PATIENCE && fate != Fate::AcceptedUnheard;
        Flight {
            ticket,
            webhook,
            sender: Sender::There,
            content,
            fate: if fate == Fate::Accepted && !is_heard { Fate::AcceptedUnheard } else { fate },
            posted: time,
            arrives: (fate != Fate::Lost).then_some(time + there),
            answered: time + if is_heard { there + back } else { random.range(there, PATIENCE) },
        }
    }
}

impl Robot {
    fn never_takes(&self, content: &str) -> bool {
        if self.never_takes_text.is_some_and(|text| content.contains(text)) {
            return true;
        }
        let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let hash = content.lines().skip(1).flat_map(str::bytes).fold(0xcbf2_9ce4_8422_2325, fnv);
        self.never_takes.is_some_and(|one_in| (hash >> 20).is_multiple_of(one_in))
    }
}

/// The errcode of a message that the robot never takes, which is in no table.
pub const NEVER: i64 = 47001;

/// A message as it is posted.
pub struct Posted {
    pub ticket: Ticket,
    pub webhook: Webhook,
    pub content: String,
}

/// How long the robot must be left alone after it said so.
pub const HOLD: i64 = MINUTE;

/// The answer that the agent gets for a message.
pub fn answer(fate: Fate) -> Result<Response, Error> {
    let errcode = |code: i64| Response::new(200, format!(r#"{{"errcode":{code},"errmsg":"simulated"}}"#));
    match fate {
        Fate::Accepted => Ok(errcode(0)),
        Fate::AcceptedUnheard | Fate::Lost => Err(Error("connection reset".to_owned())),
        Fate::Garbage => Ok(Response::new(200, "<html>please log in</html>")),
        Fate::Errcode(code) => Ok(errcode(code)),
    }
}
