use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Barrier, Notify};

use super::*;
use crate::SecondLevelError;
use crate::clock::testing::HandClock;

fn cache() -> (Cache, HandClock) {
    let clock = HandClock::default();
    (Cache::with(CacheOptions::default(), clock.clone(), None), clock)
}

fn key(id: &str) -> Key {
    Key::new(Kind::Product, 1, id)
}

async fn loads(cache: &Cache, key: &Key, value: &'static str) -> Option<Bytes> {
    cache
        .get_or_load(key, async || Ok::<_, io::Error>(Some(Bytes::from_static(value.as_bytes()))))
        .await
        .unwrap()
}

#[tokio::test]
async fn what_is_put_is_got_until_it_is_invalidated() {
    let (cache, _) = cache();
    cache.put(&key("a"), "one".into()).await;
    cache.put(&key("b"), "two".into()).await;
    assert_eq!(cache.get(&key("a")).await.unwrap(), "one");
    cache.invalidate(&key("a")).await;
    assert_eq!(cache.get(&key("a")).await, None);
    assert_eq!(cache.get(&key("b")).await.unwrap(), "two");
}

#[tokio::test]
async fn an_entry_lives_as_long_as_its_kind_give_or_take_a_tenth() {
    let (cache, clock) = cache();
    let ids: Vec<_> = (0..50).map(|n| key(&n.to_string())).collect();
    for key in &ids {
        cache.put(key, "x".into()).await;
    }
    let alive = async || {
        let mut alive = 0;
        for key in &ids {
            alive += usize::from(cache.get(key).await.is_some());
        }
        alive
    };
    clock.advance(Duration::from_mins(54) - Duration::from_millis(1));
    assert_eq!(alive().await, 50);
    clock.advance(Duration::from_mins(6));
    assert!((5..45).contains(&alive().await), "about half at the nominal lifetime");
    clock.advance(Duration::from_mins(6) + Duration::from_millis(1));
    assert_eq!(alive().await, 0);
}

#[tokio::test]
async fn an_expired_entry_is_loaded_again() {
    let (cache, clock) = cache();
    assert_eq!(loads(&cache, &key("a"), "old").await.unwrap(), "old");
    assert_eq!(loads(&cache, &key("a"), "new").await.unwrap(), "old");
    clock.advance(Duration::from_hours(2));
    assert_eq!(loads(&cache, &key("a"), "new").await.unwrap(), "new");
}

#[tokio::test]
async fn versions_do_not_see_each_other() {
    let (cache, _) = cache();
    cache.put(&Key::new(Kind::View, 1, "a"), "old".into()).await;
    assert_eq!(cache.get(&Key::new(Kind::View, 2, "a")).await, None);
}

#[tokio::test]
async fn a_hundred_who_ask_at_once_cause_one_load() {
    let (cache, _) = cache();
    let (loaded, all) = (Arc::new(AtomicUsize::new(0)), Arc::new(Barrier::new(100)));
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (cache, loaded, all) = (cache.clone(), loaded.clone(), all.clone());
            tokio::spawn(async move {
                all.wait().await;
                let load = async || {
                    loaded.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    Ok::<_, io::Error>(Some("value".into()))
                };
                cache.get_or_load(&key("a"), load).await.unwrap()
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), "value");
    }
    assert_eq!(loaded.load(Ordering::SeqCst), 1);
    let statistics = cache.statistics();
    assert_eq!((statistics.kind(Kind::Product).misses, statistics.kind(Kind::Product).hits), (1, 99));
}

#[tokio::test]
async fn a_failed_load_is_told_and_not_kept() {
    let (cache, _) = cache();
    let failing = async || Err::<Option<Bytes>, _>(io::Error::other("the database is away"));
    let error = cache.get_or_load(&key("a"), failing).await.unwrap_err();
    assert_eq!(error.to_string(), "loading a cache entry: the database is away");
    assert_eq!(cache.statistics().kind(Kind::Product).load_errors, 1);
    assert_eq!(loads(&cache, &key("a"), "back").await.unwrap(), "back");
}

#[tokio::test]
async fn what_does_not_exist_is_not_remembered() {
    let (cache, _) = cache();
    let nothing = async || Ok::<_, io::Error>(None);
    assert_eq!(cache.get_or_load(&key("a"), nothing).await.unwrap(), None);
    assert_eq!(loads(&cache, &key("a"), "now there").await.unwrap(), "now there");
}

/// Starts a load, runs `meanwhile` while it waits, lets it end, and returns what it brought.
async fn load_during(cache: &Cache, meanwhile: impl AsyncFnOnce()) -> Option<Bytes> {
    let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let task = tokio::spawn({
        let (cache, started, go) = (cache.clone(), started.clone(), go.clone());
        async move {
            let load = async || {
                started.notify_one();
                go.notified().await;
                Ok::<_, io::Error>(Some("from before".into()))
            };
            cache.get_or_load(&key("a"), load).await.unwrap()
        }
    });
    started.notified().await;
    meanwhile().await;
    go.notify_one();
    task.await.unwrap()
}

#[tokio::test]
async fn a_load_overtaken_by_an_invalidation_is_returned_and_not_kept() {
    let (cache, _) = cache();
    let brought = load_during(&cache, async || cache.invalidate(&key("a")).await).await;
    assert_eq!(brought.unwrap(), "from before");
    assert_eq!(cache.get(&key("a")).await, None);
    let brought = load_during(&cache, async || cache.invalidate_kind(Kind::Product).await).await;
    assert_eq!(brought.unwrap(), "from before");
    assert_eq!(cache.get(&key("a")).await, None);
    load_during(&cache, async || cache.invalidate_kind(Kind::Search).await).await;
    assert_eq!(cache.get(&key("a")).await.unwrap(), "from before");
}

#[tokio::test]
async fn invalidating_a_kind_leaves_the_others_and_frees_its_memory() {
    let (cache, _) = cache();
    let view = Key::new(Kind::View, 1, "v");
    cache.put(&key("a"), "one".into()).await;
    cache.put(&view, "page".into()).await;
    cache.invalidate_kind(Kind::Product).await;
    assert_eq!(cache.get(&key("a")).await, None);
    assert_eq!(cache.get(&view).await.unwrap(), "page");
    cache.put(&key("a"), "again".into()).await;
    assert_eq!(cache.get(&key("a")).await.unwrap(), "again");
    let statistics = cache.settled_statistics().await;
    assert_eq!((statistics.kind(Kind::Product).entries, statistics.kind(Kind::View).entries), (1, 1));
}

#[tokio::test]
async fn the_bytes_stay_within_the_bound_and_evictions_are_counted() {
    let options = CacheOptions { max_bytes: 20_000, ..CacheOptions::default() };
    let cache = Cache::with(options, HandClock::default(), None);
    for n in 0..200 {
        cache.put(&key(&n.to_string()), vec![0; 1000].into()).await;
    }
    let statistics = *cache.settled_statistics().await.kind(Kind::Product);
    assert!(statistics.bytes <= 20_000, "{statistics:?}");
    assert!(statistics.entries >= 10, "{statistics:?}");
    assert_eq!(statistics.entries + statistics.evictions, 200);
    assert_eq!(statistics.inserts, 200);
}

#[tokio::test]
async fn bytes_and_entries_follow_replacement_and_removal() {
    let (cache, _) = cache();
    cache.put(&key("a"), vec![0; 500].into()).await;
    cache.put(&key("a"), vec![0; 900].into()).await;
    let statistics = *cache.settled_statistics().await.kind(Kind::Product);
    assert_eq!((statistics.entries, statistics.bytes), (1, weight(&key("a"), &[0; 900])));
    cache.invalidate(&key("a")).await;
    assert_eq!(cache.settled_statistics().await.total().bytes, 0);
}

#[tokio::test]
async fn hits_and_misses_give_the_rate() {
    let (cache, _) = cache();
    assert!(cache.statistics().kind(Kind::Product).hit_rate().abs() < f64::EPSILON);
    cache.get(&key("a")).await;
    cache.put(&key("a"), "x".into()).await;
    for _ in 0..3 {
        cache.get(&key("a")).await;
    }
    assert!((cache.statistics().kind(Kind::Product).hit_rate() - 0.75).abs() < 1e-9);
}

#[tokio::test]
async fn a_kind_without_a_lifetime_is_loaded_every_time() {
    let mut options = CacheOptions::default();
    options.lifetimes.product = Duration::ZERO;
    let cache = Cache::new(options);
    assert_eq!(loads(&cache, &key("a"), "one").await.unwrap(), "one");
    assert_eq!(loads(&cache, &key("a"), "two").await.unwrap(), "two");
    assert_eq!(cache.statistics().kind(Kind::Product).inserts, 0);
}

/// A second level in a map, which can be told to fail.
#[derive(Default)]
struct Shared {
    values: Mutex<std::collections::HashMap<String, Bytes>>,
    away: std::sync::atomic::AtomicBool,
}

impl Shared {
    fn reach(
        &self,
    ) -> Result<std::sync::MutexGuard<'_, std::collections::HashMap<String, Bytes>>, SecondLevelError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(SecondLevelError("away".to_owned()));
        }
        Ok(self.values.lock().unwrap())
    }
}

#[async_trait::async_trait]
impl SecondLevel for Shared {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, SecondLevelError> {
        Ok(self.reach()?.get(&key.to_string()).cloned())
    }
    async fn put(&self, key: &Key, value: &Bytes, _: Duration) -> Result<(), SecondLevelError> {
        self.reach()?.insert(key.to_string(), value.clone());
        Ok(())
    }
    async fn invalidate(&self, key: &Key) -> Result<(), SecondLevelError> {
        self.reach()?.remove(&key.to_string());
        Ok(())
    }
    async fn invalidate_kind(&self, kind: Kind) -> Result<(), SecondLevelError> {
        self.reach()?.retain(|key, _| !key.starts_with(&format!("{}:", kind.name())));
        Ok(())
    }
}

fn two_processes() -> (Arc<Shared>, Cache, Cache) {
    let shared = Arc::new(Shared::default());
    let process = || Cache::with(CacheOptions::default(), HandClock::default(), Some(shared.clone()));
    let (one, two) = (process(), process());
    (shared, one, two)
}

#[tokio::test]
async fn what_one_process_loads_another_finds_in_the_second_level() {
    let (_, one, two) = two_processes();
    loads(&one, &key("a"), "from one").await;
    assert_eq!(loads(&two, &key("a"), "not needed").await.unwrap(), "from one");
    assert_eq!(two.statistics().kind(Kind::Product).level2_hits, 1);
    one.put(&key("b"), "put".into()).await;
    assert_eq!(two.get(&key("b")).await.unwrap(), "put");
    two.get(&key("b")).await;
    assert_eq!(two.statistics().kind(Kind::Product).hits, 1);
}

#[tokio::test]
async fn invalidation_reaches_the_second_level() {
    let (shared, one, two) = two_processes();
    one.put(&key("a"), "x".into()).await;
    one.put(&key("b"), "x".into()).await;
    one.invalidate(&key("a")).await;
    assert_eq!(two.get(&key("a")).await, None);
    one.invalidate_kind(Kind::Product).await;
    assert!(shared.values.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_second_level_that_is_away_costs_a_count_and_nothing_else() {
    let (shared, one, _) = two_processes();
    shared.away.store(true, Ordering::SeqCst);
    assert_eq!(loads(&one, &key("a"), "loaded").await.unwrap(), "loaded");
    assert_eq!(one.get(&key("a")).await.unwrap(), "loaded");
    one.invalidate(&key("a")).await;
    assert_eq!(one.statistics().level2_errors, 3);
}
