//! Splits delimited text into records: a pure function of the bytes at hand.
//!
//! Well-formed text is split as RFC 4180 says. What real files add: a quotation mark that is not doubled inside a
//! quoted field is taken as it stands; a quoted field that is never closed must not swallow the rest of the file.
//! The sign of the latter is that a line inside the field is, taken alone, a clean record with as many columns as
//! the header; reading goes on there.

use super::LineEnd;
use super::cells::Cells;

/// What a record looks like, and how large it may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) delimiter: u8,
    pub(crate) quote: u8,
    /// Columns of the header; 0 when unknown, which turns the search for lost quotation marks off.
    pub(crate) columns: usize,
    pub(crate) max_field_bytes: usize,
    pub(crate) max_columns: usize,
}

/// The first record of some text. Lengths are in bytes and include the line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Split {
    /// Its cells are filled in.
    Record { length: usize, lines: u64, stray_quotes: u64 },
    /// Only white space and delimiters.
    Blank { length: usize },
    /// The text ends before the record does.
    NeedMore,
    /// A quoted field that is never closed; `length` reaches to the next record that can be read.
    Unclosed { length: usize, column: usize },
    /// A field beyond the limit; the cells before it are filled in, the field goes on at `at`.
    FieldTooLarge { at: usize, quoted: bool, column: usize },
}

/// Lines inside one quoted field that are tried as records.
const MAX_CANDIDATES: usize = 64;
const MAX_CANDIDATE_BYTES: usize = 64 << 10;

/// The byte that ends lines.
pub(crate) fn line_mark(line_end: LineEnd) -> u8 {
    if line_end == LineEnd::Cr { b'\r' } else { b'\n' }
}

/// Splits the first record off `text`; `whole` says that nothing follows. More text never changes an answer other
/// than [`Split::NeedMore`].
pub(crate) fn split_record(
    text: &[u8],
    whole: bool,
    line_end: LineEnd,
    shape: &Shape,
    cells: &mut Cells,
) -> Split {
    cells.clear();
    Splitter {
        text,
        whole,
        mark: line_mark(line_end),
        shape,
        cells,
        tried: 0,
        candidates: 0,
        stray: 0,
        opened: None,
    }
    .run()
}

struct Splitter<'a> {
    text: &'a [u8],
    whole: bool,
    mark: u8,
    shape: &'a Shape,
    cells: &'a mut Cells,
    /// Lines up to here were tried as records.
    tried: usize,
    candidates: usize,
    stray: u64,
    /// The first quoted field over several lines: where its mark stands, and how many cells come before it.
    opened: Option<(usize, usize)>,
}

/// How a field ended.
enum End {
    /// At a delimiter; the next field begins there.
    Field(usize),
    /// At a line end or the end of the text; the next record begins there.
    Record(usize),
    Stop(Split),
}

/// What the lines inside a quoted field say.
enum Resync {
    Record(usize),
    None,
    NeedMore,
}

impl Splitter<'_> {
    fn run(mut self) -> Split {
        let mut at = 0;
        loop {
            let quoted = self.text.get(at) == Some(&self.shape.quote);
            let end = if quoted { self.quoted(at) } else { self.unquoted(at) };
            match end {
                End::Field(next) => at = next,
                End::Record(length) => return self.finish(length),
                End::Stop(split) => return split,
            }
        }
    }

    fn close(&mut self) {
        self.cells.close(self.shape.max_columns);
    }

    fn unquoted(&mut self, at: usize) -> End {
        let rest = &self.text[at..];
        let found = memchr::memchr2(self.shape.delimiter, self.mark, rest);
        let length = found.unwrap_or(rest.len());
        if length > self.shape.max_field_bytes {
            let at = at + length;
            return End::Stop(Split::FieldTooLarge { at, quoted: false, column: self.cells.len() });
        }
        if found.is_none() && !self.whole {
            return End::Stop(Split::NeedMore);
        }
        let mut field = &rest[..length];
        let ends_record = found.is_none() || rest[length] == self.mark;
        if ends_record && self.mark == b'\n' {
            field = field.strip_suffix(b"\r").unwrap_or(field);
        }
        self.cells.push(field);
        self.close();
        match (found, ends_record) {
            (None, _) => End::Record(self.text.len()),
            (Some(_), true) => End::Record(at + length + 1),
            (Some(_), false) => End::Field(at + length + 1),
        }
    }

    fn quoted(&mut self, open: usize) -> End {
        let start = open + 1;
        let mut from = start;
        loop {
            let found = memchr::memchr(self.shape.quote, &self.text[from..]).map(|at| from + at);
            let at = found.unwrap_or(self.text.len());
            if at - start > self.shape.max_field_bytes {
                return End::Stop(self.too_large(open, at));
            }
            if found.is_none() {
                return End::Stop(if self.whole { self.never_closed(open) } else { Split::NeedMore });
            }
            let Some(&next) = self.text.get(at + 1) else {
                if !self.whole {
                    return End::Stop(Split::NeedMore);
                }
                return self.closed(open, from, at, End::Record(at + 1));
            };
            if next == self.shape.quote {
                self.cells.push(&self.text[from..=at]);
                from = at + 2;
                continue;
            }
            match self.after_quote(at + 1) {
                Some(end @ End::Stop(_)) => return end,
                Some(end) => return self.closed(open, from, at, end),
                None => {}
            }
            if memchr::memchr(self.mark, &self.text[start..at]).is_some() {
                match self.resync(open, at) {
                    Resync::Record(next) => {
                        return End::Stop(self.unclosed(open, self.cells.ends.len(), next));
                    }
                    Resync::NeedMore => return End::Stop(Split::NeedMore),
                    Resync::None => {}
                }
            }
            self.stray += 1;
            self.cells.push(&self.text[from..=at]);
            from = at + 1;
        }
    }

    /// How the field ends when the mark before `at` closes it: at a delimiter or line end, with spaces before.
    fn after_quote(&self, at: usize) -> Option<End> {
        let is_space = |b: &u8| matches!(b, b' ' | b'\t') && *b != self.shape.delimiter;
        let spaces = self.text[at..].iter().take_while(|b| is_space(b)).count();
        let at = at + spaces;
        match self.text.get(at) {
            None if self.whole => Some(End::Record(at)),
            None => Some(End::Stop(Split::NeedMore)),
            Some(b) if *b == self.shape.delimiter => Some(End::Field(at + 1)),
            Some(b) if *b == self.mark => Some(End::Record(at + 1)),
            Some(b'\r') => match self.text.get(at + 1) {
                Some(b'\n') => Some(End::Record(at + 2)),
                None if self.whole => Some(End::Record(at + 1)),
                None => Some(End::Stop(Split::NeedMore)),
                Some(_) => None,
            },
            Some(_) => None,
        }
    }

    fn closed(&mut self, open: usize, from: usize, at: usize, end: End) -> End {
        self.cells.push(&self.text[from..at]);
        if self.opened.is_none() && memchr::memchr(self.mark, &self.text[open..at]).is_some() {
            self.opened = Some((open, self.cells.ends.len()));
        }
        self.close();
        end
    }

    fn finish(mut self, length: usize) -> Split {
        if self.cells.is_blank() {
            return Split::Blank { length };
        }
        if let Some((open, before)) = self.opened
            && self.cells.len() != self.shape.columns
        {
            self.tried = 0;
            self.candidates = 0;
            match self.resync(open, length - 1) {
                Resync::Record(next) => return self.unclosed(open, before, next),
                Resync::NeedMore => return Split::NeedMore,
                Resync::None => {}
            }
        }
        let lines = memchr::memchr_iter(self.mark, &self.text[..length]).count() as u64;
        Split::Record { length, lines, stray_quotes: self.stray }
    }

    fn too_large(&mut self, open: usize, at: usize) -> Split {
        let limit = open + 1 + self.shape.max_field_bytes;
        match self.resync(open, limit) {
            Resync::Record(next) => self.unclosed(open, self.cells.ends.len(), next),
            Resync::NeedMore => Split::NeedMore,
            Resync::None => {
                let before = self.cells.ends.len();
                self.cells.truncate(before);
                Split::FieldTooLarge { at, quoted: true, column: before }
            }
        }
    }

    fn never_closed(&mut self, open: usize) -> Split {
        let before = self.cells.ends.len();
        match self.resync(open, self.text.len()) {
            Resync::Record(next) => self.unclosed(open, before, next),
            Resync::None | Resync::NeedMore => self.unclosed(open, before, self.text.len()),
        }
    }

    /// Looks for a line after `open` that begins at or before `limit` and is a clean record of its own.
    fn resync(&mut self, open: usize, limit: usize) -> Resync {
        if self.shape.columns < 2 {
            return Resync::None;
        }
        let shape = Shape { columns: 0, ..*self.shape };
        let mut scratch = Cells::default();
        let mut from = self.tried.max(open);
        while self.candidates < MAX_CANDIDATES {
            let Some(line) = memchr::memchr(self.mark, &self.text[from..]).map(|at| from + at + 1) else {
                break;
            };
            if line > limit || line == self.text.len() {
                break;
            }
            let end = self.text.len().min(line + MAX_CANDIDATE_BYTES);
            let whole = self.whole && end == self.text.len();
            let line_end = if self.mark == b'\r' { LineEnd::Cr } else { LineEnd::Lf };
            match split_record(&self.text[line..end], whole, line_end, &shape, &mut scratch) {
                Split::Record { stray_quotes: 0, .. } if scratch.len() == self.shape.columns => {
                    return Resync::Record(line);
                }
                Split::NeedMore if end - line < MAX_CANDIDATE_BYTES => return Resync::NeedMore,
                _ => {}
            }
            self.candidates += 1;
            self.tried = line;
            from = line;
        }
        Resync::None
    }

    /// Keeps the cells before the open field, then the rest of its first line cut at delimiters, then what follows.
    fn unclosed(&mut self, open: usize, before: usize, next: usize) -> Split {
        self.cells.truncate(before);
        let column = before;
        let text = &self.text[open..next];
        let line = memchr::memchr(self.mark, text).unwrap_or(text.len());
        let parts: Vec<&[u8]> = text[..line].split(|b| *b == self.shape.delimiter).collect();
        let last = parts.len() - 1;
        for (index, part) in parts.into_iter().enumerate() {
            self.cells.push(if index == last { part.strip_suffix(b"\r").unwrap_or(part) } else { part });
            if index == last {
                let rest = text[line..].trim_ascii_end();
                self.cells.push(&rest[..rest.len().min(self.shape.max_field_bytes)]);
            }
            self.close();
        }
        Split::Unclosed { length: next, column }
    }
}
