//! With a second level in a map, which can be told to fail.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::{Notify, broadcast};

use super::*;
use crate::clock::testing::HandClock;
use crate::{Found, SecondLevelError, Stored};

struct Shared {
    values: Mutex<HashMap<Key, Stored>>,
    leads: Mutex<HashSet<Key>>,
    others: broadcast::Sender<Invalidation>,
    away: AtomicBool,
    gets: AtomicUsize,
    /// Somebody was not given the lead.
    refused: Notify,
}

impl Shared {
    fn reach(&self) -> Result<std::sync::MutexGuard<'_, HashMap<Key, Stored>>, SecondLevelError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(SecondLevelError::Away("test".to_owned()));
        }
        Ok(self.values.lock().unwrap())
    }
}

#[async_trait::async_trait]
impl SecondLevel for Shared {
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Found>>, SecondLevelError> {
        self.gets.fetch_add(1, Ordering::SeqCst);
        let values = self.reach()?;
        let found = |stored: &Stored| Found { value: stored.value.clone(), left: stored.lives };
        Ok(keys.iter().map(|key| values.get(key).map(found)).collect())
    }
    async fn put(&self, entries: &[Stored]) -> Result<(), SecondLevelError> {
        let mut values = self.reach()?;
        values.extend(entries.iter().map(|stored| (stored.key.clone(), stored.clone())));
        Ok(())
    }
    async fn invalidate(&self, what: &[Invalidation]) -> Result<(), SecondLevelError> {
        let mut values = self.reach()?;
        for what in what {
            values.retain(|key, _| match what {
                Invalidation::Entry(gone) => key != gone,
                other => !other.concerns(key.kind()),
            });
            let _nobody = self.others.send(what.clone());
        }
        Ok(())
    }
    async fn lead(&self, key: &Key, _: Duration) -> Result<bool, SecondLevelError> {
        drop(self.reach()?);
        let leads = self.leads.lock().unwrap().insert(key.clone());
        if !leads {
            self.refused.notify_one();
        }
        Ok(leads)
    }
    async fn resign(&self, key: &Key) -> Result<(), SecondLevelError> {
        drop(self.reach()?);
        self.leads.lock().unwrap().remove(key);
        Ok(())
    }
    fn listen(&self) -> Option<Receiver<Invalidation>> {
        Some(self.others.subscribe())
    }
}

fn two_processes() -> (Arc<Shared>, Cache, Cache) {
    let shared = Arc::new(Shared {
        values: Mutex::default(),
        leads: Mutex::default(),
        others: broadcast::Sender::new(16),
        away: AtomicBool::new(false),
        gets: AtomicUsize::new(0),
        refused: Notify::new(),
    });
    let process = || Cache::with(CacheOptions::default(), HandClock::default(), Some(shared.clone()));
    let (one, two) = (process(), process());
    (shared, one, two)
}

fn key(id: &str) -> Key {
    Key::new(Kind::Product, 1, id)
}

async fn loads(cache: &Cache, key: &Key, value: &'static str) -> Option<Bytes> {
    cache.get_or_load(key, async || Ok::<_, io::Error>(Some(value.into()))).await.unwrap()
}

#[tokio::test]
async fn what_one_process_loads_another_finds_in_the_second_level() {
    let (_, one, two) = two_processes();
    loads(&one, &key("a"), "from one").await;
    assert_eq!(loads(&two, &key("a"), "not needed").await.unwrap(), "from one");
    assert_eq!(two.statistics().kind(Kind::Product).level2_hits, 1);
    one.put(&key("b"), "put").await;
    assert_eq!(two.get(&key("b")).await.unwrap(), "put");
    two.get(&key("b")).await;
    assert_eq!(two.statistics().kind(Kind::Product).hits, 1);
}

#[tokio::test]
async fn many_keys_are_one_question_to_the_second_level() {
    let (shared, one, two) = two_processes();
    one.put_many(vec![(key("a"), "one".into()), (key("b"), "two".into())]).await;
    two.put(&key("here"), "three").await;
    let asked = shared.gets.load(Ordering::SeqCst);
    let values = two.get_many(&[key("b"), key("here"), key("nowhere"), key("a")]).await;
    assert_eq!(values, [Some("two".into()), Some("three".into()), None, Some("one".into())]);
    assert_eq!(shared.gets.load(Ordering::SeqCst), asked + 1);
}

#[tokio::test]
async fn that_there_is_no_such_thing_is_shared() {
    let (_, one, two) = two_processes();
    one.get_or_load(&key("a"), async || Ok::<_, io::Error>(None)).await.unwrap();
    assert_eq!(loads(&two, &key("a"), "not asked").await, None);
}

#[tokio::test]
async fn an_entry_lives_no_longer_in_level_1_than_it_has_left_in_level_2() {
    let (shared, _, two) = two_processes();
    let short = || Some(Packed::new("short".into(), usize::MAX));
    let value = short();
    let lives = Duration::from_secs(90);
    shared.put(&[Stored { key: key("a"), value, lives }]).await.unwrap();
    assert_eq!(two.get(&key("a")).await.unwrap(), "short");
    shared.values.lock().unwrap().clear();
    let clock = HandClock::default();
    let three = Cache::with(CacheOptions::default(), clock.clone(), Some(shared.clone()));
    let stored = Stored { key: key("b"), value: short(), lives };
    shared.put(&[stored]).await.unwrap();
    assert!(three.get(&key("b")).await.is_some());
    shared.values.lock().unwrap().clear();
    clock.advance(Duration::from_secs(29));
    assert!(three.get(&key("b")).await.is_some(), "fresh until a minute before its end");
    clock.advance(Duration::from_secs(2));
    assert_eq!(three.get(&key("b")).await, None);
}

#[tokio::test]
async fn an_invalidation_reaches_the_second_level_and_the_other_process() {
    let (shared, one, two) = two_processes();
    for id in ["a", "b"] {
        one.put(&key(id), Value::from("x").tagged(["acme"])).await;
        assert!(two.get(&key(id)).await.is_some());
    }
    let gone = async |cache: &Cache, key: &Key| {
        while cache.get(key).await.is_some() {
            tokio::task::yield_now().await;
        }
    };
    one.invalidate(&key("a")).await;
    gone(&two, &key("a")).await;
    assert!(two.get(&key("b")).await.is_some());
    one.invalidate_tag("acme").await;
    gone(&two, &key("b")).await;
    one.put(&key("c"), "x").await;
    one.invalidate_kind(Kind::Product).await;
    assert!(shared.values.lock().unwrap().is_empty());
    while two.statistics().kind(Kind::Product).invalidations < 3 {
        tokio::task::yield_now().await;
    }
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

#[tokio::test(start_paused = true)]
async fn what_is_costly_is_made_by_one_process_while_the_other_waits() {
    let (shared, one, two) = two_processes();
    let page = Key::new(Kind::View, 1, "page");
    let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let first = tokio::spawn({
        let (one, page, started, go) = (one.clone(), page.clone(), started.clone(), go.clone());
        async move {
            let load = async || {
                started.notify_one();
                go.notified().await;
                Ok::<_, io::Error>(Some("by one".into()))
            };
            one.get_or_load(&page, load).await.unwrap()
        }
    });
    started.notified().await;
    let second = tokio::spawn({
        let (two, page) = (two.clone(), page.clone());
        async move { loads(&two, &page, "by two").await }
    });
    shared.refused.notified().await;
    go.notify_one();
    assert_eq!(first.await.unwrap().unwrap(), "by one");
    assert_eq!(second.await.unwrap().unwrap(), "by one");
    assert_eq!(two.statistics().kind(Kind::View).loads, 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_too_long_makes_it_after_all() {
    let (shared, one, _) = two_processes();
    let page = Key::new(Kind::View, 1, "page");
    shared.lead(&page, Duration::ZERO).await.unwrap();
    assert_eq!(loads(&one, &page, "by one").await.unwrap(), "by one");
}
