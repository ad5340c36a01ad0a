//! How a scheduler behaves.

use backstock_queue::{Retention, WorkerId};
use std::time::Duration;

/// Settings of a scheduler.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who it is; default a new identity named `scheduler`.
    pub who: WorkerId,
    /// A leader that does not renew is replaced after this long. Default 5 s, at least 1 s.
    pub leadership: Duration,
    /// How often leadership is renewed or asked for. Default 1.5 s, at most a third of `leadership`.
    pub renewal: Duration,
    /// Cron slots older than this count as missed ([`crate::Misfire`]). Default 1 minute, at least `leadership`.
    pub grace: Duration,
    /// How often jobs of dead workers are looked for. Default 500 ms.
    pub rescue_every: Duration,
    /// A job whose worker died so often is quarantined. Default 3.
    pub max_crashes: u32,
    /// How often finished jobs are deleted. Default 30 s.
    pub prune_every: Duration,
    /// What is kept of them.
    pub retention: Retention,
    /// Jobs one maintenance call may touch, 1 to 500. Default 500.
    pub piece: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            who: WorkerId::generate("scheduler"),
            leadership: Duration::from_secs(5),
            renewal: Duration::from_millis(1500),
            grace: Duration::from_mins(1),
            rescue_every: Duration::from_millis(500),
            max_crashes: 3,
            prune_every: Duration::from_secs(30),
            retention: Retention::default(),
            piece: 500,
        }
    }
}

impl Options {
    /// With every value inside its bounds.
    pub(crate) fn bounded(mut self) -> Self {
        self.leadership = self.leadership.max(Duration::from_secs(1));
        self.renewal = self.renewal.clamp(Duration::from_millis(10), self.leadership / 3);
        self.grace = self.grace.max(self.leadership);
        self.rescue_every = self.rescue_every.max(Duration::from_millis(10));
        self.prune_every = self.prune_every.max(Duration::from_millis(10));
        self.max_crashes = self.max_crashes.max(1);
        self.piece = self.piece.clamp(1, 500);
        self
    }
}
