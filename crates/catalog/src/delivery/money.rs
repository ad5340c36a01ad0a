//! Price, reduced price and their currency: fields that must agree.

use super::Code;
use super::assemble::{Assembler, Stop};
use super::checks::price::{self, DecimalMark, Written};
use super::field::Field;
use super::prepass::Prepass;
use super::raw::{Fault, Raw};
use crate::Money;

/// The prices of one record.
pub(crate) struct Prices {
    pub(crate) price: Option<Money>,
    pub(crate) sale_price_minor: Option<i64>,
}

/// Reads both prices; the currency is checked first.
pub(crate) fn prices(record: &Assembler, raw: &Raw, whole: Option<&Prepass>) -> Result<Prices, Stop> {
    let column = record.value(raw, Field::Currency);
    let fault = |field, code, message: &str| record.fault(code, field, raw, message);
    let default = record.default_currency();
    price::currency("", column, default).map_err(|text| fault(Field::Currency, Code::BadCurrency, text))?;
    let read = |field: Field| -> Result<Option<(i64, iso_currency::Currency)>, Stop> {
        let cell = record.value(raw, field);
        if cell.is_empty() {
            return Ok(None);
        }
        let number = record.is_number(raw, field);
        let wrong = |error: price::PriceError| Stop::from(fault(field, error.code, error.message));
        let written = if number { Written::number(cell) } else { Written::scan(cell) }.map_err(wrong)?;
        let currency = price::currency(written.unit, column, default)
            .map_err(|text| Stop::from(fault(field, Code::BadCurrency, text)))?;
        let decimals = currency.exponent().map_or(2, u32::from);
        let mark: Option<DecimalMark> = whole.and_then(|whole| whole.mark(field));
        match written.minor(decimals, mark) {
            Err(error) if error.code == Code::AmbiguousPrice && whole.is_none() => Err(Stop::NeedsPrepass),
            Err(error) => Err(wrong(error)),
            Ok(minor) => Ok(Some((minor, currency))),
        }
    };
    let price = read(Field::Price)?;
    if price.is_none() && !record.has_variants(raw) {
        return Err(fault(
            Field::Price,
            Code::MissingPrice,
            "is missing; only a product with variants may lack it",
        )
        .into());
    }
    let sale = read(Field::SalePrice)?;
    if let (Some((price, currency)), Some((sale, sale_currency))) = (price, sale) {
        if currency != sale_currency {
            return Err(
                fault(Field::SalePrice, Code::BadCurrency, "is in another currency than the price").into()
            );
        }
        if sale >= price {
            let message = "is not below the price; lower it or leave it empty";
            return Err(Fault::new(
                Code::SalePriceNotLower,
                Some(Field::SalePrice.name()),
                record.value(raw, Field::SalePrice),
                message,
            )
            .into());
        }
    }
    let sale_price_minor = price.and(sale).map(|(minor, _)| minor);
    let price = price.map(|(minor, currency)| Money { minor, currency: currency.code().to_owned() });
    Ok(Prices { price, sale_price_minor })
}
