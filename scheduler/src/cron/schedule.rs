//! From an expression and a time zone to instants. Pure.

use super::day::{DAY, Day};
use super::entry::ScheduleError;
use super::expression::{Expression, ExpressionError};
use backstock_queue::Timestamp;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// Days to look ahead: 29 February on a given weekday comes within 40 years.
const HORIZON_DAYS: i32 = 41 * 366;

/// A cron expression in a time zone. Every slot is an instant; slots are strictly increasing.
///
/// When the clock is changed, an entry of fixed times (no `*` and no step in second, minute and hour) follows the
/// calendar: what falls into the spring gap runs once, right after the gap; what comes twice in autumn runs the first
/// time only. Any other entry follows real time: it runs at every instant whose local time matches, so every half hour
/// stays every half hour.
#[derive(Clone, Debug)]
pub struct Schedule {
    expression: Expression,
    zone: TimeZone,
}

impl Schedule {
    /// Reads an expression of five fields (minute first), six (second first) or an `@name`, and an IANA zone name.
    ///
    /// # Errors
    /// [`ScheduleError`] (permanent), also when the expression never comes.
    pub fn parse(cron: &str, zone: &str) -> Result<Self, ScheduleError> {
        let zone = TimeZoneDatabase::bundled()
            .get(zone)
            .map_err(|_| ScheduleError::UnknownZone { zone: zone.to_owned() })?;
        let schedule = Self { expression: Expression::parse(cron)?, zone };
        if schedule.next_after(Timestamp(0)).is_none() {
            return Err(ExpressionError::Never { expression: cron.to_owned() }.into());
        }
        Ok(schedule)
    }

    /// The first slot later than `instant`. `None` only beyond the calendar (the year 9999).
    pub fn next_after(&self, instant: Timestamp) -> Option<Timestamp> {
        let after = instant.as_millis().div_euclid(1000);
        // A gap at the end of a day belongs to that day and ends on the next one: look back one day.
        let mut date = local_date(&self.zone, after)?.yesterday().ok()?;
        let last = date.saturating_add(HORIZON_DAYS.days());
        while date <= last {
            if self.expression.matches_day(date)
                && let Some(slot) = self.next_on(&Day::new(&self.zone, date)?, after)
            {
                return slot.checked_mul(1000).map(Timestamp);
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    /// The last slot in `after..=until` (without `after`). About 40 steps, however far the two are apart.
    pub fn last_between(&self, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let reached = |from| self.next_after(from).filter(|slot| *slot <= until);
        let mut last = reached(after)?;
        let mut none_after = until; // No slot in none_after..=until; `last` is one.
        while last < none_after {
            let middle = Timestamp(i64::midpoint(last.as_millis(), none_after.as_millis()));
            match reached(middle) {
                Some(slot) => last = slot,
                None => none_after = middle,
            }
        }
        Some(last)
    }

    /// `slot` on the clock of the zone, like `2026-03-29T03:00:00+02:00`; empty beyond the calendar.
    pub fn local_time(&self, slot: Timestamp) -> String {
        let Ok(instant) = jiff::Timestamp::from_millisecond(slot.as_millis()) else { return String::new() };
        instant.to_zoned(self.zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    /// The first slot of `day` later than `after`, in seconds.
    fn next_on(&self, day: &Day, after: i64) -> Option<i64> {
        let follows_calendar = !self.expression.is_interval();
        // On the clock of this day: everything before was passed, or jumped over.
        let mut passed = 0;
        for stretch in &day.stretches {
            let shown = |instant: i64| instant + stretch.offset - day.midnight;
            let (first, end) = (shown(stretch.start), shown(stretch.end));
            if follows_calendar && stretch.start > after && self.comes_within(passed, first) {
                return Some(stretch.start);
            }
            let from = if follows_calendar { first.max(passed) } else { first };
            if let Some(second) = self.next_second(from.max(shown(after) + 1)).filter(|second| *second < end)
            {
                return Some(second - stretch.offset + day.midnight);
            }
            passed = passed.max(end);
        }
        (follows_calendar && day.end > after && self.comes_within(passed, DAY)).then_some(day.end)
    }

    fn next_second(&self, from: i64) -> Option<i64> {
        let from = u32::try_from(from.max(0)).ok()?;
        self.expression.next_second(from).map(i64::from)
    }

    fn comes_within(&self, from: i64, to: i64) -> bool {
        from < to && self.next_second(from).is_some_and(|second| second < to)
    }
}

fn local_date(zone: &TimeZone, instant: i64) -> Option<Date> {
    Some(zone.to_datetime(jiff::Timestamp::from_second(instant).ok()?).date())
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
