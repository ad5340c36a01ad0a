use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::Payload;

const MODEL: &str = "m@1";

async fn open(dir: &TempDir) -> SqliteVectors {
    SqliteVectors::open(SqliteVectorsOptions::new(dir.path().join("vectors.db"))).await.unwrap()
}

fn point(key: &str, vector: &[f32]) -> Point {
    Point {
        key: key.into(),
        content_hash: format!("hash of {vector:?}").into_bytes(),
        vector: vector.to_vec(),
        payload: Payload::default(),
    }
}

fn priced(key: &str, vector: &[f32], category: &str, price: i64) -> Point {
    let payload =
        Payload { category: vec![category.into()], price_minor: Some(price), currency: Some("EUR".into()) };
    Point { payload, ..point(key, vector) }
}

async fn keys(store: &SqliteVectors, vector: &[f32], filter: &Filter) -> Vec<String> {
    store.search(MODEL, vector, 10, filter).await.unwrap().into_iter().map(|h| h.key).collect()
}

#[tokio::test]
async fn the_nearest_come_first_whatever_their_length() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir).await;
    let points = vec![point("far", &[0.0, 9.0]), point("near", &[5.0, 0.1]), point("middle", &[1.0, 1.0])];
    store.upsert(MODEL, points).await.unwrap();
    let hits = store.search(MODEL, &[2.0, 0.0], 2, &Filter::default()).await.unwrap();
    assert_eq!(hits.iter().map(|h| h.key.as_str()).collect::<Vec<_>>(), ["near", "middle"]);
    assert!((hits[1].score - std::f32::consts::FRAC_1_SQRT_2).abs() < 1e-6);
}

#[tokio::test]
async fn an_upsert_run_twice_writes_nothing_the_second_time() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir).await;
    let points = vec![point("a", &[1.0, 0.0]), point("b", &[0.0, 1.0])];
    assert_eq!(store.upsert(MODEL, points.clone()).await.unwrap(), Written { written: 2, unchanged: 0 });
    assert_eq!(store.upsert(MODEL, points).await.unwrap(), Written { written: 0, unchanged: 2 });
    assert_eq!(store.count(MODEL).await.unwrap(), 2);
    assert_eq!(store.count("other@1").await.unwrap(), 0);
}

#[tokio::test]
async fn of_a_key_given_twice_the_last_one_counts() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir).await;
    let points = vec![point("a", &[1.0, 0.0]), point("a", &[0.0, 1.0])];
    assert_eq!(store.upsert(MODEL, points).await.unwrap(), Written { written: 1, unchanged: 1 });
    let hits = store.search(MODEL, &[0.0, 1.0], 1, &Filter::default()).await.unwrap();
    assert!((hits[0].score - 1.0).abs() < 1e-6);
}

#[tokio::test]
async fn stored_hashes_tell_what_needs_no_embedding() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir).await;
    store.upsert(MODEL, vec![point("a", &[1.0])]).await.unwrap();
    let asked = ["a".to_string(), "b".to_string()];
    let hashes = store.stored_hashes(MODEL, &asked).await.unwrap();
    assert_eq!(hashes, HashMap::from([("a".into(), point("a", &[1.0]).content_hash)]));
    assert!(store.stored_hashes("m@2", &asked).await.unwrap().is_empty());
}

#[tokio::test]
async fn another_handle_sees_upserts_payloads_and_deletes() {
    let dir = TempDir::new().unwrap();
    let (here, there) = (open(&dir).await, open(&dir).await);
    let any = Filter::default();
    here.upsert(MODEL, vec![priced("a", &[1.0, 0.0], "Shoes", 100)]).await.unwrap();
    assert_eq!(keys(&there, &[1.0, 0.0], &any).await, ["a"]);
    there.upsert(MODEL, vec![priced("b", &[0.9, 0.1], "Bags", 200)]).await.unwrap();
    assert_eq!(keys(&here, &[1.0, 0.0], &any).await, ["a", "b"]);
    let cheap = Filter { max_price_minor: Some(50), ..Filter::default() };
    assert!(keys(&there, &[1.0, 0.0], &cheap).await.is_empty());
    let change = PayloadChange { key: "a".into(), payload: priced("a", &[1.0, 0.0], "Shoes", 50).payload };
    let twice = vec![change.clone()];
    assert_eq!(here.update_payloads(vec![change]).await.unwrap(), Written { written: 1, unchanged: 0 });
    assert_eq!(there.update_payloads(twice).await.unwrap(), Written { written: 0, unchanged: 1 });
    assert_eq!(keys(&there, &[1.0, 0.0], &cheap).await, ["a"]);
    let gone = ["a".to_string(), "nobody".to_string()];
    assert_eq!(there.delete(&gone).await.unwrap(), Written { written: 1, unchanged: 1 });
    assert_eq!(keys(&here, &[1.0, 0.0], &any).await, ["b"]);
    here.upsert(MODEL, vec![point("a", &[0.0, 1.0])]).await.unwrap();
    assert_eq!(keys(&there, &[1.0, 0.0], &any).await, ["b", "a"]);
    assert_eq!(there.delete_model(MODEL).await.unwrap(), 2);
    assert!(keys(&here, &[1.0, 0.0], &any).await.is_empty());
}

#[tokio::test]
async fn two_writers_at_once_lose_nothing() {
    let dir = TempDir::new().unwrap();
    let (here, there) = (open(&dir).await, open(&dir).await);
    let write = |store: SqliteVectors, name: &'static str| async move {
        for i in 0..40 {
            store.upsert(MODEL, vec![point(&format!("{name}{i}"), &[1.0, i as f32])]).await.unwrap();
        }
    };
    tokio::join!(write(here.clone(), "x"), write(there.clone(), "y"));
    assert_eq!(here.count(MODEL).await.unwrap(), 80);
    assert_eq!(here.search(MODEL, &[1.0, 1.0], 100, &Filter::default()).await.unwrap().len(), 80);
    assert_eq!(there.search(MODEL, &[1.0, 1.0], 100, &Filter::default()).await.unwrap().len(), 80);
}

#[tokio::test]
async fn many_handles_may_create_the_file_at_the_same_moment() {
    let dir = TempDir::new().unwrap();
    let opened = futures::future::join_all((0..6).map(|_| open(&dir))).await;
    opened[0].upsert(MODEL, vec![point("a", &[1.0])]).await.unwrap();
    assert_eq!(opened[5].count(MODEL).await.unwrap(), 1);
}

#[tokio::test]
async fn a_vector_of_the_wrong_dimension_is_refused_and_nothing_is_written() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir).await;
    store.upsert(MODEL, vec![point("a", &[1.0, 0.0])]).await.unwrap();
    let mixed = vec![point("b", &[1.0, 0.0]), point("c", &[1.0])];
    let errors = [
        store.upsert(MODEL, mixed).await.unwrap_err(),
        store.upsert(MODEL, vec![point("d", &[1.0, 0.0, 0.0])]).await.unwrap_err(),
        store.search(MODEL, &[1.0], 1, &Filter::default()).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, VectorError::WrongDimension { .. }), "{error}");
        assert!(!error.is_transient());
    }
    assert_eq!(store.count(MODEL).await.unwrap(), 1);
}

#[tokio::test]
async fn what_is_not_a_number_is_refused() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir).await;
    for bad in [point("a", &[f32::NAN]), point("a", &[]), point("", &[1.0]), point(&"k".repeat(2000), &[1.0])]
    {
        let error = store.upsert(MODEL, vec![bad]).await.unwrap_err();
        assert!(matches!(error, VectorError::Invalid { .. }), "{error}");
    }
    let error = store.search(MODEL, &[f32::INFINITY], 1, &Filter::default()).await.unwrap_err();
    assert!(matches!(error, VectorError::Invalid { .. }), "{error}");
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_by_name() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir).await;
    sqlx::query("INSERT INTO _sqlx_migrations VALUES (99, 'later', CURRENT_TIMESTAMP, 1, x'00', 0)")
        .execute(store.database.writer())
        .await
        .unwrap();
    store.close().await;
    let error =
        SqliteVectors::open(SqliteVectorsOptions::new(dir.path().join("vectors.db"))).await.unwrap_err();
    assert!(matches!(error, VectorError::NewerVersion { migration: 99, .. }), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("vectors.db");
    std::fs::write(&path, "this is a shopping list, not a database ".repeat(50)).unwrap();
    let error = SqliteVectors::open(SqliteVectorsOptions::new(&path)).await.unwrap_err();
    assert!(matches!(error, VectorError::Corrupt { .. }), "{error}");
    let missing = dir.path().join("no/such/folder/vectors.db");
    let error = SqliteVectors::open(SqliteVectorsOptions::new(missing)).await.unwrap_err();
    assert!(matches!(error, VectorError::Open { .. }), "{error}");
}

#[tokio::test]
async fn the_check_finds_a_damaged_vector_and_passes_a_sound_file() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir).await;
    store.upsert(MODEL, vec![point("a", &[1.0, 2.0]), point("zero", &[0.0, 0.0])]).await.unwrap();
    assert_eq!(store.check().await.unwrap(), Integrity { points: 2, faults: vec![] });
    sqlx::query("UPDATE point SET vector = x'0000' WHERE key = 'a'")
        .execute(store.database.writer())
        .await
        .unwrap();
    let report = store.check().await.unwrap();
    assert_eq!(report.faults, ["a: vector has 2 bytes, not 8"]);
    let error = store.search(MODEL, &[1.0, 0.0], 1, &Filter::default()).await.unwrap_err();
    assert!(matches!(error, VectorError::Corrupt { .. }), "{error}");
}

#[tokio::test]
async fn a_reader_that_missed_pruned_deletions_loads_again() {
    let dir = TempDir::new().unwrap();
    let (here, there) = (open(&dir).await, open(&dir).await);
    here.upsert(MODEL, vec![point("a", &[1.0]), point("b", &[1.0])]).await.unwrap();
    assert_eq!(keys(&there, &[1.0], &Filter::default()).await.len(), 2);
    here.delete(&["a".into()]).await.unwrap();
    for sql in ["DELETE FROM gone", "UPDATE change SET pruned_seq = last_seq"] {
        sqlx::query(sql).execute(here.database.writer()).await.unwrap();
    }
    assert_eq!(keys(&there, &[1.0], &Filter::default()).await, ["b"]);
}

/// A join that SQLite turns round reads every point once for every key: fine in a small test, ruinous in a
/// large file. The plan tells, whatever the size.
#[tokio::test]
async fn looking_up_keys_goes_through_the_index_and_never_over_all_points() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir).await;
    for sql in write::KEY_LOOKUPS.iter().chain([&read::HASHES]) {
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")))
                .fetch_all(store.database.readers())
                .await
                .unwrap();
        let steps: Vec<&str> = plan.iter().map(|row| row.3.as_str()).collect();
        assert!(steps.iter().any(|s| s.contains("model_id=? AND key=?")), "{sql}: {steps:?}");
    }
}

#[derive(Debug, Clone)]
enum Step {
    Upsert(bool, Vec<(u8, i8, i8)>),
    Delete(bool, Vec<u8>),
    Search(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (any::<bool>(), prop::collection::vec((0u8..12, -3i8..4, -3i8..4), 0..6))
            .prop_map(|(h, p)| Step::Upsert(h, p)),
        1 => (any::<bool>(), prop::collection::vec(0u8..12, 0..4)).prop_map(|(h, k)| Step::Delete(h, k)),
        2 => any::<bool>().prop_map(Step::Search),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn two_handles_always_agree_with_a_plain_map(steps in prop::collection::vec(step(), 1..25)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let dir = TempDir::new().unwrap();
            let stores = [open(&dir).await, open(&dir).await];
            let mut plain: std::collections::BTreeMap<String, (i8, i8)> = std::collections::BTreeMap::default();
            for step in steps.into_iter().chain([Step::Search(false), Step::Search(true)]) {
                match step {
                    Step::Upsert(h, points) => {
                        let batch = points.iter().map(|(k, x, y)| point(&format!("k{k}"), &[f32::from(*x), f32::from(*y)]));
                        stores[usize::from(h)].upsert(MODEL, batch.collect()).await.unwrap();
                        plain.extend(points.iter().map(|(k, x, y)| (format!("k{k}"), (*x, *y))));
                    }
                    Step::Delete(h, keys) => {
                        let keys: Vec<String> = keys.iter().map(|k| format!("k{k}")).collect();
                        stores[usize::from(h)].delete(&keys).await.unwrap();
                        plain.retain(|k, _| !keys.contains(k));
                    }
                    Step::Search(h) => {
                        let hits = stores[usize::from(h)].search(MODEL, &[1.0, 0.0], 50, &Filter::default()).await.unwrap();
                        assert_eq!(hits.len(), plain.len());
                        for hit in hits {
                            let (x, y) = plain[&hit.key];
                            let length = f32::from(x).hypot(f32::from(y));
                            let want = if length == 0.0 { 0.0 } else { f32::from(x) / length };
                            assert!((hit.score - want).abs() < 1e-5, "{}: {} not {want}", hit.key, hit.score);
                        }
                    }
                }
            }
        });
    }
}
