//! From one vector a token to one vector a text.

/// The mean of the first `tokens` rows of `states` (rows of `width`), scaled to length one. Padding, which
/// follows the tokens, has no part in it.
pub(crate) fn mean_and_normalise(states: &[f32], tokens: usize, width: usize) -> Vec<f32> {
    let mut sum = vec![0.0f32; width];
    for row in states.chunks_exact(width).take(tokens) {
        for (total, value) in sum.iter_mut().zip(row) {
            *total += value;
        }
    }
    // The mean and the sum point the same way, so dividing by the count would change nothing.
    let length = sum.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>().sqrt();
    if length > 0.0 {
        for value in &mut sum {
            *value = (f64::from(*value) / length) as f32;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_has_no_part_in_the_mean_and_the_result_has_length_one() {
        assert_eq!(mean_and_normalise(&[3.0, 0.0, 3.0, 8.0, 100.0, 100.0], 2, 2), vec![0.6, 0.8]);
        assert_eq!(mean_and_normalise(&[], 0, 2), vec![0.0, 0.0]);
    }
}
