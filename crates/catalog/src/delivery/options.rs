//! What the reader of a delivery may be told.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How to read a delivery. The same file and options always give the same records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReadOptions {
    /// Label of the encoding (`utf-8`, `windows-1252`, `utf-16le`, …, as in the WHATWG Encoding Standard). Default:
    /// found by byte order mark, then by content.
    pub encoding: Option<String>,
    /// Foreign header or key → name of a field (see [`Field`](super::Field)). Wins over every known alias; headers
    /// are compared without case, spaces and punctuation. A name that the file lacks is no error.
    pub mapping: BTreeMap<String, String>,
    /// Which record counts when a file names a SKU twice. Default: the first; later ones are rejected.
    pub duplicates: DuplicatePolicy,
    /// ISO 4217 code of prices that name no currency. Default `EUR`.
    pub default_currency: String,
    /// Bounds on size.
    pub limits: Limits,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            encoding: None,
            mapping: BTreeMap::new(),
            duplicates: DuplicatePolicy::default(),
            default_currency: "EUR".to_owned(),
            limits: Limits::default(),
        }
    }
}

/// What happens to records that repeat the SKU of an accepted record of the same file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DuplicatePolicy {
    /// Later ones are rejected as `duplicate_sku`.
    #[default]
    RejectLater,
    /// Later ones are skipped with a warning.
    KeepFirst,
    /// Earlier ones are skipped with a warning, even when the last one is rejected for another reason. Costs one
    /// more pass over the file and 16 bytes of memory a record.
    KeepLast,
}

/// Bounds that keep a hostile file from exhausting memory, disk or time. All in bytes unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Largest file accepted. Default 8 GiB.
    pub max_file_bytes: u64,
    /// Most that a compressed file may unpack to. Default 32 GiB.
    pub max_unpacked_bytes: u64,
    /// Most that one compressed byte may unpack to; looked at after the first 64 MiB. Default 200.
    pub max_ratio: u64,
    /// Largest field; a larger one rejects its record. Default 1 MiB.
    pub max_field_bytes: usize,
    /// Largest record; a larger one is rejected (in XML: refuses the file). Default 8 MiB.
    pub max_record_bytes: usize,
    /// Most columns of a CSV header or record. Default 2,000.
    pub max_columns: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_file_bytes: 8 << 30,
            max_unpacked_bytes: 32 << 30,
            max_ratio: 200,
            max_field_bytes: 1 << 20,
            max_record_bytes: 8 << 20,
            max_columns: 2_000,
        }
    }
}
