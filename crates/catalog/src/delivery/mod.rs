//! Opens a delivered file and turns it into a deterministic stream of checked products and rejects.
//!
//! ```text
//! file ─► container ─► text (UTF-8) ─► source (CSV, JSON lines, XML) ─► assemble ─► rows, rejects, warnings
//!         gz zst zip   encoding        records of named cells           fields checked, first error named
//! ```
//! Everything streams: memory depends on the limits and the number of SKUs (8 bytes each), not on the file.
//! The same file and options give the same records, whatever the batch size; resuming is reading again from
//! record 1 and dropping what is known.

mod batch;
mod code;
mod error;
mod field;
mod header;
mod options;
mod presets;
mod summary;

pub use batch::{RecordBatch, Reject, Row, Warning};
pub use code::{Code, FileCode, UnknownCode, WarningCode};
pub use error::FileError;
pub use field::Field;
pub use options::{DuplicatePolicy, Limits, ReadOptions};
pub use presets::Preset;
pub use summary::{Container, Dialect, Format, LineEnd, Summary};
