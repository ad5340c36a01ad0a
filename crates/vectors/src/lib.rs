//! Vector index: upsert, filter, nearest neighbours.
//!
//! [`VectorStore`] is the seam; every call takes and returns many. [`SqliteVectors`] is the embedded
//! store: rows in one SQLite file, an exact scan over a contiguous matrix in memory. It needs no index
//! build, its recall is 1 by construction, and a filter makes it faster, not less exact. Several
//! processes may open the same file; each sees the others' changes at its next search.
//!
//! `QdrantVectors` (feature `qdrant`, on by default) is the store on a Qdrant server.
//!
//! Similarity is the cosine: vectors are scaled to length one when they are written.

mod error;
mod kernel;
mod matrix;
mod point;
#[cfg(feature = "qdrant")]
mod qdrant;
mod sqlite;
mod store;
mod top;
mod validate;

pub use error::VectorError;
pub use point::{
    Filter, Hit, Integrity, MAX_DIMENSIONS, MAX_KEY_BYTES, Payload, PayloadChange, Point, Written,
};
#[cfg(feature = "stand-in")]
pub use qdrant::QdrantStandIn;
#[cfg(feature = "qdrant")]
pub use qdrant::{QdrantOptions, QdrantVectors, Quantization};
pub use sqlite::{Durability, SqliteVectors, SqliteVectorsOptions};
pub use store::VectorStore;
