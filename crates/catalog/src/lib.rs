//! Products: delivery files in, checked rows stored, changes tracked, views kept.

mod product;

pub use product::{Availability, Money, Product, Status};
