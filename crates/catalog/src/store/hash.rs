//! Content hashes by field group: what decides that a row is unchanged and which follow-up work it causes.

use xxhash_rust::xxh3::xxh3_128;

use crate::product::{Availability, Product, Status};

/// Raise when the meaning of a hashed field changes: every product then counts as changed once.
const SCHEMA_VERSION: u8 = 1;

/// 128-bit content hash, big-endian.
pub type Hash = [u8; 16];

/// The four hashes of a product. Equal hashes mean equal fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldHashes {
    /// Every field and the source that delivers it.
    pub core: Hash,
    /// Title, description, brand and category: what is embedded.
    pub text: Hash,
    /// Image links in order.
    pub image: Hash,
    /// Price, sale price, availability and stock.
    pub price_stock: Hash,
}

impl FieldHashes {
    /// Hashes `product` as delivered by `source`; `attributes` is its attribute object as JSON with sorted keys.
    #[must_use]
    pub fn of(product: &Product, source: &str, attributes: &str) -> Self {
        let mut all = Fields::new();
        all.text(&product.title).optional(product.description.as_deref()).optional(product.brand.as_deref());
        all.list(&product.category);
        let text_end = all.0.len();
        all.list(&product.image_links);
        let image_end = all.0.len();
        match &product.price {
            Some(money) => all.number(Some(money.minor)).text(&money.currency),
            None => all.number(None),
        };
        all.number(product.sale_price_minor).number(product.stock.map(i64::from));
        all.0.push(availability_code(product.availability));
        let price_end = all.0.len();
        all.text(&product.sku).text(source).optional(product.gtin.as_deref());
        all.optional(product.parent_sku.as_deref()).number(product.weight_g.map(i64::from));
        all.text(attributes).number(product.source_updated_at_ms);
        all.0.push(status_code(product.status));
        Self {
            core: digest(&all.0),
            text: digest(&all.0[..text_end]),
            image: digest_part(b'i', &all.0[text_end..image_end]),
            price_stock: digest_part(b'p', &all.0[image_end..price_end]),
        }
    }
}

impl FieldHashes {
    /// As they are stored side by side.
    pub(super) fn parts(&self) -> [Hash; 3] {
        [self.text, self.image, self.price_stock]
    }
}

/// Stored number of an availability.
pub(super) fn availability_code(value: Availability) -> u8 {
    match value {
        Availability::InStock => 0,
        Availability::OutOfStock => 1,
        Availability::Preorder => 2,
        Availability::Backorder => 3,
    }
}

/// Stored number of a status.
pub(super) fn status_code(value: Status) -> u8 {
    match value {
        Status::Active => 0,
        Status::Draft => 1,
        Status::Archived => 2,
    }
}

/// The availability that is stored as `code`.
pub(super) fn availability_of(code: i64) -> Availability {
    match code {
        0 => Availability::InStock,
        1 => Availability::OutOfStock,
        2 => Availability::Preorder,
        _ => Availability::Backorder,
    }
}

/// The status that is stored as `code`.
pub(super) fn status_of(code: i64) -> Status {
    match code {
        0 => Status::Active,
        1 => Status::Draft,
        _ => Status::Archived,
    }
}

/// 32 hexadecimal digits.
pub(super) fn hex(hash: &[u8]) -> String {
    use std::fmt::Write;
    hash.iter().fold(String::with_capacity(32), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn digest(bytes: &[u8]) -> Hash {
    xxh3_128(bytes).to_be_bytes()
}

fn digest_part(group: u8, bytes: &[u8]) -> Hash {
    let mut part = Vec::with_capacity(bytes.len() + 2);
    part.extend_from_slice(&[SCHEMA_VERSION, group]);
    part.extend_from_slice(bytes);
    digest(&part)
}

/// Length-prefixed fields, so that moving a character from one field to the next changes the hash.
struct Fields(Vec<u8>);

impl Fields {
    fn new() -> Self {
        let mut bytes = Vec::with_capacity(1024);
        bytes.push(SCHEMA_VERSION);
        Self(bytes)
    }

    fn text(&mut self, value: &str) -> &mut Self {
        self.0.extend_from_slice(&(value.len() as u32).to_le_bytes());
        self.0.extend_from_slice(value.as_bytes());
        self
    }

    fn optional(&mut self, value: Option<&str>) -> &mut Self {
        if let Some(text) = value {
            return self.text(text);
        }
        self.0.extend_from_slice(&u32::MAX.to_le_bytes());
        self
    }

    fn list(&mut self, values: &[String]) -> &mut Self {
        self.0.extend_from_slice(&(values.len() as u32).to_le_bytes());
        for value in values {
            self.text(value);
        }
        self
    }

    fn number(&mut self, value: Option<i64>) -> &mut Self {
        match value {
            Some(number) => {
                self.0.push(1);
                self.0.extend_from_slice(&number.to_le_bytes());
            }
            None => self.0.push(0),
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::Money;

    fn shirt() -> Product {
        Product {
            sku: "S-1".into(),
            title: "Shirt".into(),
            brand: Some("Acme".into()),
            category: vec!["Clothes".into(), "Shirts".into()],
            price: Some(Money { minor: 1999, currency: "EUR".into() }),
            image_links: vec!["a.jpg".into()],
            ..Product::default()
        }
    }

    fn of(product: &Product) -> FieldHashes {
        FieldHashes::of(product, "main", "{}")
    }

    #[test]
    fn a_price_change_changes_only_core_and_price() {
        let (old, mut new) = (of(&shirt()), shirt());
        new.price = Some(Money { minor: 1899, currency: "EUR".into() });
        let new = of(&new);
        assert_ne!(old.core, new.core);
        assert_ne!(old.price_stock, new.price_stock);
        assert_eq!((old.text, old.image), (new.text, new.image));
    }

    #[test]
    fn each_group_reacts_to_its_own_fields() {
        let old = of(&shirt());
        let mut new = shirt();
        new.title = "Shirts".into();
        assert_ne!(old.text, of(&new).text);
        let mut new = shirt();
        new.image_links.push("b.jpg".into());
        assert_ne!(old.image, of(&new).image);
        assert_eq!(old.text, of(&new).text);
        let mut new = shirt();
        new.gtin = Some("4006381333931".into());
        assert_ne!(old.core, of(&new).core);
        assert_eq!((old.text, old.image, old.price_stock), {
            let new = of(&new);
            (new.text, new.image, new.price_stock)
        });
    }

    #[test]
    fn text_moved_between_fields_is_a_change() {
        let mut one = shirt();
        one.category = vec!["ab".into(), "c".into()];
        let mut two = shirt();
        two.category = vec!["a".into(), "bc".into()];
        assert_ne!(of(&one).text, of(&two).text);
    }

    #[test]
    fn none_differs_from_zero_and_source_counts() {
        let mut zero = shirt();
        zero.stock = Some(0);
        assert_ne!(of(&shirt()).price_stock, of(&zero).price_stock);
        assert_ne!(of(&shirt()).core, FieldHashes::of(&shirt(), "other", "{}").core);
    }
}
