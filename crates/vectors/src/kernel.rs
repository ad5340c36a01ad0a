//! Dot products at memory speed, in safe code: the loop is plain Rust, compiled once per instruction
//! set by `pulp`, which picks the widest that this processor has.

use pulp::Arch;

/// Independent partial sums: enough to hide the latency of the multiply-add at every vector width.
const LANES: usize = 64;

/// Calls `each(row number, dot product with query)` for every row of `rows` that `wanted` names; all
/// rows when it is `None`. Rows are `query.len()` wide.
pub(crate) fn scan(query: &[f32], rows: &[f32], wanted: Option<&[u32]>, mut each: impl FnMut(u32, f32)) {
    let width = query.len();
    if width == 0 {
        return;
    }
    Arch::new().dispatch(
        #[inline(always)]
        || match wanted {
            None => {
                for (row, values) in rows.chunks_exact(width).enumerate() {
                    each(row as u32, dot(query, values));
                }
            }
            Some(wanted) => {
                for &row in wanted {
                    let start = row as usize * width;
                    each(row, dot(query, &rows[start..start + width]));
                }
            }
        },
    );
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "must be compiled inside the dispatched function")]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a_chunks.zip(b_chunks) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
        half /= 2;
    }
    sums[0] + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_scan_equals_the_dot_products_written_out(
            width in 1usize..200,
            values in prop::collection::vec(-1.0f32..1.0, 0..900),
        ) {
            let query: Vec<f32> = (0..width).map(|i| ((i * 37 % 11) as f32 - 5.0) / 5.0).collect();
            let mut seen = Vec::new();
            scan(&query, &values, None, |row, score| seen.push((row, score)));
            let naive: Vec<f64> = values.chunks_exact(width)
                .map(|row| row.iter().zip(&query).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum())
                .collect();
            prop_assert_eq!(seen.len(), naive.len());
            for ((row, score), (at, want)) in seen.iter().zip(naive.iter().enumerate()) {
                prop_assert_eq!(*row as usize, at);
                prop_assert!((f64::from(*score) - want).abs() < 1e-3);
            }
            let odd: Vec<u32> = (0..naive.len() as u32).filter(|r| r % 2 == 1).collect();
            let mut picked = Vec::new();
            scan(&query, &values, Some(&odd), |row, score| picked.push((row, score)));
            prop_assert_eq!(picked, seen.into_iter().filter(|(r, _)| r % 2 == 1).collect::<Vec<_>>());
        }
    }
}
