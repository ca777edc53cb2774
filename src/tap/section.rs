//! The kinds of taps, each with its section in the configuration.

use std::fmt;
use std::rc::Rc;

use super::Setup;
use crate::secret::Secret;
use crate::settings::{Doc, Section, Values};

/// A kind of tap, as the configuration knows it.
#[derive(Debug)]
pub struct TapKind {
    /// The section.
    pub name: &'static str,
    pub doc: Doc,
    /// Reads the section's keys. A secret is held in the section's values as people may see it.
    pub read: fn(&mut Section<'_>) -> Vec<Rc<dyn Setup>>,
}

/// The section of a kind as it is written.
#[derive(Clone)]
pub struct TapSection {
    pub kind: &'static TapKind,
    pub taps: Vec<Rc<dyn Setup>>,
    values: Values,
}

impl TapSection {
    /// Its keys with their values, secrets masked.
    pub fn values(&self) -> &Values {
        &self.values
    }

    fn secrets(&self) -> impl Iterator<Item = Option<&Secret>> {
        self.taps.iter().map(|tap| tap.secret())
    }
}

/// The same if all keys have the same values, and the secrets are the same.
impl PartialEq for TapSection {
    fn eq(&self, other: &TapSection) -> bool {
        self.kind.name == other.kind.name && self.values == other.values && self.secrets().eq(other.secrets())
    }
}

impl fmt::Debug for TapSection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.kind.name, self.values)
    }
}

/// Reads the sections of `kinds`.
pub fn read(document: &mut Section<'_>, kinds: &[&'static TapKind]) -> Vec<TapSection> {
    let section = |kind: &&'static TapKind| {
        document.section(kind.name, kind.doc, |section| {
            let taps = (kind.read)(section);
            TapSection { kind, taps, values: section.values().clone() }
        })
    };
    kinds.iter().map(section).collect()
}
