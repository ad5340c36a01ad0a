//! From coefficients back to samples, at full size or less. What a smaller picture cannot show, the higher coefficients, is
//! left out: a transform of half the size on the lowest quarter of them is the picture at half the size.
//!
//! Most coefficients of a block are zero. So along its rows each of the others adds its wave, and only down the columns
//! there is a fast transform. Rows are worked on as wholes, so that the compiler uses vector instructions; the results are
//! the same on every machine.
#![expect(clippy::inline_always, reason = "see `bits`")]

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use super::tables::Steps;
use crate::encode::ZIGZAG;

/// How blocks of a component become `N` × `N` samples; `N` is 8, 4, 2 or 1.
pub(super) struct Inverse<const N: usize> {
    /// What each coefficient, in the order of the file, adds to its row when it is one.
    waves: [[f32; N]; 64],
}

/// A block that coefficients are added to. Those that are not looked at end in the last row. Aligned like vectors, so that
/// what was just written is not read across two lines of the cache.
#[repr(align(64))]
pub(super) struct Rows<const N: usize>([[f32; N]; 8]);

/// Row by row, aligned for the same reason.
#[repr(align(64))]
pub(super) struct Samples<const N: usize>(pub(super) [[u8; N]; N]);

impl<const N: usize> Inverse<N> {
    /// A bit for each coefficient but the first that is looked at.
    pub(super) const KEPT: u64 = kept(N);
    /// The place of each among those that are looked at, without the first.
    pub(super) const PLACES: [u8; 64] = places(N);
    /// Row of each in a block.
    const ROWS: [u8; 64] = rows(N);

    /// With these steps of quantization.
    pub(super) fn new(steps: &Steps) -> Self {
        let mut waves = [[0.0; N]; 64];
        for ((wave, &place), &step) in waves.iter_mut().zip(&ZIGZAG).zip(steps) {
            let (down, across) = (usize::from(place) / 8, usize::from(place) % 8);
            if down < N && across < N {
                let height = f64::from(step) * column_scale(N, down) * scale(across);
                for (x, value) in wave.iter_mut().enumerate() {
                    let angle = (2 * x + 1) as f64 * across as f64 * PI / (2 * N) as f64;
                    *value = (height * angle.cos()) as f32;
                }
            }
        }
        Self { waves }
    }

    /// The samples of a block that has no other coefficient than this.
    #[inline(always)]
    pub(super) fn level(&self, first: i16) -> Samples<N> {
        Samples([[sample(f32::from(first) * self.waves[0][0]); N]; N])
    }

    /// Puts the first coefficient into empty rows.
    #[inline(always)]
    pub(super) fn begin(&self, rows: &mut Rows<N>, first: i16) {
        rows.0[0] = [f32::from(first) * self.waves[0][0]; N];
    }

    /// Adds a coefficient by its number in the order of the file.
    #[inline(always)]
    pub(super) fn add(&self, rows: &mut Rows<N>, at: usize, value: i16) {
        let (wave, value) = (&self.waves[at & 63], f32::from(value));
        let row = &mut rows.0[usize::from(Self::ROWS[at & 63] & 7)];
        for x in 0..N {
            row[x] += wave[x] * value;
        }
    }
}

impl<const N: usize> Rows<N> {
    /// Empty.
    #[inline(always)]
    pub(super) fn new() -> Self {
        Self([[0.0; N]; 8])
    }

    /// The samples, row by row.
    #[inline(always)]
    pub(super) fn samples(&self) -> Samples<N> {
        let mut rows = [[0.0; N]; 8];
        for x in 0..N {
            let [r0, r1, r2, r3, r4, r5, r6, r7] = self.0.each_ref().map(|row| row[x]);
            let column = match N {
                8 => eight([r0, r1, r2, r3, r4, r5, r6, r7]),
                4 => four([r0, r1, r2, r3]),
                2 => [r0 + r1, r0 - r1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
                _ => [r0; 8],
            };
            for y in 0..8 {
                rows[y][x] = column[y];
            }
        }
        let mut samples = [[0; N]; N];
        for y in 0..N {
            for x in 0..N {
                samples[y][x] = sample(rows[y][x]);
            }
        }
        Samples(samples)
    }
}

const fn is_looked_at(side: usize, at: usize) -> bool {
    (ZIGZAG[at] as usize / 8) < side && (ZIGZAG[at] as usize % 8) < side
}

const fn kept(side: usize) -> u64 {
    let (mut kept, mut at) = (0, 1);
    while at < 64 {
        kept |= (is_looked_at(side, at) as u64) << at;
        at += 1;
    }
    kept
}

const fn places(side: usize) -> [u8; 64] {
    let (mut places, mut at, mut next) = ([0; 64], 1, 0);
    while at < 64 {
        if is_looked_at(side, at) {
            places[at] = next;
            next += 1;
        }
        at += 1;
    }
    places
}

const fn rows(side: usize) -> [u8; 64] {
    let (mut rows, mut at) = ([7; 64], 0);
    while at < 64 {
        if is_looked_at(side, at) {
            rows[at] = ZIGZAG[at] / 8;
        }
        at += 1;
    }
    rows
}

/// By the definition of the transform, in one direction.
fn scale(k: usize) -> f64 {
    if k == 0 { FRAC_1_SQRT_2 / 2.0 } else { 0.5 }
}

/// The same, with the factors that the fast transform leaves out.
fn column_scale(side: usize, k: usize) -> f64 {
    let missing = match (side, k) {
        (_, 0) => 1.0,
        (8, k) => (k as f64 * PI / 16.0).cos(),
        (4, 2) | (2, _) => FRAC_1_SQRT_2,
        _ => 1.0,
    };
    scale(k) * missing
}

/// Around the middle of the range, rounded, and within it.
#[inline(always)]
fn sample(value: f32) -> u8 {
    // Where a step between floats is one, the lowest byte is the number.
    const WHOLE: f32 = 8_388_608.0;
    (value.clamp(-128.0, 127.0) + (WHOLE + 128.0)).to_bits() as u8
}

/// The transform of Arai, Agui and Nakajima (1988).
#[inline(always)]
fn eight([r0, r1, r2, r3, r4, r5, r6, r7]: [f32; 8]) -> [f32; 8] {
    const SQRT_2: f32 = std::f32::consts::SQRT_2;
    // Even part.
    let (sum, difference) = (r0 + r4, r0 - r4);
    let both = r2 + r6;
    let turned = (r2 - r6) * SQRT_2 - both;
    let (e0, e3) = (sum + both, sum - both);
    let (e1, e2) = (difference + turned, difference - turned);
    // Odd part.
    let (z13, z10, z11, z12) = (r5 + r3, r5 - r3, r1 + r7, r1 - r7);
    let shared = (z10 + z12) * 1.847_759_1;
    let o7 = z11 + z13;
    let o6 = shared - z10 * 2.613_126 - o7;
    let o5 = (z11 - z13) * SQRT_2 - o6;
    let o4 = shared - z12 * 1.082_392_2 - o5;
    [e0 + o7, e1 + o6, e2 + o5, e3 + o4, e3 - o4, e2 - o5, e1 - o6, e0 - o7]
}

#[inline(always)]
fn four([r0, r1, r2, r3]: [f32; 4]) -> [f32; 8] {
    // Cosines of an eighth and of three eighths of a half turn.
    const LOW: f32 = 0.923_879_5;
    const HIGH: f32 = 0.382_683_43;
    let (outer, inner) = (r0 + r2, r0 - r2);
    let (wide, narrow) = (r1 * LOW + r3 * HIGH, r1 * HIGH - r3 * LOW);
    [outer + wide, inner + narrow, inner - narrow, outer - wide, 0.0, 0.0, 0.0, 0.0]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By the definition of a transform of this size, in double precision.
    fn by_definition(coefficients: &[i16; 64], steps: &Steps, side: usize, x: usize, y: usize) -> f64 {
        let norm = |k: usize| if k == 0 { FRAC_1_SQRT_2 } else { 1.0 };
        let cosine = |at: usize, k: usize| ((2 * at + 1) as f64 * k as f64 * PI / (2 * side) as f64).cos();
        let mut sum = 0.0;
        for (at, &place) in ZIGZAG.iter().enumerate() {
            let (v, u) = (usize::from(place) / 8, usize::from(place) % 8);
            if u < side && v < side {
                let value = f64::from(coefficients[at]) * f64::from(steps[at]);
                sum += value * norm(u) * norm(v) * cosine(x, u) * cosine(y, v);
            }
        }
        (sum / 4.0 + 128.0).clamp(0.0, 255.0)
    }

    fn compare<const N: usize>(coefficients: &[i16; 64], steps: &Steps) -> Result<(), TestCaseError> {
        let inverse = Inverse::<N>::new(steps);
        let mut rows = Rows::new();
        inverse.begin(&mut rows, coefficients[0]);
        (1..64).for_each(|at| inverse.add(&mut rows, at, coefficients[at]));
        for (y, row) in rows.samples().0.iter().enumerate() {
            for (x, &sample) in row.iter().enumerate() {
                let exact = by_definition(coefficients, steps, N, x, y);
                prop_assert!((f64::from(sample) - exact).abs() < 0.51, "{N}: {sample}, not {exact}");
            }
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn samples_are_those_of_the_definition(
            low in proptest::array::uniform32(-60_i16..60),
            high in proptest::array::uniform32(-20_i16..20),
            first in -1000_i16..1000,
            step in 1_u16..20,
        ) {
            let mut coefficients = [0; 64];
            coefficients[..32].copy_from_slice(&low);
            coefficients[32..].copy_from_slice(&high);
            coefficients[0] = first;
            let steps = std::array::from_fn(|at| step + at as u16 % 7);
            compare::<8>(&coefficients, &steps)?;
            compare::<4>(&coefficients, &steps)?;
            compare::<2>(&coefficients, &steps)?;
            compare::<1>(&coefficients, &steps)?;
        }
    }

    #[test]
    fn an_even_block_has_its_level_and_extremes_stay_in_range() {
        let steps = [16; 64];
        assert_eq!(Inverse::<8>::new(&steps).level(36).0, [[200; 8]; 8]);
        assert_eq!(Inverse::<4>::new(&steps).level(36).0, [[200; 4]; 4]);
        assert_eq!(Inverse::<2>::new(&steps).level(36).0, [[200; 2]; 2]);
        assert_eq!(Inverse::<1>::new(&steps).level(36).0, [[200]]);
        let full = Inverse::<8>::new(&[u16::MAX; 64]);
        assert_eq!((full.level(i16::MAX).0[0][0], full.level(i16::MIN).0[0][0]), (255, 0));
        let mut rows = Rows::new();
        full.begin(&mut rows, i16::MAX);
        (1..64).for_each(|at| full.add(&mut rows, at, i16::MAX));
        assert_eq!(rows.samples().0[0][0], 255);
    }

    #[test]
    fn each_size_keeps_the_lowest_coefficients() {
        assert_eq!((Inverse::<8>::KEPT, Inverse::<1>::KEPT), (!1, 0));
        assert_eq!((Inverse::<2>::KEPT, Inverse::<4>::KEPT.count_ones()), (0b1_0110, 15));
        assert_eq!(
            (Inverse::<2>::PLACES[4], Inverse::<4>::PLACES[24], Inverse::<8>::PLACES[63]),
            (2, 14, 62)
        );
    }
}
