//! A picture: its child draws it from the history, and posts it in a body that is made around it, or gives it to a program.

use std::borrow::Cow;
use std::io;

use serde::{Deserialize, Serialize};

use super::child::{self, ChildMessage, Posting, head_and_rest, post_with};
use super::run::{self, Program};
use crate::clock::Boot;
use crate::files::{self, RealFolder};
use crate::http::{self, BodyPart};
use crate::smtp;

/// Draws a picture of the history in a folder, by its recipe. An error is one line.
pub type Draw = fn(RealFolder, &[u8]) -> Result<Vec<u8>, String>;

/// A request whose body is made by the child that posts it, once it has drawn the picture.
#[derive(Clone, Debug)]
pub struct PictureJob {
    /// Its body is empty.
    pub request: http::Request,
    pub body: Vec<BodyPart>,
    /// The address takes no larger file.
    pub max_bytes: usize,
    /// The body that is sent if there is no picture, or if the mail server does not take it. `None`: nothing is.
    pub without: Option<String>,
}

/// The work for which a picture is drawn.
#[derive(Clone, Debug)]
pub enum Illustrated {
    Post(PictureJob),
    /// The program has it in [`run::IMAGE`], or goes without it.
    Run(Program),
}

/// The order of a `draw`, on one line: the request without its body, and the parts of that. The recipe follows.
#[derive(Serialize, Deserialize)]
struct Drawing<'a> {
    #[serde(borrow)]
    posting: Posting<'a>,
    parts: Cow<'a, [BodyPart]>,
    max_bytes: usize,
    without: Cow<'a, Option<String>>,
}

/// Told of a child that was still drawing at its deadline.
const STILL_DRAWS: &str = "timed out while drawing the picture";

/// Whether there was no child, or none that got beyond its picture.
pub fn is_of_drawing(error: &http::Error) -> bool {
    error.0 == STILL_DRAWS || error.0.starts_with(super::task::DIED) || error.0.starts_with(super::NO_CHILD)
}

pub(super) fn order(job: &PictureJob, recipe: &[u8], deadline: Boot) -> io::Result<Vec<u8>> {
    let url = job.request.url.expose();
    let drawing = Drawing {
        posting: Posting::head(&job.request, &url, deadline),
        parts: Cow::Borrowed(&job.body),
        max_bytes: job.max_bytes,
        without: Cow::Borrowed(&job.without),
    };
    child::with_head(&drawing, recipe)
}

/// Draws a picture of at most so many bytes.
fn drawn(folder: RealFolder, recipe: &[u8], draw: Draw, max_bytes: usize) -> io::Result<Result<Vec<u8>, String>> {
    let hangs = |error: Option<http::Error>| child::send(&ChildMessage::<(), _>::Hangs(error));
    hangs(Some(http::Error(STILL_DRAWS.to_owned())))?;
    let drawn = match draw(folder, recipe) {
        Ok(picture) if picture.len() <= max_bytes => Ok(picture),
        Ok(_) => Err("the picture is larger than the channel takes".to_owned()),
        Err(why) => Err(format!("no picture can be drawn: {why}")),
    };
    hangs(None)?;
    Ok(drawn)
}

pub(super) fn draw_and_post(folder: RealFolder, order: &[u8], draw: Draw) -> io::Result<http::Answer> {
    let (head, recipe) = head_and_rest(order)?;
    let Drawing { posting, parts, max_bytes, without } = serde_json::from_slice(head)?;
    Ok(match (drawn(folder, recipe, draw, max_bytes)?, without.into_owned()) {
        (Ok(picture), without) => {
            let spare = without.as_ref().map(String::as_bytes);
            post_with(posting, http::with_file(&parts, &picture), spare)
        }
        (Err(why), None) => Err(http::Error(why)),
        (Err(why), Some(without)) => without_picture(post_with(posting, without.into_bytes(), None), why),
    })
}

pub(super) fn draw_and_run(folder: RealFolder, order: &[u8], draw: Draw) -> io::Result<http::Answer> {
    let (head, recipe) = head_and_rest(order)?;
    let program: Program = serde_json::from_slice(head)?;
    let kept = |picture: Vec<u8>| {
        files::in_memory(&picture).map_err(|error| format!("no picture can be kept in memory: {error}"))
    };
    match drawn(folder, recipe, draw, usize::MAX)?.and_then(kept) {
        Ok(picture) => run::run_with(&program, Some(&picture)),
        Err(why) => Ok(without_picture(run::run_with(&program, None)?, why)),
    }
}

fn without_picture(answer: http::Answer, why: String) -> http::Answer {
    answer.map(|mut response| {
        response.headers.push((smtp::WITHOUT_PICTURE.to_owned(), why));
        response
    })
}
