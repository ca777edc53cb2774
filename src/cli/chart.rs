//! `chart`: the recorded readings as a file: a picture or a page.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, umask};

use super::options::ChartArgs;
use super::{Error, Options, exit, output, past};
use crate::chart::picture::{self, Kind, Theme};
use crate::chart::{Chart, html};
use crate::clock;
use crate::config::Resolved;
use crate::drawing::Subject;
use crate::files::{Folder, RealFolder};

/// The form of a file, by its name's ending.
#[derive(Clone, Copy)]
enum Form {
    Png,
    Html,
    Svg,
}

const FORMS: [(&str, Form); 4] = [("png", Form::Png), ("html", Form::Html), ("htm", Form::Html), ("svg", Form::Svg)];

pub fn chart(options: &Options, wanted: &ChartArgs) -> Result<u8, Error> {
    let form = form(&wanted.output)?;
    let config = Resolved::new(&options.config()?);
    let now = clock::now().wall;
    let period = wanted.period.period("24h", &config.style.zone, now)?;
    // Opening the history changes the working folder.
    let (mut folder, name) = place(&wanted.output)?;
    let reader = past::open(options)?;
    let chart = past::chart(&config, &reader, period, Subject::Report, now)?;
    let theme = if wanted.dark { Theme::Dark } else { Theme::Light };
    let bytes = drawn(&chart, form, theme);
    replace(&mut folder, &name, &bytes).with_context(|| format!("{} is not written", wanted.output.display()))?;
    output::print(&format!("{}\n", wanted.output.display()))?;
    Ok(exit::DONE)
}

fn drawn(chart: &Chart, form: Form, theme: Theme) -> Vec<u8> {
    match form {
        Form::Png => picture::draw(chart, Kind::Report, theme),
        Form::Svg => picture::svg(chart, Kind::Report, theme).into_bytes(),
        Form::Html => html::page(chart).into_bytes(),
    }
}

fn form(path: &Path) -> Result<Form, Error> {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
    let found = FORMS.into_iter().find(|(known, _)| *known == ending).map(|(_, form)| form);
    found.ok_or_else(|| {
        let path = path.display();
        Error::Usage(format!("--output {path}: the ending says the form; expected FILE.png, FILE.html or FILE.svg"))
    })
}

/// The file's folder and its name there.
fn place(path: &Path) -> Result<(RealFolder, String), Error> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Error::Usage(format!("--output {}: it names no file", path.display())))?;
    let path = std::path::absolute(path).map_err(anyhow::Error::from)?;
    if path.is_dir() {
        return Err(Error::Failed(anyhow!("{}: it is a folder; name a file", path.display())));
    }
    let folder: PathBuf = path.parent().unwrap_or(Path::new("/")).to_owned();
    let opened = RealFolder::open(&folder).with_context(|| match folder.exists() {
        true => folder.display().to_string(),
        false => format!("{}: make the folder first", folder.display()),
    })?;
    Ok((opened, name.to_owned()))
}

/// Replaces the file as a whole, with the permissions that the umask gives. A folder in its place is not replaced.
fn replace(folder: &mut RealFolder, name: &str, bytes: &[u8]) -> io::Result<()> {
    let new = format!("{name}.new");
    let mask = umask(Mode::empty());
    umask(mask);
    let written = folder.write(&new, bytes).and_then(|()| {
        let permissions = Permissions::from_mode(0o666 & !mask.bits());
        folder.open_file(&new, OFlag::O_RDONLY)?.set_permissions(permissions)?;
        folder.rename(&new, name)
    });
    written.inspect_err(|_| {
        let _ = folder.remove(&new);
    })
}
