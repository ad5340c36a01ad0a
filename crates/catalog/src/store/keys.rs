//! Keys of the summary views, made from a product: one place decides to which group a product belongs.

use crate::product::{Availability, Product, decimals};

/// Separates the levels of a category path.
pub(super) const LEVEL_SEPARATOR: &str = " > ";

/// Upper bounds of the price bands in whole units of the currency.
const BANDS: [i64; 8] = [10, 25, 50, 100, 250, 500, 1_000, 2_500];

/// Path with ` > ` between the levels; empty when unknown.
pub(super) fn category_key(category: &[String]) -> String {
    category.join(LEVEL_SEPARATOR)
}

/// `EUR 25-50 in_stock`: currency, band of the price to pay, availability; `none` where there is no price.
pub(super) fn price_key(product: &Product) -> String {
    let availability = match product.availability {
        Availability::InStock => "in_stock",
        Availability::OutOfStock => "out_of_stock",
        Availability::Preorder => "preorder",
        Availability::Backorder => "backorder",
    };
    match &product.price {
        None => format!("none {availability}"),
        Some(money) => {
            let minor = product.sale_price_minor.unwrap_or(money.minor);
            format!("{} {} {availability}", money.currency, band(minor, &money.currency))
        }
    }
}

fn band(minor: i64, currency: &str) -> String {
    let whole = minor / 10_i64.pow(decimals(currency));
    let above = BANDS.partition_point(|bound| *bound <= whole);
    let low = if above == 0 { 0 } else { BANDS[above - 1] };
    BANDS.get(above).map_or_else(|| format!("{low}+"), |high| format!("{low}-{high}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::Money;

    fn priced(minor: i64, currency: &str) -> Product {
        Product { price: Some(Money { minor, currency: currency.into() }), ..Product::default() }
    }

    #[test]
    fn the_band_follows_the_currency() {
        assert_eq!(price_key(&priced(999, "EUR")), "EUR 0-10 in_stock");
        assert_eq!(price_key(&priced(1000, "EUR")), "EUR 10-25 in_stock");
        assert_eq!(price_key(&priced(999, "JPY")), "JPY 500-1000 in_stock");
        assert_eq!(price_key(&priced(12_345, "KWD")), "KWD 10-25 in_stock");
        assert_eq!(price_key(&priced(i64::MAX, "USD")), "USD 2500+ in_stock");
    }

    #[test]
    fn the_sale_price_decides_and_no_price_is_its_own_group() {
        let mut product = priced(2000, "EUR");
        product.sale_price_minor = Some(500);
        assert_eq!(price_key(&product), "EUR 0-10 in_stock");
        assert_eq!(price_key(&Product::default()), "none in_stock");
    }
}
