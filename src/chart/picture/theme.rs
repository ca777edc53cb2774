//! The colours of a picture, light and dark.

/// A colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Rgb(pub [u8; 3]);

/// Whether a picture is light or dark. It does not follow the phone's theme: light is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    #[default]
    Light,
    Dark,
}

/// The role of a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Paper,
    Text,
    Second,
    Faint,
    Grid,
    Gap,
    Blue,
    Teal,
    Red,
    Amber,
    Green,
    /// Those of the state in the head, on which white is legible in both themes.
    White,
    Alarm,
    Calm,
    Unknown,
}

use Ink::{Alarm, Amber, Blue, Calm, Faint, Gap, Green, Grid, Paper, Red, Second, Teal, Text, Unknown, White};

pub(super) const INKS: [Ink; 15] =
    [Paper, Text, Second, Faint, Grid, Gap, Blue, Teal, Red, Amber, Green, White, Alarm, Calm, Unknown];

impl Theme {
    pub(super) const fn color(self, ink: Ink) -> Rgb {
        let (light, dark) = match ink {
            Paper => (0xff_ffff, 0x12_161c),
            Text => (0x1b_2430, 0xf0_f3f7),
            Second => (0x56_606e, 0xaa_b4c0),
            Faint => (0x6b_7583, 0x88_93a1),
            Grid => (0xe3_e7ec, 0x2a_313b),
            Gap => (0xee_f0f3, 0x1d_232c),
            Blue => (0x1f_6feb, 0x5a_a2ff),
            Teal => (0x0f_8f83, 0x35_c9b9),
            Red => (0xd9_2d20, 0xff_6b5e),
            Amber => (0xb8_6e00, 0xf0_a832),
            Green => (0x1a_9c5b, 0x3e_cf8e),
            White => (0xff_ffff, 0xff_ffff),
            Alarm => (0xd9_2d20, 0xd9_2d20),
            Calm => (0x15_803d, 0x15_803d),
            Unknown => (0x56_606e, 0x56_606e),
        };
        let color: u32 = if matches!(self, Theme::Light) { light } else { dark };
        let [_, red, green, blue] = color.to_be_bytes();
        Rgb([red, green, blue])
    }

    /// The share of a tint: dark paper takes more of it.
    pub(super) const fn alpha(self, alpha: u8) -> u8 {
        if matches!(self, Theme::Dark) { alpha.saturating_add(24) } else { alpha }
    }
}

impl Rgb {
    /// With `share` of 255 of another colour.
    pub fn mixed(self, other: Rgb, share: u32) -> Rgb {
        let mix = |own: u8, other: u8| ((u32::from(own) * (255 - share) + u32::from(other) * share + 127) / 255) as u8;
        Rgb([0, 1, 2].map(|channel| mix(self.0[channel], other.0[channel])))
    }

    /// The square of the distance to another colour.
    pub fn distance(self, other: Rgb) -> u32 {
        let of = |channel: usize| u32::from(self.0[channel].abs_diff(other.0[channel]));
        (0..3).map(|channel| of(channel) * of(channel)).sum()
    }
}
