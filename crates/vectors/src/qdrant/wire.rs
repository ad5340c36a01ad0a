//! Between our values and those of the client crate.

use std::collections::HashMap;

use qdrant_client::qdrant::condition::ConditionOneOf;
use qdrant_client::qdrant::r#match::MatchValue;
use qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use qdrant_client::qdrant::points_update_operation::{Operation, SetPayload};
use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::with_payload_selector::SelectorOptions;
use qdrant_client::qdrant::{
    Condition, FieldCondition, Filter as Conditions, ListValue, Match, NullValue, PayloadIncludeSelector,
    PointId, PointStruct, PointsIdsList, PointsSelector, PointsUpdateOperation, Range, Value,
    WithPayloadSelector,
};

use super::names;
use crate::{Filter, Payload, Point};

/// Names in the payload of a point.
pub(super) const KEY: &str = "key";
pub(super) const HASH: &str = "content_hash";
/// Every beginning of the category's path, in small letters: a filter on one is an exact match.
pub(super) const PATHS: &str = "category_paths";
pub(super) const CATEGORY: &str = "category";
pub(super) const PRICE: &str = "price_minor";
pub(super) const CURRENCY: &str = "currency";
/// Between the names of a path; occurs in none of them.
const SEPARATOR: &str = "\u{1f}";

type Fields = HashMap<String, Value>;

fn text(text: impl Into<String>) -> Value {
    Value { kind: Some(Kind::StringValue(text.into())) }
}

fn list(values: impl IntoIterator<Item = Value>) -> Value {
    Value { kind: Some(Kind::ListValue(ListValue { values: values.into_iter().collect() })) }
}

fn null() -> Value {
    Value { kind: Some(Kind::NullValue(NullValue::NullValue.into())) }
}

fn path(names: &[String]) -> String {
    names.join(SEPARATOR).to_ascii_lowercase()
}

/// What filters look at; every field is there, so that writing them replaces all.
fn fields(payload: &Payload) -> Fields {
    let paths = (1..=payload.category.len()).map(|length| text(path(&payload.category[..length])));
    let price = payload.price_minor.map(|price| Value { kind: Some(Kind::IntegerValue(price)) });
    HashMap::from([
        (CATEGORY.to_owned(), list(payload.category.iter().map(text))),
        (PATHS.to_owned(), list(paths)),
        (PRICE.to_owned(), price.unwrap_or_else(null)),
        (CURRENCY.to_owned(), payload.currency.as_ref().map_or_else(null, text)),
    ])
}

pub(super) fn point(point: Point) -> PointStruct {
    let mut payload = fields(&point.payload);
    payload.insert(HASH.to_owned(), text(hex(&point.content_hash)));
    let id = names::point(&point.key);
    payload.insert(KEY.to_owned(), text(point.key));
    PointStruct { id: Some(id), payload, vectors: Some(point.vector.into()) }
}

/// Replaces what filters look at; hash and vector stay.
pub(super) fn set_payload(key: &str, payload: &Payload) -> PointsUpdateOperation {
    let set = SetPayload {
        payload: fields(payload),
        points_selector: Some(only([names::point(key)])),
        ..SetPayload::default()
    };
    PointsUpdateOperation { operation: Some(Operation::SetPayload(set)) }
}

pub(super) fn only(ids: impl IntoIterator<Item = PointId>) -> PointsSelector {
    let ids = PointsIdsList { ids: ids.into_iter().collect() };
    PointsSelector { points_selector_one_of: Some(PointsSelectorOneOf::Points(ids)) }
}

pub(super) fn only_fields<const N: usize>(fields: [&str; N]) -> WithPayloadSelector {
    let fields = PayloadIncludeSelector { fields: fields.map(str::to_owned).into() };
    WithPayloadSelector { selector_options: Some(SelectorOptions::Include(fields)) }
}

/// A point's payload as it came back; `None` where it is not one of ours.
#[derive(Debug, PartialEq)]
pub(super) struct Stored {
    pub(super) key: String,
    pub(super) content_hash: Vec<u8>,
    pub(super) payload: Payload,
}

pub(super) fn stored(fields: &Fields) -> Option<Stored> {
    let category = match &fields.get(CATEGORY)?.kind {
        Some(Kind::ListValue(list)) => {
            list.values.iter().map(|name| as_text(name).map(str::to_owned)).collect::<Option<_>>()?
        }
        _ => return None,
    };
    let price_minor = match fields.get(PRICE).and_then(|value| value.kind.as_ref()) {
        Some(Kind::IntegerValue(price)) => Some(*price),
        _ => None,
    };
    let currency = fields.get(CURRENCY).and_then(as_text).map(str::to_owned);
    Some(Stored {
        key: key(fields)?,
        content_hash: hash(fields)?,
        payload: Payload { category, price_minor, currency },
    })
}

pub(super) fn key(fields: &Fields) -> Option<String> {
    fields.get(KEY).and_then(as_text).map(str::to_owned)
}

pub(super) fn hash(fields: &Fields) -> Option<Vec<u8>> {
    unhex(as_text(fields.get(HASH)?)?)
}

fn as_text(value: &Value) -> Option<&str> {
    match &value.kind {
        Some(Kind::StringValue(text)) => Some(text),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]])
        .map(char::from)
        .collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
    let (pairs, rest) = digits.as_ref()?.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// The server's form of a filter; `None` when nothing is filtered out.
pub(super) fn filter(filter: &Filter) -> Option<Conditions> {
    let keyword = |key: &str, value: String| FieldCondition {
        key: key.to_owned(),
        r#match: Some(Match { match_value: Some(MatchValue::Keyword(value)) }),
        ..FieldCondition::default()
    };
    let mut must = Vec::new();
    if !filter.category.is_empty() {
        must.push(keyword(PATHS, path(&filter.category)));
    }
    if filter.min_price_minor.is_some() || filter.max_price_minor.is_some() {
        let bound = |price: Option<i64>| price.map(|price| price as f64);
        let range = Range {
            gte: bound(filter.min_price_minor),
            lte: bound(filter.max_price_minor),
            ..Range::default()
        };
        must.push(FieldCondition { key: PRICE.to_owned(), range: Some(range), ..FieldCondition::default() });
    }
    if let Some(currency) = &filter.currency {
        must.push(keyword(CURRENCY, currency.clone()));
    }
    let condition = |field| Condition { condition_one_of: Some(ConditionOneOf::Field(field)) };
    (!must.is_empty())
        .then(|| Conditions { must: must.into_iter().map(condition).collect(), ..Conditions::default() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_sent_comes_back(
            key in ".{1,20}",
            content_hash in prop::collection::vec(any::<u8>(), 0..40),
            category in prop::collection::vec(".{0,8}", 0..4),
            price_minor: Option<i64>,
            currency in prop::option::of("[A-Z]{3}"),
        ) {
            let payload = Payload { category, price_minor, currency };
            let sent = Point { key: key.clone(), content_hash: content_hash.clone(), vector: vec![1.0], payload: payload.clone() };
            prop_assert_eq!(stored(&point(sent).payload), Some(Stored { key, content_hash, payload }));
        }

        #[test]
        fn no_text_makes_reading_a_hash_panic(text in ".{0,20}") {
            let _ = unhex(&text);
        }
    }
}
