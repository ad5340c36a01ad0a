//! Vector index: upsert, filter, nearest neighbours.
//!
//! [`VectorStore`] is the seam; every call takes and returns many. [`SqliteVectors`] is the embedded
//! store: rows in one SQLite file, an exact scan over a contiguous matrix in memory. It needs no index
//! build, its recall is 1 by construction, and a filter makes it faster, not less exact. Several
//! processes may open the same file; each sees the others' changes at its next search.
//!
//! Similarity is the cosine: vectors are scaled to length one when they are written.

mod error;
mod kernel;
mod matrix;
mod point;
mod sqlite;
mod store;
mod top;

pub use error::VectorError;
pub use point::{
    Filter, Hit, Integrity, MAX_DIMENSIONS, MAX_KEY_BYTES, Payload, PayloadChange, Point, Written,
};
pub use sqlite::{Durability, SqliteVectors, SqliteVectorsOptions};
pub use store::VectorStore;
