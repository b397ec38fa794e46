//! Lines of an input, none longer than it may be.

use std::io::{BufRead, Read as _};

use anyhow::{Context as _, ensure};

/// Reads lines into the same memory.
pub(super) struct Lines<'a, R> {
    /// Of the input, for errors.
    name: &'a str,
    input: R,
    longest: usize,
    number: u64,
    line: Vec<u8>,
}

impl<'a, R: BufRead> Lines<'a, R> {
    /// Reads `input`, whose lines are at most `longest` bytes.
    pub(super) fn new(name: &'a str, input: R, longest: usize) -> Self {
        Self { name, input, longest, number: 0, line: Vec::new() }
    }

    /// The next line without its end, and its number, counted from 1.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<(u64, &[u8])>> {
        self.line.clear();
        // Two more than it may have: its end.
        let longest = self.longest.saturating_add(2);
        let mut input = self.input.by_ref().take((longest as u64).saturating_add(1));
        if input.read_until(b'\n', &mut self.line).with_context(|| self.name.to_owned())? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        ensure!(
            line.len() <= self.longest,
            "{}:{}: the line is longer than {} bytes",
            self.name,
            self.number,
            self.longest
        );
        Ok(Some((self.number, line)))
    }
}
