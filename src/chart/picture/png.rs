//! A PNG file with a palette (W3C, Portable Network Graphics, third edition).

use std::collections::BTreeMap;

use miniz_oxide::deflate::compress_to_vec_zlib;

use super::canvas::Canvas;
use super::theme::{INKS, Rgb, Theme};

/// The size of the palette.
const COLORS: usize = 64;
/// So many of the most frequent colours are taken however near they are to others: else the grid takes a tint of blue.
const FREQUENT: usize = 24;
/// The least square of the distance between the others.
const APART: u32 = 150;
/// Level 9 takes twice the time for one percent.
const LEVEL: u8 = 6;

pub(super) fn encode(canvas: &Canvas, theme: Theme) -> Vec<u8> {
    let (palette, indices) = palette(canvas, theme);
    let mut header = Vec::new();
    header.extend((canvas.width as u32).to_be_bytes());
    header.extend((canvas.height as u32).to_be_bytes());
    // Eight bits, a palette; deflate, filters by line, not interlaced.
    header.extend([8, 3, 0, 0, 0]);
    let mut lines = Vec::with_capacity(canvas.pixels.len() + canvas.height);
    for line in canvas.pixels.chunks(canvas.width) {
        // Before each line the number of its filter, which is none.
        lines.push(0);
        // Most pixels are as the one before: a look-up for each would take longer than all drawing.
        for run in line.chunk_by(|one, other| one == other) {
            lines.resize(lines.len() + run.len(), indices[&run[0]]);
        }
    }

    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut file, *b"IHDR", &header);
    chunk(&mut file, *b"PLTE", palette.as_flattened());
    chunk(&mut file, *b"IDAT", &compress_to_vec_zlib(&lines, LEVEL));
    chunk(&mut file, *b"IEND", &[]);
    file
}

/// The theme's own colours, the most frequent ones, then the most frequent that differ; the nearest of them for each colour.
fn palette(canvas: &Canvas, theme: Theme) -> (Vec<[u8; 3]>, BTreeMap<Rgb, u8>) {
    let mut counts: BTreeMap<Rgb, usize> = BTreeMap::new();
    for pixels in canvas.pixels.chunk_by(|one, other| one == other) {
        *counts.entry(pixels[0]).or_default() += pixels.len();
    }
    let mut frequent: Vec<(Rgb, usize)> = counts.iter().map(|(color, count)| (*color, *count)).collect();
    frequent.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut colors: Vec<Rgb> = Vec::new();
    let own = INKS.iter().map(|ink| (theme.color(*ink), 0));
    for (place, (color, _)) in own.chain(frequent).enumerate() {
        let nearest = colors.iter().map(|taken| taken.distance(color)).min().unwrap_or(u32::MAX);
        let least = if place < INKS.len() + FREQUENT { 1 } else { APART };
        if nearest >= least && colors.len() < COLORS {
            colors.push(color);
        }
    }
    let nearest =
        |color: &Rgb| (0..colors.len()).min_by_key(|index| colors[*index].distance(*color)).unwrap_or(0) as u8;
    let indices = counts.keys().map(|color| (*color, nearest(color))).collect();
    (colors.into_iter().map(|color| color.0).collect(), indices)
}

fn chunk(file: &mut Vec<u8>, name: [u8; 4], data: &[u8]) {
    file.extend((data.len() as u32).to_be_bytes());
    let start = file.len();
    file.extend(name);
    file.extend(data);
    let sum = crc(&file[start..]);
    file.extend(sum.to_be_bytes());
}

/// CRC-32 as PNG has it.
fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    };
    !bytes.iter().fold(!0, step)
}
