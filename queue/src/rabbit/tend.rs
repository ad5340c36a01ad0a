//! What goes on in the background: nothing waits here that others could do, and nothing is open for too long.

use super::{Shared, acks::Acks, locked};
use crate::{MAX_ADOPTED, StoreError};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Tidies up whenever something came back, and now and then.
pub(super) async fn tend(shared: Arc<Shared>) {
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        tokio::select! {
            _ = look.tick() => {}
            () = shared.news.tend.notified() => {}
        }
        match shared.tidy().await {
            Ok(()) => failing = false,
            Err(error) if failing => tracing::debug!(%error, "still not tidied up"),
            Err(error) => {
                failing = true;
                tracing::warn!(%error, "jobs wait to go from the broker to the ledger; trying again");
            }
        }
    }
}

/// Passes on the wake-ups of the ledger.
pub(super) async fn listen(shared: Arc<Shared>) {
    let mut wake_ups = shared.ledger.wake_ups();
    while wake_ups.changed().await.is_ok() {
        shared.news.ring();
    }
}

/// Acks what is done and has waited for others in vain.
pub(super) async fn ack_late(shared: Arc<Shared>) {
    loop {
        shared.news.late.notified().await;
        let mut more = true;
        while more {
            tokio::time::sleep(Acks::look_every()).await;
            more = shared.ack_late().await;
        }
    }
}

impl Shared {
    /// Acks what is done and has waited long enough. Returns whether more waits.
    async fn ack_late(&self) -> bool {
        let mut more = false;
        for line in self.lines() {
            for band in &line.bands {
                more |= band.ack_late().await;
            }
        }
        more
    }

    /// Acks everything that is done.
    pub(super) async fn flush(&self) {
        for line in self.lines() {
            for band in &line.bands {
                band.flush().await;
            }
        }
    }

    async fn tidy(&self) -> Result<(), StoreError> {
        let now = Instant::now();
        for line in self.lines() {
            line.drain();
            self.clear(&line, &[]).await?;
            if line.buffered() > 0 && line.idle(now) >= self.options.hold {
                line.rest(&self.link).await?;
                self.adopt_buffered(&line, |_| true).await?;
            }
        }
        self.desk().forget_lost();
        let old = self.options.hand_over_after;
        let ended = self.now();
        self.move_held(
            |held| held.deadline <= ended || now.saturating_duration_since(held.hold.since) >= old,
            MAX_ADOPTED,
        )
        .await?;
        Ok(())
    }

    /// Consumes nothing any more; what was fetched ahead goes to the ledger, for others.
    pub(super) async fn rest(&self) -> Result<(), StoreError> {
        for line in self.lines() {
            line.rest(&self.link).await?;
            line.drain();
            self.clear(&line, &[]).await?;
            self.adopt_buffered(&line, |_| true).await?;
        }
        self.flush().await;
        Ok(())
    }

    /// Whether claims find nothing in `queue` on purpose. The ledger is asked a few times a second, and at once when
    /// this process paused or resumed something.
    pub(super) async fn is_paused(&self, queue: &str) -> Result<bool, StoreError> {
        {
            let seen = locked(&self.paused);
            if let Some((at, paused)) = seen.as_ref()
                && at.elapsed() < LOOK_EVERY
            {
                return Ok(paused.contains(queue));
            }
        }
        let queues = self.ledger.queues().await?;
        let paused = queues.into_iter().filter(|status| status.paused).map(|status| status.name).collect();
        let mut seen = locked(&self.paused);
        let (_, paused) = seen.insert((Instant::now(), paused));
        Ok(paused.contains(queue))
    }
}
