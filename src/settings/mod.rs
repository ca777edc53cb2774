//! Reading a configuration file: a tree with positions, typed access to it, and every problem at once.
//!
//! This layer knows YAML, positions and problems, and no component: each component reads its own [`Section`], and this
//! layer adds the place in the file to its complaints. Reading never stops at a problem: the default is used in its
//! place, so that one run shows everything there is to correct.
//!
//! A file is taken as hostile: its size, depth, number of values, aliases and problems are bounded; in the shown parts
//! secrets are masked and control characters replaced.

mod confusable;
mod convert;
mod culprit;
mod diagnostics;
mod doc;
mod duration;
mod excerpt;
mod file;
mod item;
mod mask;
mod nearest;
mod node;
mod problem;
mod scalar;
mod section;
mod size;
mod source;
mod stored;
mod syntax;
mod time_zone;
mod tree;
mod written;

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

pub use confusable::confusable;
pub use doc::{Described, Doc, MAX_DURATIONS, MAX_NUMBERS, NO_DOC, Text, ValueKind, doc};
pub use duration::{duration, duration_text};
pub use excerpt::Excerpt;
pub use file::{MAX_FILE_BYTES, WAIT_OF_A_COMMAND, WAIT_OF_THE_LOOP};
pub use item::Item;
pub use nearest::{meant, nearest, nearest_first};
pub use problem::{Complaint, Problem, Problems, Severity};
pub use section::{MAX_ITEMS, Place, Section};
pub use size::{Volume, size_text};
pub use stored::stored;
pub use time_zone::{time_zone, time_zone_name};
pub use written::{Values, Written, seconds};

use diagnostics::Diagnostics;
use source::Source;

/// A value that was read, and its warnings, in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Read<T> {
    pub value: T,
    pub warnings: Vec<Problem>,
    /// The file is empty, or there is none: the whole value is made of defaults.
    pub is_empty: bool,
}

impl<T: Default> Read<T> {
    /// The result of an absent file.
    pub fn nothing() -> Read<T> {
        Read { value: T::default(), warnings: Vec::new(), is_empty: true }
    }
}

/// Reads the file at `path`, at most [`MAX_FILE_BYTES`] of it and for `wait` at most.
///
/// # Errors
/// Every problem of the file, sorted by position; a file that cannot be read at all is one problem without a line.
pub fn read_file<T>(
    path: &Path,
    wait: Duration,
    read: impl FnOnce(&mut Section<'_>) -> T,
) -> Result<Read<T>, Problems> {
    read_source(Source::open(path, wait)?, read)
}

/// Reads `bytes`, which problems call `file_name`. An empty document is an empty section: all defaults.
///
/// # Errors
/// Every problem of the text, sorted by position.
pub fn read<T>(file_name: &str, bytes: &[u8], read: impl FnOnce(&mut Section<'_>) -> T) -> Result<Read<T>, Problems> {
    read_source(Source::decode(file_name, bytes)?, read)
}

/// The value of an absent section: all defaults.
pub fn defaults<T>(read: impl FnOnce(&mut Section<'_>) -> T) -> T {
    read(&mut Section::absent(&mut Diagnostics::new(Rc::new(Source::absent()))))
}

/// The descriptions of the keys that `read` reads, in its order; a section comes before its keys.
pub fn describe<T>(read: impl FnOnce(&mut Section<'_>) -> T) -> Vec<Described> {
    let mut diagnostics = Diagnostics::describing();
    read(&mut Section::absent(&mut diagnostics));
    diagnostics.into_described()
}

fn read_source<T>(source: Source, read: impl FnOnce(&mut Section<'_>) -> T) -> Result<Read<T>, Problems> {
    let source = Rc::new(source);
    let mut diagnostics = Diagnostics::new(Rc::clone(&source));
    let Some(document) = tree::parse(&source, &mut diagnostics) else { return Err(diagnostics.into_problems()) };
    let value = Section::read_document(&mut diagnostics, &document, read);
    let is_empty = document.says_nothing();
    diagnostics.into_warnings().map(|warnings| Read { value, warnings, is_empty })
}
