//! Signals as engines write them: by number (`15`), by name (`SIGTERM`, `term`), real-time ones by an offset
//! (`SIGRTMIN+3`).

/// A signal's number on Linux.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal(u8);

/// signal(7): the first real-time signal that glibc leaves, from which engines count.
const RTMIN: u8 = 34;
const RTMAX: u8 = 64;

/// signal(7), in the order of their numbers, from 1.
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
    "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",
    "PWR", "SYS",
];

impl Signal {
    pub const KILL: Signal = Signal(9);
    pub const TERM: Signal = Signal(15);

    /// `None` if `text` is no signal.
    pub fn parse(text: &str) -> Option<Signal> {
        let text = text.trim();
        let number = match text.parse() {
            Ok(number) => number,
            Err(_) => {
                let name = text.to_ascii_uppercase();
                number(name.strip_prefix("SIG").unwrap_or(&name))?
            }
        };
        (1..=RTMAX).contains(&number).then_some(Signal(number))
    }

    /// The exit code of a process that ends by this signal.
    pub fn exit_code(self) -> i64 {
        128 + i64::from(self.0)
    }
}

fn number(name: &str) -> Option<u8> {
    let offset = |text: &str, sign| if text.is_empty() { Some(0) } else { text.strip_prefix(sign)?.parse::<u8>().ok() };
    if let Some(rest) = name.strip_prefix("RTMIN") {
        return RTMIN.checked_add(offset(rest, '+')?);
    }
    if let Some(rest) = name.strip_prefix("RTMAX") {
        return RTMAX.checked_sub(offset(rest, '-')?);
    }
    let name = match name {
        "IOT" => "ABRT",
        "CLD" => "CHLD",
        "POLL" => "IO",
        name => name,
    };
    let index = NAMES.iter().position(|known| *known == name)?;
    u8::try_from(index + 1).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_and_names_mean_the_same() {
        for (text, number) in [
            ("15", 15),
            ("SIGTERM", 15),
            ("term", 15),
            (" SIGQUIT ", 3),
            ("sighup", 1),
            ("SIGRTMIN+3", 37),
            ("RTMIN", 34),
            ("SIGRTMAX-1", 63),
            ("SIGSYS", 31),
            ("SIGPOLL", 29),
        ] {
            assert_eq!(Signal::parse(text), Some(Signal(number)), "{text}");
        }
        for text in ["", "0", "65", "-1", "SIG", "SIGRTMIN+300", "SIGRTMAX-", "TERMINATE"] {
            assert_eq!(Signal::parse(text), None, "{text}");
        }
        assert_eq!(Signal::KILL.exit_code(), 137);
    }

    proptest! {
        #[test]
        fn arbitrary_texts_never_panic(text in "(SIG)?(RTMIN|RTMAX)?[+\\-]?[0-9]{0,5}\\PC{0,5}") {
            let _ = Signal::parse(&text);
        }
    }
}
