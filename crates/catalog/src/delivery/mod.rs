//! Opens a delivered file and turns it into a deterministic stream of checked products and rejects.
//!
//! ```text
//! file ─► container ─► text (UTF-8) ─► source (CSV, JSON lines, XML) ─► assemble ─► rows, rejects, warnings
//!         gz zst zip   encoding        records of named cells           fields checked, first error named
//! ```
//! Everything streams: memory depends on the limits and the number of SKUs (8 bytes each), not on the file.
//! The same file and options give the same records, whatever the batch size; resuming is reading again from
//! record 1 and dropping what is known.

mod assemble;
mod batch;
mod cells;
mod checks;
mod code;
mod container;
pub(crate) mod counting;
mod csv_source;
#[expect(clippy::module_inception, reason = "one noun a file")]
mod delivery;
mod dialect;
mod encoding;
mod error;
mod field;
mod fields;
mod header;
mod json_source;
mod keyed;
mod money;
mod open;
mod options;
mod prepass;
mod presets;
mod raw;
mod rejects;
mod split;
#[cfg(test)]
mod split_tests;
mod summary;
#[cfg(test)]
mod tests;
mod text;
mod window;
mod xml_source;
mod zip_entry;
mod zstd;

pub use batch::{RecordBatch, Reject, Row, Warning};
pub use code::{Code, FileCode, UnknownCode, WarningCode};
pub use delivery::{Delivery, fingerprint};
pub use error::FileError;
pub use field::Field;
pub use options::{DuplicatePolicy, Limits, ReadOptions};
pub use presets::Preset;
pub use rejects::{REJECT_COLUMNS, RejectsWriter};
pub use summary::{Container, Dialect, Format, LineEnd, Summary};
