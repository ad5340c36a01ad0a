//! The Lanczos kernel with three lobes, from a table. The resampler asks for a weight for every tap of every row and column of
//! a result, and again for every plane: two sines each were 6 % of the work on a photo of two megapixels.

use std::f64::consts::PI;
use std::sync::LazyLock;

/// Lobes on either side.
pub(super) const LOBES: f64 = 3.0;
/// Entries a unit. Between two of them a line is at most 1.2e-7 off, a 250th of the finest step of the weights (2^-15).
const STEPS: usize = 2048;

static TABLE: LazyLock<Vec<f64>> =
    LazyLock::new(|| (0..=LOBES as usize * STEPS).map(|at| exact(at as f64 / STEPS as f64)).collect());

/// sinc(x) · sinc(x / 3) inside of the lobes, else nothing (Duchon, "Lanczos Filtering in One and Two Dimensions", 1979).
fn exact(x: f64) -> f64 {
    let sinc = |x: f64| if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) };
    if x.abs() < LOBES { sinc(x) * sinc(x / LOBES) } else { 0.0 }
}

/// The weight at a distance, in pixels of the coarser of source and result.
pub(super) fn lanczos3(x: f64) -> f64 {
    let place = x.abs() * STEPS as f64;
    let at = place as usize;
    match TABLE.get(at..).and_then(<[f64]>::first_chunk::<2>) {
        Some([low, high]) => low + (high - low) * (place - at as f64),
        None => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_table_is_as_good_as_the_formula(x in -4.0..4.0_f64) {
            prop_assert!((lanczos3(x) - exact(x)).abs() < 1.3e-7, "{x}");
        }
    }

    #[test]
    fn zeros_and_the_peak_are_exact() {
        assert!((lanczos3(0.0) - 1.0).abs() < 1e-15);
        for x in [1.0, -2.0, 3.0, 1e300, f64::INFINITY] {
            assert!(lanczos3(x).abs() < 1e-15, "{x}");
        }
        assert!(lanczos3(f64::NAN).is_nan() || lanczos3(f64::NAN).abs() <= 1.0);
    }
}
