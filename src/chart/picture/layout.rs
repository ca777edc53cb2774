//! The marks of a picture: its places, colours and texts, before any pixel.
//!
//! A canvas paints them. A test reads them: no two texts overlap, and all are within the canvas.

use super::theme::Ink;
use crate::chart::apart::Kept;
use crate::chart::font::{Weight, width};

/// One shape. Places are in pixels, from the upper left.
#[derive(Clone, Debug)]
pub(super) enum Mark {
    Rect { at: [f32; 4], radius: f32, ink: Ink, alpha: u8 },
    Area { points: Vec<[f32; 2]>, ink: Ink, alpha: u8 },
    Line { points: Vec<[f32; 2]>, width: f32, ink: Ink },
    Text { at: [f32; 2], text: String, style: TextStyle },
}

/// The look of a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct TextStyle {
    pub size: f32,
    pub weight: Weight,
    pub ink: Ink,
}

pub(super) const fn regular(size: f32, ink: Ink) -> TextStyle {
    TextStyle { size, weight: Weight::Regular, ink }
}

pub(super) const fn bold(size: f32, ink: Ink) -> TextStyle {
    TextStyle { size, weight: Weight::Bold, ink }
}

impl TextStyle {
    pub fn width(&self, text: &str) -> f32 {
        width(text, self.size, self.weight)
    }

    /// At most so many pixels of a text: `…` stands for its middle.
    pub fn cut(&self, text: &str, room: f32) -> String {
        self.cut_to(Kept::Ends, text, room)
    }

    pub fn cut_to(&self, part: Kept, text: &str, room: f32) -> String {
        if self.width(text) <= room {
            return text.to_owned();
        }
        let characters: Vec<char> = text.chars().collect();
        let of = |kept: usize| {
            let [head, tail] = part.split(kept);
            let ends = [&characters[..head], &['…'][..], &characters[characters.len() - tail..]];
            ends.concat().into_iter().collect::<String>()
        };
        (0..characters.len()).rev().map(of).find(|cut| self.width(cut) <= room).unwrap_or_default()
    }
}

/// All marks, from the back to the front.
#[derive(Default)]
pub(super) struct Marks(pub Vec<Mark>);

impl Marks {
    /// A text from `x` on; returns its end.
    pub fn text(&mut self, [x, y]: [f32; 2], text: &str, style: TextStyle) -> f32 {
        self.0.push(Mark::Text { at: [x, y], text: text.to_owned(), style });
        x + style.width(text)
    }

    /// A text up to `x`.
    pub fn text_before(&mut self, [x, y]: [f32; 2], text: &str, style: TextStyle) {
        self.text([x - style.width(text), y], text, style);
    }

    pub fn text_around(&mut self, [x, y]: [f32; 2], text: &str, style: TextStyle) {
        self.text([x - style.width(text) / 2.0, y], text, style);
    }

    pub fn rect(&mut self, at: [f32; 4], ink: Ink, alpha: u8) {
        self.rounded(at, 0.0, ink, alpha);
    }

    pub fn rounded(&mut self, at: [f32; 4], radius: f32, ink: Ink, alpha: u8) {
        self.0.push(Mark::Rect { at, radius, ink, alpha });
    }

    pub fn area(&mut self, points: Vec<[f32; 2]>, ink: Ink, alpha: u8) {
        self.0.push(Mark::Area { points, ink, alpha });
    }

    pub fn line(&mut self, points: Vec<[f32; 2]>, width: f32, ink: Ink) {
        self.0.push(Mark::Line { points, width, ink });
    }
}
