//! Global trade item numbers.

use super::super::Code;

/// The number without spaces and hyphens, when its length and check digit are right.
pub(crate) fn parse(text: &str) -> Result<String, Code> {
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '\u{a0}')).collect();
    if !matches!(digits.len(), 8 | 12 | 13 | 14) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Code::BadGtin);
    }
    // From the right, digits weigh 1 and 3 in turn; the check digit itself weighs 1.
    let weights = [1u32, 3].into_iter().cycle();
    let sum: u32 = digits.bytes().rev().zip(weights).map(|(b, weight)| u32::from(b - b'0') * weight).sum();
    if sum.is_multiple_of(10) { Ok(digits) } else { Err(Code::BadGtinChecksum) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_of_gtin_with_a_right_check_digit_is_taken() {
        for good in ["96385074", "036000291452", "4006381333931", "14006381333938"] {
            assert_eq!(parse(good).as_deref(), Ok(good));
        }
        assert_eq!(parse("400-6381 333931").as_deref(), Ok("4006381333931"));
    }

    #[test]
    fn a_wrong_check_digit_is_told_apart_from_no_gtin_at_all() {
        assert_eq!(parse("4006381333932"), Err(Code::BadGtinChecksum));
        for bad in ["", "12AB", "123", "4.00638E+12", "400638133393١", "400638133393111"] {
            assert_eq!(parse(bad), Err(Code::BadGtin), "{bad}");
        }
    }
}
