//! The loop that fires cron slots while this scheduler leads.

use super::entry::{Entry, Planned};
use super::misfire::due;
use crate::{duties::FOLLOW, leader::Term};
use backstock_queue::{Clock, Fence, Store, StoreError, Timestamp};
use backstock_service::{Next, Service};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{collections::HashMap, sync::Arc, time::Duration};

/// Longest pause: a wall clock that was set, or a machine that slept, is noticed after this long.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Slots of one entry fired in one tick.
const PER_TICK: usize = 100;

#[derive(Debug)]
pub(crate) struct Cron {
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub term: Arc<Term>,
    pub entries: Vec<Planned>,
    pub grace: Duration,
    /// The last slot of each entry, as read from the store in the term of that token.
    pub cursors: Option<(Fence, HashMap<String, Timestamp>)>,
}

/// What is left of an entry after a tick.
enum Left {
    /// More slots are due.
    Due,
    /// This slot comes next.
    Next(Option<Timestamp>),
}

impl Service for Cron {
    const NAME: &'static str = "cron";
    type Error = StoreError;

    async fn tick(&mut self) -> Result<Next, StoreError> {
        let Some(fence) = self.term.current() else {
            self.cursors = None;
            return Ok(Next::After(FOLLOW));
        };
        // Not held across an error or a drop: then they are read again.
        let mut cursors = match self.cursors.take() {
            Some((term, cursors)) if term == fence => cursors,
            _ => self.store.last_fired().await?.into_iter().collect(),
        };
        let now = self.clock.now();
        let (mut next, mut again) = (now.plus(LONGEST_PAUSE), false);
        let mut failed = None;
        for planned in &self.entries {
            match self.advance(planned, &mut cursors, now).await {
                Ok(Left::Due) => again = true,
                Ok(Left::Next(slot)) => next = slot.map_or(next, |slot| slot.min(next)),
                Err(error) => failed = Some(error), // The others do not wait for this one.
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        self.cursors = Some((fence, cursors));
        Ok(if again { Next::Now } else { Next::After(next.since(self.clock.now())) })
    }
}

impl Cron {
    /// Fires what is due of one entry, in order.
    async fn advance(
        &self,
        planned: &Planned,
        cursors: &mut HashMap<String, Timestamp>,
        now: Timestamp,
    ) -> Result<Left, StoreError> {
        let Planned { entry, schedule } = planned;
        let Some(&cursor) = cursors.get(&entry.name) else {
            // The first start of this entry: it begins now.
            self.pass(entry, now, cursors).await?;
            return Ok(Left::Next(schedule.next_after(now)));
        };
        let due = due(schedule, entry.misfire, cursor, now, self.grace);
        if let Some(slot) = due.skip_to {
            if entry.enabled {
                tracing::warn!(entry = entry.name, until = %schedule.local_time(slot), "skipped missed slots");
            }
            self.pass(entry, slot, cursors).await?;
        }
        if !entry.enabled {
            if let Some(&slot) = due.fire.last() {
                self.pass(entry, slot, cursors).await?;
            }
            return Ok(Left::Next(schedule.next_after(now)));
        }
        for &slot in due.fire.iter().take(PER_TICK) {
            self.fire(planned, slot, cursors).await?;
        }
        Ok(if due.fire.len() > PER_TICK { Left::Due } else { Left::Next(schedule.next_after(now)) })
    }

    async fn fire(
        &self,
        planned: &Planned,
        slot: Timestamp,
        cursors: &mut HashMap<String, Timestamp>,
    ) -> Result<(), StoreError> {
        let Planned { entry, schedule } = planned;
        let slot_local = schedule.local_time(slot);
        let Ok(job) = catch_unwind(AssertUnwindSafe(|| planned.job(slot))) else {
            tracing::error!(
                entry = entry.name,
                slot = slot_local,
                "passed a slot: its job could not be made, the template panicked"
            );
            return self.pass(entry, slot, cursors).await;
        };
        let id = job.id;
        match self.store.fire(&entry.name, slot, vec![job]).await {
            Ok(true) => {
                let late_ms = u64::try_from(self.clock.now().since(slot).as_millis()).unwrap_or(u64::MAX);
                tracing::info!(entry = entry.name, slot = slot_local, job = %id, late_ms, "fired");
                cursors.insert(entry.name.clone(), slot);
            }
            Ok(false) => self.fired_elsewhere(entry, slot, cursors).await?,
            Err(error @ StoreError::Invalid(_)) => {
                tracing::error!(entry = entry.name, slot = slot_local, %error, "passed a slot: its job is refused");
                self.pass(entry, slot, cursors).await?;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Moves the cursor of an entry without a job.
    async fn pass(
        &self,
        entry: &Entry,
        slot: Timestamp,
        cursors: &mut HashMap<String, Timestamp>,
    ) -> Result<(), StoreError> {
        if self.store.fire(&entry.name, slot, Vec::new()).await? {
            cursors.insert(entry.name.clone(), slot);
            Ok(())
        } else {
            self.fired_elsewhere(entry, slot, cursors).await
        }
    }

    /// Another scheduler was faster: believe the store.
    async fn fired_elsewhere(
        &self,
        entry: &Entry,
        slot: Timestamp,
        cursors: &mut HashMap<String, Timestamp>,
    ) -> Result<(), StoreError> {
        let fired = self.store.last_fired().await?;
        let cursor = fired.into_iter().find_map(|(name, cursor)| (name == entry.name).then_some(cursor));
        tracing::debug!(entry = entry.name, %slot, "this slot was fired by another scheduler");
        cursors.insert(entry.name.clone(), cursor.map_or(slot, |cursor| cursor.max(slot)));
        Ok(())
    }
}
