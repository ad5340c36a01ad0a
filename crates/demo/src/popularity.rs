//! How often each product is looked at.

use crate::Options;
use crate::product::products;
use crate::random::Random;

/// Every product's SKU with its score, most popular first: Zipf's law, where the second is seen half as often as the
/// first and the third a third as often. Which product is popular depends on the seed alone.
pub fn popularity(options: &Options) -> Vec<(String, u64)> {
    let mut skus: Vec<_> = products(options).into_iter().map(|product| product.sku).collect();
    Random::new(options.seed, "popularity").shuffle(&mut skus);
    skus.into_iter().zip(1_u64..).map(|(sku, rank)| (sku, 1_000_000 / rank)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_product_has_a_score_and_the_first_tenth_has_half_of_all() {
        let list = popularity(&Options::default());
        assert_eq!(list.len(), Options::default().products);
        assert!(list.is_sorted_by(|a, b| a.1 >= b.1));
        let sum = |part: &[(String, u64)]| part.iter().map(|(_, score)| score).sum::<u64>();
        assert!(sum(&list[..36]) * 2 > sum(&list));
    }
}
