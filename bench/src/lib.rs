//! Side-by-side benchmarks: ratios in one run.
