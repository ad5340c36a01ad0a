//! The rejects file: what was delivered and why it was refused, to be corrected and delivered again.

use std::borrow::Cow;
use std::io::{self, Write};

use super::{Reject, Summary};

/// Columns that say what is wrong; a delivery's columns that begin with `_` are ignored when it is read.
pub const REJECT_COLUMNS: [&str; 7] = ["_record", "_line", "_byte", "_code", "_field", "_value", "_message"];

/// Writes `rejects.csv`: UTF-8 with byte order mark, comma, RFC 4180, the columns `_record … _message` first and the
/// delivered columns after them. A record with too few or too many columns keeps that many, so that it is refused
/// again until somebody has looked at it.
///
/// Cells that a spreadsheet would run as a formula (`=`, `+`, `-`, `@`, tab or carriage return first) get an
/// apostrophe in front, which reading such a file takes away again. A price that only the other prices of its file
/// made clear (`1,299`) is ambiguous on its own and must be rewritten.
pub struct RejectsWriter<W: Write> {
    writer: csv::Writer<W>,
    /// Delivered columns that are written: all but those of an earlier rejects file.
    kept: Vec<bool>,
}

impl<W: Write> RejectsWriter<W> {
    /// Begins a file for the rejects of one delivery.
    ///
    /// # Errors
    /// When writing fails.
    pub fn new(mut writer: W, summary: &Summary) -> io::Result<Self> {
        writer.write_all("\u{feff}".as_bytes())?;
        let mut this = Self::resume(writer, summary);
        let columns = summary.columns.iter().zip(&this.kept).filter(|(_, kept)| **kept);
        let header =
            REJECT_COLUMNS.iter().map(|name| Cow::Borrowed(*name)).chain(columns.map(|(c, _)| protect(c)));
        this.writer.write_record(header.map(Cow::into_owned)).map_err(io::Error::from)?;
        Ok(this)
    }

    /// Goes on with a file that [`Self::new`] began and whose last line is complete.
    pub fn resume(writer: W, summary: &Summary) -> Self {
        let writer = csv::WriterBuilder::new().flexible(true).from_writer(writer);
        let kept = summary.columns.iter().map(|name| !name.trim_start().starts_with('_')).collect();
        Self { writer, kept }
    }

    /// Adds one record.
    ///
    /// # Errors
    /// When writing fails.
    pub fn write(&mut self, reject: &Reject) -> io::Result<()> {
        let numbers = [reject.record, reject.line, reject.byte];
        for number in numbers {
            self.writer.write_field(number.to_string()).map_err(io::Error::from)?;
        }
        let field = reject.field.as_deref().unwrap_or_default();
        for text in [reject.code.as_str(), field, &reject.value, &reject.message] {
            self.writer.write_field(protect(text).as_bytes()).map_err(io::Error::from)?;
        }
        for (index, cell) in reject.raw.iter().enumerate() {
            if self.kept.get(index).copied().unwrap_or(true) {
                self.writer.write_field(protect(cell).as_bytes()).map_err(io::Error::from)?;
            }
        }
        self.writer.write_record(None::<&[u8]>).map_err(io::Error::from)
    }

    /// Writes everything out and hands the underlying writer back.
    ///
    /// # Errors
    /// When writing fails.
    pub fn finish(self) -> io::Result<W> {
        self.writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
    }
}

/// Whether a spreadsheet would run the cell, or could not tell it from a protected one.
fn is_formula(cell: &str) -> bool {
    cell.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r'])
}

fn protect(cell: &str) -> Cow<'_, str> {
    if is_formula(cell) { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}

/// Undoes what protects a cell of a rejects file.
pub(crate) fn unprotect(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| is_formula(rest)).unwrap_or(cell)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_cell_begins_like_a_formula() {
        for cell in ["=1+1", "+1", "-5", "@x", "\tx", "\rx", "'=x"] {
            assert!(protect(cell).starts_with('\''), "{cell:?}");
        }
        assert_eq!(protect("plain"), "plain");
        assert_eq!(protect("'quoted'"), "'quoted'");
    }

    proptest! {
        #[test]
        fn protection_is_undone_exactly(cell in "['=+@a\\-\t\r]{0,6}") {
            let protected = protect(&cell);
            prop_assert_eq!(unprotect(&protected), cell.as_str());
        }
    }
}
