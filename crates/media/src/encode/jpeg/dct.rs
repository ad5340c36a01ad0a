//! From samples to quantized coefficients: the cosine transform of Arai, Agui and Nakajima (1988), whose last factors
//! are part of the division. Rows of eight are worked on at once, so that the compiler uses vector instructions; the
//! results are the same on every machine.
#![expect(
    clippy::inline_always,
    reason = "only what is inlined is compiled for the vector instructions found"
)]

use std::f32::consts::{FRAC_1_SQRT_2, PI};

use super::entropy::Block;
use super::tables::ZIGZAG;
use crate::planes::Plane;

type Row = [f32; 8];

/// Adding it moves the rounded value into the low bits of a float.
const ROUNDER: f32 = 12_582_912.0;

/// What a coefficient is multiplied by, transposed, as the transform leaves them.
pub(super) struct Quantizer {
    factors: [Row; 8],
}

impl Quantizer {
    pub(super) fn new(steps: &[u8; 64]) -> Self {
        // The transform's own scale: 1 for the first, cos(k π / 16) √2 for the others.
        let scale =
            |k: usize| if k == 0 { 1.0 } else { (k as f32 * PI / 16.0).cos() * std::f32::consts::SQRT_2 };
        let factor = |u: usize, v: usize| 1.0 / (f32::from(steps[v * 8 + u]) * scale(u) * scale(v) * 8.0);
        Self { factors: std::array::from_fn(|u| std::array::from_fn(|v| factor(u, v))) }
    }

    /// All blocks of a plane, row by row. Beyond its edges the last samples are repeated.
    #[inline(always)]
    pub(super) fn plane(&self, plane: Plane<'_>, grid: &mut [Block]) {
        let (width, height) = (plane.width as usize, plane.height as usize);
        let across = width.div_ceil(8);
        for (y, line) in grid.chunks_exact_mut(across).enumerate() {
            let rows: [&[u8]; 8] = std::array::from_fn(|row| {
                let from = (y * 8 + row).min(height - 1) * width;
                &plane.data[from..from + width]
            });
            for (x, block) in line.iter_mut().enumerate() {
                *block = self.block(&samples(&rows, x * 8));
            }
        }
    }

    #[inline(always)]
    fn block(&self, samples: &[[u8; 8]; 8]) -> Block {
        let mut rows = [[0.0; 8]; 8];
        for (row, samples) in rows.iter_mut().zip(samples) {
            for (value, &sample) in row.iter_mut().zip(samples) {
                *value = f32::from(sample) - 128.0;
            }
        }
        transform(&mut rows);
        rows = transposed(&rows);
        transform(&mut rows);
        let mut flat = [0_i16; 64];
        for (out, (row, factors)) in flat.chunks_exact_mut(8).zip(rows.iter().zip(&self.factors)) {
            for ((out, &value), &factor) in out.iter_mut().zip(row).zip(factors) {
                *out = ((value * factor + ROUNDER).to_bits().wrapping_sub(ROUNDER.to_bits())) as i16;
            }
        }
        // The second pass left columns as rows.
        let (mut values, mut used) = ([0_i16; 64], 0_u64);
        for (at, (value, &place)) in values.iter_mut().zip(&ZIGZAG).enumerate() {
            *value = flat[usize::from(place % 8 * 8 + place / 8)];
            used |= u64::from(*value != 0) << at;
        }
        Block { values, used: used & !1 }
    }
}

// Loops where `array::from_fn` and `map` would be shorter: their closures are not always inlined.

#[inline(always)]
fn transposed(rows: &[Row; 8]) -> [Row; 8] {
    let mut columns = [[0.0; 8]; 8];
    for (at, row) in rows.iter().enumerate() {
        for (column, &value) in columns.iter_mut().zip(row) {
            column[at] = value;
        }
    }
    columns
}

#[inline(always)]
fn samples(rows: &[&[u8]; 8], from: usize) -> [[u8; 8]; 8] {
    let mut samples = [[0; 8]; 8];
    for (to, row) in samples.iter_mut().zip(rows) {
        match row.get(from..).and_then(<[u8]>::first_chunk) {
            Some(whole) => *to = *whole,
            None => {
                for (at, sample) in to.iter_mut().enumerate() {
                    *sample = row[(from + at).min(row.len() - 1)];
                }
            }
        }
    }
    samples
}

/// Eight transforms down the columns, side by side.
#[inline(always)]
fn transform(rows: &mut [Row; 8]) {
    let [r0, r1, r2, r3, r4, r5, r6, r7] = *rows;
    let (s07, d07) = (add(r0, r7), sub(r0, r7));
    let (s16, d16) = (add(r1, r6), sub(r1, r6));
    let (s25, d25) = (add(r2, r5), sub(r2, r5));
    let (s34, d34) = (add(r3, r4), sub(r3, r4));
    // Even part.
    let (even0, even3) = (add(s07, s34), sub(s07, s34));
    let (even1, even2) = (add(s16, s25), sub(s16, s25));
    rows[0] = add(even0, even1);
    rows[4] = sub(even0, even1);
    let turned = scale(add(even2, even3), FRAC_1_SQRT_2);
    rows[2] = add(even3, turned);
    rows[6] = sub(even3, turned);
    // Odd part.
    let (a, b, c) = (add(d34, d25), add(d25, d16), add(d16, d07));
    let shared = scale(sub(a, c), 0.382_683_43);
    let low = add(scale(a, 0.541_196_1), shared);
    let high = add(scale(c, 1.306_563), shared);
    let middle = scale(b, FRAC_1_SQRT_2);
    let (upper, lower) = (add(d07, middle), sub(d07, middle));
    rows[5] = add(lower, low);
    rows[3] = sub(lower, low);
    rows[1] = add(upper, high);
    rows[7] = sub(upper, high);
}

#[inline(always)]
fn add(mut a: Row, b: Row) -> Row {
    a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
    a
}

#[inline(always)]
fn sub(mut a: Row, b: Row) -> Row {
    a.iter_mut().zip(b).for_each(|(a, b)| *a -= b);
    a
}

#[inline(always)]
fn scale(mut a: Row, by: f32) -> Row {
    for value in &mut a {
        *value *= by;
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the definition, in double precision.
    fn reference(samples: &[[u8; 8]; 8], u: usize, v: usize) -> f64 {
        let norm = |k: usize| if k == 0 { std::f64::consts::FRAC_1_SQRT_2 } else { 1.0 };
        let cosine =
            |at: usize, k: usize| ((2 * at + 1) as f64 * k as f64 * std::f64::consts::PI / 16.0).cos();
        let mut sum = 0.0;
        for (y, row) in samples.iter().enumerate() {
            for (x, &sample) in row.iter().enumerate() {
                sum += (f64::from(sample) - 128.0) * cosine(x, u) * cosine(y, v);
            }
        }
        sum * norm(u) * norm(v) / 4.0
    }

    #[test]
    fn coefficients_are_those_of_the_definition() {
        let samples: [[u8; 8]; 8] =
            std::array::from_fn(|y| std::array::from_fn(|x| ((x * 37 + y * 91 + x * y * 13) % 256) as u8));
        let block = Quantizer::new(&[1; 64]).block(&samples);
        for (at, &value) in block.values.iter().enumerate() {
            let place = usize::from(ZIGZAG[at]);
            let exact = reference(&samples, place % 8, place / 8);
            assert!(
                (f64::from(value) - exact).abs() < 0.51,
                "coefficient {at}: {value}, by definition {exact}"
            );
        }
    }

    #[test]
    fn an_even_block_has_one_coefficient() {
        let block = Quantizer::new(&[16; 64]).block(&[[200; 8]; 8]);
        assert_eq!((block.values[0], block.used), (36, 0));
    }
}
