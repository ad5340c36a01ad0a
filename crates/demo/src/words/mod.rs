//! What the products are called and what is said about them, one file a department.

mod clothing;
mod electronics;
mod home;
mod outdoor;

use crate::draw::Shape;

/// A leaf of the category tree with everything needed to invent products for it.
pub(crate) struct Category {
    /// From the root.
    pub(crate) path: [&'static str; 2],
    /// Start of every SKU, and folder of the pictures.
    pub(crate) code: &'static str,
    pub(crate) shape: Shape,
    pub(crate) brands: [&'static str; 3],
    /// What is sold, and the sentence that tells it from the others.
    pub(crate) kinds: [(&'static str, &'static str); 7],
    /// True of all of them.
    pub(crate) sentences: [&'static str; 4],
    /// The second thing that variants differ in, beside colour.
    pub(crate) option: (&'static str, [&'static str; 2]),
    /// Whole units of the currency, lowest and highest.
    pub(crate) price: (u32, u32),
    /// Grams, lightest and heaviest.
    pub(crate) weight_g: (u32, u32),
}

/// Model names, shared by all categories.
pub(crate) const SERIES: [&str; 24] = [
    "Alder", "Birch", "Cove", "Dune", "Ember", "Fjord", "Glen", "Harbor", "Isle", "Juniper", "Kestrel",
    "Larch", "Meadow", "North", "Orchard", "Pine", "Quarry", "Ridge", "Sable", "Tarn", "Umber", "Vale",
    "Willow", "Zephyr",
];

/// All categories, in a fixed order.
pub(crate) fn categories() -> Vec<&'static Category> {
    [clothing::ALL, outdoor::ALL, home::ALL, electronics::ALL].concat()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_a_dozen_leaves_and_eight_brands_or_more_and_codes_are_unique() {
        let all = categories();
        assert!(all.iter().map(|category| category.path).collect::<BTreeSet<_>>().len() >= 12);
        assert!(all.iter().flat_map(|category| category.brands).collect::<BTreeSet<_>>().len() >= 8);
        assert_eq!(all.iter().map(|category| category.code).collect::<BTreeSet<_>>().len(), all.len());
    }
}
