//! Deterministic synthetic catalog for the demonstration.
//!
//! Products, descriptions and pictures are made up from word lists and drawn in code; nothing is taken from a real
//! shop. Everything is a pure function of [`Options`]: two runs write the same bytes.
//!
//! ```
//! # let folder = tempfile::tempdir().unwrap();
//! use backstock_demo::{Options, write_catalog};
//!
//! let catalog = write_catalog(folder.path(), &Options { products: 20, ..Options::default() })?;
//! assert_eq!(catalog.products, 20);
//! assert_eq!(catalog.rows, 20 + catalog.bad_rows.len());
//! # Ok::<(), backstock_demo::DemoError>(())
//! ```

mod bad_rows;
mod catalog;
mod csv;
mod draw;
mod error;
mod gtin;
mod options;
mod picture;
mod popularity;
mod product;
mod queries;
mod random;
mod words;

pub use bad_rows::BadRow;
pub use catalog::{Catalog, PriceChange, write_catalog, write_price_change};
pub use error::DemoError;
pub use options::Options;
pub use popularity::popularity;
pub use queries::{Query, queries};
