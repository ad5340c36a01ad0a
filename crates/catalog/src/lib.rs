//! Products: delivery files in, checked rows stored, changes tracked, views kept.
