//! Memory that pictures being decoded may take together.

use std::sync::{Condvar, Mutex, PoisonError};

/// Bytes to share. Clones of a thumbnailer share one.
#[derive(Debug)]
pub(crate) struct Budget {
    total: u64,
    free: Mutex<u64>,
    returned: Condvar,
}

/// Bytes taken, given back when dropped.
#[derive(Debug)]
pub(crate) struct Share<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    pub(crate) fn new(total: u64) -> Self {
        Self { total, free: Mutex::new(total), returned: Condvar::new() }
    }

    /// Waits until so much is free. A picture larger than the whole budget waits until it is alone. Whoever holds a
    /// share must not ask for another.
    pub(crate) fn take(&self, bytes: u64) -> Share<'_> {
        let bytes = bytes.min(self.total);
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let enough = self.returned.wait_while(free, |free| *free < bytes);
        *enough.unwrap_or_else(PoisonError::into_inner) -= bytes;
        Share { budget: self, bytes }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        *self.budget.free.lock().unwrap_or_else(PoisonError::into_inner) += self.bytes;
        self.budget.returned.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn no_more_is_ever_taken_than_there_is() {
        let (budget, taken, most) = (Budget::new(100), AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..8_u64 {
                let (budget, taken, most) = (&budget, &taken, &most);
                scope.spawn(move || {
                    for turn in 0..50 {
                        let bytes = 10 + (thread * 13 + turn * 7) % 70;
                        let share = budget.take(bytes);
                        most.fetch_max(taken.fetch_add(bytes, Ordering::SeqCst) + bytes, Ordering::SeqCst);
                        taken.fetch_sub(bytes, Ordering::SeqCst);
                        drop(share);
                    }
                });
            }
        });
        assert!(most.into_inner() <= 100);
        assert_eq!(*budget.free.lock().unwrap(), 100);
    }

    #[test]
    fn what_is_larger_than_all_of_it_gets_all_of_it() {
        let budget = Budget::new(100);
        let share = budget.take(1000);
        assert_eq!(share.bytes, 100);
        drop(share);
        assert_eq!(*budget.free.lock().unwrap(), 100);
    }
}
