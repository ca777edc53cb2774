//! A PNG file with a palette (W3C, Portable Network Graphics, third edition).

use std::collections::BTreeMap;

use miniz_oxide::deflate::compress_to_vec_zlib;

use super::canvas::Canvas;
use super::theme::{INKS, Rgb, Theme};

/// The size of the palette. Three eighths of it are the most frequent colours, however near they are to others: else the
/// grid takes a tint of blue.
const COLORS: usize = 64;
/// That of a picture which would be larger than the other number, for a chat on a phone: a tenth less.
const FEW_COLORS: usize = 32;
const LARGE_BYTES: usize = 120_000;
/// The least square of the distance between the others.
const APART: u32 = 150;
/// Level 9 takes twice the time for one percent.
const LEVEL: u8 = 6;

/// The pixels of a picture, band by band, as runs of one colour: a tenth of their memory.
#[derive(Default)]
pub(super) struct Image {
    width: usize,
    height: usize,
    /// In each band the runs of its lines: the number of the colour, and the count of pixels.
    bands: Vec<Vec<(u16, u16)>>,
    /// Every colour, with the count of its pixels.
    colors: Vec<(Rgb, usize)>,
    numbers: BTreeMap<Rgb, u16>,
}

impl Image {
    /// Adds the lines below those that are there.
    pub fn add(&mut self, canvas: &Canvas) {
        let mut runs = Vec::new();
        for line in canvas.pixels.chunks(canvas.width) {
            // Most pixels are as the one before: a look-up for each would take longer than all drawing.
            for run in line.chunk_by(|one, other| one == other) {
                let number = self.number(run[0]);
                self.colors[usize::from(number)].1 += run.len();
                runs.push((number, run.len() as u16));
            }
        }
        runs.shrink_to_fit();
        self.bands.push(runs);
        self.width = canvas.width;
        self.height += canvas.pixels.len() / canvas.width;
    }

    fn number(&mut self, color: Rgb) -> u16 {
        if let Some(number) = self.numbers.get(&color) {
            return *number;
        }
        // A picture has some thousands; a colour beyond these is painted as the first one, the paper.
        let Ok(number) = u16::try_from(self.colors.len()) else { return 0 };
        self.colors.push((color, 0));
        self.numbers.insert(color, number);
        number
    }

    /// The PNG file.
    pub fn file(&self, theme: Theme) -> Vec<u8> {
        let file = self.with_colors(COLORS, theme);
        if file.len() <= LARGE_BYTES { file } else { self.with_colors(FEW_COLORS, theme) }
    }

    fn with_colors(&self, most: usize, theme: Theme) -> Vec<u8> {
        let (palette, indices) = self.palette(most, theme);
        let mut header = Vec::new();
        header.extend((self.width as u32).to_be_bytes());
        header.extend((self.height as u32).to_be_bytes());
        // Eight bits, a palette; deflate, filters by line, not interlaced.
        header.extend([8, 3, 0, 0, 0]);
        let mut lines: Vec<u8> = Vec::with_capacity((self.width + 1) * self.height);
        for (number, count) in self.bands.iter().flatten() {
            if lines.len().is_multiple_of(self.width + 1) {
                // Before each line the number of its filter, which is none.
                lines.push(0);
            }
            lines.resize(lines.len() + usize::from(*count), indices[usize::from(*number)]);
        }

        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        chunk(&mut file, *b"IHDR", &header);
        chunk(&mut file, *b"PLTE", palette.as_flattened());
        chunk(&mut file, *b"IDAT", &compress_to_vec_zlib(&lines, LEVEL));
        chunk(&mut file, *b"IEND", &[]);
        file
    }

    /// The theme's own colours, the most frequent ones, then the most frequent that differ; the nearest of them for each
    /// colour.
    fn palette(&self, most: usize, theme: Theme) -> (Vec<[u8; 3]>, Vec<u8>) {
        let mut frequent = self.colors.clone();
        frequent.sort_by_key(|(color, count)| (std::cmp::Reverse(*count), *color));
        let mut colors: Vec<Rgb> = Vec::new();
        let own = INKS.iter().map(|ink| (theme.color(*ink), 0));
        for (place, (color, _)) in own.chain(frequent).enumerate() {
            let nearest = colors.iter().map(|taken| taken.distance(color)).min().unwrap_or(u32::MAX);
            let least = if place < INKS.len() + most * 3 / 8 { 1 } else { APART };
            if nearest >= least && colors.len() < most {
                colors.push(color);
            }
        }
        let nearest =
            |color: &Rgb| (0..colors.len()).min_by_key(|index| colors[*index].distance(*color)).unwrap_or(0) as u8;
        let indices = self.colors.iter().map(|(color, _)| nearest(color)).collect();
        (colors.into_iter().map(|color| color.0).collect(), indices)
    }
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
