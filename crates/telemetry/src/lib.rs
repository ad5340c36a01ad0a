//! Log output and the metric catalogue.
