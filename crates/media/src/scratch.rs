//! What one thread keeps from image to image: buffers and the handles of codecs.

use std::sync::{Mutex, PoisonError};

use crate::buffers::Buffers;
use crate::colour::Profiles;
use crate::resize::Shrinker;

/// Everything that is expensive to make anew for each image. Holds nothing of an image that would matter to the next.
pub(crate) struct Scratch {
    pub(crate) buffers: Buffers,
    pub(crate) shrinker: Shrinker,
    pub(crate) profiles: Profiles,
    #[cfg(feature = "turbo")]
    pub(crate) turbo: crate::turbo::Handles,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self {
            buffers: Buffers::default(),
            shrinker: Shrinker::new(),
            profiles: Profiles::default(),
            #[cfg(feature = "turbo")]
            turbo: crate::turbo::Handles::default(),
        }
    }
}

/// As many of them as images are made at the same time.
#[derive(Default)]
pub(crate) struct ScratchPool {
    idle: Mutex<Vec<Scratch>>,
}

impl ScratchPool {
    /// Lends one to `work`. One that saw a panic is dropped with it.
    pub(crate) fn lend<T>(&self, work: impl FnOnce(&mut Scratch) -> T) -> T {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scratch = idle().pop().unwrap_or_else(Scratch::new);
        let result = work(&mut scratch);
        idle().push(scratch);
        result
    }
}

impl std::fmt::Debug for ScratchPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScratchPool").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_saw_a_panic_is_not_lent_again() {
        let pool = ScratchPool::default();
        pool.lend(|scratch| scratch.buffers.give(Vec::with_capacity(10)));
        assert_eq!(pool.idle.lock().unwrap().len(), 1);
        let panicked =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pool.lend(|_| panic!("bad"))));
        assert!(panicked.is_err());
        assert!(pool.idle.lock().unwrap().is_empty());
    }
}
