//! Records of a Google Merchant feed: `item` (RSS 2.0) or `entry` (Atom) elements.

use std::io::{self, BufRead, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use serde_json::Value;

use super::header::Mapping;
use super::keyed::{Names, Record};
use super::presets::Preset;
use super::raw::{Fault, Raw, Source};
use super::text::Text;
use super::{Code, FileCode, FileError, Limits};

pub(crate) struct XmlSource {
    reader: Reader<Feed>,
    buffer: Vec<u8>,
    names: Names,
    limits: Limits,
    damaged: u64,
}

impl XmlSource {
    pub(crate) fn new(text: Text, mapping: Mapping, limits: &Limits) -> Self {
        let feed = Feed {
            text,
            data: vec![0; 64 << 10],
            begin: 0,
            end: 0,
            line: 1,
            left: limits.max_record_bytes,
            failed: None,
        };
        let names = Names::new(mapping, Preset::GoogleMerchant);
        Self { reader: Reader::from_reader(feed), buffer: Vec::new(), names, limits: *limits, damaged: 0 }
    }

    fn bad(&mut self, what: &str) -> FileError {
        let feed = self.reader.get_mut();
        if let Some(error) = feed.failed.take() {
            return error;
        }
        let text = format!(
            "the XML is damaged near line {} ({what}); repair it or deliver the file again",
            feed.line
        );
        FileError::new(FileCode::BadXml, feed.text.path(), text)
    }

    /// Reads the children of an item.
    fn item(&mut self, raw: &mut Raw) -> Result<(), FileError> {
        let mut record = Record::default();
        let mut nul = false;
        // The open child and its text; how deep elements inside it are nested.
        let mut open: Option<(String, String)> = None;
        let mut depth = 0usize;
        loop {
            self.buffer.clear();
            let mut buffer = std::mem::take(&mut self.buffer);
            let event = self.reader.read_event_into(&mut buffer);
            let step = match event {
                Err(error) => Err(error.to_string()),
                Ok(Event::Eof) => Err("an item is not closed".to_owned()),
                Ok(Event::Start(_)) if open.is_some() => {
                    depth += 1;
                    Ok(false)
                }
                Ok(Event::Start(tag)) => {
                    open = Some((tag.name().as_ref().to_owned(), link_target(&tag)));
                    Ok(false)
                }
                Ok(Event::Empty(tag)) => {
                    let target = link_target(&tag);
                    if open.is_none() && !target.is_empty() {
                        record.add(&mut self.names, tag.name().as_ref(), Value::String(target));
                    }
                    Ok(false)
                }
                Ok(Event::End(_)) if depth > 0 => {
                    depth -= 1;
                    Ok(false)
                }
                Ok(Event::End(_)) => match open.take() {
                    Some((name, text)) => {
                        nul |= text.contains('\0');
                        if !text.trim().is_empty() {
                            record.add(&mut self.names, &name, Value::String(text.trim().to_owned()));
                        }
                        Ok(false)
                    }
                    None => Ok(true),
                },
                Ok(Event::Text(text)) => Ok(append(&mut open, depth, &text.xml10_content())),
                Ok(Event::CData(text)) => Ok(append(&mut open, depth, &text.xml10_content())),
                Ok(Event::GeneralRef(name)) => Ok(append(&mut open, depth, &reference(&name))),
                Ok(_) => Ok(false),
            };
            self.buffer = buffer;
            match step {
                Ok(false) => {}
                Ok(true) => break,
                Err(what) => return Err(self.bad(&what)),
            }
        }
        if nul {
            record.fail(Fault::new(Code::NulByte, None, "", "contains U+0000; remove it"));
        }
        record.finish(raw, self.limits.max_field_bytes);
        Ok(())
    }
}

/// Adds text to the open child; text of elements inside it belongs to descriptions with markup, and to structures
/// such as `g:shipping`, which are kept as one text.
fn append(open: &mut Option<(String, String)>, depth: usize, more: &str) -> bool {
    if let Some((_, text)) = open {
        if depth > 0 && !text.is_empty() && !text.ends_with(char::is_whitespace) {
            text.push(' ');
        }
        text.push_str(more);
    }
    false
}

/// `href` of an Atom `link`.
fn link_target(tag: &BytesStart<'_>) -> String {
    let href = tag.try_get_attribute("href").ok().flatten();
    href.and_then(|href| quick_xml::escape::unescape(&href.value).ok().map(std::borrow::Cow::into_owned))
        .unwrap_or_default()
}

/// The text of `&name;`. Entities that XML does not know are kept as written: descriptions are HTML.
fn reference(name: &BytesRef<'_>) -> String {
    if let Ok(Some(c)) = name.resolve_char_ref() {
        return c.to_string();
    }
    let name: &str = name;
    quick_xml::escape::resolve_predefined_entity(name).map_or_else(|| format!("&{name};"), str::to_owned)
}

impl Source for XmlSource {
    fn next(&mut self, raw: &mut Raw) -> Result<bool, FileError> {
        loop {
            raw.clear();
            self.buffer.clear();
            self.reader.get_mut().left = self.limits.max_record_bytes;
            (raw.line, raw.byte) = (self.reader.get_ref().line, self.reader.buffer_position());
            let mut buffer = std::mem::take(&mut self.buffer);
            let event = self.reader.read_event_into(&mut buffer);
            let (is_item, ended) = match event {
                Err(error) => return Err(self.bad(&error.to_string())),
                Ok(Event::Start(tag)) => (matches!(tag.local_name().as_ref(), "item" | "entry"), false),
                Ok(Event::Eof) => (false, true),
                Ok(_) => (false, false),
            };
            self.buffer = buffer;
            if ended {
                return Ok(false);
            }
            if is_item {
                self.item(raw)?;
                let damaged = self.reader.get_ref().text.damaged();
                raw.mixed_encoding = damaged > self.damaged;
                self.damaged = damaged;
                return Ok(true);
            }
        }
    }

    fn bytes_read(&self) -> u64 {
        self.reader.get_ref().text.bytes_read()
    }
}

/// The text as the parser wants it, with a bound on what one item may take.
struct Feed {
    text: Text,
    data: Vec<u8>,
    begin: usize,
    end: usize,
    line: u64,
    left: usize,
    failed: Option<FileError>,
}

impl Read for Feed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let data = self.fill_buf()?;
        let count = data.len().min(buffer.len());
        buffer[..count].copy_from_slice(&data[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Feed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.begin == self.end {
            self.begin = 0;
            self.end = match self.text.read(&mut self.data) {
                Ok(count) => count,
                Err(error) => {
                    self.failed = Some(error);
                    self.end = 0;
                    return Err(io::Error::other("the file cannot be read"));
                }
            };
        }
        if self.left == 0 && self.begin < self.end {
            return Err(io::Error::other("one item is larger than the limit"));
        }
        let end = self.end.min(self.begin + self.left);
        Ok(&self.data[self.begin..end])
    }

    fn consume(&mut self, count: usize) {
        self.line += memchr::memchr_iter(b'\n', &self.data[self.begin..self.begin + count]).count() as u64;
        self.begin += count;
        self.left = self.left.saturating_sub(count);
    }
}
