//! Products on disk: compared by hash, written in batches with their checkpoint, summarised by dirty keys.
//!
//! One SQLite file, one writing connection. All statements are constants next to the code that runs them; a test
//! prepares each of them against a fresh file.

mod apply;
mod batch;
mod bulk;
mod dirty;
mod dry_run;
mod error;
#[cfg(test)]
mod faults;
mod finish;
mod hash;
mod images;
mod imports;
mod keys;
mod open;
mod plan;
mod popular;
mod products;
mod published;
mod read;
mod seen;
mod views;

pub use batch::{Batch, BatchOutcome, Counters, Issue, PreparedRow, Severity};
pub use dirty::{Dirty, DirtyKeys, DirtyKind};
pub use dry_run::DryRun;
pub use error::CatalogError;
pub use hash::{FieldHashes, Hash};
pub use images::{ImageResult, PendingImage};
pub use imports::{CodeCount, FileFailure, ImportReport, ImportState, NewImport, SyncMode};
pub use open::Catalog;
pub use read::{ImageDoc, ProductDoc, ProductText};
pub use views::{RefreshMode, RefreshReport, ViewRow};

#[cfg(test)]
mod tests;
