//! Records of JSON lines: one object a line.

use encoding_rs::WINDOWS_1252;
use serde_json::Value;

use super::checks::attributes::has_nul;
use super::header::Mapping;
use super::keyed::{Names, Record};
use super::presets::Preset;
use super::raw::{Fault, Raw, Source};
use super::text::Text;
use super::window::Window;
use super::{Code, FileError, Limits};

pub(crate) struct JsonSource {
    window: Window,
    names: Names,
    limits: Limits,
}

impl JsonSource {
    pub(crate) fn new(text: Text, mapping: Mapping, limits: &Limits) -> Self {
        Self { window: Window::new(text), names: Names::new(mapping, Preset::Canonical), limits: *limits }
    }

    /// Passes over the rest of a line that is too long to keep.
    fn pass(&mut self) -> Result<(), FileError> {
        loop {
            let bytes = self.window.bytes();
            match memchr::memchr(b'\n', bytes) {
                Some(at) => {
                    self.window.consume(at + 1, b'\n');
                    return Ok(());
                }
                None => self.window.consume(bytes.len(), b'\n'),
            }
            if self.window.is_whole() {
                return Ok(());
            }
            self.window.fill()?;
        }
    }

    fn parse(names: &mut Names, limits: &Limits, line: &[u8], raw: &mut Raw) {
        let recoded;
        let text = if let Ok(text) = std::str::from_utf8(line) {
            text
        } else {
            raw.mixed_encoding = true;
            recoded = WINDOWS_1252.decode_without_bom_handling(line).0;
            &*recoded
        };
        if text.contains('\0') {
            raw.fault = Some(Fault::new(Code::NulByte, None, text, "contains U+0000; remove it"));
            return;
        }
        let value = match serde_json::from_str::<Value>(text) {
            Ok(value) => value,
            Err(error) => {
                let message = format!("is not JSON ({error}); write one object a line");
                raw.fault = Some(Fault::new(Code::BadJson, None, text, message));
                return;
            }
        };
        let nul = text.contains("\\u0000") && has_nul(&value);
        let Value::Object(members) = value else {
            let message = "is JSON, but not an object; write one object a line";
            raw.fault = Some(Fault::new(Code::NotAnObject, None, text, message));
            return;
        };
        let mut record = Record::default();
        if nul {
            record.fail(Fault::new(Code::NulByte, None, text, "contains U+0000; remove it"));
        }
        for (name, value) in members {
            record.add(names, &name, value);
        }
        record.finish(raw, limits.max_field_bytes);
    }
}

impl Source for JsonSource {
    fn next(&mut self, raw: &mut Raw) -> Result<bool, FileError> {
        loop {
            raw.clear();
            (raw.line, raw.byte) = (self.window.line(), self.window.byte());
            let bytes = self.window.bytes();
            let found = memchr::memchr(b'\n', bytes);
            let max = self.limits.max_record_bytes;
            if found.unwrap_or(bytes.len()) > max {
                let text = format!("the record is larger than {max} bytes; shorten it");
                raw.fault = Some(Fault::new(Code::RecordTooLarge, None, "", text));
                self.pass()?;
                return Ok(true);
            }
            let length = match found {
                Some(at) => at + 1,
                None if !self.window.is_whole() => {
                    self.window.fill()?;
                    continue;
                }
                None if bytes.is_empty() => return Ok(false),
                None => bytes.len(),
            };
            let line = bytes[..length].trim_ascii();
            let blank = line.is_empty();
            if !blank {
                Self::parse(&mut self.names, &self.limits, line, raw);
            }
            self.window.consume(length, b'\n');
            if !blank {
                return Ok(true);
            }
        }
    }

    fn bytes_read(&self) -> u64 {
        self.window.text().bytes_read()
    }
}
