//! The one integration binary: what no crate can test by itself.

mod architecture;
