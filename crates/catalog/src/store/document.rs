//! Products as others want them: whole, as documents, as text to embed.

use serde::{Deserialize, Serialize};

use super::hash;
use super::keys::{LEVEL_SEPARATOR, category_key};
use crate::product::{Money, Product, Status};

/// Text to embed is cut here, in characters; small models read no more.
const EMBED_CHARS: usize = 2_000;

/// What an embedding is made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductText {
    /// The product.
    pub sku: String,
    /// Title, brand, category and description without markup, at most 2,000 characters.
    pub text: String,
    /// 32 hexadecimal digits; equal when nothing that is embedded changed.
    pub text_hash: String,
    /// Path with ` > ` between the levels; empty when unknown. A filter of searches.
    pub category: String,
    /// The price to pay. A filter of searches.
    pub price: Option<Money>,
    /// Whether it is shown; a product that is not should leave the index.
    pub active: bool,
}

/// A product as caches and search results show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProductDoc {
    /// All fields.
    #[serde(flatten)]
    pub product: Product,
    /// Images in order, with thumbnails where they are made.
    pub images: Vec<ImageDoc>,
    /// Codes of what is wrong with its images.
    pub warnings: Vec<String>,
}

/// One image of a product.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageDoc {
    /// Where it came from.
    pub link: String,
    /// Hash of the source file, once thumbnails are made.
    pub content_hash: Option<String>,
    /// What the thumbnail maker stored.
    pub thumbnails: Option<serde_json::Value>,
}

impl ProductText {
    /// What is embedded of a product whose stored text hash is `text_hash`.
    pub(super) fn of(product: Product, text_hash: &[u8]) -> Self {
        Self {
            text: text_to_embed(&product),
            text_hash: hash::hex(text_hash),
            category: category_key(&product.category),
            price: product.price.map(|money| Money {
                minor: product.sale_price_minor.unwrap_or(money.minor),
                currency: money.currency,
            }),
            active: product.status == Status::Active,
            sku: product.sku,
        }
    }
}

impl ProductDoc {
    /// A product whose images are added one by one.
    pub(super) fn without_images(product: Product) -> Self {
        Self { product, images: Vec::new(), warnings: Vec::new() }
    }

    /// Adds the next image.
    pub(super) fn add_image(&mut self, image: ImageDoc, error_code: Option<String>) {
        self.product.image_links.push(image.link.clone());
        self.warnings.extend(error_code);
        self.images.push(image);
    }
}

/// The levels of a stored category path.
pub(super) fn levels(category: &str) -> Vec<String> {
    category.split(LEVEL_SEPARATOR).filter(|level| !level.is_empty()).map(str::to_owned).collect()
}

/// Title first, since models weigh the beginning most.
fn text_to_embed(product: &Product) -> String {
    let mut text = product.title.clone();
    for part in [product.brand.as_deref(), Some(product.category.join(", ").as_str())].into_iter().flatten() {
        if !part.is_empty() {
            text.push_str(". ");
            text.push_str(part);
        }
    }
    if let Some(description) = &product.description {
        text.push_str(". ");
        text.push_str(&without_markup(description));
    }
    text.chars().take(EMBED_CHARS).collect()
}

/// Text of an HTML fragment: tags become one space, the common entities their characters.
fn without_markup(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut in_tag = false;
    for c in html.chars() {
        match c {
            '<' => in_tag = true,
            '>' if in_tag => {
                in_tag = false;
                text.push(' ');
            }
            _ if !in_tag => text.push(c),
            _ => {}
        }
    }
    let text = text
        .replace("&nbsp;", " ")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_to_embed_has_no_markup_and_a_bound() {
        let product = Product {
            title: "Shirt".into(),
            brand: Some("Acme".into()),
            category: vec!["Clothes".into(), "Shirts".into()],
            description: Some("<p>Soft &amp; warm</p><ul><li>red</li></ul>".into()),
            ..Product::default()
        };
        assert_eq!(text_to_embed(&product), "Shirt. Acme. Clothes, Shirts. Soft & warm red");
        let long = Product { description: Some("ä".repeat(5_000)), ..product };
        assert_eq!(text_to_embed(&long).chars().count(), 2_000);
    }
}
