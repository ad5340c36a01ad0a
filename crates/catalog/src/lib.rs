//! Products: delivery files in, checked rows stored, changes tracked, views kept.

pub mod delivery;
mod product;

pub use product::{Availability, Money, Product, Status};
