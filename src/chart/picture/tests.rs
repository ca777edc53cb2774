//! The properties of every picture, and each case as it was looked at, in fixtures/chart.

use super::theme::{Ink, Rgb};
use super::*;
use crate::chart::font::is_whole;
use crate::chart::sample::{CASES, case};
use crate::message::Language::{self, Chinese, English};

const LANGUAGES: [(Language, &str); 2] = [(Chinese, "zh"), (English, "en")];

fn kind(name: &str) -> Kind {
    if name == "alert" { Kind::Alert } else { Kind::Report }
}

fn cases() -> impl Iterator<Item = (&'static str, Language, &'static str)> {
    CASES.into_iter().flat_map(|name| LANGUAGES.map(|(language, suffix)| (name, language, suffix)))
}

/// The boxes of all texts: left, top, right, bottom.
fn texts(marks: &Marks) -> Vec<(String, [f32; 4])> {
    let of = |mark: &Mark| match mark {
        Mark::Text { at: [x, y], text, style } => {
            let bounds = [*x, y - style.size * 0.75, x + style.width(text), y + style.size * 0.2];
            (!text.is_empty()).then(|| (text.clone(), bounds))
        }
        _ => None,
    };
    marks.0.iter().filter_map(of).collect()
}

#[test]
fn no_text_overlaps_another_and_all_is_inside() {
    for (name, language, _) in cases() {
        let (marks, height) = lay_out(&case(name, language), kind(name));
        let texts = texts(&marks);
        for (number, (text, [left, top, right, bottom])) in texts.iter().enumerate() {
            assert!(*left >= 0.0 && *right <= WIDTH && *top >= 0.0 && *bottom <= height, "{name}: {text} is outside");
            for (other, [l, t, r, b]) in &texts[..number] {
                let apart = right <= l || r <= left || bottom <= t || b <= top;
                assert!(apart, "{name} {language:?}: {text} overlaps {other}");
            }
        }
        for mark in &marks.0 {
            if let Mark::Rect { at: [x, y, width, tall], .. } = mark {
                assert!(*x >= 0.0 && *y >= 0.0 && x + width <= WIDTH + 0.01 && y + tall <= height, "{name}: {mark:?}");
            }
        }
    }
}

#[test]
fn every_word_has_its_glyphs_and_no_text_is_too_small() {
    for (name, language, _) in cases().filter(|(name, ..)| *name != "boxes") {
        for mark in lay_out(&case(name, language), kind(name)).0.0 {
            if let Mark::Text { text, style, .. } = mark {
                assert!(is_whole(&text, style.weight), "{name}: {text}");
                assert!(style.size >= 16.0, "{name}: {text} is {} pixels", style.size);
            }
        }
    }
}

#[test]
fn a_name_that_would_be_boxes_gives_way_to_another() {
    let (marks, _) = lay_out(&case("boxes", Chinese), Kind::Report);
    let texts: Vec<String> = texts(&marks).into_iter().map(|(text, _)| text).collect();
    for there in ["hz-web-01", "3f2a9c81d0e7", "backup"] {
        assert!(texts.iter().any(|text| text == there), "{there}: {texts:?}");
    }
    assert!(texts.iter().any(|text| text.contains('\u{1f468}')), "one box is no reason: {texts:?}");
}

#[test]
fn the_sizes_are_those_of_the_design() {
    for (name, height) in [("report", 1472.0), ("alert", 606.0)] {
        assert_eq!(lay_out(&case(name, Chinese), kind(name)).1, height);
    }
}

#[test]
fn a_picture_of_bands_is_that_of_one_piece() {
    let (marks, height) = lay_out(&case("alert", Chinese), Kind::Alert);
    let whole = painted(&marks, 0, height as usize, Theme::Dark).pixels;
    let of_bands: Vec<Rgb> = bands(&marks, height, Theme::Dark).flat_map(|band| band.pixels).collect();
    assert_eq!(whole.len(), of_bands.len());
    // Places are rounded in another way where a mask begins at another line.
    let farthest = whole.iter().zip(&of_bands).map(|(one, other)| one.distance(*other)).max();
    assert!(farthest <= Some(3 * 4), "{farthest:?}");
}

#[test]
fn a_threshold_is_told_where_its_label_is_legible() {
    for (name, language, _) in cases() {
        let (marks, _) = lay_out(&case(name, language), kind(name));
        let is_tint = |mark: &&Mark| matches!(mark, Mark::Rect { ink: Ink::Red, alpha, .. } if *alpha < u8::MAX);
        let is_bar = |mark: &&Mark| matches!(mark, Mark::Rect { at, ink: Ink::Red, alpha: u8::MAX, .. } if at[3] > 4.0);
        let is_plate = |mark: &&Mark| matches!(mark, Mark::Rect { ink: Ink::Paper, .. });
        let is_label =
            |mark: &Mark| matches!(mark, Mark::Text { style, .. } if style.ink == Ink::Red && style.size == 20.0);
        for (number, label) in marks.0.iter().enumerate().filter(|(_, mark)| is_label(mark)) {
            let Mark::Text { at: [x, y], text, style } = label else { continue };
            let [left, top, right, bottom] = [*x, y - 15.0, x + style.width(text), y + 1.0];
            let meets = |mark: &&Mark| match mark {
                Mark::Rect { at: [l, t, w, h], .. } => *l < right && l + w > left && *t < bottom && t + h > top,
                _ => false,
            };
            let behind: Vec<&Mark> = marks.0[..number].iter().filter(meets).collect();
            assert!(!behind.iter().any(is_bar), "{name} {language:?}: {text} is on the bar of an alert");
            let [is_tinted, is_on_plate] = [behind.iter().any(is_tint), behind.iter().any(is_plate)];
            assert!(!is_tinted || is_on_plate, "{name} {language:?}: {text} is red on red");
        }
    }
}

#[test]
fn containers_with_long_names_are_told_apart() {
    let (marks, _) = lay_out(&case("forty", Chinese), Kind::Report);
    let mut names: Vec<String> = texts(&marks).into_iter().map(|(text, _)| text).collect();
    names.retain(|text| text.starts_with("…worker-"));
    let count = names.len();
    names.dedup();
    assert_eq!((count, names.len()), (5, 5), "{names:?}");
}

/// The pictures themselves would be many megabytes: each is kept at a sixth of its size, which shows every shape.
/// `LOOK_AT=FOLDER` writes all of them, in both languages and themes, for people.
#[test]
fn the_pictures_are_those_that_were_looked_at() {
    const BLOCK: usize = 6;
    let folder = format!("{}/fixtures/chart", env!("CARGO_MANIFEST_DIR"));
    let looked_at = std::env::var_os("LOOK_AT");
    let themed = cases().flat_map(|case| [Theme::Light, Theme::Dark].map(|theme| (case, theme)));
    for ((name, language, suffix), theme) in themed {
        // The layout of the others is tested above: an unoptimised canvas takes its time.
        let is_kept = theme == Theme::Light && (language == Chinese || name == "forty" || name == "report")
            || language == Chinese && matches!(name, "alert" | "report");
        if !is_kept && looked_at.is_none() {
            continue;
        }
        let (marks, height) = lay_out(&case(name, language), kind(name));
        let (mut image, mut pixels) = (Image::default(), Vec::new());
        for band in bands(&marks, height, theme) {
            image.add(&band);
            pixels.extend(band.pixels);
        }
        let small = shrunk(&pixels, BLOCK);
        let theme_name = if theme == Theme::Light { "light" } else { "dark" };
        let path = format!("{folder}/{name}.{suffix}.{theme_name}.z");
        let file = image.file(theme);
        assert!(file.starts_with(b"\x89PNG\r\n\x1a\n") && file.ends_with(b"IEND\xaeB`\x82"), "{path}");
        assert!(file.len() <= 120_000, "{path}: {} bytes", file.len());
        if let Some(looked_at) = &looked_at {
            let name = format!("{name}.{suffix}.{theme_name}.png");
            std::fs::write(std::path::Path::new(looked_at).join(name), &file).unwrap();
        }
        if !is_kept {
            continue;
        }
        // The README shows these.
        if name == "report" && theme == Theme::Light {
            let shown = format!("{}/docs/report.{suffix}.png", env!("CARGO_MANIFEST_DIR"));
            if std::env::var_os("UPDATE_EXPECTED").is_some() {
                std::fs::write(&shown, &file).unwrap();
            }
            assert!(std::fs::read(&shown).unwrap_or_default() == file, "{shown} is not the picture of the code");
        }
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            std::fs::write(&path, miniz_oxide::deflate::compress_to_vec_zlib(&small, 9)).unwrap();
        }
        let kept = std::fs::read(&path).unwrap_or_default();
        let kept = miniz_oxide::inflate::decompress_to_vec_zlib(&kept).unwrap_or_default();
        assert_eq!(kept.len(), small.len(), "{path}");
        let differ = kept.iter().zip(&small).filter(|(one, other)| one.abs_diff(**other) > 12).count();
        assert!(differ * 1000 <= small.len(), "{path}: {differ} of {} differ", small.len());
    }
}

/// The means of square blocks, channel by channel.
fn shrunk(pixels: &[Rgb], block: usize) -> Vec<u8> {
    let width = WIDTH as usize;
    let mean = |column: usize, row: usize, channel: usize| {
        let places = (0..block * block).map(|n| (row * block + n / block) * width + column * block + n % block);
        (places.map(|at| u32::from(pixels[at].0[channel])).sum::<u32>() / (block * block) as u32) as u8
    };
    let blocks = (0..pixels.len() / width / block).flat_map(|row| (0..width / block).map(move |column| (row, column)));
    blocks.flat_map(|(row, column)| [0, 1, 2].map(|channel| mean(column, row, channel))).collect()
}
