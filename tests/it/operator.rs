//! `doctor` and `locks` as an operator runs them, on an embedded queue and on a server.

use crate::support::Shop;
use backstock_queue::{
    JobId, NewJob, Priority, RedisOptions, RedisStore, SqliteOptions, SqliteStore, Store, Unique,
};
use backstock_testbed::RedisServer;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

/// A job that holds the key `all`.
fn refresh() -> NewJob {
    NewJob {
        id: JobId::generate(),
        kind: "refresh_view".into(),
        version: 1,
        queue: "views".into(),
        priority: Priority::Normal,
        payload: br#"{"view":"all","mode":"full"}"#.to_vec(),
        run_at: None,
        expires_at: None,
        unique: Some(Unique::until_done("all")),
        group: None,
        fairness_key: None,
    }
}

async fn embedded(shop: &Shop) -> SqliteStore {
    std::fs::create_dir_all(shop.data()).unwrap();
    SqliteStore::open(shop.data().join("queue.db"), SqliteOptions::default()).await.unwrap()
}

async fn keys_are_listed_and_released(shop: &Shop, store: &dyn Store) {
    let job = refresh();
    store.enqueue(vec![job.clone()]).await.unwrap();
    let holder = job.id.to_string();
    let listed = shop.run(&["locks"]).ok().stdout();
    assert!(listed.contains("refresh_view") && listed.contains(&holder), "{listed}");
    let listed = shop.run(&["locks", "--json"]).ok().json();
    assert_eq!(listed["keys"][0]["holder"], holder, "{listed}");
    let refused = shop.run(&["locks", "release", "refresh_view", "all"]);
    assert_eq!(refused.code(), 1);
    assert!(
        refused.stderr().contains(&holder) && refused.stderr().contains("--force"),
        "{}",
        refused.stderr()
    );
    shop.run(&["locks", "release", "refresh_view", "all", "--force"]).ok();
    let gone = shop.run(&["locks", "release", "refresh_view", "all"]);
    assert!(gone.code() == 2 && gone.stderr().contains("nobody holds"), "{}", gone.stderr());
    assert!(!shop.run(&["locks"]).ok().stdout().contains(&holder));
    // Nor does the doctor give it back.
    let sound = shop.run(&["doctor", "--json"]).ok().json();
    assert_eq!(sound["sound"], true, "{sound}");
}

#[tokio::test]
async fn unique_keys_of_an_embedded_queue_are_listed_and_released() {
    let shop = Shop::new();
    let store = embedded(&shop).await;
    assert_eq!(shop.run(&["locks"]).ok().stdout(), "nothing is held, led, paused or limited\n");
    keys_are_listed_and_released(&shop, &store).await;
}

#[tokio::test]
async fn unique_keys_on_redis_are_listed_and_released() {
    let server = RedisServer::start().unwrap();
    let shop = Shop::new().with("BACKSTOCK__QUEUE__URL", &server.url());
    let store = RedisStore::open(&server.url(), RedisOptions::default()).await.unwrap();
    // There is a data folder as soon as somebody has worked in it.
    shop.file("one.csv", "sku,title,price,currency\nA,Lamp,1.00,EUR\n");
    shop.run(&["import", "one.csv"]).ok();
    keys_are_listed_and_released(&shop, &store).await;
}

#[tokio::test]
async fn doctor_finds_a_wrong_counter_and_repairs_it() {
    let shop = Shop::new();
    embedded(&shop).await.enqueue(vec![refresh()]).await.unwrap();
    assert_eq!(shop.run(&["doctor"]).code(), 0);
    let file = SqliteConnectOptions::new().filename(shop.data().join("queue.db"));
    let pool = SqlitePoolOptions::new().connect_with(file).await.unwrap();
    sqlx::query("UPDATE tally SET jobs = 7").execute(&pool).await.unwrap();
    pool.close().await;
    let found = shop.run(&["doctor"]);
    assert_eq!(found.code(), 1, "{}", found.stderr());
    for part in ["counter", "views, refresh_view", "says 7", "--repair"] {
        assert!(found.stdout().contains(part), "{part:?} is not in {}", found.stdout());
    }
    assert!(found.stderr().contains("doctor found flaws"), "{}", found.stderr());
    let healed = shop.run(&["doctor", "--repair"]);
    assert!(healed.code() == 0 && healed.stdout().contains("1 healed"), "{}", healed.stdout());
    assert!(shop.run(&["doctor"]).ok().stdout().contains("sound"));
}
