//! Records whose values have names of their own (JSON lines, XML): brought to the columns of a fixed header.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::Code;
use super::field::Field;
use super::header::{Columns, Mapping, normalise};
use super::presets::{Preset, Target};
use super::raw::{Fault, Raw};

/// Names remembered with their meaning; more are looked up again and again.
const MAX_REMEMBERED: usize = 1_000;

/// The columns that keyed records are brought to: every field under its own name.
pub(crate) fn columns(preset: Preset) -> Columns {
    Columns {
        names: Field::ALL.iter().map(|field| field.name().to_owned()).collect(),
        targets: Field::ALL.iter().copied().map(Target::Field).collect(),
        preset,
        recognised: Field::COUNT,
        is_rejects_file: false,
    }
}

/// What names mean in one file.
pub(crate) struct Names {
    mapping: Mapping,
    preset: Preset,
    remembered: HashMap<String, Option<(u8, Field)>>,
}

impl Names {
    pub(crate) fn new(mapping: Mapping, preset: Preset) -> Self {
        Self { mapping, preset, remembered: HashMap::new() }
    }

    /// The field of that name, and how sure that is (lower is surer).
    fn field(&mut self, name: &str) -> Option<(u8, Field)> {
        if let Some(known) = self.remembered.get(name) {
            return *known;
        }
        let plain = normalise(name);
        let found = [
            self.mapping.target(&plain),
            self.preset.target(&plain),
            Preset::GoogleMerchant.target(&plain),
            Preset::target_anywhere(&plain),
        ];
        let found = found.into_iter().zip(0u8..).find_map(|(target, rank)| match target? {
            Target::Field(field) => Some((rank, field)),
            _ => None,
        });
        if self.remembered.len() < MAX_REMEMBERED {
            self.remembered.insert(name.to_owned(), found);
        }
        found
    }
}

/// Collects the values of one record.
#[derive(Default)]
pub(crate) struct Record {
    values: [Option<(u8, String)>; Field::COUNT],
    numbers: u64,
    extra: Map<String, Value>,
    fault: Option<Fault>,
}

impl Record {
    /// Adds a named value as the field that the name means, or as an attribute.
    pub(crate) fn add(&mut self, names: &mut Names, name: &str, value: Value) {
        let Some((rank, mut field)) = names.field(name) else {
            self.extra.entry(name.to_owned()).or_insert(value);
            return;
        };
        let is_number = value.is_number();
        if field == Field::ImageLink && value.is_array() {
            field = Field::AdditionalImageLinks;
        }
        let text = match text(field, &value) {
            Ok(Some(text)) => text,
            Ok(None) => return,
            Err(()) => {
                let message = format!("cannot be {}; write a text or a number", kind(&value));
                self.fail(Fault::new(Code::WrongType, Some(field.name()), &value.to_string(), message));
                return;
            }
        };
        let slot = &mut self.values[field as usize];
        match slot {
            Some((_, held)) if field.is_list() => {
                held.push('\n');
                held.push_str(&text);
            }
            Some((held, _)) if *held <= rank => {
                self.extra.entry(name.to_owned()).or_insert(value);
            }
            _ => {
                *slot = Some((rank, text));
                let bit = 1 << field as u64;
                self.numbers = if is_number { self.numbers | bit } else { self.numbers & !bit };
            }
        }
    }

    /// Names what is wrong with the record, unless something is known to be already.
    pub(crate) fn fail(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    /// Writes the values into the cells of `raw`.
    pub(crate) fn finish(self, raw: &mut Raw, max_field_bytes: usize) {
        let mut fault = self.fault;
        for (field, value) in Field::ALL.iter().zip(self.values) {
            let value = value.map(|(_, text)| text).unwrap_or_default();
            if value.len() > max_field_bytes {
                let message = format!("the field is larger than {max_field_bytes} bytes; shorten it");
                fault = Some(Fault::new(Code::FieldTooLarge, Some(field.name()), &value, message));
                break;
            }
            raw.push(&value);
        }
        raw.numbers = self.numbers;
        raw.extra = self.extra;
        raw.fault = fault;
    }
}

const _: () = assert!(Field::COUNT <= 64, "one bit a field in `numbers`");

/// A value as the text of a cell; `None`: as if it were not there.
fn text(field: Field, value: &Value) -> Result<Option<String>, ()> {
    let joined = |items: &[Value], with: &str| {
        let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
        texts.map(|texts| Some(texts.join(with))).ok_or(())
    };
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::Bool(flag) => Ok(Some(flag.to_string())),
        Value::Array(items) if field == Field::AdditionalImageLinks => joined(items, "\n"),
        Value::Array(items) if field == Field::Category => joined(items, " > "),
        Value::Object(_) if field == Field::Attributes => Ok(Some(value.to_string())),
        Value::Array(_) | Value::Object(_) => Err(()),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
        _ => "a value of this type",
    }
}
