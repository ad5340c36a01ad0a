//! Pure checks and conversions of single fields.

pub(super) mod attributes;
pub(super) mod category;
pub(super) mod gtin;
pub(super) mod image;
mod plain_html;
pub(super) mod price;
#[cfg(test)]
mod price_tests;
pub(super) mod text;
pub(super) mod values;
