//! What to generate.

/// How large the catalog is, and which of the many possible ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Products that are good, variants included; 1 or more. Default 360.
    pub products: usize,
    /// Chooses prices, colours, stock and pictures. Default 7.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { products: 360, seed: 7 }
    }
}
