//! Finds the header of delimited text, and with it the delimiter, the quotation mark and the line ends.

use super::cells::Cells;
use super::header::{Columns, Mapping};
use super::split::{Shape, Split, split_record};
use super::{Dialect, LineEnd};

/// Junk lines that exporters write above the header, at most.
const MAX_PREAMBLE_LINES: usize = 20;
const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];

/// Where the header is and how to read what follows.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) dialect: Dialect,
    pub(crate) columns: Columns,
    /// Physical line of the header, from 1.
    pub(crate) header_line: u64,
    /// Bytes of text before the first record.
    pub(crate) data_byte: usize,
}

/// Looks for the line among the first ones that names the most known columns, at least two (or all there are).
pub(crate) fn find(sample: &[u8], whole: bool, mapping: &Mapping, shape: &Shape) -> Option<Layout> {
    let line_end = line_end(sample);
    let (hint, mut at, mut line) = separator_hint(sample, line_end);
    let mut best: Option<Layout> = None;
    for _ in 0..=MAX_PREAMBLE_LINES {
        if at >= sample.len() {
            break;
        }
        for delimiter in DELIMITERS.into_iter().filter(|d| hint.is_none_or(|h| h == *d)) {
            for quote in ['"', '\''] {
                let dialect = Dialect { delimiter, quote, line_end };
                let Some((columns, length)) = try_header(&sample[at..], whole, dialect, mapping, shape)
                else {
                    continue;
                };
                let rank = |columns: &Columns| (columns.recognised, columns.names.len());
                if best.as_ref().is_none_or(|held| rank(&columns) > rank(&held.columns)) {
                    best = Some(Layout { dialect, columns, header_line: line, data_byte: at + length });
                }
            }
        }
        at += line_length(&sample[at..], line_end);
        line += 1;
    }
    best.filter(|layout| {
        let named = layout.columns.names.iter().filter(|name| !name.trim().is_empty()).count();
        layout.columns.recognised >= 2.min(named) && named > 0
    })
}

/// The line's cells as columns, when it splits cleanly and at least one name is known.
fn try_header(
    text: &[u8],
    whole: bool,
    dialect: Dialect,
    mapping: &Mapping,
    shape: &Shape,
) -> Option<(Columns, usize)> {
    let shape =
        Shape { delimiter: dialect.delimiter as u8, quote: dialect.quote as u8, columns: 0, ..*shape };
    let mut cells = Cells::default();
    let Split::Record { length, stray_quotes: 0, .. } =
        split_record(text, whole, dialect.line_end, &shape, &mut cells)
    else {
        return None;
    };
    let mut names = Vec::with_capacity(cells.len());
    for cell in cells.iter() {
        let name = std::str::from_utf8(cell)
            .map_or_else(|_| String::from_utf8_lossy(cell).into_owned(), str::to_owned);
        // A quotation mark of the other kind around a name says that this is not the right dialect.
        let other = if dialect.quote == '"' { '\'' } else { '"' };
        if name.len() > 1 && name.starts_with(other) && name.ends_with(other) {
            return None;
        }
        names.push(name);
    }
    let columns = Columns::resolve(names, mapping);
    (columns.recognised > 0).then_some((columns, length))
}

/// Excel's `sep=;` in the first line: the delimiter and what to skip.
fn separator_hint(sample: &[u8], line_end: LineEnd) -> (Option<char>, usize, u64) {
    let length = line_length(sample, line_end);
    let first = sample[..length].trim_ascii_end();
    let first = first.strip_prefix(b"\"").and_then(|f| f.strip_suffix(b"\"")).unwrap_or(first);
    let Some(rest) = first.get(4..).filter(|_| first[..4].eq_ignore_ascii_case(b"sep=")) else {
        return (None, 0, 1);
    };
    // `trim` takes a tab away, which is then what the line said.
    match rest {
        [one] => (Some(*one as char), length, 2),
        [] => (Some('\t'), length, 2),
        _ => (None, length, 2),
    }
}

/// Carriage returns alone end lines when there is no line feed outside quotation marks.
fn line_end(sample: &[u8]) -> LineEnd {
    let (mut quoted, mut returns) = (false, false);
    for byte in sample {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => return LineEnd::Lf,
            b'\r' if !quoted => returns = true,
            _ => {}
        }
    }
    if returns { LineEnd::Cr } else { LineEnd::Lf }
}

/// Bytes up to and including the line's end.
fn line_length(text: &[u8], line_end: LineEnd) -> usize {
    let mark = if line_end == LineEnd::Cr { b'\r' } else { b'\n' };
    memchr::memchr(mark, text).map_or(text.len(), |at| at + 1)
}
