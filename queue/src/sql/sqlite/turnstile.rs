//! Whose turn it is to write, among the processes on one file.
//!
//! SQLite alone would do, but it waits for its lock by sleeping, longer each time. A file lock wakes the next at once.

use std::{
    fs::{File, TryLockError},
    io,
    path::Path,
    sync::Arc,
    time::Duration,
};
use tokio::sync::{Mutex, OwnedMutexGuard};

#[derive(Debug)]
pub(super) struct Turnstile {
    file: Arc<File>,
    /// Among the callers of this process: they share the file, so its lock does not part them.
    inside: Arc<Mutex<()>>,
    patience: Duration,
}

/// The turn, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _lock: Option<Lock>,
    _inside: OwnedMutexGuard<()>,
}

#[derive(Debug)]
struct Lock(Arc<File>);

impl Turnstile {
    /// `patience` bounds the wait for other processes.
    pub(super) fn open(folder: &Path, patience: Duration) -> io::Result<Self> {
        let file = Arc::new(File::create(folder.join("write.turn"))?);
        Ok(Self { file, inside: Arc::default(), patience })
    }

    /// Waits for the turn. It is a courtesy: when it cannot be had in time, the caller goes on, and the lock of the
    /// database decides.
    pub(super) async fn pass(&self) -> Turn {
        let inside = Arc::clone(&self.inside).lock_owned().await;
        let file = Arc::clone(&self.file);
        let lock = match file.try_lock() {
            Ok(()) => Some(Lock(file)),
            Err(TryLockError::Error(_)) => None,
            Err(TryLockError::WouldBlock) => {
                // The guard is made on the thread that waits: a caller who went away leaves no lock behind.
                let waiting = tokio::task::spawn_blocking(move || file.lock().map(|()| Lock(file)));
                tokio::time::timeout(self.patience, waiting)
                    .await
                    .ok()
                    .and_then(Result::ok)
                    .and_then(Result::ok)
            }
        };
        Turn { _lock: lock, _inside: inside }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.0.unlock().ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_hours(1);

    fn two(folder: &Path) -> [Turnstile; 2] {
        [(); 2].map(|()| Turnstile::open(folder, PATIENCE).unwrap())
    }

    #[tokio::test]
    async fn one_passes_at_a_time_and_the_next_when_the_turn_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two] = two(folder.path());
        let turn = one.pass().await;
        let mut next = std::pin::pin!(two.pass());
        assert!(futures::poll!(&mut next).is_pending());
        drop(turn);
        next.await;
    }

    #[tokio::test]
    async fn whoever_stops_waiting_leaves_no_lock_behind() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two] = two(folder.path());
        let turn = one.pass().await;
        {
            let mut gone = std::pin::pin!(two.pass());
            assert!(futures::poll!(&mut gone).is_pending());
        }
        drop(turn);
        one.pass().await;
    }
}
