//! What a progressive picture keeps between its scans.
//!
//! At a reduced size most coefficients are of no use. They are dropped as they come: what is kept of them is that they are
//! not zero, which later scans must know to be read.
#![expect(clippy::inline_always, reason = "see `bits`")]

use super::geometry::Component;
use super::inverse::{Inverse, Rows};
use super::target::Target;
use crate::MediaError;
use crate::deadline::Deadline;

/// The coefficients of one component, block by block.
pub(super) struct Coefficients {
    /// Blocks in a row.
    pub(super) across: usize,
    /// Values of a block.
    pub(super) size: usize,
    /// Where each coefficient, in the order of the file, is among them.
    pub(super) places: &'static [u8; 64],
    /// A bit for each that is there at all.
    pub(super) kept: u64,
    pub(super) values: Vec<i16>,
    /// For each block a bit for each coefficient but the first that is not zero.
    pub(super) used: Vec<u64>,
}

impl Coefficients {
    /// All zero.
    pub(super) fn new<const N: usize>(component: &Component) -> Self {
        let (across, down) = component.padded;
        let size = N * N;
        let (values, used) = (vec![0; across * down * size], vec![0; across * down]);
        Self { across, size, places: &const { Inverse::<N>::PLACES }, kept: Inverse::<N>::KEPT, values, used }
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
        let values = self.values.chunks_exact(self.across * self.size);
        let rows = values.zip(self.used.chunks_exact(self.across)).take(down);
        for (row, (values, used)) in rows.enumerate() {
            deadline.check()?;
            let (target, used) = (&mut *target, &used[..across]);
            pulp::Arch::new().dispatch(Line { row, values, used, inverse, target });
        }
        Ok(())
    }
}

/// Blocks side by side. A closure would do, were closures always inlined.
struct Line<'a, 'b, const N: usize> {
    row: usize,
    values: &'a [i16],
    used: &'a [u64],
    inverse: &'a Inverse<N>,
    target: &'a mut Target<'b>,
}

impl<const N: usize> pulp::NullaryFnOnce for Line<'_, '_, N> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { row, values, used, inverse, target } = self;
        for (column, (values, used)) in values.chunks_exact(N * N).zip(used).enumerate() {
            if !target.reaches::<N>(column, row) {
                continue;
            }
            let mut left = used & Inverse::<N>::KEPT;
            if left == 0 {
                target.draw(&inverse.level(values[0]), column, row);
                continue;
            }
            let mut block = Rows::new();
            inverse.begin(&mut block, values[0]);
            while left != 0 {
                let at = left.trailing_zeros() as usize;
                inverse.add(&mut block, at, values[usize::from(Inverse::<N>::PLACES[at])]);
                left &= left - 1;
            }
            target.draw(&block.samples(), column, row);
        }
    }
}
