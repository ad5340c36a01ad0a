//! What a progressive picture keeps between its scans.
//!
//! At a reduced size most coefficients are of no use. They are dropped as they come: what is kept of them is that they are
//! not zero, which later scans must know to be read.
#![expect(clippy::inline_always, reason = "see `bits`")]

use std::ops::Range;

use super::geometry::Component;
use super::inverse::{Inverse, Rows};
use super::target::Target;
use crate::MediaError;
use crate::deadline::Deadline;

/// The coefficients of one component, block by block.
pub(super) struct Coefficients {
    /// Blocks in a row.
    pub(super) across: usize,
    /// The first coefficient of each block. Apart, because scans that bring it bring no other.
    pub(super) firsts: Vec<i16>,
    /// The others that are kept, block by block.
    pub(super) values: Vec<i16>,
    /// How many of them a block has.
    pub(super) size: usize,
    /// Where each coefficient, in the order of the file, is among the values of a block.
    pub(super) places: &'static [u8; 64],
    /// A bit for each that is there at all.
    pub(super) kept: u64,
    /// For each block a bit for each coefficient but the first that is not zero.
    pub(super) used: Vec<u64>,
}

impl Coefficients {
    /// All zero.
    pub(super) fn new<const N: usize>(component: &Component) -> Self {
        let (across, down) = component.padded;
        let (size, blocks) = (N * N - 1, across * down);
        let (places, kept) = (&const { Inverse::<N>::PLACES }, Inverse::<N>::KEPT);
        let (firsts, values, used) = (vec![0; blocks], vec![0; blocks * size], vec![0; blocks]);
        Self { across, firsts, values, size, places, kept, used }
    }

    /// The values of blocks that follow each other, and what is used of them.
    #[inline(always)]
    pub(super) fn blocks(&mut self, row: usize, columns: Range<usize>) -> (&mut [i16], &mut [u64]) {
        let (from, to) = (row * self.across + columns.start, row * self.across + columns.end);
        (&mut self.values[from * self.size..to * self.size], &mut self.used[from..to])
    }

    /// Draws the blocks that hold samples.
    pub(super) fn draw<const N: usize>(
        &self,
        component: &Component,
        inverse: &Inverse<N>,
        target: &mut Target<'_>,
        deadline: Deadline,
    ) -> Result<(), MediaError> {
        let (across, down) = component.blocks;
        for row in 0..down {
            deadline.check()?;
            let from = row * self.across;
            let (firsts, used) = (&self.firsts[from..][..across], &self.used[from..][..across]);
            let values = &self.values[from * self.size..][..across * self.size];
            let target = &mut *target;
            pulp::Arch::new().dispatch(Line { row, firsts, values, used, inverse, target });
        }
        Ok(())
    }
}

/// Blocks side by side. A closure would do, were closures always inlined.
struct Line<'a, 'b, const N: usize> {
    row: usize,
    firsts: &'a [i16],
    values: &'a [i16],
    used: &'a [u64],
    inverse: &'a Inverse<N>,
    target: &'a mut Target<'b>,
}

impl<const N: usize> pulp::NullaryFnOnce for Line<'_, '_, N> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { row, firsts, values, used, inverse, target } = self;
        for (column, (&first, used)) in firsts.iter().zip(used).enumerate() {
            if !target.reaches::<N>(column, row) {
                continue;
            }
            let mut left = used & Inverse::<N>::KEPT;
            if left == 0 {
                target.draw(&inverse.level(first), column, row);
                continue;
            }
            let mut block = Rows::new();
            inverse.begin(&mut block, first);
            let values = &values[column * (N * N - 1)..][..N * N - 1];
            while left != 0 {
                let at = left.trailing_zeros() as usize;
                inverse.add(&mut block, at, values[usize::from(Inverse::<N>::PLACES[at])]);
                left &= left - 1;
            }
            target.draw(&block.samples(), column, row);
        }
    }
}
