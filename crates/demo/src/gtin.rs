//! GTIN-13 numbers with valid check digits, in the range that GS1 keeps for use inside a company.

/// The GTIN-13 of a number below 10¹⁰: prefix 20, the number, the check digit.
pub(crate) fn gtin13(number: u64) -> String {
    let body = format!("20{:010}", number % 10_000_000_000);
    let check = check_digit(&body);
    format!("{body}{check}")
}

/// The digit that makes the weighted sum a multiple of ten; weights 1 and 3 in turn, 3 at the right end.
pub(crate) fn check_digit(body: &str) -> u32 {
    let digits = body.chars().rev().filter_map(|digit| digit.to_digit(10));
    let sum: u32 = digits.enumerate().map(|(at, digit)| if at % 2 == 0 { 3 * digit } else { digit }).sum();
    (10 - sum % 10) % 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_digit_is_that_of_published_examples() {
        assert_eq!(check_digit("629104150021"), 3);
        assert_eq!(check_digit("400638133393"), 1);
    }

    #[test]
    fn numbers_have_thirteen_digits() {
        assert_eq!(gtin13(1).len(), 13);
        assert!(gtin13(1).starts_with("200000000001"));
    }
}
