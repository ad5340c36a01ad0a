//! What cron will do next; for the command line.

use super::entry::{Entry, Planned, ScheduleError};
use backstock_queue::Timestamp;

/// A slot to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextFire {
    /// Name of the entry.
    pub entry: String,
    /// The slot, without the entry's spread.
    pub slot: Timestamp,
    /// On the clock of the entry's zone, like `2026-03-29T03:00:00+02:00`.
    pub local: String,
}

/// The next `each` slots (at most 1000) of every enabled entry after `now`, by time.
///
/// # Errors
/// An entry is refused; the same as when a scheduler starts.
pub fn next_fires(entries: &[Entry], now: Timestamp, each: usize) -> Result<Vec<NextFire>, ScheduleError> {
    let mut fires = Vec::new();
    for planned in Planned::all(entries.to_vec())?.iter().filter(|planned| planned.entry.enabled) {
        let next = |slot: &Timestamp| planned.schedule.next_after(*slot);
        for slot in std::iter::successors(next(&now), next).take(each.min(1000)) {
            let local = planned.schedule.local_time(slot);
            fires.push(NextFire { entry: planned.entry.name.clone(), slot, local });
        }
    }
    fires.sort_by_key(|fire| fire.slot);
    Ok(fires)
}

#[cfg(test)]
mod tests {
    use super::next_fires;
    use crate::{Entry, testing::entry};
    use backstock_queue::Timestamp;

    #[test]
    fn the_preview_merges_entries_by_time_and_leaves_out_disabled_ones() {
        let off = Entry { enabled: false, ..entry("off", "@hourly") };
        let entries = [entry("noon", "0 12 * * *"), off, entry("half", "30 */6 * * *")];
        let fires = next_fires(&entries, Timestamp(0), 2).unwrap();
        let seen: Vec<_> = fires.iter().map(|fire| (fire.entry.as_str(), fire.local.as_str())).collect();
        assert_eq!(
            seen,
            [
                ("half", "1970-01-01T00:30:00+00:00"),
                ("half", "1970-01-01T06:30:00+00:00"),
                ("noon", "1970-01-01T12:00:00+00:00"),
                ("noon", "1970-01-02T12:00:00+00:00"),
            ]
        );
    }
}
