//! Marks in cells of a terminal: eight dots of a Braille pattern in a cell, or one ASCII character.
//!
//! Braille patterns (U+2800 and above) are one column wide in every terminal. Blocks, frames and `·` are two in many Chinese
//! ones, so nothing here uses them.

/// How the cells are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dots {
    Braille,
    Ascii,
}

/// The bits of a pattern by its rows, each of two dots (Unicode, "Braille Patterns").
const BITS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

impl Dots {
    /// The dots of a cell, across and down.
    pub(super) const fn of_cell(self) -> (usize, usize) {
        match self {
            Dots::Braille => (2, 4),
            Dots::Ascii => (1, 1),
        }
    }
}

/// A field of cells.
pub(super) struct Field {
    dots: Dots,
    columns: usize,
    /// Row by row. In ASCII a character, in Braille the bits of a pattern.
    cells: Vec<u8>,
}

impl Field {
    pub fn new(dots: Dots, columns: usize, rows: usize) -> Field {
        let blank = if dots == Dots::Ascii { b' ' } else { 0 };
        Field { dots, columns, cells: vec![blank; columns * rows] }
    }

    /// The size in dots.
    pub fn size(&self) -> (usize, usize) {
        let (across, down) = self.dots.of_cell();
        (self.columns * across, self.cells.len() / self.columns.max(1) * down)
    }

    /// Sets the dot at `x` from the left and `y` from the top. In ASCII `mark` stands there, and covers no other.
    pub fn set(&mut self, x: usize, y: usize, mark: u8) {
        let (across, down) = self.dots.of_cell();
        let Some(cell) = self.cells.get_mut(y / down * self.columns + x / across) else { return };
        match self.dots {
            Dots::Braille => *cell |= BITS[y % down][x % across],
            Dots::Ascii if *cell == b' ' => *cell = mark,
            Dots::Ascii => {}
        }
    }

    /// Its rows as text, without blanks at their ends.
    pub fn rows(&self) -> Vec<String> {
        let character = |cell: &u8| match self.dots {
            Dots::Braille => char::from_u32(0x2800 + u32::from(*cell)).unwrap_or(' '),
            Dots::Ascii => char::from(*cell),
        };
        let row = |cells: &[u8]| cells.iter().map(character).collect::<String>();
        let blank = ['\u{2800}', ' '];
        self.cells.chunks(self.columns.max(1)).map(|cells| row(cells).trim_end_matches(blank).to_owned()).collect()
    }
}
