//! Searches whose right answer is known.

/// A sentence a customer may type, and where the answer lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// The sentence.
    pub text: &'static str,
    /// Beginning of the category path that the first hit should have, levels separated by ` > `.
    pub category: &'static str,
}

/// Three searches that share few words with the products that answer them.
pub fn queries() -> [Query; 3] {
    [
        Query { text: "waterproof jacket for running", category: "Clothing > Jackets" },
        Query { text: "something to keep coffee hot", category: "Kitchen > Vacuum Flasks" },
        Query { text: "gift for a camper", category: "Outdoor" },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, product::products};

    #[test]
    fn every_expected_category_has_products() {
        let products = products(&Options::default());
        for query in queries() {
            assert!(
                products.iter().any(|product| product.category().starts_with(query.category)),
                "{query:?}"
            );
        }
    }
}
