//! A growing view on the text of a delivery, from the beginning of a record.

use super::FileError;
use super::text::Text;

const FIRST_BYTES: usize = 256 << 10;
/// Text is decoded into no less room than this.
const MIN_READ_BYTES: usize = 64;

/// Text that is read but not yet consumed, and where it stands in the file.
pub(crate) struct Window {
    text: Text,
    data: Vec<u8>,
    begin: usize,
    end: usize,
    whole: bool,
    byte: u64,
    line: u64,
}

impl Window {
    pub(crate) fn new(text: Text) -> Self {
        Self { text, data: vec![0; FIRST_BYTES], begin: 0, end: 0, whole: false, byte: 0, line: 1 }
    }

    /// What is at hand.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.data[self.begin..self.end]
    }

    /// Whether nothing follows what is at hand.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Bytes of text before what is at hand.
    pub(crate) fn byte(&self) -> u64 {
        self.byte
    }

    /// Physical line of what is at hand, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    pub(crate) fn text(&self) -> &Text {
        &self.text
    }

    /// Reads more; doubles the view when it is full.
    pub(crate) fn fill(&mut self) -> Result<(), FileError> {
        if self.begin > 0 {
            self.data.copy_within(self.begin..self.end, 0);
            self.end -= self.begin;
            self.begin = 0;
        }
        if self.data.len() - self.end < MIN_READ_BYTES {
            self.data.resize(self.data.len() * 2, 0);
        }
        // Fill well: a short read would mean splitting the record's beginning again.
        while self.data.len() - self.end >= MIN_READ_BYTES {
            match self.text.read(&mut self.data[self.end..])? {
                0 => {
                    self.whole = true;
                    break;
                }
                count => self.end += count,
            }
        }
        Ok(())
    }

    /// Passes over `count` bytes at hand, in which `mark` ends lines.
    pub(crate) fn consume(&mut self, count: usize, mark: u8) {
        let passed = &self.data[self.begin..self.begin + count];
        self.line += memchr::memchr_iter(mark, passed).count() as u64;
        self.advance(count);
    }

    /// As [`Self::consume`] when the number of line ends is known.
    pub(crate) fn consume_lines(&mut self, count: usize, lines: u64) {
        self.line += lines;
        self.advance(count);
    }

    fn advance(&mut self, count: usize) {
        self.byte += count as u64;
        self.begin += count;
        if self.data.len() > 8 * FIRST_BYTES && self.end - self.begin < FIRST_BYTES {
            // Give the memory of one very large record back.
            self.data.copy_within(self.begin..self.end, 0);
            self.end -= self.begin;
            self.begin = 0;
            self.data.truncate(FIRST_BYTES);
            self.data.shrink_to_fit();
        }
    }
}
