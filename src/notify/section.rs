//! The kinds of channels, each with its section in the configuration.

use std::fmt;

use super::Channel;
use crate::settings::{Doc, Section, Values};

/// A kind of channel, as the configuration knows it.
#[derive(Debug)]
pub struct ChannelKind {
    /// The section, and the word for such channels.
    pub name: &'static str,
    pub doc: Doc,
    /// The key for the destination, behind its section.
    pub setting: &'static str,
    /// Reads the section's keys; `None`: they name no destination. A secret is held in the section's values as people
    /// may see it.
    pub read: fn(&mut Section<'_>) -> Option<Channel>,
}

/// The section of a kind as it is written.
#[derive(Clone)]
pub struct ChannelSection {
    pub kind: &'static ChannelKind,
    pub channel: Option<Channel>,
    values: Values,
}

impl ChannelSection {
    /// Its keys with their values, secrets masked.
    pub fn values(&self) -> &Values {
        &self.values
    }
}

/// The same if all keys have the same values, and the secrets are the same.
impl PartialEq for ChannelSection {
    fn eq(&self, other: &ChannelSection) -> bool {
        self.kind.name == other.kind.name && self.channel == other.channel && self.values == other.values
    }
}

impl fmt::Debug for ChannelSection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.kind.name, self.values)
    }
}

/// Reads the sections of `kinds`.
pub fn read(document: &mut Section<'_>, kinds: &[&'static ChannelKind]) -> Vec<ChannelSection> {
    let section = |kind: &&'static ChannelKind| {
        document.section(kind.name, kind.doc, |section| {
            let channel = (kind.read)(section);
            ChannelSection { kind, channel, values: section.values().clone() }
        })
    };
    kinds.iter().map(section).collect()
}
