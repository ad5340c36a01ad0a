//! Pictures that look alike: a hash of what is seen, and groups of near hashes.

use std::collections::HashMap;

/// Side of the square of brightness that a hash is made of.
pub(crate) const SIDE: u32 = 32;
/// Waves across and down that count.
const WAVES: usize = 8;

/// 64 bits that change little when a picture is scaled, compressed or slightly recoloured: whether each of the 8 × 8
/// longest waves is above their median. `luma` has [`SIDE`]² values.
pub(crate) fn perceptual_hash(luma: &[f32]) -> u64 {
    let side = SIDE as usize;
    let wave = |k: usize, at: usize| {
        (std::f32::consts::PI * k as f32 * (2 * at + 1) as f32 / (2 * side) as f32).cos()
    };
    let cosines: [[f32; SIDE as usize]; WAVES] =
        std::array::from_fn(|k| std::array::from_fn(|at| wave(k, at)));
    let against =
        |values: &[f32], k: usize| -> f32 { values.iter().zip(&cosines[k]).map(|(a, b)| a * b).sum() };
    let rows: Vec<[f32; WAVES]> =
        luma.chunks_exact(side).map(|row| std::array::from_fn(|k| against(row, k))).collect();
    let mut strengths = [0.0_f32; WAVES * WAVES];
    for across in 0..WAVES {
        let column: Vec<f32> = rows.iter().map(|row| row[across]).collect();
        for down in 0..WAVES {
            // Sums that should be nothing are noise of the arithmetic: they must not decide a bit.
            let strength = against(&column, down);
            strengths[down * WAVES + across] = if strength.abs() < 1.0 { 0.0 } else { strength };
        }
    }
    // The first is the mean brightness; it says nothing of the shape.
    let mut sorted = strengths;
    sorted[1..].sort_by(f32::total_cmp);
    let median = sorted[WAVES * WAVES / 2];
    strengths
        .iter()
        .enumerate()
        .skip(1)
        .fold(0, |hash, (at, &strength)| hash | u64::from(strength > median) << at)
}

/// Groups of items whose hashes differ in at most `distance` bits (at most 7), directly or through others; each group
/// sorted, groups of one left out, in the order of their first items. About 10,000 items a second at worst.
pub fn near_duplicates<T: Ord + Clone>(items: &[(T, u64)], distance: u32) -> Vec<Vec<T>> {
    let distance = distance.min(7);
    let mut leaders: Vec<usize> = (0..items.len()).collect();
    // Of eight bytes, one is the same in two hashes that differ in seven bits.
    for byte in 0..8 {
        let mut same: HashMap<u8, Vec<usize>> = HashMap::new();
        for (at, (_, hash)) in items.iter().enumerate() {
            let alike = same.entry((hash >> (8 * byte)) as u8).or_default();
            for &other in alike.iter() {
                if (items[other].1 ^ hash).count_ones() <= distance {
                    join(&mut leaders, other, at);
                }
            }
            alike.push(at);
        }
    }
    let mut groups: HashMap<usize, Vec<T>> = HashMap::new();
    for (at, (item, _)) in items.iter().enumerate() {
        groups.entry(leader(&mut leaders, at)).or_default().push(item.clone());
    }
    let mut groups: Vec<Vec<T>> = groups.into_values().filter(|group| group.len() > 1).collect();
    for group in &mut groups {
        group.sort();
    }
    groups.sort();
    groups
}

fn leader(leaders: &mut [usize], mut at: usize) -> usize {
    while leaders[at] != at {
        leaders[at] = leaders[leaders[at]];
        at = leaders[at];
    }
    at
}

fn join(leaders: &mut [usize], one: usize, other: usize) {
    let (one, other) = (leader(leaders, one), leader(leaders, other));
    leaders[one.max(other)] = one.min(other);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn picture(at: impl Fn(f32, f32) -> f32) -> Vec<f32> {
        let side = SIDE as usize;
        (0..side * side).map(|n| at((n % side) as f32 / 32.0, (n / side) as f32 / 32.0)).collect()
    }

    #[test]
    fn brighter_and_noisier_is_near_and_another_picture_is_far() {
        let one = |x: f32, y: f32| 120.0 + 80.0 * (6.0 * x).sin() * (4.0 * y).cos();
        let hash = perceptual_hash(&picture(one));
        let changed =
            perceptual_hash(&picture(|x, y| 0.9 * one(x, y) + 12.0 + 3.0 * (61.0 * x + 97.0 * y).sin()));
        let other = perceptual_hash(&picture(|x, y| 120.0 + 80.0 * (14.0 * y).sin() * (9.0 * x * y).cos()));
        assert!((hash ^ changed).count_ones() <= 6, "{}", (hash ^ changed).count_ones());
        assert!((hash ^ other).count_ones() >= 16, "{}", (hash ^ other).count_ones());
    }

    #[test]
    fn even_pictures_of_any_brightness_have_one_hash() {
        assert_eq!(perceptual_hash(&picture(|_, _| 0.0)), perceptual_hash(&picture(|_, _| 255.0)));
    }

    #[test]
    fn groups_are_found_through_others_and_single_ones_left_out() {
        let items = [("d", 0xFFFF_u64 << 40), ("c", 0b1111), ("a", 0), ("b", 0b11)];
        assert_eq!(near_duplicates(&items, 2), [["a", "b", "c"]]);
        assert_eq!(near_duplicates(&items, 1), Vec::<Vec<&str>>::new());
    }

    proptest! {
        #[test]
        fn whatever_is_near_is_in_one_group(base in any::<u64>(), flips in proptest::collection::vec(0_u32..64, 0..7)) {
            let near = flips.iter().fold(base, |hash, bit| hash ^ 1 << bit);
            let distance = (base ^ near).count_ones();
            prop_assert_eq!(near_duplicates(&[(1, base), (2, near)], distance), [[1, 2]]);
        }
    }
}
