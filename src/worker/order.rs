//! The order for a child, as its standard input.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::process::Stdio;

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use crate::files;

/// A standard input that holds `order` and then ends. Making it never waits, however long the order is.
///
/// # Errors
/// The order can be kept neither in a file in memory nor in a pipe.
pub(super) fn input(order: &[u8]) -> io::Result<Stdio> {
    // RLIMIT_FSIZE applies to a file in memory, but not to a pipe.
    files::in_memory(order).map(Stdio::from).or_else(|error| in_pipe(order).map_err(|_| error))
}

/// A pipe takes 64 KiB (pipe(7)), or a page if the user has used up the allowance for pipes.
fn in_pipe(order: &[u8]) -> io::Result<Stdio> {
    let (reader, mut writer) = io::pipe()?;
    set_nonblocking(&writer)?;
    writer.write_all(order)?;
    Ok(Stdio::from(reader))
}

pub(super) fn set_nonblocking(fd: &impl AsFd) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?);
    fcntl(fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn what_a_child_reads(input: Stdio) -> Vec<u8> {
        Command::new("cat").stdin(input).output().unwrap().stdout
    }

    #[test]
    fn an_order_of_any_length_is_read_whole() {
        for length in [0, 1, 65_536, 3_000_000] {
            let order: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            assert!(what_a_child_reads(input(&order).unwrap()) == order, "{length} bytes");
        }
    }

    #[test]
    fn a_pipe_holds_what_a_message_needs_and_what_it_does_not_hold_is_an_error_and_no_wait() {
        let order = vec![b'x'; 60_000];
        assert_eq!(what_a_child_reads(in_pipe(&order).unwrap()), order);
        assert_eq!(in_pipe(&vec![b'x'; 3_000_000]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
