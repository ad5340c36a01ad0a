//! What is stored and what comes back.

/// Longest key in bytes (a product's SKU is far shorter).
pub const MAX_KEY_BYTES: usize = 1024;
/// Most dimensions of a vector.
pub const MAX_DIMENSIONS: usize = 65_536;

/// One vector of one product under one model. `(model, key)` is its identity.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Product SKU; 1 to [`MAX_KEY_BYTES`] bytes.
    pub key: String,
    /// Hash of the text that was embedded; equal hash and model mean that nothing has to be embedded.
    pub content_hash: Vec<u8>,
    /// Finite numbers, as many as the model has dimensions. Need not have length one; a zero vector is
    /// stored and scores 0 against everything.
    pub vector: Vec<f32>,
    /// What filters look at.
    pub payload: Payload,
}

/// What filters look at. May change without a new vector (a price-only delivery).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payload {
    /// Path from the root category down; empty when the product has none.
    pub category: Vec<String>,
    /// Price in minor units (cents).
    pub price_minor: Option<i64>,
    /// ISO 4217 code of the price.
    pub currency: Option<String>,
}

/// A new payload for a key; the vector stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadChange {
    /// Product SKU.
    pub key: String,
    /// Replaces the whole payload.
    pub payload: Payload,
}

/// Which points a search looks at. The default looks at all. A point without a price never passes a
/// price bound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The point's category path must start with these names (whole names, ASCII case ignored).
    pub category: Vec<String>,
    /// Least price in minor units, inclusive.
    pub min_price_minor: Option<i64>,
    /// Greatest price in minor units, inclusive.
    pub max_price_minor: Option<i64>,
    /// ISO 4217 code the price must be in.
    pub currency: Option<String>,
}

impl Filter {
    /// True when nothing is filtered out.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// True when a point with this payload is looked at.
    pub fn accepts(&self, payload: &Payload) -> bool {
        let price = |ok: &dyn Fn(i64) -> bool| payload.price_minor.is_some_and(ok);
        self.category.len() <= payload.category.len()
            && self.category.iter().zip(&payload.category).all(|(want, have)| want.eq_ignore_ascii_case(have))
            && self.min_price_minor.is_none_or(|min| price(&|p| p >= min))
            && self.max_price_minor.is_none_or(|max| price(&|p| p <= max))
            && self.currency.as_ref().is_none_or(|want| payload.currency.as_ref() == Some(want))
    }
}

/// A point found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Product SKU.
    pub key: String,
    /// Cosine similarity, −1 to 1; greater is nearer.
    pub score: f32,
}

/// What a write did. `written + unchanged` is the number of points or keys given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows inserted, changed or deleted.
    pub written: u64,
    /// Rows that already were as asked; nothing was written for them.
    pub unchanged: u64,
}

/// Answer of an integrity check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Integrity {
    /// Points looked at.
    pub points: u64,
    /// One line per fault, at most 100; empty when the store is sound.
    pub faults: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(category: &[&str], price: Option<i64>) -> Payload {
        let category = category.iter().map(ToString::to_string).collect();
        Payload { category, price_minor: price, currency: Some("EUR".into()) }
    }

    #[test]
    fn a_category_filter_matches_whole_names_from_the_root() {
        let filter = Filter { category: vec!["shoes".into()], ..Filter::default() };
        assert!(filter.accepts(&payload(&["Shoes", "Running"], None)));
        assert!(!filter.accepts(&payload(&["Shoestrings"], None)));
        assert!(!filter.accepts(&payload(&["Sport", "Shoes"], None)));
        assert!(!filter.accepts(&payload(&[], None)));
    }

    #[test]
    fn a_price_bound_is_inclusive_and_refuses_what_has_no_price() {
        let filter = Filter { min_price_minor: Some(100), max_price_minor: Some(200), ..Filter::default() };
        assert!(filter.accepts(&payload(&[], Some(100))) && filter.accepts(&payload(&[], Some(200))));
        assert!(!filter.accepts(&payload(&[], Some(99))) && !filter.accepts(&payload(&[], Some(201))));
        assert!(!filter.accepts(&payload(&[], None)));
    }

    #[test]
    fn a_currency_filter_wants_the_same_code() {
        let filter = Filter { currency: Some("USD".into()), ..Filter::default() };
        assert!(!filter.accepts(&payload(&[], Some(1))));
        assert!(Filter::default().is_empty() && !filter.is_empty());
    }
}
