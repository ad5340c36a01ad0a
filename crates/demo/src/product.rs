//! Invents the products.

use crate::Options;
use crate::draw::Rgb;
use crate::gtin::gtin13;
use crate::random::Random;
use crate::words::{Category, SERIES, categories};

/// Variants of one model: two colours, each with two values of the category's own option.
const VARIANTS: usize = 4;

/// A colour that products are sold in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colour {
    pub(crate) name: &'static str,
    pub(crate) rgb: Rgb,
}

#[rustfmt::skip]
pub(crate) const COLOURS: [Colour; 10] = [
    Colour { name: "Red",      rgb: Rgb(196, 52, 48) },
    Colour { name: "Blue",     rgb: Rgb(44, 92, 170) },
    Colour { name: "Green",    rgb: Rgb(52, 122, 82) },
    Colour { name: "Black",    rgb: Rgb(46, 48, 54) },
    Colour { name: "Sand",     rgb: Rgb(206, 178, 136) },
    Colour { name: "Mustard",  rgb: Rgb(222, 166, 44) },
    Colour { name: "Plum",     rgb: Rgb(116, 58, 104) },
    Colour { name: "Teal",     rgb: Rgb(34, 132, 138) },
    Colour { name: "Grey",     rgb: Rgb(136, 142, 150) },
    Colour { name: "Coral",    rgb: Rgb(236, 118, 92) },
];

/// One row of the catalog.
#[derive(Clone)]
pub(crate) struct Product {
    pub(crate) sku: String,
    pub(crate) gtin: String,
    pub(crate) parent_sku: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) brand: &'static str,
    pub(crate) category: &'static Category,
    pub(crate) price_cents: u32,
    pub(crate) stock: u32,
    pub(crate) weight_g: u32,
    pub(crate) colour: Colour,
    /// Value of the category's option.
    pub(crate) option: &'static str,
}

impl Product {
    pub(crate) fn category(&self) -> String {
        self.category.path.join(" > ")
    }

    /// Path below the images folder, without extension. Variants of one colour share a picture.
    pub(crate) fn picture(&self) -> String {
        format!("{}/{}-{}", self.category.code, self.parent_sku, self.colour.name).to_lowercase()
    }

    /// In the order of [`HEADER`](crate::csv::HEADER).
    pub(crate) fn fields(&self, image_link: &str) -> [String; 14] {
        let (option, value) = (self.category.option.0, self.option);
        let attributes = format!(r#"{{"color":"{}","{option}":"{value}"}}"#, self.colour.name);
        [
            self.sku.clone(),
            self.gtin.clone(),
            self.parent_sku.clone(),
            self.title.clone(),
            self.description.clone(),
            self.brand.to_owned(),
            self.category(),
            price(self.price_cents),
            "EUR".to_owned(),
            if self.stock == 0 { "out_of_stock" } else { "in_stock" }.to_owned(),
            self.stock.to_string(),
            self.weight_g.to_string(),
            image_link.to_owned(),
            attributes,
        ]
    }
}

/// Cents as a price with two decimals.
pub(crate) fn price(cents: u32) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// All good products, in the order of the delivery: models go round the categories, so any beginning has them all.
pub(crate) fn products(options: &Options) -> Vec<Product> {
    let categories = categories();
    let models = options.products.div_ceil(VARIANTS);
    let mut products: Vec<_> = (0..models)
        .flat_map(|model| {
            variants(options.seed, model, categories[model % categories.len()], categories.len())
        })
        .collect();
    products.truncate(options.products);
    products
}

fn variants(seed: u64, model: usize, category: &'static Category, categories: usize) -> Vec<Product> {
    let parent_sku = format!("{}-{:04}", category.code, model / categories + 1);
    let mut random = Random::new(seed, &parent_sku);
    let (kind, says) = category.kinds[(model / categories) % category.kinds.len()];
    let brand = *random.pick(&category.brands);
    let series = SERIES[(model * 7 + random.below(3)) % SERIES.len()];
    let mut sentences = category.sentences;
    random.shuffle(&mut sentences);
    let mut colours = COLOURS;
    random.shuffle(&mut colours);
    let base_cents = random.between(category.price.0, category.price.1) * 100 - *random.pick(&[1, 5, 10]);
    let weight_g = random.between(category.weight_g.0, category.weight_g.1);
    (0..VARIANTS)
        .map(|variant| {
            let (colour, second) = (colours[variant / 2], variant % 2);
            let option = category.option.1[second];
            Product {
                sku: format!("{parent_sku}-{}", variant + 1),
                gtin: gtin13((model * VARIANTS + variant) as u64 + 1000),
                parent_sku: parent_sku.clone(),
                title: format!("{brand} {series} {kind}, {}, {option}", colour.name),
                description: format!("{says} {} {}", sentences[0], sentences[1]),
                brand,
                category,
                // The second value of the option is the larger or better one.
                price_cents: base_cents + if second == 1 { base_cents / 1000 * 100 } else { 0 },
                stock: if random.percent(8) { 0 } else { random.between(1, 120) },
                weight_g: weight_g + if second == 1 { weight_g / 12 } else { 0 },
                colour,
                option,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn keys_and_titles_are_unique_and_the_count_is_exact() {
        let products = products(&Options::default());
        assert_eq!(products.len(), 360);
        for key in [|p: &Product| p.sku.clone(), |p: &Product| p.gtin.clone(), |p: &Product| p.title.clone()]
        {
            assert_eq!(products.iter().map(key).collect::<BTreeSet<_>>().len(), 360);
        }
    }

    #[test]
    fn another_seed_is_another_catalog_with_the_same_keys() {
        let (one, two) =
            (products(&Options::default()), products(&Options { seed: 8, ..Options::default() }));
        assert!(one.iter().zip(&two).all(|(a, b)| a.sku == b.sku));
        assert!(one.iter().zip(&two).filter(|(a, b)| a.price_cents != b.price_cents).count() > 200);
    }

    #[test]
    fn prices_stay_near_their_range() {
        for product in products(&Options::default()) {
            let (low, high) = product.category.price;
            assert!(
                product.price_cents >= low * 100 - 10 && product.price_cents <= high * 110,
                "{}",
                product.title
            );
        }
    }
}
