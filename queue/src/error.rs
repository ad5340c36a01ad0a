//! Why a store could not do what it was asked.

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a store call failed. [`StoreError::is_transient`] says whether the same call may work later.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Busy, unreachable, timed out. Passes. The call may or may not have taken effect; every call is safe to repeat.
    #[error("{store} cannot be reached or is busy: {source}")]
    Unavailable {
        /// Which store.
        store: &'static str,
        /// The driver's error.
        source: Cause,
    },
    /// No room left. Passes once somebody makes room.
    #[error("{store} has no room left: {source}; free some space, nothing was lost")]
    Full {
        /// Which store.
        store: &'static str,
        /// The driver's error.
        source: Cause,
    },
    /// The data was written by a newer version of this program.
    #[error(
        "{store} at {location} was written by a newer version of backstock; use that version, or another data folder"
    )]
    Newer {
        /// Which store.
        store: &'static str,
        /// File or address.
        location: String,
    },
    /// The data is damaged or not ours.
    #[error("{store} at {location} is damaged or not a backstock queue: {source}")]
    Corrupt {
        /// Which store.
        store: &'static str,
        /// File or address.
        location: String,
        /// The driver's error.
        source: Cause,
    },
    /// What is at the store's place was set up otherwise than our settings ask for. Does not pass, whatever the call:
    /// somebody must decide, so whoever works on the store ends.
    #[error("{store} is set up otherwise: {what}")]
    Mismatch {
        /// Which store.
        store: &'static str,
        /// What it is about, how it is and should be, what to do.
        what: String,
    },
    /// The request itself is wrong.
    #[error("invalid request: {0}")]
    Invalid(String),
    /// Anything else the driver says; does not pass.
    #[error("{store} failed: {source}")]
    Failed {
        /// Which store.
        store: &'static str,
        /// The driver's error.
        source: Cause,
    },
}

impl StoreError {
    /// Whether the same call may work later.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Full { .. })
    }

    /// Whether every other call fails, too, until somebody has changed something: no use to go on.
    pub const fn ends_work(&self) -> bool {
        matches!(self, Self::Mismatch { .. })
    }
}
