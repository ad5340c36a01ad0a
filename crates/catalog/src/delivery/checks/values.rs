//! Whole numbers, weights, flags, words and dates.

use super::super::Code;
use crate::{Availability, Status};

/// Units in stock: a whole number, with decimals if these are zero.
pub(crate) fn stock(cell: &str) -> Result<i32, Code> {
    let cell = cell.trim();
    let (sign, digits) = cell.strip_prefix(['-', '−']).map_or((1, cell), |rest| (-1, rest));
    let (whole, zeros) = digits.split_once(['.', ',']).unwrap_or((digits, ""));
    let is_number = !whole.is_empty() && whole.bytes().all(|b| b.is_ascii_digit());
    // "1,000" may be a thousand or one: only a fraction of zeros in another number than three is clear.
    if !is_number || !zeros.bytes().all(|b| b == b'0') || (digits.contains(',') && zeros.len() == 3) {
        return Err(Code::BadStock);
    }
    let units: i32 = whole.parse().map_err(|_| Code::BadStock)?;
    if sign < 0 && units > 0 { Err(Code::NegativeStock) } else { Ok(units) }
}

/// Grams from a number (with a decimal point or comma) and a unit in grams.
fn grams(number: &str, unit_g: f64) -> Option<i32> {
    let plain = number.trim().replace(',', ".");
    let is_number = !plain.is_empty() && plain.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let grams = plain.parse::<f64>().ok().filter(|_| is_number)? * unit_g;
    (grams <= f64::from(i32::MAX)).then(|| grams.round() as i32)
}

/// A weight in a unit that the column names.
pub(crate) fn weight(cell: &str, unit_g: f64) -> Result<i32, Code> {
    grams(cell, unit_g).ok_or(Code::BadWeight)
}

/// A weight with its unit in the cell; `Ok(None)` when it names none.
pub(crate) fn weight_with_unit(cell: &str) -> Result<Option<i32>, Code> {
    let cell = cell.trim();
    let at = cell.rfind(|c: char| c.is_ascii_digit()).ok_or(Code::BadWeight)? + 1;
    let unit_g = match cell[at..].trim().to_ascii_lowercase().as_str() {
        "" => return grams(cell, 1.0).map(|_| None).ok_or(Code::BadWeight),
        "g" | "gr" | "gram" | "grams" => 1.0,
        "kg" | "kgs" => 1_000.0,
        "mg" => 0.001,
        "lb" | "lbs" => 453.592_37,
        "oz" => 28.349_523_125,
        _ => return Err(Code::BadWeight),
    };
    grams(&cell[..at], unit_g).map(Some).ok_or(Code::BadWeight)
}

/// Words of feeds and flags of shops.
pub(crate) fn availability(cell: &str) -> Option<Availability> {
    let word: String =
        cell.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    Some(match word.as_str() {
        "instock" | "1" | "yes" | "true" | "available" | "y" => Availability::InStock,
        "outofstock" | "0" | "no" | "false" | "unavailable" | "soldout" | "n" => Availability::OutOfStock,
        "preorder" => Availability::Preorder,
        "backorder" | "onbackorder" | "backordered" => Availability::Backorder,
        _ => return None,
    })
}

/// Words for the state of a product in the shop.
pub(crate) fn status(cell: &str) -> Option<Status> {
    Some(match cell.trim().to_ascii_lowercase().as_str() {
        "active" | "enabled" | "published" => Status::Active,
        "draft" | "pending" | "private" => Status::Draft,
        "archived" | "disabled" | "inactive" | "deleted" => Status::Archived,
        _ => return None,
    })
}

/// Flags: `1`, `true`, `yes`; `0`, `2` (Magento: disabled), `-1` (`WooCommerce`: draft), `false`, `no`.
pub(crate) fn published(cell: &str) -> Option<Status> {
    Some(match cell.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "enabled" => Status::Active,
        "0" | "2" | "-1" | "false" | "no" | "disabled" => Status::Draft,
        _ => return None,
    })
}

/// RFC 3339, or the same without zone (then UTC) or without time (then midnight): milliseconds since the Unix epoch.
pub(crate) fn updated_at_ms(cell: &str) -> Option<i64> {
    use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
    let cell = cell.trim();
    if let Ok(instant) = cell.parse::<Timestamp>() {
        return Some(instant.as_millisecond());
    }
    let local = cell.parse::<DateTime>().ok()?;
    Some(local.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stock_is_a_whole_number_of_units() {
        assert_eq!(stock(" 81 "), Ok(81));
        assert_eq!(stock("100.0000"), Ok(100));
        assert_eq!(stock("-0"), Ok(0));
        assert_eq!(stock("-3"), Err(Code::NegativeStock));
        for bad in ["many", "1.5", "1,000", "3000000000", "+", "1e3", ""] {
            assert_eq!(stock(bad), Err(Code::BadStock), "{bad}");
        }
    }

    #[test]
    fn weights_are_grams_and_never_guessed_without_unit() {
        assert_eq!(weight("1,5", 1_000.0), Ok(1_500));
        assert_eq!(weight_with_unit("1.5 kg"), Ok(Some(1_500)));
        assert_eq!(weight_with_unit("1 lb"), Ok(Some(454)));
        assert_eq!(weight_with_unit("1"), Ok(None));
        for bad in ["heavy", "-1", "1 stone", "1.2.3 kg", "1e9", "99999999999"] {
            assert!(weight(bad, 1.0).is_err(), "{bad}");
        }
        assert!(weight_with_unit("1 stone").is_err());
    }

    #[test]
    fn dates_without_zone_are_utc() {
        assert_eq!(updated_at_ms("2026-11-21T00:00:00Z"), Some(1_795_219_200_000));
        assert_eq!(updated_at_ms("2026-11-21T01:00:00+01:00"), Some(1_795_219_200_000));
        assert_eq!(updated_at_ms("2026-11-21 00:00:00"), Some(1_795_219_200_000));
        assert_eq!(updated_at_ms("2026-11-21"), Some(1_795_219_200_000));
        assert_eq!(updated_at_ms("1/15/21, 10:00 AM"), None);
    }

    #[test]
    fn words_of_several_shops_mean_the_same() {
        assert_eq!(availability("in stock"), Some(Availability::InStock));
        assert_eq!(availability("out_of_stock"), Some(Availability::OutOfStock));
        assert_eq!(availability("maybe"), None);
        assert_eq!(status("Archived"), Some(Status::Archived));
        assert_eq!(published("2"), Some(Status::Draft));
    }
}
