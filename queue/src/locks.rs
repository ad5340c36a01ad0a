//! Who holds what only one may hold.

use crate::{Fence, JobId, JobState, Timestamp, WorkerId};
use serde::{Deserialize, Serialize};

/// What [`crate::Store::locks`] lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locks {
    /// Unique keys, by kind and key.
    pub keys: Vec<KeyLock>,
    /// Roles that have or had a leader, by name.
    pub roles: Vec<RoleLock>,
}

impl Locks {
    /// Most keys of one list.
    pub const MOST: usize = 500;
}

/// A unique key that is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyLock {
    /// [`crate::Job::KIND`] of the holder.
    pub kind: String,
    /// The key.
    pub key: String,
    /// Who holds it; `None` when the holder is gone (an examination with `repair` frees the key).
    pub holder: Option<JobId>,
    /// Where the holder is in its life.
    pub state: Option<JobState>,
    /// When the holder was stored.
    pub since: Option<Timestamp>,
}

/// A role that one worker leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleLock {
    /// Name.
    pub role: String,
    /// Who leads; `None` when the time of the last leader ran out or it resigned.
    pub leader: Option<WorkerId>,
    /// Until when, unless it is kept; `None` without a leader.
    pub until: Option<Timestamp>,
    /// Token of the present or last term.
    pub fence: Fence,
}

/// What became of [`crate::Store::release_key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Released {
    /// Nobody held the key.
    NotHeld,
    /// Free now; the holder, if there was one, stays as it is.
    Released(Option<JobId>),
    /// The holder waits or runs, so nothing was done.
    InUse(JobId, JobState),
}
