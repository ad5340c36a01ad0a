//! Who leaves, through the public face.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::testing::HandClock;
use crate::{Cache, CacheOptions, EvictionPolicy, Key, Kind, Relief};

fn key(id: usize) -> Key {
    Key::new(Kind::Product, 1, format!("{id:04}"))
}

fn each() -> u64 {
    Cache::new(CacheOptions::default()).weigh(&key(0), vec![7; 100].into())
}

/// Room for `entries`.
fn cache(eviction: EvictionPolicy, entries: u64) -> (Cache, HandClock) {
    let clock = HandClock::default();
    let options = CacheOptions { max_bytes: each() * entries, eviction, ..CacheOptions::default() };
    (Cache::with(options, clock.clone(), None), clock)
}

/// Bytes that do not get smaller.
fn noise(length: u64) -> Vec<u8> {
    (0..length).map(|n| xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes()) as u8).collect()
}

async fn put(cache: &Cache, ids: impl IntoIterator<Item = usize>) {
    for id in ids {
        cache.put(&key(id), vec![7; 100]).await;
    }
}

async fn read(cache: &Cache, ids: impl IntoIterator<Item = usize>) {
    for id in ids {
        cache.get(&key(id)).await;
    }
}

/// Which of 0 to 19 are there, without reading them.
fn there(cache: &Cache) -> Vec<usize> {
    (0..20).filter(|id| cache.inner.level1.peek(&key(*id)).is_some()).collect()
}

#[tokio::test]
async fn lru_gives_up_what_was_not_read_for_longest() {
    let (cache, clock) = cache(EvictionPolicy::Lru, 4);
    put(&cache, 0..4).await;
    clock.advance(Duration::from_secs(1));
    read(&cache, [0, 1]).await;
    put(&cache, [4, 5]).await;
    assert_eq!(there(&cache), [0, 1, 4, 5]);
}

#[tokio::test]
async fn lfu_keeps_what_is_read_often_from_those_who_pass_by_once() {
    let (cache, _) = cache(EvictionPolicy::Lfu, 4);
    put(&cache, 0..4).await;
    for _ in 0..5 {
        read(&cache, 0..4).await;
    }
    put(&cache, 4..20).await;
    assert_eq!(there(&cache), [0, 1, 2, 3]);
    assert_eq!(cache.statistics().kind(Kind::Product).evictions, 16);
}

#[tokio::test]
async fn fifo_gives_up_the_oldest_however_often_it_is_read() {
    let (cache, _) = cache(EvictionPolicy::Fifo, 4);
    put(&cache, 0..4).await;
    read(&cache, [0, 0, 0]).await;
    put(&cache, [4, 5]).await;
    assert_eq!(there(&cache), [2, 3, 4, 5]);
    let statistics = cache.settled_statistics().await;
    assert_eq!((statistics.total().bytes, statistics.total().evictions), (4 * each(), 2));
}

#[tokio::test]
async fn ttl_gives_up_what_ends_first() {
    let (cache, clock) = cache(EvictionPolicy::Ttl, 4);
    let page = Key::new(Kind::View, 1, "page");
    put(&cache, 0..2).await;
    cache.put(&page, vec![7; 100]).await;
    clock.advance(Duration::from_mins(1));
    put(&cache, 2..6).await;
    assert_eq!(cache.get(&page).await, None, "a quarter of an hour ends before an hour does");
    assert_eq!(there(&cache).len(), 4);
}

#[tokio::test]
async fn invalidated_entries_leave_room_under_every_policy() {
    for eviction in [EvictionPolicy::Lfu, EvictionPolicy::Lru, EvictionPolicy::Fifo, EvictionPolicy::Ttl] {
        let (cache, _) = cache(eviction, 4);
        put(&cache, 0..4).await;
        cache.invalidate(&key(1)).await;
        cache.invalidate(&key(2)).await;
        put(&cache, [4, 5]).await;
        assert_eq!(there(&cache), [0, 3, 4, 5], "{eviction:?}");
    }
}

#[tokio::test]
async fn what_is_larger_than_all_of_level_1_is_handed_out_and_not_kept() {
    for eviction in [EvictionPolicy::Lfu, EvictionPolicy::Lru, EvictionPolicy::Fifo, EvictionPolicy::Ttl] {
        let (cache, _) = cache(eviction, 4);
        put(&cache, 0..3).await;
        let load = async || Ok::<_, std::io::Error>(Some(noise(4000).into()));
        assert_eq!(cache.get_or_load(&key(9), load).await.unwrap().unwrap().len(), 4000);
        let statistics = cache.settled_statistics().await;
        assert_eq!(there(&cache), [0, 1, 2], "{eviction:?}");
        assert_eq!(statistics.total().bytes, 3 * each(), "{eviction:?}");
    }
}

#[tokio::test]
async fn many_who_load_at_once_never_hold_more_than_the_bound() {
    for eviction in [EvictionPolicy::Lru, EvictionPolicy::Fifo, EvictionPolicy::Ttl] {
        let (cache, _) = cache(eviction, 10);
        let barrier = Arc::new(tokio::sync::Barrier::new(50));
        let tasks: Vec<_> = (0..50)
            .map(|id| {
                let (cache, barrier) = (cache.clone(), barrier.clone());
                tokio::spawn(async move {
                    barrier.wait().await;
                    let load = async || {
                        tokio::task::yield_now().await;
                        Ok::<_, std::io::Error>(Some(vec![7; 100].into()))
                    };
                    cache.get_or_load(&key(id), load).await.unwrap()
                })
            })
            .collect();
        for task in tasks {
            assert!(task.await.unwrap().is_some());
        }
        let statistics = cache.settled_statistics().await;
        assert_eq!((statistics.total().entries, statistics.total().evictions), (10, 40), "{eviction:?}");
    }
}

#[tokio::test]
async fn short_memory_frees_in_the_order_of_the_policy_and_stops_growth() {
    let (cache, clock) = cache(EvictionPolicy::Lru, 10);
    put(&cache, 0..8).await;
    clock.advance(Duration::from_secs(1));
    read(&cache, [0, 1]).await;
    let relief = Relief { free_bytes: 4 * each(), ceiling_bytes: 4 * each() };
    assert_eq!(cache.relieve(relief), 4 * each());
    assert_eq!(there(&cache), [0, 1, 6, 7]);
    put(&cache, [9]).await;
    assert_eq!(there(&cache), [0, 1, 7, 9], "no more than the ceiling");
    cache.invalidate(&key(7)).await;
    put(&cache, [10]).await;
    assert_eq!(there(&cache), [0, 1, 9, 10]);
    assert_eq!(cache.relieve(Relief { free_bytes: 0, ceiling_bytes: u64::MAX }), 0);
    put(&cache, [11]).await;
    assert_eq!(there(&cache), [0, 1, 9, 10, 11]);
}

#[tokio::test]
async fn what_takes_the_place_of_an_entry_is_let_in_as_that_one_was() {
    let (cache, _) = cache(EvictionPolicy::Lfu, 4);
    put(&cache, 0..4).await;
    read(&cache, [0, 0, 1, 1, 2, 2]).await;
    cache.put(&key(3), vec![8; 100]).await;
    assert_eq!(cache.get(&key(3)).await.unwrap(), vec![8; 100], "rather nothing than the old one");
    assert!(cache.held_bytes() <= 4 * each());
}

#[tokio::test]
async fn what_is_asked_for_again_and_again_gets_in() {
    let (cache, _) = cache(EvictionPolicy::Lfu, 4);
    let load = async || Ok::<_, std::io::Error>(Some(vec![7; 100].into()));
    put(&cache, 0..4).await;
    read(&cache, 0..4).await;
    cache.get_or_load(&key(9), load).await.unwrap();
    assert_eq!(there(&cache), [0, 1, 2, 3], "once is not more than once");
    cache.get_or_load(&key(9), load).await.unwrap();
    assert!(there(&cache).contains(&9));
    assert_eq!(there(&cache).len(), 4);
}

#[tokio::test]
async fn what_was_read_often_long_ago_makes_way() {
    let (cache, _) = cache(EvictionPolicy::Lfu, 4);
    put(&cache, 0..4).await;
    for _ in 0..3 {
        read(&cache, 0..4).await;
    }
    let load = async || Ok::<_, std::io::Error>(None);
    for other in 0..40_000 {
        cache.get_or_load(&Key::new(Kind::Search, 1, other.to_string()), load).await.unwrap();
    }
    assert!(there(&cache).is_empty(), "{:?}", there(&cache));
}

#[tokio::test]
async fn ended_entries_leave_first_and_free_their_memory_while_others_come() {
    for eviction in [EvictionPolicy::Lfu, EvictionPolicy::Lru, EvictionPolicy::Fifo, EvictionPolicy::Ttl] {
        let (cache, clock) = cache(eviction, 1_000_000);
        put(&cache, 0..1000).await;
        clock.advance(Duration::from_hours(2));
        put(&cache, 1000..3000).await;
        let entries = cache.statistics().total().entries;
        assert!((2000..2100).contains(&entries), "{eviction:?}: {entries}");
    }
}

#[tokio::test]
async fn in_a_large_cache_those_who_leave_are_among_the_least() {
    let (cache, clock) = cache(EvictionPolicy::Lru, 4000);
    for id in 0..4000 {
        put(&cache, [id]).await;
        clock.advance(Duration::from_millis(1));
    }
    put(&cache, 4000..4200).await;
    let gone: Vec<usize> = (0..4000).filter(|id| cache.inner.level1.peek(&key(*id)).is_none()).collect();
    assert_eq!(gone.len(), 200);
    assert!(gone.iter().filter(|id| **id < 1000).count() > 180, "{gone:?}");
}
