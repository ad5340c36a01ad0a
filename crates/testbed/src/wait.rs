//! Waiting for another program, which can only be asked again and again.

use std::time::{Duration, Instant};

/// Calls `ready` every few milliseconds until it returns something; `None` after `limit`.
#[expect(clippy::disallowed_methods, reason = "a foreign process sends no signal when it begins to serve")]
pub(crate) fn until<T>(limit: Duration, mut ready: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(2);
    loop {
        if let Some(found) = ready() {
            return Some(found);
        }
        if begun.elapsed() >= limit {
            return None;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}
