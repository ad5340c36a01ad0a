//! From the names of the columns to the fields that they fill.

use std::collections::{BTreeMap, HashMap};

use super::field::Field;
use super::presets::{Preset, Target};

/// A column name without case, spaces and punctuation; `g:` of feed columns dropped.
pub(crate) fn normalise(name: &str) -> String {
    let name = name.trim();
    let name = name.strip_prefix("g:").unwrap_or(name);
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    if plain.is_empty() { name.to_lowercase() } else { plain }
}

/// Foreign names that the caller mapped to fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mapping(HashMap<String, Field>);

impl Mapping {
    /// Fails with a message on names that are no fields and on fields named twice.
    pub(crate) fn new(options: &BTreeMap<String, String>) -> Result<Self, String> {
        let mut fields = HashMap::new();
        let mut taken: HashMap<Field, &str> = HashMap::new();
        for (foreign, name) in options {
            let Some(field) = Field::from_name(name) else {
                return Err(format!(
                    "the mapping sends column {foreign:?} to {name:?}, which is no field; use a canonical column name such as sku, title or price"
                ));
            };
            if let Some(other) = taken.insert(field, foreign)
                && !field.is_list()
            {
                return Err(format!(
                    "the mapping sends both {other:?} and {foreign:?} to {name:?}; map one of them"
                ));
            }
            fields.insert(normalise(foreign), field);
        }
        Ok(Self(fields))
    }

    /// Names that are known to be fields.
    pub(crate) fn of<'a>(names: impl Iterator<Item = (&'a str, Field)>) -> Self {
        Self(names.map(|(name, field)| (normalise(name), field)).collect())
    }

    pub(crate) fn target(&self, normalised: &str) -> Option<Target> {
        self.0.get(normalised).copied().map(Target::Field)
    }
}

/// What the columns of a file are read as.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    /// As delivered.
    pub(crate) names: Vec<String>,
    /// Parallel to `names`.
    pub(crate) targets: Vec<Target>,
    /// Whose names these are.
    pub(crate) preset: Preset,
    /// How many names are known.
    pub(crate) recognised: usize,
    /// Whether the file is a rejects file, whose cells are protected against spreadsheet formulas.
    pub(crate) is_rejects_file: bool,
}

/// Why a row of names cannot be a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DuplicateColumn {
    pub(crate) name: String,
    pub(crate) first: usize,
    pub(crate) second: usize,
}

impl Columns {
    /// Reads names as columns. Nothing known is no error: see `recognised`.
    pub(crate) fn resolve(names: Vec<String>, mapping: &Mapping) -> Self {
        let plain: Vec<String> = names.iter().map(|name| normalise(name)).collect();
        let score = |preset: Preset| plain.iter().filter(|name| preset.target(name).is_some()).count();
        // `max_by_key` keeps the last of equals; the first preset shall win.
        let preset = Preset::ALL.iter().copied().rev().max_by_key(|p| score(*p)).unwrap_or_default();
        let mut recognised = 0;
        let mut owner: HashMap<Field, (u8, usize)> = HashMap::new();
        let mut targets = vec![Target::Attribute; names.len()];
        for (at, name) in plain.iter().enumerate() {
            if name.is_empty() || names[at].trim_start().starts_with('_') {
                targets[at] = Target::Ignore;
                continue;
            }
            let found = mapping
                .target(name)
                .map(|t| (0, t))
                .or_else(|| preset.target(name).map(|t| (1, t)))
                .or_else(|| Preset::target_anywhere(name).map(|t| (2, t)));
            let Some((rank, target)) = found else { continue };
            recognised += 1;
            let Target::Field(field) = target else {
                targets[at] = target;
                continue;
            };
            match owner.get(&field) {
                Some((held, _)) if *held <= rank && !field.is_list() => {}
                previous => {
                    if let Some((_, loser)) = previous
                        && !field.is_list()
                    {
                        targets[*loser] = Target::Attribute;
                    }
                    owner.insert(field, (rank, at));
                    targets[at] = target;
                }
            }
        }
        let has = |name: &str| names.iter().any(|n| n.trim() == name);
        let is_rejects_file = has("_record") && has("_code");
        Self { names, targets, preset, recognised, is_rejects_file }
    }

    /// Whether some column fills the field.
    pub(crate) fn fills(&self, field: Field) -> bool {
        self.targets.contains(&Target::Field(field))
    }

    /// The first known name that stands there twice; list columns may repeat, unknown ones are kept once.
    pub(crate) fn duplicate(&self) -> Option<DuplicateColumn> {
        let mut seen: HashMap<String, usize> = HashMap::new();
        for (second, name) in self.names.iter().enumerate() {
            let plain = normalise(name);
            if plain.is_empty() || name.trim_start().starts_with('_') {
                continue;
            }
            let Some(first) = seen.insert(plain, second) else { continue };
            if let Target::Field(field) = self.targets[first]
                && !field.is_list()
            {
                return Some(DuplicateColumn { name: name.trim().to_owned(), first, second });
            }
        }
        None
    }

    /// Columns with that kind of target, as delivered.
    pub(crate) fn names_with(&self, wanted: Target) -> Vec<String> {
        let pairs = self.names.iter().zip(&self.targets);
        pairs
            .filter(|(name, target)| **target == wanted && !name.trim().is_empty())
            .map(|(n, _)| n.clone())
            .collect()
    }
}
