//! The channels in the configuration: the section of the first kind, and the list of all others.
//!
//! An entry of the list has the section of its kind, a name, and its route. Each kind reads its own section.

use std::collections::BTreeSet;
use std::fmt;

use super::{Channel, FIRST};
use crate::route::Route;
use crate::settings::{Complaint, Doc, Item, Place, Section, Text, Values, Written, doc, stored};

/// A kind of channel, as the configuration knows it.
#[derive(Debug)]
pub struct ChannelKind {
    /// The key of its section, and the word for such channels.
    pub name: &'static str,
    pub doc: Doc,
    /// The key for the destination, behind its section.
    pub setting: &'static str,
    /// Reads the section's keys; `None`: they name no destination. A secret is held in the section's values as people
    /// may see it.
    pub read: fn(&mut Section<'_>) -> Option<Channel>,
}

/// The channels as they are written.
#[derive(Clone, Default, PartialEq)]
pub struct Channels {
    /// The keys of the first kind's section, and of each entry of the list, secrets masked.
    section: Values,
    entries: Vec<Values>,
    channels: Vec<Channel>,
}

impl Channels {
    /// All that have a destination.
    pub fn all(&self) -> &[Channel] {
        &self.channels
    }

    /// The first kind's section and the entries of the list, secrets masked, each with its key.
    pub fn shown(&self) -> [(&'static str, Written); 2] {
        let entries = self.entries.iter().map(|entry| Written::Section(entry.clone().into())).collect();
        [(FIRST.name, Written::Section(self.section.clone().into())), (LIST, Written::List(entries))]
    }
}

impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.shown()).finish()
    }
}

const LIST: &str = "channels";

const LIST_DOC: Doc = doc(
    "更多通知渠道，可有多个同类渠道；见 docs/channels.zh-CN.md",
    "more channels, also several of one kind; see docs/channels.md",
)
.below(&[
    Text {
        zh: "每项一个渠道，可限定级别、类别与对象，也可作为另一渠道的后备：",
        en: "each with a level, kinds and targets, or as another one's fallback:",
    },
    Text { zh: "- {telegram: {token: \"credential:telegram\", chat_id: -1001234567890}, level: critical}", en: "" },
]);

/// Reads the first kind's section, and the list, in which each of `kinds` may stand.
pub fn read(document: &mut Section<'_>, kinds: &[&'static ChannelKind]) -> Channels {
    let mut read = document.section(FIRST.name, FIRST.doc, |section| {
        let channels = (FIRST.read)(section).into_iter().collect();
        Channels { section: section.values().clone(), entries: Vec::new(), channels }
    });
    let mut names: BTreeSet<String> = read.channels.iter().map(|channel| channel.name().to_owned()).collect();
    let mut fallbacks = Vec::new();
    let entries = document.list(LIST, LIST_DOC, |item| entry(item, kinds, &mut names, &mut fallbacks));
    for (values, channel) in entries.unwrap_or_default() {
        read.entries.push(values);
        read.channels.push(channel);
    }
    check_fallbacks(document, &read.channels, &fallbacks);
    let is_for_alerts = |channel: &Channel| channel.fallback_for().is_none() && channel.route().takes_alerts();
    if !read.channels.is_empty() && !read.channels.iter().any(is_for_alerts) {
        document.warning(LIST, "no channel takes alerts: nobody is told of any; add `alert` to the `kinds` of one");
    }
    read
}

/// A fallback steps in for another channel that is none itself.
fn check_fallbacks(document: &mut Section<'_>, channels: &[Channel], fallbacks: &[(String, Place)]) {
    for (of, place) in fallbacks {
        let complaint = match channels.iter().find(|channel| channel.name() == of) {
            Some(channel) if channel.fallback_for().is_some() => Complaint::new(format!("`{of}` is a fallback itself")),
            Some(_) => continue,
            None => Complaint::new(format!("there is no channel `{of}`")),
        };
        let others = channels.iter().filter(|channel| channel.fallback_for().is_none());
        let others: BTreeSet<&str> = others.map(Channel::name).collect();
        document.problem_at(place, &complaint.expected(others.into_iter().collect::<Vec<_>>().join(", ")));
    }
}

const NAME: Doc = doc("渠道名称，留空则为类别名；不能重复", "its name; empty: that of its kind; no two have one name")
    .pattern(r"^[A-Za-z0-9_.-]{0,40}$");

const FALLBACK_FOR: Doc = doc(
    "只在该名称的渠道已有 10 分钟送不出消息时接替它，此时不写 `level`、`kinds`、`targets`",
    "steps in for the channel of this name once that has not got rid of its messages for 10 minutes; it has no `level`, \
     `kinds` or `targets` of its own",
)
.pattern(r"^[A-Za-z0-9_.-]{0,40}$");

/// One entry; `None`: it has a mistake that leaves nothing of it.
fn entry(
    item: &mut Item<'_>,
    kinds: &[&'static ChannelKind],
    names: &mut BTreeSet<String>,
    fallbacks: &mut Vec<(String, Place)>,
) -> Option<(Values, Channel)> {
    item.section(|entry| {
        let channel = destination(entry, kinds);
        let name = entry.parse("name", NAME, channel_name);
        let route = Route::read(entry);
        let fallback_for = entry.parse("fallback_for", FALLBACK_FOR, channel_name);
        let channel = channel?;
        let channel = if name.is_empty() { channel } else { channel.named(&name) };
        entry.holds("name", Written::Text(channel.name().to_owned()));
        if !names.insert(channel.name().to_owned()) {
            let complaint = Complaint::new(format!("there is a channel `{}` already", channel.name()));
            entry.problem("name", complaint.expected("a name of its own for each channel: name: …"));
        }
        let channel = if fallback_for.is_empty() {
            channel.only(route)
        } else {
            if !route.takes_everything() {
                let complaint = Complaint::new(format!("a fallback takes what `{fallback_for}` takes"));
                entry.problem("fallback_for", complaint.expected("no level, kinds or targets beside it"));
            }
            let channel = channel.fallback(&fallback_for);
            fallbacks.push((fallback_for, entry.place_of("fallback_for")));
            channel
        };
        entry.holds("fallback_for", Written::Text(channel.fallback_for().unwrap_or_default().to_owned()));
        Some((entry.values().clone(), channel))
    })
}

/// The one kind of an entry.
fn destination(entry: &mut Section<'_>, kinds: &[&'static ChannelKind]) -> Option<Channel> {
    let written: Vec<&str> = kinds.iter().map(|kind| kind.name).filter(|name| entry.is_written(name)).collect();
    let mut found = None;
    for kind in kinds {
        let problems = entry.problem_count();
        let (channel, values) =
            entry.section(kind.name, kind.doc, |section| ((kind.read)(section), section.values().clone()));
        if !written.contains(&kind.name) {
            continue;
        }
        entry.holds(kind.name, Written::Section(values.into()));
        if channel.is_none() && entry.problem_count() == problems {
            let complaint = Complaint::new("names no destination");
            entry.problem(kind.name, complaint.expected(format!("{}: …", kind.setting)));
        }
        found = channel;
    }
    let kind_names = || kinds.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ");
    match &*written {
        [_] => found,
        [] => {
            entry.problem("", Complaint::new("names no kind of channel").expected(format!("one of {}", kind_names())));
            None
        }
        [_, second, ..] => {
            entry.problem(
                second,
                Complaint::new("an entry is one channel").expected("an entry of its own for this one"),
            );
            None
        }
    }
}

fn channel_name(text: &str) -> Result<String, Complaint> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    match text.trim() {
        name if name.len() <= 40 && name.chars().all(is_of_name) => Ok(name.to_owned()),
        _ => Err(Complaint::new("is no name of a channel").expected("letters, digits, - _ and ., 40 at most")),
    }
}

/// Reads a secret, or the place where it is stored, as `parse` reads it; `None`: it is empty. People see it `masked`.
/// `noun` is the word for it.
pub fn secret_key<T>(
    section: &mut Section<'_>,
    key: &'static str,
    noun: &str,
    doc: Doc,
    parse: fn(&str) -> Result<Option<T>, Complaint>,
    masked: fn(&T) -> String,
) -> Option<T> {
    let mut written = String::new();
    let secret: Option<T> = section.parse(key, doc, |text| {
        text.clone_into(&mut written);
        stored(text, noun, parse)
    });
    if secret.is_some() {
        section.warn_if_exposed(key, &written);
    }
    section.holds(key, Written::Text(secret.as_ref().map(masked).unwrap_or_default()));
    secret
}

#[cfg(test)]
mod tests {
    use crate::notify::CHANNEL_KINDS;
    use crate::settings;

    const KEY: &str = "693a91f6-7bcd-4bc4-97a0-0ec2f1fa5aaa";

    /// The names of the channels that `yaml` has, or the first problem with its place. `KEY` is a robot.
    fn names(yaml: &str) -> Result<Vec<String>, String> {
        let yaml = yaml.replace("KEY", KEY).replace("ROBOT", &format!("wechat: {{webhook_url: {KEY}}}"));
        let read = settings::read("c", yaml.as_bytes(), |document| super::read(document, CHANNEL_KINDS));
        let read = read.map_err(|problems| problems.to_string())?;
        assert!(!format!("{:?}", read.value).contains(KEY));
        Ok(read.value.all().iter().map(|channel| channel.name().to_owned()).collect())
    }

    #[test]
    fn each_channel_has_a_name_and_a_second_one_of_a_kind_its_own() {
        assert_eq!(names("").unwrap(), Vec::<String>::new());
        assert_eq!(names("channels: [{ROBOT}]").unwrap(), ["wechat"]);
        assert_eq!(
            names("ROBOT\nchannels:\n- {ROBOT, name: night}\n- {ROBOT, name: b.2}").unwrap(),
            ["wechat", "night", "b.2"]
        );
        for yaml in ["ROBOT\nchannels: [{ROBOT}]", "channels: [{ROBOT}, {ROBOT}]"] {
            let problem = names(yaml).unwrap_err();
            assert!(
                problem.contains("there is a channel `wechat` already") && problem.contains("name: …"),
                "{problem}"
            );
        }
    }

    #[test]
    fn a_mistake_is_told_with_its_place_and_what_belongs_there() {
        for (entry, place, told, expected) in [
            ("{name: a}", "c:1:12", "channels[0]: names no kind of channel", "one of wechat"),
            ("{wechat: {}}", "c:1:21", "channels[0].wechat: names no destination", "wechat.webhook_url"),
            ("{telegran: {}}", "c:1:13", "unknown key `telegran`", ""),
            ("{ROBOT, name: 'a b'}", "", "channels[0].name: is no name of a channel", "letters, digits"),
            ("{ROBOT, level: high}", "", "channels[0].level: `high` is none of the values", "warning, critical"),
            (
                "{ROBOT, kinds: [reports]}",
                "",
                "channels[0].kinds[0]: there is no kind `reports`; did you mean `report`?",
                "alert",
            ),
            (
                "{ROBOT, kinds: [alarm]}",
                "",
                "channels[0].kinds[0]: there is no kind `alarm`; did you mean `alert`?",
                "alert, recovery, event",
            ),
            ("{ROBOT, targets: ['']}", "", "channels[0].targets[0]: is empty", "container(shop-*)"),
            ("{ROBOT, fallback_for: b}", "", "channels[0].fallback_for: there is no channel `b`", ""),
            ("{ROBOT, fallback_for: wechat}", "", "channels[0].fallback_for: `wechat` is a fallback itself", ""),
            ("{ROBOT, name: a, fallback_for: b, level: critical}", "", "a fallback takes what `b` takes", "no level"),
            ("wechat", "c:1:12", "a single value where a section belongs", ""),
        ] {
            let problem = names(&format!("channels: [{entry}]")).unwrap_err();
            for part in [place, told, expected] {
                assert!(problem.contains(part), "{entry}: {problem} lacks {part}");
            }
        }
    }

    #[test]
    fn channels_of_which_none_takes_alerts_are_warned_of() {
        let warned = |yaml: &str| {
            let yaml = yaml.replace("KEY", KEY);
            let read = settings::read("c", yaml.as_bytes(), |document| super::read(document, CHANNEL_KINDS)).unwrap();
            read.warnings.iter().any(|warning| warning.message.contains("no channel takes alerts"))
        };
        let of = |kinds: &str| format!("channels: [{{wechat: {{webhook_url: KEY}}, kinds: [{kinds}]}}]");
        assert!(warned(&of("report")) && warned(&of("recovery, event")));
        assert!(!warned(&of("")) && !warned(&of("report, alert")) && !warned(""));
        let with_fallback = format!(
            "{}\n",
            of("report").replace("}]", "}, {wechat: {webhook_url: KEY}, name: b, fallback_for: wechat}]")
        );
        assert!(warned(&with_fallback), "a fallback takes nothing of its own");
    }

    #[test]
    fn what_is_shown_is_read_as_the_same_but_for_its_secrets() {
        let yaml = format!(
            "channels: [{{wechat: {{webhook_url: {KEY}}}, name: a, level: critical, kinds: [report, alert], targets: [x]}}]"
        );
        let read = settings::read("c", yaml.as_bytes(), |document| super::read(document, CHANNEL_KINDS)).unwrap();
        let [_, (_, shown)] = read.value.shown();
        assert_eq!(
            serde_json::to_value(&shown).unwrap(),
            serde_json::json!([{"wechat": {"webhook_url": "key=…5aaa", "mention": []}, "level": "critical",
                "kinds": ["alert", "report"], "targets": ["x"], "name": "a", "fallback_for": ""}])
        );
    }
}
