//! Buffers that the next image takes over, so that a busy worker neither asks for memory nor clears it.

/// What is kept between images, in bytes; more is given back to the system.
const MAX_KEPT: usize = 48 << 20;

/// Free buffers of one thread.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    free: Vec<Vec<u8>>,
}

impl Buffers {
    /// A buffer of exactly this length, with whatever was in it.
    pub(crate) fn take(&mut self, length: usize) -> Vec<u8> {
        // The smallest that is large enough, else the largest.
        let fits = |buffer: &Vec<u8>| (buffer.capacity() < length, buffer.capacity().abs_diff(length));
        let best = (0..self.free.len()).min_by_key(|&at| fits(&self.free[at]));
        let mut buffer = best.map(|at| self.free.swap_remove(at)).unwrap_or_default();
        if buffer.capacity() < length {
            buffer = Vec::new();
        }
        buffer.resize(length, 0);
        buffer
    }

    /// Keeps a buffer for later.
    pub(crate) fn give(&mut self, buffer: Vec<u8>) {
        self.free.push(buffer);
        let mut kept: usize = self.free.iter().map(Vec::capacity).sum();
        while kept > MAX_KEPT {
            let Some(largest) = (0..self.free.len()).max_by_key(|&at| self.free[at].capacity()) else {
                return;
            };
            kept -= self.free.swap_remove(largest).capacity();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_and_a_small_one_does_not_cost_a_large_one() {
        let mut buffers = Buffers::default();
        let (large, small) = (buffers.take(10_000), buffers.take(100));
        let (large_at, small_at) = (large.as_ptr(), small.as_ptr());
        buffers.give(large);
        buffers.give(small);
        let (small, large) = (buffers.take(90), buffers.take(9000));
        assert_eq!((small.as_ptr(), small.len()), (small_at, 90));
        assert_eq!((large.as_ptr(), large.len()), (large_at, 9000));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut buffers = Buffers::default();
        (0..4).for_each(|_| buffers.give(Vec::with_capacity(MAX_KEPT / 2)));
        assert!(buffers.free.iter().map(Vec::capacity).sum::<usize>() <= MAX_KEPT);
    }
}
