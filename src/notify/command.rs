//! A program of the user's own: it gets the message's text on standard input and its facts in the environment.
//!
//! Nothing of a message is in an argument, and there is no shell. The exit code is the outcome, by sysexits(3) where that has
//! a word for it.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::answer::{no_picture, one_line};
use super::{Channel, ChannelKind, ChannelLimits, Form, Job, Lack, Vendor};
use crate::http::Answer;
use crate::message::{Detail, Escape, Fact, Line, Message};
use crate::outbox::{Budget, Outcome};
use crate::secret::without_tokens;
use crate::settings::{Complaint, Doc, Section, Written, doc};
use crate::smtp::WITHOUT_PICTURE;
use crate::worker::{Illustrated, POST_DEADLINE, Program, RUN_LONGEST};

/// So that a storm of alerts starts no storm of programs.
const BUDGET: Budget =
    Budget { attempts: 30, window: Duration::from_secs(60), longest_attempt: Duration::from_secs(50) };

/// The picture is drawn before it.
const LONGEST_SECONDS: u64 = POST_DEADLINE.as_secs() + RUN_LONGEST.as_secs();

const _: () = assert!(BUDGET.is_within_bounds() && LONGEST_SECONDS < BUDGET.longest_attempt.as_secs());

pub const KIND: &ChannelKind = &ChannelKind {
    name: "command",
    doc: doc(
        "本机命令：消息在标准输入，各项在环境变量",
        "a command here: the message on standard input, facts in variables",
    ),
    setting: "command.run",
    read,
};

const RUN: &str = "run";

const RUN_DOC: Doc = doc(
    "程序的绝对路径及其参数，不经过 shell；密钥不要写在参数里",
    "the program's absolute path, and its arguments, without a shell; arguments are no place for secrets",
);

const TIMEOUT_DOC: Doc = doc("超过这个时间就结束它及其子进程", "after this time it is ended, and its children with it");

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);

fn read(section: &mut Section<'_>) -> Option<Channel> {
    let item = doc("路径，或一个参数", "the path, or an argument");
    let command = section.list(RUN, RUN_DOC, |entry| entry.parse(item, argument)).unwrap_or_default();
    section.holds(RUN, Written::texts(&command));
    let within = section.duration("timeout", DEFAULT_TIMEOUT, Duration::from_secs(1)..=RUN_LONGEST, TIMEOUT_DOC);
    let program = command.first()?;
    if !program.starts_with('/') {
        let complaint = Complaint::new("does not begin with the path of a program");
        section.problem(RUN, complaint.expected("[/path/of/the/program, argument, …]"));
        return None;
    }
    Some(Channel::new(Script { command, within }))
}

fn argument(text: &str) -> Result<String, Complaint> {
    if text.contains('\0') {
        return Err(Complaint::new("holds a NUL").expected("a text without it"));
    }
    Ok(text.to_owned())
}

#[derive(Debug)]
struct Script {
    command: Vec<String>,
    within: Duration,
}

/// The message's facts; of several alerts those of the first one.
fn environment(message: &Message) -> Vec<(Cow<'static, str>, String)> {
    let plain = Escape::NONE;
    let fact = message.alerts().next();
    let key = fact.and_then(Fact::key);
    let detail = |of: fn(&Detail) -> &Line| {
        let detail = fact.and_then(|fact| fact.detail.as_deref());
        detail.map(|detail| of(detail).escaped(&plain)).unwrap_or_default()
    };
    let facts = [
        ("TITLE", message.title_text(&plain)),
        ("TEXT", message.text(&plain)),
        ("KIND", message.kind.name().to_owned()),
        ("LEVEL", message.severity().name().to_owned()),
        ("STATUS", message.status().to_owned()),
        ("HOST", message.host().to_owned()),
        ("METRIC", key.map(|key| key.metric.to_string()).unwrap_or_default()),
        ("TARGET", key.map(|key| key.target.to_string()).unwrap_or_default()),
        ("VALUE", detail(|detail| &detail.value)),
        ("THRESHOLD", detail(|detail| &detail.limit)),
        ("SINCE", format!("{:.0}", fact.map_or(message.created, |fact| fact.began))),
        ("TIME", format!("{:.0}", message.created)),
        ("ID", message.id_text(None)),
        ("EVENT_ID", message.event_id(None)),
    ];
    facts.into_iter().map(|(name, value)| (format!("VPSMON_{name}").into(), value.replace('\0', ""))).collect()
}

impl Script {
    fn program(&self, message: &Message) -> Program {
        Program {
            command: self.command.clone(),
            environment: environment(message),
            input: format!("{}\n", message.text(&Escape::NONE)),
            within: self.within,
        }
    }
}

impl Vendor for Script {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn setting(&self) -> &'static str {
        KIND.setting
    }

    fn limits(&self) -> ChannelLimits {
        ChannelLimits { part: None, budget: Some(BUDGET) }
    }

    fn escape(&self) -> Escape {
        Escape::NONE
    }

    fn encode(&self, message: &Message, _: Form<'_>) -> Vec<Job> {
        vec![Job::Run(self.program(message))]
    }

    fn has_pictures_inside(&self) -> bool {
        true
    }

    fn illustrated(&self, message: &Message, _: Form<'_>) -> Option<Illustrated> {
        Some(Illustrated::Run(self.program(message)))
    }

    fn lacks(&self, answer: &Answer) -> Vec<Lack> {
        let why = answer.as_ref().ok().and_then(|ended| ended.header(WITHOUT_PICTURE));
        why.map(|why| no_picture("the command", why)).into_iter().collect()
    }

    /// An exit code is the answer's status.
    fn classify(&self, answer: &Answer) -> Outcome {
        let ended = match answer {
            Ok(ended) => ended,
            Err(error) => return Outcome::Retry { reason: one_line(&without_tokens(&error.0)) },
        };
        let said = without_tokens(&ended.body);
        let reason = one_line(format!("exit code {} {said}", ended.status).trim_end());
        match ended.status {
            0 => Outcome::Delivered,
            65 => Outcome::MessageRefused { reason },
            75 => Outcome::Retry { reason },
            69 | 77 | 78 | 126 | 127 => Outcome::ChannelRefused { reason },
            _ => Outcome::Rejected { reason },
        }
    }

    fn advice(&self, answer: &Answer) -> Option<Cow<'static, str>> {
        const LATE: &str = "it must end within command.timeout: let it begin long work in the background";
        let told = match answer {
            Err(error) if error.0.contains("timed out") => LATE,
            Err(_) => "it was ended, or could not be started: run it by hand as the agent's user",
            Ok(ended) => match ended.status {
                0 => return None,
                126 | 127 => "the program cannot be run, or may not: its words say why",
                65 => "the program refuses this message (exit code 65)",
                69 | 77 | 78 => "the program refuses everything: correct it, and reload",
                75 => "the program asks for another attempt (exit code 75)",
                _ => {
                    "run it by hand as the agent's user; within the service's sandbox it may do less: docs/security.md"
                }
            },
        };
        Some(told.into())
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = self.command.first().map_or("", |program| program);
        write!(f, "command {program}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Error, Response};
    use crate::settings;

    fn read_keys(yaml: &str) -> Result<Channel, String> {
        let read = settings::read("c", yaml.as_bytes(), read).map_err(|problems| problems.to_string())?;
        read.value.ok_or_else(|| "no destination".to_owned())
    }

    fn channel() -> Channel {
        read_keys("{run: [/usr/local/bin/page, --urgent]}").unwrap()
    }

    #[test]
    fn a_message_is_on_standard_input_and_its_facts_are_variables_and_nothing_is_an_argument() {
        let message = serde_json::json!({"kind": "alert", "title": ["⚠️ [", "web-1", "]"], "rule_width": 1,
            "lines": [["📊 ", "$(reboot)"]], "footer": "⏰", "created": "2026-02-04T07:31:00Z", "facts": [{
                "about": {"alert": {"metric": "disk", "target": "/a b"}}, "line": "x", "began": "2026-02-04T07:30:00Z",
                "detail": {"level": "critical", "value": "91.2%", "limit": "80%"}}]});
        let message: Message = serde_json::from_value(message).unwrap();
        let [Job::Run(program)] = &channel().encode(&message, Form::default())[..] else { panic!("one program") };
        assert_eq!(program.command, ["/usr/local/bin/page", "--urgent"]);
        assert_eq!(program.input, "⚠️ [web-1]\n━\n📊 $(reboot)\n⏰\n");
        let of = |name: &str| &*program.environment.iter().find(|(known, _)| known == name).unwrap().1;
        for (name, value) in [
            ("VPSMON_TITLE", "⚠️ [web-1]"),
            ("VPSMON_TEXT", "⚠️ [web-1]\n━\n📊 $(reboot)\n⏰"),
            ("VPSMON_KIND", "alert"),
            ("VPSMON_LEVEL", "critical"),
            ("VPSMON_STATUS", "firing"),
            ("VPSMON_HOST", "web-1"),
            ("VPSMON_METRIC", "disk"),
            ("VPSMON_TARGET", "/a b"),
            ("VPSMON_VALUE", "91.2%"),
            ("VPSMON_THRESHOLD", "80%"),
            ("VPSMON_SINCE", "2026-02-04T07:30:00Z"),
            ("VPSMON_TIME", "2026-02-04T07:31:00Z"),
        ] {
            assert_eq!(of(name), value, "{name}");
        }
        assert_eq!(of("VPSMON_EVENT_ID"), format!("{}:firing:1770190260000", of("VPSMON_ID")));
    }

    #[test]
    fn each_exit_code_has_its_outcome_and_its_remedy() {
        let channel = channel();
        let reason = |code: u16| format!("exit code {code} odd");
        for (code, expected) in [
            (0, Outcome::Delivered),
            (65, Outcome::MessageRefused { reason: reason(65) }),
            (75, Outcome::Retry { reason: reason(75) }),
            (69, Outcome::ChannelRefused { reason: reason(69) }),
            (77, Outcome::ChannelRefused { reason: reason(77) }),
            (78, Outcome::ChannelRefused { reason: reason(78) }),
            (126, Outcome::ChannelRefused { reason: reason(126) }),
            (127, Outcome::ChannelRefused { reason: reason(127) }),
            (1, Outcome::Rejected { reason: reason(1) }),
            (255, Outcome::Rejected { reason: reason(255) }),
        ] {
            let answer = Ok(Response::new(code, "odd\n"));
            assert_eq!(channel.classify(&answer), expected, "{code}");
            assert_eq!(channel.advice(&answer).is_none(), code == 0, "{code}");
        }
        let late = Err(Error("timed out: the program ran for 20 s and was ended: ".to_owned()));
        assert!(matches!(channel.classify(&late), Outcome::Retry { .. }));
        assert!(channel.advice(&late).unwrap().contains("command.timeout"));
    }

    #[test]
    fn a_command_is_a_list_that_begins_with_a_path() {
        assert_eq!(channel().to_string(), "command /usr/local/bin/page");
        for (yaml, told) in [
            ("{run: [page]}", "run: does not begin with the path of a program"),
            ("{run: /usr/local/bin/page}", "run: a single value where a list belongs"),
            ("{run: [/bin/true], timeout: 5m}", "timeout: "),
            ("{run: []}", "no destination"),
        ] {
            let problems = read_keys(yaml).unwrap_err();
            assert!(problems.contains(told), "{yaml}: {problems}");
        }
    }
}
