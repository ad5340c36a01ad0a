//! The canonical product: what every delivery format is mapped to and what the catalog stores.

use serde::{Deserialize, Serialize};

/// One sellable product (or variant) as the catalog keeps it. Text is NFC and trimmed, never empty inside `Some`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Stock keeping unit: the case-sensitive key, 1–64 characters.
    pub sku: String,
    /// Global trade item number, 8, 12, 13 or 14 digits with a valid check digit.
    pub gtin: Option<String>,
    /// Key shared by the variants of one product.
    pub parent_sku: Option<String>,
    /// 1–500 characters (more than 150 is a warning).
    pub title: String,
    /// Sanitised HTML, at most 64 KiB.
    pub description: Option<String>,
    /// Brand or vendor, at most 70 characters.
    pub brand: Option<String>,
    /// Path from the root, at most 10 levels; empty when unknown.
    pub category: Vec<String>,
    /// Current list price.
    pub price: Option<Money>,
    /// Reduced price, below `price`, in the same currency.
    pub sale_price_minor: Option<i64>,
    /// Whether it can be bought.
    pub availability: Availability,
    /// Units in stock, 0 or more.
    pub stock: Option<i32>,
    /// Weight in grams.
    pub weight_g: Option<i32>,
    /// At most 20 http(s) URLs or paths below the images folder; the first is the main one.
    pub image_links: Vec<String>,
    /// Further attributes as one JSON object (keys sorted), at most 200 keys and 16 KiB.
    pub attributes: serde_json::Map<String, serde_json::Value>,
    /// Whether the product is shown.
    pub status: Status,
    /// When the source last changed the product, in milliseconds since the Unix epoch.
    pub source_updated_at_ms: Option<i64>,
}

/// An amount in the smallest unit of its currency (cents; yen; fils).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// 0 or more.
    pub minor: i64,
    /// ISO 4217 code in capitals.
    pub currency: String,
}

/// Digits after the point of a currency by ISO 4217: 2 for EUR, 0 for JPY, 3 for BHD; 2 for an unknown code.
pub fn decimals(currency: &str) -> u32 {
    iso_currency::Currency::from_code(currency)
        .and_then(iso_currency::Currency::exponent)
        .map_or(2, u32::from)
}

/// Whether a product can be bought, in the vocabulary of product feeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// Can be bought now.
    #[default]
    InStock,
    /// Cannot be bought.
    OutOfStock,
    /// Can be ordered before release.
    Preorder,
    /// Can be ordered, ships later.
    Backorder,
}

/// Whether a product is shown in the shop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Shown.
    #[default]
    Active,
    /// Kept but not shown yet.
    Draft,
    /// No longer shown.
    Archived,
}
