//! Standard output of the running agent: checks and, where no channel is configured, messages.
//!
//! Output without a reader is dropped after a bounded wait, which the log reports; it never holds up the loop.

use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::sync::{LazyLock, Mutex, PoisonError};

use super::stream::OutputStream;

static STANDARD_OUTPUT: LazyLock<Mutex<Printer<io::Stdout>>> =
    LazyLock::new(|| Mutex::new(Printer::new(OutputStream::new(io::stdout()))));

/// Prints a text to standard output. A text that was cut off continues at the cut when it is printed again.
///
/// # Errors
/// `WouldBlock`: nobody reads, so it was not printed, or not all of it. `BrokenPipe`: nobody can any more.
pub fn print(text: &str) -> io::Result<()> {
    STANDARD_OUTPUT.lock().unwrap_or_else(PoisonError::into_inner).print(text)
}

struct Printer<F> {
    stream: OutputStream<F>,
    /// The text that was cut off, and its printed length.
    begun: Option<(String, usize)>,
    /// Texts that were not printed since the last one that was.
    dropped: u64,
}

impl<F: AsFd> Printer<F> {
    fn new(stream: OutputStream<F>) -> Printer<F> {
        Printer { stream, begun: None, dropped: 0 }
    }

    fn print(&mut self, text: &str) -> io::Result<()> {
        let printed = self.begun.as_ref().filter(|(begun, _)| begun == text).map(|(_, printed)| *printed);
        let result = match printed {
            Some(printed) => self.stream.go_on(&text.as_bytes()[printed..]),
            None => self.stream.print(text.as_bytes()),
        };
        match result {
            Ok(()) => {
                self.begun = None;
                if self.dropped > 0 {
                    log::warn!("standard output is read again; not printed, or not all: {}", self.dropped);
                    self.dropped = 0;
                }
                Ok(())
            }
            Err((more, error)) => {
                if more > 0 {
                    self.begun = Some((text.to_owned(), printed.unwrap_or(0) + more));
                }
                self.tell(error)
            }
        }
    }

    fn tell(&mut self, error: io::Error) -> io::Result<()> {
        if error.kind() != ErrorKind::WouldBlock {
            return Err(error);
        }
        if self.dropped == 0 {
            log::warn!("nobody reads standard output: what is printed is dropped until somebody does");
        }
        self.dropped = self.dropped.saturating_add(1);
        Err(io::Error::new(ErrorKind::WouldBlock, "nobody reads standard output"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{PipeReader, PipeWriter, Read};

    /// A printer whose reader stands still, and the bytes that it holds already.
    fn stuck() -> (PipeReader, Printer<PipeWriter>, usize) {
        let (reader, writer) = io::pipe().unwrap();
        let mut printer = Printer::new(OutputStream::new(writer));
        let mut taken = 0;
        while printer.print(&"x".repeat(1000)).is_ok() {
            taken += 1000;
        }
        taken += printer.begun.as_ref().map_or(0, |(_, printed)| *printed);
        (reader, printer, taken)
    }

    fn read(reader: &mut PipeReader, count: usize) -> String {
        let mut bytes = vec![0; count];
        reader.read_exact(&mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_is_not_read_is_dropped_and_counted() {
        let (mut reader, mut printer, taken) = stuck();
        let error = printer.print("more").unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::WouldBlock, "nobody reads standard output"));
        assert_eq!(printer.dropped, 2);
        read(&mut reader, taken);
        printer.print("again\n").unwrap();
        assert_eq!(printer.dropped, 0);
        drop(printer);
        let mut rest = String::new();
        reader.read_to_string(&mut rest).unwrap();
        assert!(rest.ends_with("again\n") && !rest.contains("more"), "{rest}");
    }

    #[test]
    fn a_text_that_is_printed_again_goes_on_where_it_was_cut_off() {
        let (mut reader, mut printer, taken) = stuck();
        read(&mut reader, taken);
        printer.print("\n").unwrap();
        let long: String = (0..100_000).map(|number| format!("{number}\n")).collect();
        let mut taken = String::new();
        while printer.print(&long).is_err() {
            let printed = printer.begun.as_ref().unwrap().1;
            taken += &read(&mut reader, 1 + printed - taken.len());
        }
        taken += &read(&mut reader, 1 + long.len() - taken.len());
        assert!(taken == format!("\n{long}"), "{} bytes", taken.len());
    }
}
