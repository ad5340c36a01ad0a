//! Attributes beyond the known fields: one bounded JSON object.

use serde_json::{Map, Value};

use super::super::Code;
use super::text;

const MAX_KEYS: usize = 200;
const MAX_BYTES: usize = 16 << 10;

/// Collects attributes; what is set first stays.
#[derive(Debug, Default)]
pub(crate) struct Attributes(Map<String, Value>);

impl Attributes {
    /// Sets one text attribute unless name or value are empty.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let (name, value) = (text::line(name), text::normal(value));
        if !name.is_empty() && !value.is_empty() && !self.0.contains_key(&*name) {
            self.0.insert(name.into_owned(), Value::String(value.into_owned()));
        }
    }

    /// Takes the members of an object over.
    pub(crate) fn extend(&mut self, object: &Map<String, Value>) {
        for (name, value) in object {
            match value {
                Value::Null => {}
                Value::String(value) => self.set(name, value),
                value => {
                    self.0.entry(text::line(name)).or_insert_with(|| value.clone());
                }
            }
        }
    }

    /// A cell with a JSON object.
    pub(crate) fn json(&mut self, cell: &str) -> Result<(), Code> {
        let cell = cell.trim();
        if cell.is_empty() {
            return Ok(());
        }
        let object: Map<String, Value> = serde_json::from_str(cell).map_err(|_| Code::BadAttributes)?;
        if cell.contains("\\u0000") && object.iter().any(|(key, value)| key.contains('\0') || has_nul(value))
        {
            return Err(Code::NulByte);
        }
        self.extend(&object);
        Ok(())
    }

    /// A cell with `key=value,key=value`; a comma inside a value is one that no `key=` follows.
    pub(crate) fn pairs(&mut self, cell: &str) -> Result<(), Code> {
        let mut rest = cell.trim();
        while !rest.is_empty() {
            let (key, tail) = rest.split_once('=').ok_or(Code::BadAttributes)?;
            let is_key =
                |key: &str| !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || "_-. ".contains(c));
            if !is_key(key.trim()) {
                return Err(Code::BadAttributes);
            }
            let mut commas = tail.match_indices(',').map(|(at, _)| at);
            let end =
                commas.find(|at| tail[at + 1..].split_once('=').is_some_and(|(key, _)| is_key(key.trim())));
            let end = end.unwrap_or(tail.len());
            self.set(key, tail[..end].trim_end_matches(','));
            rest = tail.get(end + 1..).unwrap_or_default();
        }
        Ok(())
    }

    /// The object, when it is within its bounds.
    pub(crate) fn finish(self) -> Result<Map<String, Value>, Code> {
        if self.0.len() > MAX_KEYS {
            return Err(Code::AttributesTooLarge);
        }
        // Writing JSON costs more than adding lengths up; escapes make text at most six times as long.
        let rough: usize = self.0.iter().map(|(key, value)| 6 * (key.len() + rough_length(value)) + 6).sum();
        if rough > MAX_BYTES
            && serde_json::to_string(&self.0).map_or(usize::MAX, |json| json.len()) > MAX_BYTES
        {
            return Err(Code::AttributesTooLarge);
        }
        Ok(self.0)
    }
}

fn rough_length(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 24,
        // Rare: let the exact measure decide.
        Value::Array(_) | Value::Object(_) => MAX_BYTES,
    }
}

/// Whether some text inside holds U+0000.
pub(crate) fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(members) => members.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(cell: &str) -> Result<String, Code> {
        let mut attributes = Attributes::default();
        attributes.pairs(cell)?;
        Ok(serde_json::to_string(&attributes.finish()?).unwrap())
    }

    #[test]
    fn magento_pairs_may_have_commas_in_their_values() {
        assert_eq!(pairs("size=XS,climate=Cool|Mild").unwrap(), r#"{"climate":"Cool|Mild","size":"XS"}"#);
        assert_eq!(pairs("note=soft, warm,size=M,").unwrap(), r#"{"note":"soft, warm","size":"M"}"#);
        assert_eq!(pairs("no pairs"), Err(Code::BadAttributes));
        assert_eq!(pairs("=x"), Err(Code::BadAttributes));
    }

    #[test]
    fn objects_are_bounded_and_must_be_objects() {
        let mut attributes = Attributes::default();
        assert_eq!(attributes.json("[1]"), Err(Code::BadAttributes));
        assert_eq!(attributes.json(r#"{"a":"\u0000"}"#), Err(Code::NulByte));
        assert_eq!(attributes.json(r#"{"a":{"b":[1,null]},"c":null}"#), Ok(()));
        attributes.set("a", "later");
        assert_eq!(serde_json::to_string(&attributes.finish().unwrap()).unwrap(), r#"{"a":{"b":[1,null]}}"#);
        let mut many = Attributes::default();
        (0..201).for_each(|n| many.set(&n.to_string(), "x"));
        assert_eq!(many.finish(), Err(Code::AttributesTooLarge));
        let mut large = Attributes::default();
        large.set("text", &"x".repeat(MAX_BYTES));
        assert_eq!(large.finish(), Err(Code::AttributesTooLarge));
    }
}
