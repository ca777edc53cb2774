//! Writing to the terminal, or to a pipe that may be closed.

use std::io::{self, Write};

/// Writes a result to standard output. A closed pipe is no error: whoever read it has read enough.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(anyhow::Error::new(error).context("standard output"))
        }
        _ => Ok(()),
    }
}

/// Writes a diagnostic to standard error.
pub fn complain(text: &str) {
    // There is no place left to complain of this one.
    let _ = writeln!(io::stderr(), "{text}");
}
