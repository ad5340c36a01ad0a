//! What only a server can do wrong, and what only the stand-in shows.

use super::*;
use crate::Payload;

const MODEL: &str = "m@1";

fn options(server: &QdrantStandIn) -> QdrantOptions {
    QdrantOptions { retries: 3, chunk: 64, ..QdrantOptions::new(server.url()) }
}

fn points(number: usize) -> Vec<Point> {
    let point = |n: usize| Point {
        key: format!("p{n}"),
        content_hash: vec![n as u8],
        vector: vec![1.0, n as f32],
        payload: Payload::default(),
    };
    (0..number).map(point).collect()
}

#[tokio::test]
async fn a_collection_begins_in_first_load_mode_and_is_indexed_when_it_is_published() {
    let server = QdrantStandIn::start("").unwrap();
    let store = QdrantVectors::open(options(&server)).await.unwrap();
    store.upsert(MODEL, points(1)).await.unwrap();
    let (name, _) = server.collections()[0].clone();
    assert!(!server.is_indexed(&name));
    assert_eq!(server.indexed_fields(&name), ["category_paths", "currency", "price_minor"]);
    assert!(store.publish(MODEL).await.unwrap());
    assert!(server.is_indexed(&name));
    assert_eq!(server.alias("backstock"), Some(name));
    assert!(!store.publish(MODEL).await.unwrap(), "nothing to do the second time");
}

#[tokio::test]
async fn a_new_revision_fills_beside_the_old_one_and_then_takes_the_alias() {
    let server = QdrantStandIn::start("").unwrap();
    let store = QdrantVectors::open(options(&server)).await.unwrap();
    store.upsert(MODEL, points(3)).await.unwrap();
    store.publish(MODEL).await.unwrap();
    let old = server.alias("backstock");
    store.upsert("m@2", points(2)).await.unwrap();
    assert_eq!(server.alias("backstock"), old, "readers keep the old one meanwhile");
    assert_eq!(store.search(MODEL, &[1.0, 0.0], 9, &Filter::default()).await.unwrap().len(), 3);
    assert!(store.publish("m@2").await.unwrap());
    assert_ne!(server.alias("backstock"), old);
    assert_eq!((store.count(MODEL).await.unwrap(), store.count("m@2").await.unwrap()), (3, 2));
}

#[tokio::test]
async fn only_the_last_request_of_a_write_is_waited_for() {
    let server = QdrantStandIn::start("").unwrap();
    let store = QdrantVectors::open(options(&server)).await.unwrap();
    store.upsert(MODEL, points(200)).await.unwrap();
    let (name, number) = server.collections()[0].clone();
    assert_eq!((number, server.last_write_was_waited_for(&name)), (200, true));
    // The first of these are new, the last are there: the wait must not get lost with them.
    let (mut new, old) = (points(300).split_off(200), points(200));
    for point in &mut new {
        point.key.insert(0, 'a');
    }
    new.extend(old);
    store.upsert(MODEL, new).await.unwrap();
    assert!(server.last_write_was_waited_for(&name));
}

#[tokio::test]
async fn what_passes_is_tried_again_and_a_server_that_is_away_says_so() {
    let server = QdrantStandIn::start("").unwrap();
    let store = QdrantVectors::open(QdrantOptions { retries: 1, ..options(&server) }).await.unwrap();
    server.fail_next(1, 8);
    store.upsert(MODEL, points(5)).await.unwrap();
    assert_eq!(store.count(MODEL).await.unwrap(), 5);
    drop(server);
    let error = store.count("other").await.unwrap_err();
    assert!(error.is_transient() && error.code() == "vectors_unreachable", "{error}");
}

#[tokio::test]
async fn a_wrong_key_is_refused_at_once_and_never_shown() {
    let server = QdrantStandIn::start("right").unwrap();
    let url = server.url().replace("http://", "http://user:hidden@");
    let error = QdrantVectors::open(QdrantOptions { api_key: "hidden too".into(), ..options(&server) })
        .await
        .unwrap_err();
    assert!(!error.is_transient() && error.to_string().contains("api_key"), "{error}");
    assert!(!without_credentials(&url).contains("hidden"), "{url}");
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains("hidden"), "{text}");
    }
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_refused() {
    for (url, prefix) in [("qdrant", "a"), ("redis://h", "a"), ("http://h:1", ""), ("http://h:1", "a/b")] {
        let options = QdrantOptions { prefix: prefix.into(), ..QdrantOptions::new(url) };
        let error = QdrantVectors::check_options(&options).unwrap_err();
        assert!(!error.is_transient(), "{error}");
    }
}

#[tokio::test]
async fn a_model_that_somebody_deleted_is_made_again() {
    let server = QdrantStandIn::start("").unwrap();
    let store = QdrantVectors::open(options(&server)).await.unwrap();
    let other = QdrantVectors::open(options(&server)).await.unwrap();
    store.upsert(MODEL, points(3)).await.unwrap();
    other.delete_model(MODEL).await.unwrap();
    assert!(store.search(MODEL, &[1.0, 0.0], 9, &Filter::default()).await.unwrap().is_empty());
    store.upsert(MODEL, points(3)).await.unwrap();
    assert_eq!(other.count(MODEL).await.unwrap(), 3);
}

#[tokio::test]
async fn writes_are_cut_into_requests_of_64_to_256_points() {
    for (chunk, largest) in [(1, 64), (100, 100), (256, 256), (9_999, 256)] {
        let server = QdrantStandIn::start("").unwrap();
        let store = QdrantVectors::open(QdrantOptions { chunk, ..options(&server) }).await.unwrap();
        store.upsert(MODEL, points(600)).await.unwrap();
        let (name, number) = server.collections()[0].clone();
        assert_eq!((number, server.largest_write(&name)), (600, largest), "chunk of {chunk}");
    }
}

#[tokio::test]
async fn vectors_are_kept_in_memory_as_the_settings_say() {
    use qdrant_client::qdrant::quantization_config::Quantization as Kind;
    for quantization in [Quantization::None, Quantization::Scalar, Quantization::Binary] {
        let server = QdrantStandIn::start("").unwrap();
        let store = QdrantVectors::open(QdrantOptions { quantization, ..options(&server) }).await.unwrap();
        store.upsert(MODEL, points(1)).await.unwrap();
        let kept = server.quantization(&server.collections()[0].0).and_then(|config| config.quantization);
        assert!(
            matches!(
                (quantization, &kept),
                (Quantization::None, None)
                    | (Quantization::Scalar, Some(Kind::Scalar(_)))
                    | (Quantization::Binary, Some(Kind::Binary(_)))
            ),
            "{quantization:?}: {kept:?}"
        );
    }
}
