//! Which texts share a pass through the model.

/// Groups texts of `lengths` (in tokens) into batches. Inside a batch every text is padded to the longest
/// one, so texts of like length go together and a batch ends before `count × longest` would pass `budget`
/// tokens. A text longer than the budget gets a batch of its own. Returns positions in `lengths`; each
/// occurs exactly once. Batches run from short to long texts; equal lengths keep their order.
pub fn plan_batches(lengths: &[usize], budget: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&at| lengths[at]);
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for at in order {
        match batches.last_mut() {
            // Sorted: this text is the longest so far.
            Some(batch) if (batch.len() + 1).saturating_mul(lengths[at]) <= budget => batch.push(at),
            _ => batches.push(vec![at]),
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_texts_share_a_batch_and_a_long_one_stands_alone() {
        assert_eq!(plan_batches(&[3, 900, 2, 3], 9), vec![vec![2, 0, 3], vec![1]]);
        assert!(plan_batches(&[], 9).is_empty());
    }

    proptest! {
        #[test]
        fn every_text_is_in_exactly_one_batch_and_no_batch_passes_the_budget(
            lengths in prop::collection::vec(0usize..300, 0..200),
            budget in 0usize..2000,
        ) {
            let batches = plan_batches(&lengths, budget);
            let mut seen: Vec<usize> = batches.iter().flatten().copied().collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..lengths.len()).collect::<Vec<_>>());
            for batch in &batches {
                let longest = batch.iter().map(|&at| lengths[at]).max().unwrap();
                prop_assert!(batch.len() == 1 || batch.len() * longest <= budget);
            }
        }

        #[test]
        fn two_neighbouring_batches_would_not_fit_into_one(
            lengths in prop::collection::vec(1usize..300, 1..100),
            budget in 1usize..2000,
        ) {
            let batches = plan_batches(&lengths, budget);
            for pair in batches.windows(2) {
                let next = lengths[pair[1][0]];
                prop_assert!((pair[0].len() + 1) * next > budget);
            }
        }
    }
}
