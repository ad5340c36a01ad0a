//! Products where they are kept: compared by hash, written in batches with their checkpoint, summarised by dirty keys.
//!
//! [`Catalog`] is the door. Behind it stand two stores that do the same: `sqlite` and `postgres`. What does not touch a
//! database (hashes, plans, reports) they share.

mod batch;
mod catalog;
mod dirty;
mod document;
mod dry_run;
mod error;
#[cfg(test)]
mod faults;
mod guard;
mod hash;
mod image;
mod imports;
mod keys;
mod plan;
mod popularity;
mod postgres;
mod refresh;
mod report;
mod row;
mod seen;
mod sqlite;
mod view;

pub use batch::{Batch, BatchOutcome, Counters, Issue, PreparedRow, Severity};
pub use catalog::Catalog;
pub use dirty::{Dirty, DirtyKeys, DirtyKind};
pub use document::{ImageDoc, ProductDoc, ProductText};
pub use dry_run::DryRun;
pub use error::CatalogError;
pub use hash::{FieldHashes, Hash};
pub use image::{ImageResult, MadeImage, PendingImage};
pub use popularity::{CountOutcome, Counted, CountedSource, Popular, TableRequests};
pub use postgres::PostgresOptions;
pub use report::{CodeCount, FileFailure, ImportReport, ImportState, NewImport, SyncMode};
pub use view::{PlainReason, RefreshMode, RefreshReport, Refreshed, ViewInfo, ViewKind, ViewRow};

#[cfg(test)]
pub(crate) mod tests;
