//! One record as delivered, whatever the format: cells beside the file's columns.

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;
use serde_json::{Map, Value};

use super::cells::Cells;
use super::{Code, FileError};

/// A record as delivered; reused from record to record.
#[derive(Clone, Debug, Default)]
pub(crate) struct Raw {
    /// Physical line on which it begins.
    pub(crate) line: u64,
    /// Bytes of text before it.
    pub(crate) byte: u64,
    text: String,
    ends: Vec<usize>,
    /// Cells counted, not kept.
    pub(crate) dropped: usize,
    /// Bit per column: the cell was a JSON number, whose decimal mark is a point.
    pub(crate) numbers: u64,
    /// What a keyed record has beyond the known fields.
    pub(crate) extra: Map<String, Value>,
    /// What is wrong with the record as a whole.
    pub(crate) fault: Option<Fault>,
    /// Some cell was not UTF-8 and is read as windows-1252.
    pub(crate) mixed_encoding: bool,
    /// Some quotation mark was not doubled.
    pub(crate) stray_quote: bool,
}

/// What is wrong with a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    /// Name of the column or field.
    pub(crate) field: Option<String>,
    pub(crate) value: String,
    pub(crate) message: Cow<'static, str>,
}

impl Fault {
    pub(crate) fn new(
        code: Code,
        field: Option<&str>,
        value: &str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { code, field: field.map(str::to_owned), value: clip(value), message: message.into() }
    }
}

const MAX_VALUE_CHARS: usize = 200;

/// The beginning of a value for messages.
pub(crate) fn clip(value: &str) -> String {
    match value.char_indices().nth(MAX_VALUE_CHARS) {
        Some((at, _)) => format!("{}…", &value[..at]),
        None => value.to_owned(),
    }
}

impl Raw {
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.dropped = 0;
        self.numbers = 0;
        self.extra.clear();
        self.fault = None;
        self.mixed_encoding = false;
        self.stray_quote = false;
    }

    /// Cells, those that were not kept included.
    pub(crate) fn len(&self) -> usize {
        self.ends.len() + self.dropped
    }

    /// Cells that can be looked at.
    pub(crate) fn kept(&self) -> usize {
        self.ends.len()
    }

    /// The cell, or an empty one where the record has none.
    pub(crate) fn cell(&self, index: usize) -> &str {
        let Some(end) = self.ends.get(index) else { return "" };
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.text[start..*end]
    }

    pub(crate) fn cells(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len()).map(|index| self.cell(index))
    }

    pub(crate) fn push(&mut self, cell: &str) {
        self.text.push_str(cell);
        self.ends.push(self.text.len());
    }

    /// The text of all cells.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Takes cells over as text; cells that are not UTF-8 are read as windows-1252. `unprotect` takes the mark away
    /// that a rejects file puts before cells that a spreadsheet would run.
    pub(crate) fn set(&mut self, cells: &Cells, unprotect: bool) {
        self.dropped = cells.dropped;
        if !unprotect
            && let Ok(text) = std::str::from_utf8(&cells.bytes[..cells.ends.last().copied().unwrap_or(0)])
        {
            // Halves of one character in two cells are not text.
            if cells.ends.iter().all(|end| text.is_char_boundary(*end)) {
                self.text.push_str(text);
                self.ends.extend_from_slice(&cells.ends);
                return;
            }
        }
        for cell in cells.iter() {
            let text = if let Ok(text) = std::str::from_utf8(cell) {
                Cow::Borrowed(text)
            } else {
                self.mixed_encoding = true;
                WINDOWS_1252.decode_without_bom_handling(cell).0
            };
            self.push(if unprotect { super::rejects::unprotect(&text) } else { &text });
        }
    }
}

/// Where records come from. The same file gives the same records each time it is opened.
pub(crate) trait Source: Send {
    /// Reads the next record into `raw`; false at the end.
    fn next(&mut self, raw: &mut Raw) -> Result<bool, FileError>;
    /// Bytes of the file read so far.
    fn bytes_read(&self) -> u64;
}
