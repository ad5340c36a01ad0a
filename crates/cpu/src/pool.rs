//! The pool.

use std::{any::Any, num::NonZeroUsize, sync::Arc, thread::available_parallelism};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};

/// At most a fixed number of computing closures at a time; the others wait in the order they came. Clones share it.
#[derive(Clone, Debug)]
pub struct CpuPool {
    permits: Arc<Semaphore>,
    threads: usize,
}

/// The closure did not return: it panicked, or the runtime ended before it began.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the computation panicked: {0}")]
pub struct Panicked(pub String);

impl CpuPool {
    /// A pool that runs at most `threads` closures at a time (at least one). Threads start when they are needed.
    pub fn new(threads: usize) -> Self {
        let threads = threads.clamp(1, Semaphore::MAX_PERMITS);
        Self { permits: Arc::new(Semaphore::new(threads)), threads }
    }

    /// As many as this machine has cores for this process.
    pub fn per_core() -> Self {
        Self::new(available_parallelism().map_or(1, NonZeroUsize::get))
    }

    /// How many closures run at a time.
    pub const fn threads(&self) -> usize {
        self.threads
    }

    /// How many run now.
    pub fn running(&self) -> usize {
        self.threads - self.permits.available_permits().min(self.threads)
    }

    /// Runs `work` on a thread of its own; waits for a free place first.
    ///
    /// Dropped while it waits, `work` never runs. A closure that runs cannot be stopped: it goes on to its end, keeps its
    /// place until then, and its result is dropped. Long closures should therefore be cut into pieces.
    ///
    /// # Errors
    /// [`Panicked`] with the message; the pool is unharmed, and whether it passes is for the caller to know.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Panicked> {
        let permits = Arc::clone(&self.permits);
        let permit = permits.acquire_owned().await.map_err(|closed| Panicked(closed.to_string()))?;
        let task = spawn_blocking(move || {
            let _held_until_the_end = permit;
            work()
        });
        task.await.map_err(Panicked::from)
    }
}

impl Default for CpuPool {
    fn default() -> Self {
        Self::per_core()
    }
}

impl From<JoinError> for Panicked {
    fn from(error: JoinError) -> Self {
        let text = error.to_string();
        Self(error.try_into_panic().map_or(text, |panic| message(panic.as_ref()).to_owned()))
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
}

#[cfg(test)]
mod tests {
    use super::{CpuPool, Panicked};
    use std::sync::{Arc, atomic::AtomicBool, atomic::Ordering, mpsc};

    #[tokio::test]
    async fn a_closure_gives_its_result() {
        assert_eq!(CpuPool::new(2).run(|| 6 * 7).await, Ok(42));
    }

    #[tokio::test]
    async fn a_panic_is_an_error_with_its_message_and_frees_the_place() {
        let pool = CpuPool::new(1);
        assert_eq!(pool.run(|| -> () { panic!("bad pixel") }).await, Err(Panicked("bad pixel".into())));
        assert_eq!(pool.run(|| 1).await, Ok(1));
        assert_eq!(pool.running(), 0);
    }

    #[tokio::test]
    async fn no_more_than_the_limit_run_at_a_time() {
        let pool = CpuPool::new(1);
        let (release, held) = mpsc::channel::<()>();
        let (tell, began) = tokio::sync::oneshot::channel();
        let first = tokio::spawn({
            let pool = pool.clone();
            async move {
                pool.run(move || {
                    let _ = tell.send(());
                    held.recv()
                })
                .await
            }
        });
        began.await.unwrap();
        assert_eq!(pool.running(), 1);
        let second_ran = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&second_ran);
        let second = pool.run(move || flag.store(true, Ordering::SeqCst));
        tokio::pin!(second);
        assert!(futures_now(second.as_mut()).await.is_none());
        assert!(!second_ran.load(Ordering::SeqCst));
        release.send(()).unwrap();
        second.await.unwrap();
        first.await.unwrap().unwrap().unwrap();
        assert!(second_ran.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn a_dropped_caller_does_not_free_the_place_of_a_running_closure() {
        let pool = CpuPool::new(1);
        let (release, held) = mpsc::channel::<()>();
        let (tell, began) = tokio::sync::oneshot::channel();
        let caller = tokio::spawn({
            let pool = pool.clone();
            async move {
                pool.run(move || {
                    let _ = tell.send(());
                    held.recv()
                })
                .await
            }
        });
        began.await.unwrap();
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        assert_eq!(pool.running(), 1);
        release.send(()).unwrap();
        assert_eq!(pool.run(|| 3).await, Ok(3));
    }

    /// Polls once.
    async fn futures_now<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
        std::future::poll_fn(|cx| match std::pin::Pin::new(&mut future).poll(cx) {
            std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
            std::task::Poll::Pending => std::task::Poll::Ready(None),
        })
        .await
    }
}
