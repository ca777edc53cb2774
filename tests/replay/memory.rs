//! A history of any length is read with the memory of one check.

use std::io::{self, BufRead, Read};

use vps_monitor::config::{Config, Resolved};
use vps_monitor::replay::{History, Replay};

/// Rows of five readings a check, made as they are read.
struct Rows {
    rows: u64,
    next: u64,
    line: Vec<u8>,
    read: usize,
}

const READINGS: [&str; 5] = ["memory,", "cpu,", "disk,/", "disk,/data", "connections,"];

impl Rows {
    fn of(checks: u64) -> Rows {
        let line = b"time,metric,target,value\n".to_vec();
        Rows { rows: checks * READINGS.len() as u64, next: 0, line, read: 0 }
    }
}

impl Read for Rows {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Rows {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.read == self.line.len() && self.next < self.rows {
            let (check, place) = (self.next / 5, (self.next % 5) as usize);
            // All of them are over their thresholds for some hours of each day.
            let value = 40 + check % 100 / 2;
            self.line.clear();
            self.line.extend(format!("{},{},{value}\n", check * 900, READINGS[place]).bytes());
            (self.next, self.read) = (self.next + 1, 0);
        }
        Ok(&self.line[self.read..])
    }

    fn consume(&mut self, count: usize) {
        self.read += count;
    }
}

/// The most bytes that are in use at once.
fn peak_bytes(checks: u64) -> u64 {
    let config = Resolved::new(&Config::parse("config.yaml", b"").unwrap().value);
    let (mut messages, mut read) = (0, 0);
    let allocations = allocation_counter::measure(|| {
        let mut history = History::new(Rows::of(checks), "history", &config.plan);
        let mut replay = Replay::new(&config);
        while let Some(check) = history.next_check().unwrap() {
            messages += replay.check(check).len();
            read += 1;
        }
    });
    assert!(read == checks && messages > 0, "{messages} messages of {read} checks");
    allocations.bytes_max
}

#[test]
fn a_history_that_is_ten_times_as_long_takes_no_more_memory() {
    let (short, long) = (peak_bytes(1_000), peak_bytes(10_000));
    eprintln!("at most {short} bytes for 1,000 checks, {long} for 10,000");
    assert!(long <= short + 1024, "{long} bytes, and {short} for a tenth of it");
}
