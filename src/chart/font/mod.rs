//! The glyphs of a picture: outlines of Noto Sans CJK SC, baked by share/font/bake.py, where their format is.
//!
//! No font file is parsed and none is searched for on the host. A character without a glyph is a hollow box, and an emoji is
//! one, however many characters it has. The font is under the SIL Open Font License: share/font/OFL.txt.

use crate::text::is_hidden;

/// The weight of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

/// Units of an em.
pub(super) const EM: f32 = 500.0;
/// The advance of a hollow box.
const BOX_ADVANCE: u16 = 270;
/// The bytes of an entry of the table.
const ENTRY: usize = 8;

/// One shape of a text, with its advance in units.
pub(super) enum Shape {
    Glyph { advance: u16, outline: Outline },
    Box,
}

/// A line, or a cubic curve with its two control points, to its last point.
#[derive(Debug)]
pub(super) enum Segment {
    Start([f32; 2]),
    Line([f32; 2]),
    Curve([[f32; 2]; 3]),
}

/// The bytes of an outline.
pub(super) struct Outline(&'static [u8]);

impl Shape {
    pub fn advance(&self) -> u16 {
        match self {
            Shape::Glyph { advance, .. } => *advance,
            Shape::Box => BOX_ADVANCE,
        }
    }
}

impl Weight {
    fn file(self) -> &'static [u8] {
        match self {
            Weight::Regular => include_bytes!("regular.bin"),
            Weight::Bold => include_bytes!("bold.bin"),
        }
    }

    fn shape(self, c: char) -> Shape {
        let file = self.file();
        let count = usize::from(u16::from_le_bytes([file[0], file[1]]));
        let (table, outlines) = file[2..].split_at(count * ENTRY);
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte));
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low.midpoint(high);
            let entry = &table[middle * ENTRY..][..ENTRY];
            match number(&entry[..3]).cmp(&u32::from(c)) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => {
                    let outline = Outline(&outlines[number(&entry[5..]) as usize..]);
                    return Shape::Glyph { advance: number(&entry[3..5]) as u16, outline };
                }
            }
        }
        Shape::Box
    }
}

/// The shapes of a text, in their order.
pub(super) fn shapes(text: &str, weight: Weight) -> impl Iterator<Item = Shape> {
    let mut is_joined = false;
    text.chars().filter_map(move |c| {
        let is_joiner = c == '\u{200d}';
        // A character that modifies the one before it, or is joined to it, belongs to its box.
        let is_modifier = is_hidden(c) || matches!(c, '\u{300}'..='\u{36f}' | '\u{1f3fb}'..='\u{1f3ff}');
        let belongs = is_joiner || is_modifier || is_joined;
        is_joined = is_joiner;
        (!belongs).then(|| weight.shape(c))
    })
}

/// The width of a text.
pub(super) fn width(text: &str, size: f32, weight: Weight) -> f32 {
    shapes(text, weight).map(|shape| f32::from(shape.advance())).sum::<f32>() * size / EM
}

/// Whether so much of a text has no glyph that it reads badly: a third.
pub(super) fn is_mostly_missing(text: &str, weight: Weight) -> bool {
    let (mut missing, mut all) = (0, 0);
    for shape in shapes(text, weight) {
        all += 1;
        missing += usize::from(matches!(shape, Shape::Box));
    }
    missing * 3 >= all.max(1)
}

/// Whether each character has a glyph.
pub(super) fn is_whole(text: &str, weight: Weight) -> bool {
    shapes(text, weight).all(|shape| matches!(shape, Shape::Glyph { .. }))
}

impl Outline {
    /// Its segments, in units from the beginning of the baseline.
    pub fn segments(&self) -> Vec<Segment> {
        let mut bytes = self.0.iter();
        let mut varint = move || {
            let (mut number, mut shift) = (0_i32, 0);
            for byte in bytes.by_ref() {
                number |= i32::from(byte & 127) << shift;
                shift += 7;
                if byte & 128 == 0 {
                    break;
                }
            }
            number
        };
        let signed = |number: i32| if number & 1 == 0 { number / 2 } else { -(number / 2) - 1 };
        let mut at = [0_i32; 2];
        let mut segments = Vec::new();
        for _ in 0..varint() {
            at = [at[0] + signed(varint()), at[1] + signed(varint())];
            segments.push(Segment::Start(at.map(|number| number as f32)));
            for _ in 0..varint() {
                let first = varint();
                let mut next = |x: i32, y: i32| {
                    at = [at[0] + signed(x), at[1] + signed(y)];
                    at.map(|number| number as f32)
                };
                let one = next(first >> 1, varint());
                segments.push(match first & 1 {
                    0 => Segment::Line(one),
                    _ => Segment::Curve([one, next(varint(), varint()), next(varint(), varint())]),
                });
            }
        }
        segments
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::SOURCES;
    use crate::message::Language;

    #[test]
    fn every_label_has_its_glyphs_in_both_weights() {
        for metric in SOURCES.iter().flat_map(|source| source.metrics.iter()) {
            for label in [metric.label.zh, metric.label.en, metric.name, metric.unit.suffix()] {
                for weight in [Weight::Regular, Weight::Bold] {
                    assert!(is_whole(label, weight), "{label}: run share/font/bake.py");
                }
            }
        }
        let words = Language::Chinese.words();
        let lasting = "，阈值 80%，已持续 异常 告警 正常 流量 容器 3".to_owned();
        for text in [lasting, words.duration(1), words.duration(99), words.duration(9999), words.duration(999_999)] {
            assert!(is_whole(&text, Weight::Regular), "{text}");
        }
    }

    #[test]
    fn an_emoji_is_one_box_and_a_name_of_boxes_is_known_as_such() {
        let boxes = |text: &str| shapes(text, Weight::Regular).filter(|shape| matches!(shape, Shape::Box)).count();
        assert_eq!([boxes("🐳"), boxes("👨‍💻"), boxes("⚠️"), boxes("👍🏽"), boxes("nginx")], [1, 1, 1, 1, 0]);
        assert!(is_mostly_missing("магазин-апи", Weight::Regular) && !is_mostly_missing("web-🐳-01", Weight::Bold));
    }

    #[test]
    fn digits_are_all_of_one_width() {
        let widths: Vec<f32> = ('0'..='9').map(|digit| width(&digit.to_string(), 20.0, Weight::Bold)).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{widths:?}");
    }

    #[test]
    fn every_outline_is_within_its_em() {
        for weight in [Weight::Regular, Weight::Bold] {
            for c in (' '..='\u{9fff}').filter(|c| matches!(weight.shape(*c), Shape::Glyph { .. })) {
                let Shape::Glyph { outline, .. } = weight.shape(c) else { continue };
                for segment in outline.segments() {
                    let (Segment::Start([x, y]) | Segment::Line([x, y]) | Segment::Curve([.., [x, y]])) = segment;
                    assert!((-100.0..600.0).contains(&x) && (-600.0..200.0).contains(&y), "{c} {x} {y}");
                }
            }
        }
    }
}
