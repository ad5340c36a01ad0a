//! Jobs that belong together: live counts, progress, a follow-up when all are done.

use crate::{JobId, NewJob, Timestamp};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, str::FromStr};
use uuid::Uuid;

/// Identity of a group, chosen by whoever opens it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GroupId(pub Uuid);

impl GroupId {
    /// A new id, ordered by creation time.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// The id that belongs to `name` inside `scope`.
    pub fn named(scope: Uuid, name: &str) -> Self {
        Self(Uuid::new_v5(&scope, name.as_bytes()))
    }

    /// The id of this group's follow-up job: the same whenever it is asked.
    pub fn follow_up_id(self) -> JobId {
        JobId::named(self.0, "follow-up")
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for GroupId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// A group to open. Opening the same id twice keeps the first.
#[derive(Clone, Debug)]
pub struct NewGroup {
    /// Identity.
    pub id: GroupId,
    /// For people.
    pub name: String,
    /// The group that waits for this one (and for its follow-up job); must exist and not be done.
    pub parent: Option<GroupId>,
    /// Enqueued once when the group is done, under [`GroupId::follow_up_id`]; joins the parent group (its own `id` and
    /// `group` are not read).
    pub follow_up: Option<NewJob>,
    /// Members to enqueue in the transaction that opens the group (their own `group` is not read).
    pub jobs: Vec<NewJob>,
    /// Whether the group takes no members from outside any more (a promise of the producer, not checked). A sealed
    /// group is done as soon as no member waits or runs and every child group is done, so an empty one at once;
    /// members may still add members (through [`crate::Settlement::follow_on`] or by enqueueing while they run).
    pub sealed: bool,
}

/// Where a group stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupStatus {
    /// Identity.
    pub id: GroupId,
    /// For people.
    pub name: String,
    /// The group that waits for this one.
    pub parent: Option<GroupId>,
    /// Whether it takes no members from outside any more.
    pub sealed: bool,
    /// Members ever added.
    pub total: u64,
    /// Members that wait or run.
    pub pending: u64,
    /// Members completed.
    pub completed: u64,
    /// Members cancelled or expired.
    pub cancelled: u64,
    /// Members in the dead set or quarantined.
    pub failed: u64,
    /// Child groups that are not done.
    pub open_children: u64,
    /// Sums of the members' [`crate::Settlement::tally`].
    pub counters: BTreeMap<String, i64>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was done; `None` while it is not. A replayed member does not reopen it.
    pub done_at: Option<Timestamp>,
}
