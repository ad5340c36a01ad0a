//! What every vector store promises: the embedded one, the one on Qdrant against a stand-in that speaks its protocol, and
//! against a real server where `QDRANT_URL` (and perhaps `QDRANT_API_KEY`) names one.
#![allow(clippy::print_stderr, reason = "says that a server was not there to test against")]

use std::collections::HashMap;

use backstock_vectors::{
    Filter, Payload, PayloadChange, Point, QdrantOptions, QdrantStandIn, QdrantVectors, SqliteVectors,
    SqliteVectorsOptions, VectorError, VectorStore, Written,
};
use tempfile::TempDir;

const MODEL: &str = "m@1";

/// A store that is empty.
struct Bed {
    store: Box<dyn VectorStore>,
    _folder: Option<TempDir>,
    _server: Option<QdrantStandIn>,
}

async fn embedded() -> Option<Bed> {
    let folder = TempDir::new().unwrap();
    let store =
        SqliteVectors::open(SqliteVectorsOptions::new(folder.path().join("vectors.db"))).await.unwrap();
    Some(Bed { store: Box::new(store), _folder: Some(folder), _server: None })
}

async fn stand_in() -> Option<Bed> {
    let server = QdrantStandIn::start("secret").unwrap();
    let options = QdrantOptions { api_key: "secret".into(), chunk: 64, ..QdrantOptions::new(server.url()) };
    let store = QdrantVectors::open(options).await.unwrap();
    Some(Bed { store: Box::new(store), _folder: None, _server: Some(server) })
}

async fn real() -> Option<Bed> {
    let Ok(url) = std::env::var("QDRANT_URL") else {
        eprintln!("NOT run against a real Qdrant: QDRANT_URL is not set");
        return None;
    };
    // Each test has names of its own, so that they can run at the same time and again.
    let prefix = format!("contract-{}", uuid::Uuid::now_v7().simple());
    let api_key = std::env::var("QDRANT_API_KEY").unwrap_or_default();
    let options = QdrantOptions { api_key, prefix, ..QdrantOptions::new(url) };
    let store = QdrantVectors::open(options).await.unwrap();
    Some(Bed { store: Box::new(store), _folder: None, _server: None })
}

macro_rules! contract {
    ($($name:ident,)*) => {
        contract!(@of embedded: $($name,)*);
        contract!(@of stand_in: $($name,)*);
        contract!(@of real: $($name,)*);
    };
    (@of $bed:ident: $($name:ident,)*) => {
        mod $bed {
            $(
                #[tokio::test]
                async fn $name() {
                    let Some(bed) = super::$bed().await else { return };
                    super::$name(&*bed.store).await;
                    for model in [super::MODEL, "m@2"] {
                        bed.store.delete_model(model).await.unwrap();
                    }
                }
            )*
        }
    };
}

contract! {
    an_unknown_model_is_empty,
    the_nearest_come_first_whatever_their_length,
    an_upsert_run_twice_writes_nothing_the_second_time,
    of_a_key_given_twice_the_last_one_counts,
    a_new_payload_under_the_same_hash_keeps_the_vector,
    payloads_change_under_every_model,
    stored_hashes_tell_what_needs_no_embedding,
    filters_are_exact,
    deleted_keys_are_gone_under_every_model,
    models_are_apart_and_deleted_as_a_whole,
    a_vector_of_the_wrong_dimension_is_refused_and_nothing_is_written,
    what_is_not_a_number_is_refused,
    more_points_than_one_request_takes_are_all_there_afterwards,
    a_killed_backfill_goes_on_without_embedding_again_what_is_stored,
    a_sound_store_passes_its_check,
    any_text_can_be_a_key_or_a_category,
}

fn point(key: &str, vector: &[f32]) -> Point {
    Point {
        key: key.into(),
        content_hash: format!("hash of {vector:?}").into_bytes(),
        vector: vector.to_vec(),
        payload: Payload::default(),
    }
}

fn priced(key: &str, vector: &[f32], category: &[&str], price: i64) -> Point {
    let category = category.iter().map(ToString::to_string).collect();
    let payload = Payload { category, price_minor: Some(price), currency: Some("EUR".into()) };
    Point { payload, ..point(key, vector) }
}

async fn found(store: &dyn VectorStore, vector: &[f32], filter: &Filter) -> Vec<String> {
    store.search(MODEL, vector, 10, filter).await.unwrap().into_iter().map(|hit| hit.key).collect()
}

async fn an_unknown_model_is_empty(store: &dyn VectorStore) {
    assert_eq!(store.count(MODEL).await.unwrap(), 0);
    assert!(found(store, &[1.0, 0.0], &Filter::default()).await.is_empty());
    assert_eq!(store.delete(&["a".into()]).await.unwrap(), Written { written: 0, unchanged: 1 });
    assert_eq!(store.delete_model(MODEL).await.unwrap(), 0);
    assert_eq!(store.upsert(MODEL, vec![]).await.unwrap(), Written::default());
    assert!(!store.publish(MODEL).await.unwrap());
}

async fn the_nearest_come_first_whatever_their_length(store: &dyn VectorStore) {
    let points = vec![
        point("far", &[0.0, 9.0]),
        point("near", &[5.0, 0.1]),
        point("middle", &[1.0, 1.0]),
        point("zero", &[0.0, 0.0]),
        point("behind", &[-1.0, 0.0]),
    ];
    store.upsert(MODEL, points).await.unwrap();
    let hits = store.search(MODEL, &[2.0, 0.0], 2, &Filter::default()).await.unwrap();
    assert_eq!(hits.iter().map(|hit| hit.key.as_str()).collect::<Vec<_>>(), ["near", "middle"]);
    assert!((hits[1].score - std::f32::consts::FRAC_1_SQRT_2).abs() < 1e-6);
    let all = store.search(MODEL, &[2.0, 0.0], 10, &Filter::default()).await.unwrap();
    let scores: HashMap<_, _> = all.iter().map(|hit| (hit.key.as_str(), hit.score)).collect();
    assert!(scores["zero"].abs() < 1e-6 && (scores["behind"] + 1.0).abs() < 1e-6, "{scores:?}");
    assert!(store.search(MODEL, &[2.0, 0.0], 0, &Filter::default()).await.unwrap().is_empty());
}

async fn an_upsert_run_twice_writes_nothing_the_second_time(store: &dyn VectorStore) {
    let points = vec![point("a", &[1.0, 0.0]), point("b", &[0.0, 1.0])];
    assert_eq!(store.upsert(MODEL, points.clone()).await.unwrap(), Written { written: 2, unchanged: 0 });
    assert_eq!(store.upsert(MODEL, points).await.unwrap(), Written { written: 0, unchanged: 2 });
    assert_eq!(store.count(MODEL).await.unwrap(), 2);
}

async fn of_a_key_given_twice_the_last_one_counts(store: &dyn VectorStore) {
    let points = vec![point("a", &[1.0, 0.0]), point("a", &[0.0, 1.0])];
    assert_eq!(store.upsert(MODEL, points).await.unwrap(), Written { written: 1, unchanged: 1 });
    let hits = store.search(MODEL, &[0.0, 1.0], 1, &Filter::default()).await.unwrap();
    assert!((hits[0].score - 1.0).abs() < 1e-6);
}

async fn a_new_payload_under_the_same_hash_keeps_the_vector(store: &dyn VectorStore) {
    store.upsert(MODEL, vec![priced("a", &[1.0, 0.0], &["Shoes"], 100)]).await.unwrap();
    let moved = priced("a", &[1.0, 0.0], &["Bags", "Small"], 50);
    assert_eq!(store.upsert(MODEL, vec![moved]).await.unwrap(), Written { written: 1, unchanged: 0 });
    let hits = store.search(MODEL, &[1.0, 0.0], 1, &Filter::default()).await.unwrap();
    assert!((hits[0].score - 1.0).abs() < 1e-6);
    let bags = Filter { category: vec!["bags".into()], max_price_minor: Some(50), ..Filter::default() };
    assert_eq!(found(store, &[1.0, 0.0], &bags).await, ["a"]);
}

async fn payloads_change_under_every_model(store: &dyn VectorStore) {
    for model in [MODEL, "m@2"] {
        store.upsert(model, vec![priced("a", &[1.0, 0.0], &["Shoes"], 100)]).await.unwrap();
    }
    let payload = Payload { category: vec![], price_minor: None, currency: None };
    let change = |key: &str| PayloadChange { key: key.into(), payload: payload.clone() };
    store.update_payloads(vec![change("a"), change("nobody")]).await.unwrap();
    let again = store.update_payloads(vec![change("a"), change("nobody")]).await.unwrap();
    assert_eq!(again, Written { written: 0, unchanged: 2 });
    let dear = Filter { min_price_minor: Some(0), ..Filter::default() };
    for model in [MODEL, "m@2"] {
        assert!(store.search(model, &[1.0, 0.0], 5, &dear).await.unwrap().is_empty(), "{model}");
        let hashes = store.stored_hashes(model, &["a".into()]).await.unwrap();
        assert_eq!(hashes["a"], point("a", &[1.0, 0.0]).content_hash, "{model}");
    }
}

async fn stored_hashes_tell_what_needs_no_embedding(store: &dyn VectorStore) {
    store.upsert(MODEL, vec![point("a", &[1.0])]).await.unwrap();
    let asked = ["a".to_string(), "b".to_string()];
    let hashes = store.stored_hashes(MODEL, &asked).await.unwrap();
    assert_eq!(hashes, HashMap::from([("a".into(), point("a", &[1.0]).content_hash)]));
    assert!(store.stored_hashes("m@2", &asked).await.unwrap().is_empty());
}

async fn filters_are_exact(store: &dyn VectorStore) {
    let points = vec![
        priced("run", &[1.0, 0.0], &["Shoes", "Running"], 100),
        priced("walk", &[0.9, 0.1], &["Shoes", "Walking"], 200),
        priced("string", &[0.8, 0.2], &["Shoestrings"], 10),
        point("bare", &[0.7, 0.3]),
    ];
    store.upsert(MODEL, points).await.unwrap();
    let any = Filter::default();
    let by = async |filter: Filter| found(store, &[1.0, 0.0], &filter).await;
    assert_eq!(by(any.clone()).await, ["run", "walk", "string", "bare"]);
    assert_eq!(by(Filter { category: vec!["sHOES".into()], ..any.clone() }).await, ["run", "walk"]);
    assert_eq!(
        by(Filter { category: vec!["shoes".into(), "walking".into()], ..any.clone() }).await,
        ["walk"]
    );
    assert!(by(Filter { category: vec!["walking".into()], ..any.clone() }).await.is_empty());
    assert_eq!(by(Filter { min_price_minor: Some(100), ..any.clone() }).await, ["run", "walk"]);
    assert_eq!(by(Filter { max_price_minor: Some(100), ..any.clone() }).await, ["run", "string"]);
    assert_eq!(by(Filter { currency: Some("EUR".into()), ..any.clone() }).await, ["run", "walk", "string"]);
    assert!(by(Filter { currency: Some("eur".into()), ..any }).await.is_empty());
}

async fn deleted_keys_are_gone_under_every_model(store: &dyn VectorStore) {
    for model in [MODEL, "m@2"] {
        store.upsert(model, vec![point("a", &[1.0, 0.0]), point("b", &[0.0, 1.0])]).await.unwrap();
    }
    store.delete(&["a".into(), "nobody".into()]).await.unwrap();
    for model in [MODEL, "m@2"] {
        assert_eq!(store.count(model).await.unwrap(), 1, "{model}");
    }
    assert_eq!(found(store, &[1.0, 0.0], &Filter::default()).await, ["b"]);
    assert_eq!(store.delete(&["a".into()]).await.unwrap(), Written { written: 0, unchanged: 1 });
}

async fn models_are_apart_and_deleted_as_a_whole(store: &dyn VectorStore) {
    store.upsert(MODEL, vec![point("a", &[1.0, 0.0])]).await.unwrap();
    store.upsert("m@2", vec![point("a", &[1.0, 0.0, 0.0]), point("b", &[1.0, 0.0, 0.0])]).await.unwrap();
    assert_eq!(store.delete_model("m@2").await.unwrap(), 2);
    assert_eq!((store.count(MODEL).await.unwrap(), store.count("m@2").await.unwrap()), (1, 0));
    store.upsert("m@2", vec![point("a", &[1.0])]).await.unwrap();
    assert_eq!(store.count("m@2").await.unwrap(), 1, "with other dimensions than before");
}

async fn a_vector_of_the_wrong_dimension_is_refused_and_nothing_is_written(store: &dyn VectorStore) {
    store.upsert(MODEL, vec![point("a", &[1.0, 0.0])]).await.unwrap();
    let mixed = vec![point("b", &[1.0, 0.0]), point("c", &[1.0])];
    let errors = [
        store.upsert(MODEL, mixed).await.unwrap_err(),
        store.upsert(MODEL, vec![point("d", &[1.0, 0.0, 0.0])]).await.unwrap_err(),
        store.search(MODEL, &[1.0], 1, &Filter::default()).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, VectorError::WrongDimension { .. }) && !error.is_transient(), "{error}");
    }
    assert_eq!(store.count(MODEL).await.unwrap(), 1);
}

async fn what_is_not_a_number_is_refused(store: &dyn VectorStore) {
    for bad in [point("a", &[f32::NAN]), point("a", &[]), point("", &[1.0]), point(&"k".repeat(2000), &[1.0])]
    {
        let error = store.upsert(MODEL, vec![bad]).await.unwrap_err();
        assert!(matches!(error, VectorError::Invalid { .. }), "{error}");
    }
    let error = store.search(MODEL, &[f32::INFINITY], 1, &Filter::default()).await.unwrap_err();
    assert!(matches!(error, VectorError::Invalid { .. }), "{error}");
}

/// A vector for each number, most of them different.
fn vector(number: usize) -> Vec<f32> {
    (0..8).map(|at| ((number * 31 + at * 17) % 97) as f32 - 48.0).collect()
}

async fn more_points_than_one_request_takes_are_all_there_afterwards(store: &dyn VectorStore) {
    let points: Vec<_> = (0..1000).map(|n| point(&format!("p{n}"), &vector(n))).collect();
    assert_eq!(store.upsert(MODEL, points.clone()).await.unwrap().written, 1000);
    assert_eq!(store.count(MODEL).await.unwrap(), 1000);
    let changed = vec![point("p7", &vector(5000))];
    let again = points.into_iter().filter(|point| point.key != "p7").chain(changed).collect();
    assert_eq!(store.upsert(MODEL, again).await.unwrap(), Written { written: 1, unchanged: 999 });
    assert_eq!(store.count(MODEL).await.unwrap(), 1000);
}

async fn a_killed_backfill_goes_on_without_embedding_again_what_is_stored(store: &dyn VectorStore) {
    let keys: Vec<String> = (0..500).map(|n| format!("p{n}")).collect();
    let mut embedded = 0;
    // The first is killed after two pages of a hundred, the second runs to the end.
    for pages in [2, usize::MAX] {
        for page in keys.chunks(100).take(pages) {
            let stored = store.stored_hashes(MODEL, page).await.unwrap();
            let missing = page.iter().filter(|key| !stored.contains_key(*key));
            let points: Vec<_> = missing.map(|key| point(key, &vector(key.len()))).collect();
            embedded += points.len();
            store.upsert(MODEL, points).await.unwrap();
        }
    }
    assert_eq!((embedded, store.count(MODEL).await.unwrap()), (500, 500));
}

async fn a_sound_store_passes_its_check(store: &dyn VectorStore) {
    let points = (0..300).map(|n| point(&format!("p{n}"), &vector(n))).chain([point("zero", &[0.0; 8])]);
    store.upsert(MODEL, points.collect()).await.unwrap();
    let integrity = store.check().await.unwrap();
    assert_eq!((integrity.points, integrity.faults), (301, vec![]));
}

async fn any_text_can_be_a_key_or_a_category(store: &dyn VectorStore) {
    let odd = ["a b", "ä/ö#?", "'; DROP TABLE point; --", "\u{1f}\n\0", "日本"];
    let points = odd.iter().map(|odd| priced(odd, &[1.0, 0.0], &[odd, "x"], 1));
    store.upsert(MODEL, points.collect()).await.unwrap();
    for odd in odd {
        let filter = Filter { category: vec![odd.to_owned()], ..Filter::default() };
        assert_eq!(found(store, &[1.0, 0.0], &filter).await, [odd]);
    }
}
