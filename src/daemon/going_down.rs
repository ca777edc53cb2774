//! Why the agent is stopped: alone, or because the machine goes down. systemd's own state tells.

use std::time::Duration;

use crate::bus::{Argument, Bus, Call, Question};
use crate::clock::Boot;

/// A stop waits so long for the answer.
const PATIENCE: Duration = Duration::from_millis(200);

const SYSTEM_STATE: Call<'static> = Call {
    destination: "org.freedesktop.systemd1",
    path: "/org/freedesktop/systemd1",
    interface: "org.freedesktop.DBus.Properties",
    member: "Get",
    arguments: &[Argument::Text("org.freedesktop.systemd1.Manager"), Argument::Text("SystemState")],
};

pub struct GoingDown {
    question: Question,
    until: Boot,
}

impl GoingDown {
    /// `None`: there is nobody to ask.
    pub fn ask(bus: &mut Bus, now: Boot) -> Option<GoingDown> {
        let question = bus.ask(&SYSTEM_STATE, now).ok()?;
        Some(GoingDown { question, until: now.after(PATIENCE) })
    }

    pub fn due(&self) -> Boot {
        self.until
    }

    /// Whether the machine goes down; `None`: that is not known yet.
    pub fn advance(&self, bus: &mut Bus, now: Boot) -> Option<bool> {
        match bus.answer(self.question) {
            Some(answer) => {
                let state = answer.ok().and_then(|body| body.of("v").ok()?.variant().ok()?.text());
                Some(state.as_deref() == Some("stopping"))
            }
            None => (now >= self.until).then_some(false),
        }
    }
}
