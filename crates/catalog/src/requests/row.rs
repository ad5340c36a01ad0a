//! One row of a file of requests.

use crate::delivery::counting::{COUNT, Cells, Code, SKU, TIME, sku_of, time_ms};

/// Rows may be this far ahead of the clock: a day that has begun elsewhere.
const AHEAD_MS: i64 = 24 * 60 * 60 * 1000;
/// Most requests of one row.
const MAX_COUNT: u64 = 1_000_000_000_000;

/// What a row says.
#[derive(Debug, PartialEq)]
pub(super) struct Asked {
    pub(super) sku: String,
    pub(super) requests: u64,
    /// Milliseconds since the Unix epoch; none where the row does not say.
    pub(super) time_ms: Option<i64>,
}

/// Why a row is not counted: a stable name and a sentence.
pub(super) type Fault = (&'static str, String);

/// Reads a row at `now_ms`.
pub(super) fn read(cells: &Cells<'_>, now_ms: i64) -> Result<Asked, Fault> {
    cells.check()?;
    let sku = sku_of(cells.get(SKU)).map_err(|(code, text)| (Code::as_str(code), text.to_owned()))?;
    let requests = if cells.has(COUNT) { count(cells.get(COUNT))? } else { 1 };
    let time_ms = match cells.get(TIME) {
        "" => None,
        cell => Some(moment(cell, now_ms)?),
    };
    Ok(Asked { sku, requests, time_ms })
}

/// A whole number, also as `12.0`.
fn count(cell: &str) -> Result<u64, Fault> {
    let bad = |what: &str| {
        let text =
            format!("{:?} {what}; write a whole number of requests", crate::delivery::counting::clip(cell));
        Err(("bad_count", text))
    };
    let whole = cell.split_once('.').map_or(cell, |(whole, rest)| {
        if !rest.is_empty() && rest.bytes().all(|digit| digit == b'0') { whole } else { cell }
    });
    match whole.parse::<u64>() {
        Ok(count) if count <= MAX_COUNT => Ok(count),
        Ok(_) => bad("is more than a trillion"),
        Err(_) if whole.starts_with('-') => bad("is below zero"),
        Err(_) => bad("is no number"),
    }
}

fn moment(cell: &str, now_ms: i64) -> Result<i64, Fault> {
    let Some(time) = time_ms(cell) else {
        let shown = crate::delivery::counting::clip(cell);
        let text = format!(
            "{shown:?} is no time; write it as 2026-11-21, 2026-11-21T10:00:00Z, 2026-W47 or seconds since 1970"
        );
        return Err(("bad_time", text));
    };
    if time > now_ms.saturating_add(AHEAD_MS) {
        return Err(("future_time", format!("{cell:?} is yet to come; mend it or name a later --at")));
    }
    Ok(time)
}
