//! Records of delimited text.

use super::cells::Cells;
use super::dialect::Layout;
use super::raw::{Fault, Raw, Source};
use super::split::{Shape, Split, line_mark, split_record};
use super::text::Text;
use super::window::Window;
use super::{Code, FileError, Limits};

/// Reads records after the header.
pub(crate) struct CsvSource {
    window: Window,
    layout: Layout,
    shape: Shape,
    mark: u8,
    max_record_bytes: usize,
    cells: Cells,
    started: bool,
}

/// The shape of records before anything is known about the file.
pub(crate) fn shape(limits: &Limits) -> Shape {
    let Limits { max_field_bytes, max_columns, .. } = *limits;
    Shape { delimiter: b',', quote: b'"', columns: 0, max_field_bytes, max_columns }
}

/// Where the passing over of an unwanted record stands.
#[derive(Clone, Copy)]
enum Passing {
    FieldStart,
    Quoted,
    Unquoted,
}

impl CsvSource {
    pub(crate) fn new(text: Text, layout: Layout, limits: &Limits) -> Self {
        let shape = Shape {
            delimiter: layout.dialect.delimiter as u8,
            quote: layout.dialect.quote as u8,
            columns: layout.columns.names.len(),
            ..shape(limits)
        };
        let mark = line_mark(layout.dialect.line_end);
        let max_record_bytes = limits.max_record_bytes;
        let window = Window::new(text);
        Self { window, layout, shape, mark, max_record_bytes, cells: Cells::default(), started: false }
    }

    /// Passes over everything up to the first record.
    fn start(&mut self) -> Result<(), FileError> {
        self.started = true;
        let mut left = self.layout.data_byte;
        while left > 0 {
            if self.window.bytes().is_empty() {
                if self.window.is_whole() {
                    break;
                }
                self.window.fill()?;
            }
            let count = left.min(self.window.bytes().len());
            self.window.consume(count, self.mark);
            left -= count;
        }
        Ok(())
    }

    /// Passes over the rest of a record whose content is not wanted, in bounded memory.
    fn pass(&mut self, mut state: Passing) -> Result<(), FileError> {
        let Shape { delimiter, quote, .. } = self.shape;
        loop {
            let bytes = self.window.bytes();
            if bytes.is_empty() {
                if self.window.is_whole() {
                    return Ok(());
                }
                self.window.fill()?;
                continue;
            }
            let (count, next) = match state {
                Passing::FieldStart if bytes[0] == quote => (1, Passing::Quoted),
                Passing::FieldStart => (0, Passing::Unquoted),
                Passing::Unquoted => match memchr::memchr2(delimiter, self.mark, bytes) {
                    None => (bytes.len(), state),
                    Some(at) if bytes[at] == delimiter => (at + 1, Passing::FieldStart),
                    Some(at) => {
                        self.window.consume(at + 1, self.mark);
                        return Ok(());
                    }
                },
                Passing::Quoted => match memchr::memchr(quote, bytes) {
                    None => (bytes.len(), state),
                    Some(at) if at + 1 == bytes.len() && !self.window.is_whole() => {
                        self.window.consume(at, self.mark);
                        self.window.fill()?;
                        continue;
                    }
                    Some(at) => match bytes.get(at + 1) {
                        Some(next) if *next == quote => (at + 2, state),
                        Some(next) if [delimiter, self.mark, b'\r'].contains(next) => {
                            (at + 1, Passing::Unquoted)
                        }
                        _ => (at + 1, if at + 1 == bytes.len() { Passing::Unquoted } else { state }),
                    },
                },
            };
            self.window.consume(count, self.mark);
            state = next;
        }
    }

    fn column_name(&self, column: usize) -> Option<&str> {
        self.layout.columns.names.get(column).map(String::as_str)
    }

    fn too_large(&mut self, raw: &mut Raw) -> Result<(), FileError> {
        let text = format!("the record is larger than {} bytes; shorten it", self.max_record_bytes);
        raw.fault = Some(Fault::new(Code::RecordTooLarge, None, "", text));
        self.pass(Passing::FieldStart)
    }

    fn set(&mut self, raw: &mut Raw) {
        raw.set(&self.cells, self.layout.columns.is_rejects_file);
        let damaged = self.window.text().damaged();
        if damaged > 0 && raw.text().contains('\u{fffd}') {
            let text = "bytes mean nothing in the file's encoding; save the file as UTF-8";
            raw.fault = Some(Fault::new(Code::BadEncoding, None, "\u{fffd}", text));
        }
    }
}

impl Source for CsvSource {
    fn next(&mut self, raw: &mut Raw) -> Result<bool, FileError> {
        if !self.started {
            self.start()?;
        }
        loop {
            raw.clear();
            (raw.line, raw.byte) = (self.window.line(), self.window.byte());
            let bytes = self.window.bytes();
            let whole = self.window.is_whole();
            if bytes.is_empty() && whole {
                return Ok(false);
            }
            let line_end = self.layout.dialect.line_end;
            match split_record(bytes, whole, line_end, &self.shape, &mut self.cells) {
                Split::Blank { length } => self.window.consume(length, self.mark),
                Split::NeedMore if bytes.len() > self.max_record_bytes => {
                    self.too_large(raw)?;
                    return Ok(true);
                }
                Split::NeedMore => self.window.fill()?,
                Split::Record { length, .. } if length > self.max_record_bytes => {
                    self.too_large(raw)?;
                    return Ok(true);
                }
                Split::Record { length, lines, stray_quotes } => {
                    self.set(raw);
                    raw.stray_quote = stray_quotes > 0;
                    self.window.consume_lines(length, lines);
                    return Ok(true);
                }
                Split::Unclosed { length, column } => {
                    self.set(raw);
                    let value = raw.cell(column).to_owned();
                    let text = "the quotation mark is never closed; close it or double it";
                    raw.fault = Some(Fault::new(Code::UnclosedQuote, self.column_name(column), &value, text));
                    self.window.consume(length, self.mark);
                    return Ok(true);
                }
                Split::FieldTooLarge { at, quoted, column } => {
                    self.set(raw);
                    let text =
                        format!("the field is larger than {} bytes; shorten it", self.shape.max_field_bytes);
                    raw.fault = Some(Fault::new(Code::FieldTooLarge, self.column_name(column), "", text));
                    self.window.consume(at, self.mark);
                    self.pass(if quoted { Passing::Quoted } else { Passing::Unquoted })?;
                    return Ok(true);
                }
            }
        }
    }

    fn bytes_read(&self) -> u64 {
        self.window.text().bytes_read()
    }
}
