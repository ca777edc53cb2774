//! `licenses`: the texts that must come with every copy.

use super::{Error, exit, output};

/// The font's licence asks for its copyright and its text with every copy, and the font is compiled in.
const TEXTS: [(&str, &str); 2] = [
    ("vps-monitor", include_str!("../../LICENSE")),
    (
        "The glyphs of its pictures: a subset of Noto Sans CJK SC, under the SIL Open Font License",
        include_str!("../../share/font/OFL.txt"),
    ),
];

pub fn licenses() -> Result<u8, Error> {
    let texts = TEXTS.map(|(of, text)| format!("{of}\n{}\n\n{}\n", "=".repeat(of.len()), text.trim_end()));
    output::print(&texts.join("\n"))?;
    Ok(exit::DONE)
}
