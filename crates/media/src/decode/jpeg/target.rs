//! One plane that blocks are drawn into.
#![expect(clippy::inline_always, reason = "see `bits`")]

use super::inverse::Samples;
use crate::planes::Planes;

/// Samples beyond its edges are dropped.
pub(super) struct Target<'a> {
    pub(super) data: &'a mut [u8],
    pub(super) width: usize,
    pub(super) height: usize,
}

impl<'a> Target<'a> {
    /// All planes of an image.
    pub(super) fn all(planes: &'a mut Planes) -> Vec<Self> {
        let (width, height) = (planes.width as usize, planes.height as usize);
        let (luma, rest) = planes.data.split_at_mut(width * height);
        let mut all = vec![Self { data: luma, width, height }];
        if let Some(chroma) = planes.chroma {
            let (width, height) = (chroma.width as usize, chroma.height as usize);
            let planes = rest.chunks_exact_mut((width * height).max(1));
            all.extend(planes.take(2).map(|data| Self { data, width, height }));
        }
        all
    }

    /// Whether a block of `N` × `N` samples in this column and row holds samples of the plane.
    #[inline(always)]
    pub(super) fn reaches<const N: usize>(&self, column: usize, row: usize) -> bool {
        column * N < self.width && row * N < self.height
    }

    /// Draws the block, which must hold samples of the plane.
    #[inline(always)]
    pub(super) fn draw<const N: usize>(&mut self, samples: &Samples<N>, column: usize, row: usize) {
        let (left, top) = (column * N, row * N);
        if left + N <= self.width && top + N <= self.height {
            let place = &mut self.data[top * self.width + left..];
            for (y, row) in samples.0.iter().enumerate() {
                place[y * self.width..][..N].copy_from_slice(row);
            }
        } else {
            let (across, down) = (N.min(self.width - left), N.min(self.height - top));
            for (y, row) in samples.0.iter().take(down).enumerate() {
                let from = (top + y) * self.width + left;
                self.data[from..from + across].copy_from_slice(&row[..across]);
            }
        }
    }
}
