//! Acts of people: they edit the agent's file, and ask for silence. And the time that its steps take.

use vps_monitor::config::{Config, Resolved};
use vps_monitor::core::{Input, SilenceRequest};

use super::clock::SECOND;
use super::happenings::happen;
use super::hold::Asked;
use super::settings::Edited;
use super::world::World;

impl World {
    /// The file is read again, as somebody left it.
    pub fn reload(&mut self, edited: Edited) -> Input {
        self.note(|| format!("the configuration is now {edited:?}"));
        match edited {
            Edited::Settings(new) => {
                let (_, config) = new.resolved();
                self.configure(*new);
                Input::Reloaded { config: Box::new(config), is_empty: false }
            }
            Edited::Invalid => {
                self.weather.count("reload of what is not valid");
                Input::NotReloaded { problem: "simulated:1:1: error: general is no map".to_owned() }
            }
            Edited::Emptied => {
                self.weather.count("reload of nothing");
                Input::Reloaded { config: Box::new(Resolved::new(&Config::default())), is_empty: true }
            }
        }
    }

    /// The kernel kills processes, and the agent takes it in.
    pub fn happen(&mut self) -> Input {
        let first = self.happened;
        let occurrences = happen(first, self.clock.now().wall, &mut self.random);
        self.happened += occurrences.len();
        let time = self.clock.true_time;
        self.model.happened.extend((first..self.happened).map(|number| (number, time)));
        Input::Happened(occurrences)
    }

    pub fn ask_for_silence(&mut self) -> Input {
        let asked = Asked::chosen(&self.model.silences, &mut self.random);
        self.asked = Some(asked);
        Input::SilenceAsked(match asked {
            Asked::Begin { target, lasts } => {
                SilenceRequest::Begin { target: target.to_owned(), seconds: (lasts / SECOND) as f64, why: None }
            }
            Asked::End(number) => SilenceRequest::End { number },
        })
    }

    /// A step is quick; some are not.
    pub fn take_time(&mut self) {
        if self.weather.is_wild() && self.random.once_in(200) {
            self.weather.count("a step that takes seconds");
            let time = self.random.magnitude(SECOND / 10, 20 * SECOND);
            self.let_pass(time);
            self.slow_ended = self.clock.true_time;
        }
    }
}
