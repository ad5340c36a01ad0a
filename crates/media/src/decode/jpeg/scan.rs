//! The way through one scan: unit after unit, restart after restart.
#![expect(clippy::inline_always, reason = "see `bits`")]

use std::ops::Range;

use super::super::jpeg_structure::next_marker;
use super::bits::Bits;
use super::{Damage, TRUNCATED, corrupt};
use crate::MediaError;
use crate::deadline::Deadline;

/// What is done with the units of a scan.
pub(super) trait Pass {
    /// Forgets what earlier units said of the next ones.
    fn restart(&mut self);

    /// Reads units that follow each other in one row. `bits` must have moved on also in front of damage. To be inlined,
    /// like all that it calls often: it is compiled for the instructions of the machine.
    fn units(&mut self, bits: &mut Bits<'_>, row: usize, units: Range<usize>) -> Result<(), Damage>;
}

/// Leads a pass through the data of a scan, and gives what follows it.
///
/// # Errors
/// [`MediaError::Truncated`], [`MediaError::Corrupt`], [`MediaError::TookTooLong`].
pub(super) fn run<'a>(
    pass: &mut impl Pass,
    data: &'a [u8],
    (across, down): (usize, usize),
    restart_interval: usize,
    deadline: Deadline,
) -> Result<&'a [u8], MediaError> {
    let interval = if restart_interval == 0 { usize::MAX } else { restart_interval };
    let (mut bits, mut left, mut restarts) = (Bits::new(data), interval, 0);
    for row in 0..down {
        deadline.check()?;
        let mut from = 0;
        while from < across {
            if left == 0 {
                bits = Bits::new(behind_restart(bits.rest(), restarts)?);
                restarts += 1;
                left = interval;
                pass.restart();
            }
            let to = across.min(from.saturating_add(left));
            let work = Work { pass: &mut *pass, bits: &mut bits, row, units: from..to };
            let outcome = pulp::Arch::new().dispatch(work);
            if bits.is_overrun() {
                return Err(TRUNCATED);
            }
            outcome.map_err(|damage| corrupt(damage.reason()))?;
            left -= to - from;
            from = to;
        }
    }
    Ok(bits.rest())
}

/// A closure would do, were closures always inlined.
struct Work<'a, 'b, P> {
    pass: &'a mut P,
    bits: &'a mut Bits<'b>,
    row: usize,
    units: Range<usize>,
}

impl<P: Pass> pulp::NullaryFnOnce for Work<'_, '_, P> {
    type Output = Result<(), Damage>;

    #[inline(always)]
    fn call(self) -> Self::Output {
        // A copy can stay in registers.
        let mut bits = *self.bits;
        let outcome = self.pass.units(&mut bits, self.row, self.units);
        *self.bits = bits;
        outcome
    }
}

/// What follows the restart marker, which bear numbers from 0 to 7 in turn.
fn behind_restart(data: &[u8], restarts: usize) -> Result<&[u8], MediaError> {
    match next_marker(data)? {
        (marker, rest) if usize::from(marker) == 0xD0 + restarts % 8 => Ok(rest),
        (0xD0..=0xD7, _) => Err(corrupt("a restart marker out of turn")),
        _ => Err(TRUNCATED),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Takes a byte a unit.
    #[derive(Default)]
    struct Bytes {
        seen: Vec<(usize, usize, u32)>,
        restarts: usize,
    }

    impl Pass for Bytes {
        fn restart(&mut self) {
            self.restarts += 1;
        }

        fn units(&mut self, bits: &mut Bits<'_>, row: usize, units: Range<usize>) -> Result<(), Damage> {
            self.seen.extend(units.map(|unit| (row, unit, bits.take(8))));
            Ok(())
        }
    }

    fn over(data: &[u8], interval: usize) -> (Bytes, Result<&[u8], MediaError>) {
        let mut pass = Bytes::default();
        let rest = run(&mut pass, data, (3, 2), interval, Deadline::NEVER);
        (pass, rest)
    }

    #[test]
    fn restarts_fall_anywhere_in_a_row() {
        let data = [1, 2, 3, 4, 0xFF, 0xD0, 5, 6, 0xFF, 0xD9];
        let (pass, rest) = over(&data, 4);
        assert_eq!(rest.unwrap(), [0xFF, 0xD9]);
        assert_eq!(pass.seen, [(0, 0, 1), (0, 1, 2), (0, 2, 3), (1, 0, 4), (1, 1, 5), (1, 2, 6)]);
        assert_eq!(pass.restarts, 1);
    }

    #[test]
    fn what_is_missing_is_truncated_and_a_restart_out_of_turn_is_corrupt() {
        let code = |data: &[u8], interval| over(data, interval).1.unwrap_err().code();
        assert_eq!(code(&[1, 2, 3, 4, 0xFF, 0xD9], 0), "truncated");
        assert_eq!(code(&[1, 2, 3, 0xFF, 0xD9], 3), "truncated");
        assert_eq!(code(&[1, 2, 3, 0xFF, 0xD1, 4, 5, 6, 0xFF, 0xD9], 3), "corrupt");
    }

    #[test]
    fn the_clock_is_looked_at() {
        let late = Deadline::after(Duration::ZERO);
        let error = run(&mut Bytes::default(), &[0; 9], (3, 2), 0, late).unwrap_err();
        assert_eq!(error.code(), "took_too_long");
    }
}
