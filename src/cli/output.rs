//! Writing to the terminal, or to a pipe that may be closed.

use std::io::{self, Write};

/// Writes a result to standard output. A closed pipe is no error: the reader has read enough.
pub fn print(text: &str) -> anyhow::Result<()> {
    print_on(text).map(drop)
}

/// The same for a result that comes in pieces: returns whether anybody reads on.
pub fn print_on(text: &str) -> anyhow::Result<bool> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(anyhow::Error::new(error).context("standard output")),
    }
}

/// Writes a diagnostic to standard error.
pub fn complain(text: &str) {
    // There is no other place for this complaint.
    let _ = writeln!(io::stderr(), "{text}");
}
