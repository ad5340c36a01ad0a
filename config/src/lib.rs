//! One typed configuration tree with embedded defaults.
