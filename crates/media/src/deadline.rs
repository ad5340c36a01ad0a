//! How long one image may take.

use std::time::{Duration, Instant};

use crate::MediaError;

/// The moment at which work on an image is given up. Looked at between steps and while decoders read; one call into a
/// decoder that has read everything goes on to its end, which the limits on pixels and scans bound.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    at: Option<Instant>,
    allowed: Duration,
}

impl Deadline {
    /// No limit.
    pub(crate) const NEVER: Self = Self { at: None, allowed: Duration::MAX };

    /// From now on.
    pub(crate) fn after(allowed: Duration) -> Self {
        Self { at: Instant::now().checked_add(allowed), allowed }
    }

    /// # Errors
    /// [`MediaError::TookTooLong`] once the time is over.
    pub(crate) fn check(self) -> Result<(), MediaError> {
        match self.at {
            Some(at) if Instant::now() >= at => {
                Err(MediaError::TookTooLong { max_ms: self.allowed.as_millis() as u64 })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_time_at_all_is_over_at_once_and_a_day_is_not() {
        assert_eq!(Deadline::after(Duration::ZERO).check().unwrap_err().code(), "took_too_long");
        assert!(Deadline::after(Duration::from_hours(24)).check().is_ok());
        assert!(Deadline::after(Duration::MAX).check().is_ok());
        assert!(Deadline::NEVER.check().is_ok());
    }
}
