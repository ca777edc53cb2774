//! Reading a configuration file: a tree with positions, typed access to it, and every problem at once.
//!
//! This layer knows YAML, positions and problems, and no component: each component reads its own [`Section`], and this
//! layer says where in the file whatever it complains of stands. Reading never stops at a problem: the default is used
//! in its place, so that one run shows everything there is to correct.
//!
//! A file is taken as hostile: its size, depth, number of values, aliases and problems are bounded, and what is shown
//! of it has its secrets masked and its control characters replaced.

mod excerpt;
mod item;
mod mask;
mod nearest;
mod node;
mod problem;
mod report;
mod scalar;
mod section;
mod source;
mod syntax;
mod time_zone;
mod tree;
mod written;

use std::path::Path;
use std::rc::Rc;

pub use excerpt::Excerpt;
pub use item::Item;
pub use nearest::nearest;
pub use problem::{Complaint, Problem, Problems, Severity};
pub use scalar::duration_text;
pub use section::Section;
pub use source::MAX_FILE_BYTES;
pub use time_zone::{time_zone, time_zone_name};
pub use written::{number, seconds};

use report::Report;
use source::Source;

/// What was read, and the warnings that came with it, in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Read<T> {
    pub value: T,
    pub warnings: Vec<Problem>,
}

/// Reads the file at `path`, at most [`MAX_FILE_BYTES`] of it.
///
/// # Errors
/// Every problem of the file, sorted by position; a file that cannot be read at all is one problem without a line.
pub fn read_file<T>(path: &Path, read: impl FnOnce(&mut Section<'_>) -> T) -> Result<Read<T>, Problems> {
    read_source(Source::open(path)?, read)
}

/// Reads `bytes`, which problems call `file_name`. An empty document is an empty section: all defaults.
///
/// # Errors
/// Every problem of the text, sorted by position.
pub fn read<T>(file_name: &str, bytes: &[u8], read: impl FnOnce(&mut Section<'_>) -> T) -> Result<Read<T>, Problems> {
    read_source(Source::decode(file_name, bytes)?, read)
}

fn read_source<T>(source: Source, read: impl FnOnce(&mut Section<'_>) -> T) -> Result<Read<T>, Problems> {
    let source = Rc::new(source);
    let mut report = Report::new(Rc::clone(&source));
    let Some(document) = tree::parse(&source, &mut report) else { return Err(report.into_problems()) };
    let value = Section::read_document(&mut report, &document, read);
    report.into_warnings().map(|warnings| Read { value, warnings })
}
