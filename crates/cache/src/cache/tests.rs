use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Barrier, Notify};

use super::*;
use crate::clock::testing::HandClock;

fn cache() -> (Cache, HandClock) {
    let clock = HandClock::default();
    (Cache::with(CacheOptions::default(), clock.clone(), None), clock)
}

fn key(id: &str) -> Key {
    Key::new(Kind::Product, 1, id)
}

async fn loads(cache: &Cache, key: &Key, value: &'static str) -> Option<Bytes> {
    cache.get_or_load(key, async || Ok::<_, io::Error>(Some(value.into()))).await.unwrap()
}

#[tokio::test]
async fn what_is_put_is_got_until_it_is_invalidated() {
    let (cache, _) = cache();
    cache.put(&key("a"), "one").await;
    cache.put(&key("b"), "two").await;
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
        cache.put(key, "x").await;
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
    cache.put(&Key::new(Kind::View, 1, "a"), "old").await;
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
    assert_eq!(statistics.kind(Kind::Product).waits, 99, "they waited for the one");
}

#[tokio::test]
async fn a_failed_load_is_told_and_not_kept() {
    let (cache, _) = cache();
    let failing = async || Err::<Option<Value>, _>(io::Error::other("the database is away"));
    let error = cache.get_or_load(&key("a"), failing).await.unwrap_err();
    assert_eq!(error.to_string(), "loading a cache entry: the database is away");
    assert_eq!(cache.statistics().kind(Kind::Product).load_errors, 1);
    assert_eq!(loads(&cache, &key("a"), "back").await.unwrap(), "back");
}

#[tokio::test]
async fn that_there_is_no_such_thing_is_remembered_for_a_while() {
    let (cache, clock) = cache();
    let asked = AtomicUsize::new(0);
    let nothing = async || {
        asked.fetch_add(1, Ordering::SeqCst);
        Ok::<_, io::Error>(None)
    };
    assert_eq!(cache.get_or_load(&key("a"), nothing).await.unwrap(), None);
    assert_eq!(loads(&cache, &key("a"), "not asked").await, None);
    assert_eq!(cache.get(&key("a")).await, None);
    let statistics = *cache.statistics().kind(Kind::Product);
    assert_eq!((statistics.hits, statistics.absent_hits, asked.load(Ordering::SeqCst)), (2, 2, 1));
    clock.advance(Duration::from_secs(12));
    assert_eq!(loads(&cache, &key("a"), "now there").await.unwrap(), "now there");
}

#[tokio::test]
async fn what_is_put_takes_the_place_of_nothing() {
    let (cache, _) = cache();
    cache.get_or_load(&key("a"), async || Ok::<_, io::Error>(None)).await.unwrap();
    cache.put(&key("a"), "there").await;
    assert_eq!(cache.get(&key("a")).await.unwrap(), "there");
}

#[tokio::test]
async fn many_keys_are_answered_in_their_order() {
    let (cache, _) = cache();
    cache.put_many(vec![(key("a"), "one".into()), (key("c"), "three".into())]).await;
    let values = cache.get_many(&[key("c"), key("b"), key("a")]).await;
    assert_eq!(values, [Some("three".into()), None, Some("one".into())]);
    let statistics = *cache.statistics().kind(Kind::Product);
    assert_eq!((statistics.hits, statistics.misses), (2, 1));
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
async fn who_asks_after_an_invalidation_does_not_get_what_was_loaded_before_it() {
    let (cache, _) = cache();
    let later = Mutex::new(None);
    let brought = load_during(&cache, async || {
        cache.invalidate(&key("a")).await;
        let cache = cache.clone();
        let task = tokio::spawn(async move { loads(&cache, &key("a"), "from after").await });
        tokio::task::yield_now().await;
        *later.lock().unwrap() = Some(task);
    });
    assert_eq!(brought.await.unwrap(), "from before");
    let later = later.into_inner().unwrap().unwrap();
    assert_eq!(later.await.unwrap().unwrap(), "from after");
    assert_eq!(cache.get(&key("a")).await.unwrap(), "from after");
    assert!(cache.inner.flights.is_empty());
}

#[tokio::test]
async fn when_the_one_who_loads_is_cancelled_the_next_loads() {
    let (cache, _) = cache();
    let started = Arc::new(Notify::new());
    let first = tokio::spawn({
        let (cache, started) = (cache.clone(), started.clone());
        async move {
            let load = async || {
                started.notify_one();
                std::future::pending::<Result<Option<Value>, io::Error>>().await
            };
            cache.get_or_load(&key("a"), load).await.unwrap()
        }
    });
    started.notified().await;
    let second = tokio::spawn({
        let cache = cache.clone();
        async move { loads(&cache, &key("a"), "by the second").await }
    });
    tokio::task::yield_now().await;
    first.abort();
    assert_eq!(second.await.unwrap().unwrap(), "by the second");
    assert!(cache.inner.flights.is_empty());
}

#[tokio::test]
async fn a_failed_load_is_told_to_all_who_waited_for_it() {
    let (cache, _) = cache();
    let all = Arc::new(Barrier::new(10));
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let (cache, all) = (cache.clone(), all.clone());
            tokio::spawn(async move {
                all.wait().await;
                let load = async || {
                    tokio::task::yield_now().await;
                    Err::<Option<Value>, _>(io::Error::other("away"))
                };
                cache.get_or_load(&key("a"), load).await.unwrap_err().to_string()
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), "loading a cache entry: away");
    }
    assert_eq!(cache.statistics().kind(Kind::Product).loads, 1);
    assert!(cache.inner.flights.is_empty());
}

#[tokio::test]
async fn invalidating_a_kind_leaves_the_others_and_frees_its_memory() {
    let (cache, _) = cache();
    let view = Key::new(Kind::View, 1, "v");
    cache.put(&key("a"), "one").await;
    cache.put(&view, "page").await;
    cache.invalidate_kind(Kind::Product).await;
    assert_eq!(cache.get(&key("a")).await, None);
    assert_eq!(cache.get(&view).await.unwrap(), "page");
    cache.put(&key("a"), "again").await;
    assert_eq!(cache.get(&key("a")).await.unwrap(), "again");
    let statistics = cache.settled_statistics().await;
    assert_eq!((statistics.kind(Kind::Product).entries, statistics.kind(Kind::View).entries), (1, 1));
}

#[tokio::test]
async fn the_bytes_stay_within_the_bound_and_evictions_are_counted() {
    let options = CacheOptions { max_bytes: 20_000, ..CacheOptions::default() };
    let cache = Cache::with(options, HandClock::default(), None);
    for n in 0..200 {
        cache.put(&key(&n.to_string()), vec![0; 1000]).await;
    }
    let statistics = *cache.settled_statistics().await.kind(Kind::Product);
    assert!(statistics.bytes <= 20_000, "{statistics:?}");
    assert!(statistics.entries >= 10, "{statistics:?}");
    assert_eq!(statistics.entries + statistics.evictions, 200);
}

#[tokio::test]
async fn bytes_and_entries_follow_replacement_and_removal() {
    let (cache, _) = cache();
    cache.put(&key("a"), vec![0; 500]).await;
    cache.put(&key("a"), vec![0; 900]).await;
    let statistics = *cache.settled_statistics().await.kind(Kind::Product);
    assert_eq!((statistics.entries, statistics.bytes), (1, cache.weigh(&key("a"), vec![0; 900].into())));
    cache.invalidate(&key("a")).await;
    assert_eq!(cache.settled_statistics().await.total().bytes, 0);
}

#[tokio::test]
async fn hits_and_misses_give_the_rate() {
    let (cache, _) = cache();
    assert!(cache.statistics().kind(Kind::Product).hit_rate().abs() < f64::EPSILON);
    cache.get(&key("a")).await;
    cache.put(&key("a"), "x").await;
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

#[tokio::test]
async fn a_tag_forgets_what_has_it_of_every_kind() {
    let (cache, _) = cache();
    let view = Key::new(Kind::View, 1, "v");
    cache.put(&key("a"), Value::from("one").tagged(["brand:acme", "category:tents"])).await;
    cache.put(&key("b"), Value::from("two").tagged(["brand:dune"])).await;
    cache.put(&view, Value::from("page").tagged(["brand:acme"])).await;
    cache.invalidate_tag("brand:acme").await;
    assert_eq!(cache.get_many(&[key("a"), key("b"), view.clone()]).await, [None, Some("two".into()), None]);
    cache.put(&view, Value::from("new page").tagged(["brand:acme"])).await;
    assert_eq!(cache.get(&view).await.unwrap(), "new page");
    assert_eq!(cache.statistics().kind(Kind::View).invalidations, 1);
}

#[tokio::test]
async fn a_pattern_forgets_the_ids_that_match_of_every_version() {
    let (cache, _) = cache();
    let of = |version, id: &str| Key::new(Kind::Product, version, id);
    for key in [of(1, "JKT-1"), of(2, "JKT-1"), of(2, "TNT-1"), Key::new(Kind::View, 1, "JKT-1")] {
        cache.put(&key, "x").await;
    }
    cache.invalidate_pattern(Kind::Product, Pattern::new("JKT-*").unwrap()).await;
    assert_eq!(cache.get_many(&[of(1, "JKT-1"), of(2, "JKT-1")]).await, [None, None]);
    assert!(cache.get(&of(2, "TNT-1")).await.is_some());
    assert!(cache.get(&Key::new(Kind::View, 1, "JKT-1")).await.is_some());
}

#[tokio::test]
async fn a_load_during_which_a_tag_or_pattern_was_forgotten_is_not_kept() {
    let (cache, _) = cache();
    let value = load_during(&cache, async || cache.invalidate_tag("whatever").await).await;
    assert_eq!(value.unwrap(), "from before");
    assert_eq!(cache.get(&key("a")).await, None);
    let pattern = Pattern::new("*").unwrap();
    load_during(&cache, async || cache.invalidate_pattern(Kind::Product, pattern).await).await;
    assert_eq!(cache.get(&key("a")).await, None);
}

/// Asks for `a` while a task may make a new one; `go` lets it end, `done` says that it has.
async fn renewing(
    cache: &Cache,
    value: Result<&'static str, &'static str>,
    go: &Arc<Notify>,
) -> Option<Bytes> {
    let go = go.clone();
    let load = move || async move {
        go.notified().await;
        value.map(|value| Some(value.into())).map_err(io::Error::other)
    };
    cache.get_or_renew(&key("a"), load).await.unwrap()
}

/// Until `so` says yes; other tasks run meanwhile.
async fn until(so: impl AsyncFn() -> bool) {
    while !so().await {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_old_entry_is_served_while_one_task_makes_a_new_one() {
    let (cache, clock) = cache();
    cache.put(&key("a"), "old").await;
    clock.advance(cache.inner.lifetimes.span(&key("a"), true).fresh + Duration::from_secs(1));
    assert_eq!(cache.get(&key("a")).await, None, "others do not get it");
    let go = Arc::new(Notify::new());
    for _ in 0..5 {
        assert_eq!(renewing(&cache, Ok("new"), &go).await.unwrap(), "old");
    }
    go.notify_one();
    until(async || cache.get(&key("a")).await.is_some()).await;
    assert_eq!(renewing(&cache, Ok("not asked"), &go).await.unwrap(), "new");
    let statistics = *cache.statistics().kind(Kind::Product);
    assert_eq!((statistics.loads, statistics.stale_hits, statistics.renewals), (1, 5, 1));
}

#[tokio::test]
async fn an_old_entry_outlives_a_failed_renewal_but_not_its_end() {
    let (cache, clock) = cache();
    cache.put(&key("a"), "old").await;
    clock.advance(cache.inner.lifetimes.span(&key("a"), true).fresh + Duration::from_secs(1));
    let go = Arc::new(Notify::new());
    for failed in 1..=2 {
        assert_eq!(renewing(&cache, Err("away"), &go).await.unwrap(), "old");
        go.notify_one();
        until(async || cache.statistics().kind(Kind::Product).load_errors == failed).await;
    }
    clock.advance(Duration::from_mins(13));
    go.notify_one();
    assert_eq!(renewing(&cache, Ok("new"), &go).await.unwrap(), "new");
}
