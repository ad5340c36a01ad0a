//! Laying one TOML tree over another, with the place of every mistake.

use crate::ConfigError;
use serde::de::DeserializeOwned;
use std::ops::Range;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

/// Tables whose keys are free names rather than settings.
const FREE: [&str; 4] = ["import.mapping", "queue.limits.rate", "queue.limits.running", "worker.concurrency"];

/// One source of configuration: a tree, and where each key stands.
pub(crate) struct Layer {
    table: Table,
    origin: String,
    lines: Vec<(String, usize)>,
}

impl Layer {
    /// Parses `text`; `origin` names it in messages.
    pub(crate) fn parse(text: &str, origin: &str) -> Result<Self, ConfigError> {
        let syntax = |span: Option<Range<usize>>, message: &str| ConfigError::Syntax {
            origin: origin.to_owned(),
            line: span.map_or(1, |span| line_at(text, span.start)),
            message: message.replace('\n', " "),
        };
        let spans = DeTable::parse(text).map_err(|error| syntax(error.span(), error.message()))?;
        let table = toml::from_str(text).map_err(|error| syntax(error.span(), error.message()))?;
        let mut lines = Vec::new();
        collect_lines(&spans, "", text, &mut lines);
        Ok(Self { table, origin: origin.to_owned(), lines })
    }

    /// Lays `upper` over this layer: its values win, its keys must be known here.
    pub(crate) fn overlay(&mut self, upper: Self) -> Result<(), ConfigError> {
        let place = |key: &str| {
            let line = upper.lines.iter().find(|(known, _)| known == key).map_or(1, |(_, line)| *line);
            format!("{}: line {line}", upper.origin)
        };
        merge(&mut self.table, upper.table, "", &place)
    }

    /// Sets one key from the environment: `QUEUE__URL` is `queue.url`. The default's type decides how `text` is read.
    pub(crate) fn set(&mut self, key: &str, text: &str, variable: &str) -> Result<(), ConfigError> {
        let path: Vec<String> = key.split("__").map(str::to_lowercase).collect();
        let dotted = path.join(".");
        let (last, parents) = path.split_last().expect("split gives at least one part");
        let mut table = &mut self.table;
        for part in parents {
            match table.get_mut(part) {
                Some(Value::Table(inner)) => table = inner,
                _ => return Err(unknown(&self.table_keys(), &dotted, variable)),
            }
        }
        let free = FREE.contains(&parents.join(".").as_str());
        let value = match table.get(last) {
            Some(default) => read_as(default, text, &dotted, variable)?,
            None if free => text.parse().map_or_else(|_| Value::String(text.to_owned()), Value::Integer),
            None => return Err(unknown(&self.table_keys(), &dotted, variable)),
        };
        table.insert(last.clone(), value);
        Ok(())
    }

    /// The typed tree.
    pub(crate) fn into_typed<T: DeserializeOwned>(self) -> Result<T, ConfigError> {
        let text = self.table.to_string();
        T::deserialize(toml::Deserializer::parse(&text).map_err(|error| value_error(&error))?)
            .map_err(|error| value_error(&error))
    }

    fn table_keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        list_keys(&self.table, "", &mut keys);
        keys
    }
}

fn value_error(error: &toml::de::Error) -> ConfigError {
    // toml renders `TOML parse error at line L, column C … message`; the line is of our own rendering, so the key is
    // found in the rendered excerpt: `  |\n7 | durability = "ful"\n`.
    let rendered = error.to_string();
    let excerpt = rendered.lines().find_map(|line| line.split_once(" | ")).map_or("", |(_, excerpt)| excerpt);
    let key = excerpt.split(['=', ']']).next().unwrap_or_default().trim_start_matches('[').trim();
    ConfigError::Value { key: key.to_owned(), message: error.message().replace('\n', " ") }
}

fn merge(
    lower: &mut Table,
    upper: Table,
    path: &str,
    place: &dyn Fn(&str) -> String,
) -> Result<(), ConfigError> {
    for (name, value) in upper {
        let key = join(path, &name);
        match (lower.get_mut(&name), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above, &key, place)?,
            (Some(below), value) if fits(below, &value) => *below = value,
            (Some(below), value) => {
                return Err(ConfigError::WrongType {
                    place: place(&key),
                    key,
                    expected: type_name(below),
                    found: value.to_string(),
                });
            }
            (None, value) if FREE.contains(&path) => {
                lower.insert(name, value);
            }
            (None, _) => {
                let mut known = Vec::new();
                list_keys(lower, path, &mut known);
                return Err(unknown(&known, &key, &place(&key)));
            }
        }
    }
    Ok(())
}

fn fits(default: &Value, value: &Value) -> bool {
    default.same_type(value)
}

fn read_as(default: &Value, text: &str, key: &str, variable: &str) -> Result<Value, ConfigError> {
    let wrong = || ConfigError::WrongType {
        place: variable.to_owned(),
        key: key.to_owned(),
        expected: type_name(default),
        found: format!("{text:?}"),
    };
    match default {
        Value::String(_) => Ok(Value::String(text.to_owned())),
        Value::Integer(_) => text.trim().parse().map(Value::Integer).map_err(|_| wrong()),
        Value::Float(_) => text.trim().parse().map(Value::Float).map_err(|_| wrong()),
        Value::Boolean(_) => text.trim().parse().map(Value::Boolean).map_err(|_| wrong()),
        Value::Array(_) if text.trim().is_empty() => Ok(Value::Array(Vec::new())),
        Value::Array(elements) => text
            .split(',')
            .map(|part| match elements.first() {
                Some(Value::Integer(_)) => part.trim().parse().map(Value::Integer).map_err(|_| wrong()),
                _ => Ok(Value::String(part.trim().to_owned())),
            })
            .collect::<Result<_, _>>()
            .map(Value::Array),
        Value::Table(_) | Value::Datetime(_) => Err(wrong()),
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(elements) if matches!(elements.first(), Some(Value::Integer(_))) => {
            "a list of whole numbers"
        }
        Value::Array(_) => "a list of texts",
        Value::Table(_) => "a table",
    }
}

fn unknown(known: &[String], key: &str, place: &str) -> ConfigError {
    let meant = known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(candidate, key), candidate))
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.clone());
    ConfigError::UnknownKey { place: place.to_owned(), key: key.to_owned(), meant }
}

fn list_keys(table: &Table, path: &str, keys: &mut Vec<String>) {
    for (name, value) in table {
        let key = join(path, name);
        if let Value::Table(inner) = value {
            list_keys(inner, &key, keys);
        }
        keys.push(key);
    }
}

fn collect_lines(table: &Spanned<DeTable<'_>>, path: &str, text: &str, lines: &mut Vec<(String, usize)>) {
    for (name, value) in table.get_ref() {
        let key = join(path, name.get_ref());
        lines.push((key.clone(), line_at(text, name.span().start)));
        if let DeValue::Table(inner) = value.get_ref() {
            collect_lines(&Spanned::new(value.span(), inner.clone()), &key, text, lines);
        }
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
