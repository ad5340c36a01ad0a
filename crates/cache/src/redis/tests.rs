//! Against private servers.

use std::io;

use backstock_testbed::{Fsync, RedisServer};

use super::*;
use crate::{Cache, CacheOptions, Kind, Lifetimes, MonotonicClock, Pattern, Value};

fn server() -> RedisServer {
    RedisServer::options().fsync(Fsync::Always).start().unwrap()
}

async fn level(server: &RedisServer) -> Arc<RedisLevel> {
    level_with(server, RedisLevelOptions::default()).await
}

async fn level_with(server: &RedisServer, options: RedisLevelOptions) -> Arc<RedisLevel> {
    Arc::new(RedisLevel::open(&server.url(), options).await.unwrap())
}

fn cache(level: &Arc<RedisLevel>) -> Cache {
    Cache::with(CacheOptions::default(), MonotonicClock::default(), Some(level.clone()))
}

async fn two_processes(server: &RedisServer) -> (Cache, Cache) {
    (cache(&level(server).await), cache(&level(server).await))
}

fn key(id: &str) -> Key {
    Key::new(Kind::Product, 1, id)
}

async fn loads(cache: &Cache, key: &Key, value: &'static str) -> Option<Bytes> {
    cache.get_or_load(key, async || Ok::<_, io::Error>(Some(value.into()))).await.unwrap()
}

/// Waits until another process was told.
async fn gone(cache: &Cache, key: &Key) {
    while cache.get(key).await.is_some() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn processes_share_values_of_every_size_and_their_absence() {
    let server = server();
    let (one, two) = two_processes(&server).await;
    let large = "waterproof and warm ".repeat(5000);
    let many: Vec<_> =
        (0..300).map(|n| (key(&n.to_string()), Value::from(large[..n * 300].to_owned()))).collect();
    one.put_many(many.clone()).await;
    let keys: Vec<Key> = many.iter().map(|(key, _)| key.clone()).collect();
    for ((_, put), got) in many.iter().zip(two.get_many(&keys).await) {
        assert_eq!(Some(&put.bytes), got.as_ref());
    }
    one.get_or_load(&key("none"), async || Ok::<_, io::Error>(None)).await.unwrap();
    assert_eq!(loads(&two, &key("none"), "not asked").await, None);
    assert_eq!(two.statistics().kind(Kind::Product).level2_hits, 301);
    let stored: usize =
        server.command(&["STRLEN", "backstock:cache:entry:product:x:1:299"]).unwrap().parse().unwrap_or(0);
    assert_eq!(stored, 0, "the generation is part of the name");
}

#[tokio::test]
async fn entries_end_in_redis_by_their_lifetime() {
    let server = server();
    let options = CacheOptions {
        lifetimes: Lifetimes { product: Duration::from_secs(1000), ..Lifetimes::default() },
        ..CacheOptions::default()
    };
    let level = level(&server).await;
    let one = Cache::with(options, MonotonicClock::default(), Some(level.clone()));
    one.put(&key("a"), "x").await;
    let left: u64 = server.command(&["PTTL", &level.name(&key("a"))]).unwrap().parse().unwrap();
    assert!(
        (950_000..=1_160_000).contains(&left),
        "a lifetime and the minute for those who can do with an old one: {left}"
    );
    server.command(&["PEXPIRE", &level.name(&key("a")), "30000"]).unwrap();
    assert_eq!(cache(&level).get(&key("a")).await, None, "its last minute is not for everybody");
}

#[tokio::test]
async fn what_is_forgotten_by_key_tag_pattern_or_kind_is_gone_in_redis_and_in_other_processes() {
    let server = server();
    let (one, two) = two_processes(&server).await;
    let fill = async || {
        for id in ["JKT-1", "JKT-2", "TNT-1"] {
            one.put(&key(id), Value::from("x").tagged(["acme", &id[..3]])).await;
            assert!(two.get(&key(id)).await.is_some());
        }
    };
    let three = || async { cache(&level(&server).await) };
    fill().await;
    one.invalidate(&key("JKT-1")).await;
    gone(&two, &key("JKT-1")).await;
    assert_eq!(three().await.get(&key("JKT-1")).await, None);
    assert!(two.get(&key("JKT-2")).await.is_some());
    fill().await;
    two.invalidate_tag("JKT").await;
    gone(&one, &key("JKT-1")).await;
    gone(&one, &key("JKT-2")).await;
    assert!(three().await.get(&key("TNT-1")).await.is_some());
    fill().await;
    one.invalidate_pattern(Kind::Product, Pattern::new("?KT-*").unwrap()).await;
    gone(&two, &key("JKT-2")).await;
    assert!(two.get(&key("TNT-1")).await.is_some());
    fill().await;
    one.invalidate_kind(Kind::Product).await;
    gone(&two, &key("TNT-1")).await;
    assert_eq!(three().await.get(&key("TNT-1")).await, None);
    fill().await;
    assert!(three().await.get(&key("TNT-1")).await.is_some(), "the new generation is shared");
}

#[tokio::test]
async fn a_tag_of_more_entries_than_may_be_removed_forgets_the_kinds() {
    let server = server();
    let options = RedisLevelOptions { max_sweep: 600, ..RedisLevelOptions::default() };
    let level = level_with(&server, options).await;
    let one = cache(&level);
    let tagged = (0..2000).map(|n| (key(&n.to_string()), Value::from("x").tagged(["acme"])));
    one.put_many(tagged.collect()).await;
    one.put(&key("other"), "x").await;
    one.invalidate_tag("acme").await;
    let two = cache(&level);
    assert_eq!(two.get_many(&[key("7"), key("1999"), key("other")]).await, [None, None, None]);
}

#[tokio::test]
async fn a_pattern_over_more_keys_than_may_be_looked_at_forgets_the_kind() {
    let server = server();
    let options = RedisLevelOptions { max_sweep: 100, ..RedisLevelOptions::default() };
    let level = level_with(&server, options).await;
    let one = cache(&level);
    one.put_many((0..200).map(|n| (key(&n.to_string()), Value::from("x"))).collect()).await;
    let view = Key::new(Kind::View, 1, "page");
    one.put(&view, "x").await;
    one.invalidate_pattern(Kind::Product, Pattern::new("7*").unwrap()).await;
    let two = cache(&level);
    assert_eq!(two.get_many(&[key("7"), key("8")]).await, [None, None]);
    assert!(two.get(&view).await.is_some());
}

#[tokio::test]
async fn while_redis_is_dead_level_1_serves_and_nothing_fails() {
    let mut server = server();
    let level = level(&server).await;
    let one = cache(&level);
    one.put(&key("a"), "kept").await;
    server.kill();
    level.wait_until(false).await;
    assert_eq!(one.get(&key("a")).await.unwrap(), "kept");
    assert_eq!(loads(&one, &key("b"), "loaded").await.unwrap(), "loaded");
    assert_eq!(one.get(&key("b")).await.unwrap(), "loaded");
    let statistics = one.statistics();
    assert!(statistics.level2_errors + statistics.level2_skipped >= 2, "{statistics:?}");
    server.restart().unwrap();
    level.wait_until(true).await;
    one.put(&key("c"), "shared again").await;
    assert_eq!(cache(&level).get(&key("c")).await.unwrap(), "shared again");
}

#[tokio::test]
async fn what_is_forgotten_while_redis_is_dead_is_not_served_when_it_is_back() {
    let mut server = server();
    let level = level(&server).await;
    let one = cache(&level);
    let ids = ["entry", "tag", "pattern"];
    for id in ids {
        one.put(&key(id), Value::from("old").tagged([format!("tag of {id}")])).await;
    }
    server.kill();
    level.wait_until(false).await;
    one.invalidate(&key("entry")).await;
    one.invalidate_tag("tag of tag").await;
    one.invalidate_pattern(Kind::Product, Pattern::new("patt*").unwrap()).await;
    server.restart().unwrap();
    level.wait_until(true).await;
    for id in ids {
        assert_eq!(cache(&level).get(&key(id)).await, None, "{id}");
    }
}

#[tokio::test]
async fn what_others_forget_while_the_line_is_cut_is_forgotten_here_when_it_is_back() {
    use backstock_testbed::{FaultProxy, Mode};
    let server = server();
    let mut proxy = FaultProxy::start(server.port()).await.unwrap();
    let url = format!("redis://127.0.0.1:{}", proxy.port());
    let behind = Arc::new(RedisLevel::open(&url, RedisLevelOptions::default()).await.unwrap());
    let (one, two) = (cache(&level(&server).await), cache(&behind));
    one.put(&key("a"), "old").await;
    assert_eq!(two.get(&key("a")).await.unwrap(), "old");
    proxy.set(Mode::Refuse).await;
    behind.wait_until(false).await;
    one.invalidate(&key("a")).await;
    assert_eq!(two.get(&key("a")).await.unwrap(), "old", "it cannot know");
    proxy.set(Mode::Pass).await;
    behind.wait_until(true).await;
    gone(&two, &key("a")).await;
}

#[tokio::test]
async fn a_frozen_server_is_noticed_and_found_again_when_it_goes_on() {
    let server = server();
    let level = level(&server).await;
    let one = cache(&level);
    server.stop_process();
    assert_eq!(loads(&one, &key("a"), "loaded").await.unwrap(), "loaded");
    level.wait_until(false).await;
    assert_eq!(loads(&one, &key("b"), "at once").await.unwrap(), "at once");
    server.continue_process();
    level.wait_until(true).await;
    one.put(&key("c"), "shared").await;
    assert_eq!(cache(&level).get(&key("c")).await.unwrap(), "shared");
}

#[tokio::test]
async fn a_server_without_memory_still_reads_and_forgets() {
    let server =
        RedisServer::options().set("maxmemory", "4mb").set("maxmemory-policy", "noeviction").start().unwrap();
    let level = level(&server).await;
    let one = cache(&level);
    one.put(&key("first"), "early").await;
    let noise = |n: u64| {
        (0..4000u64)
            .map(|at| xxhash_rust::xxh3::xxh3_64(&(n * 4000 + at).to_le_bytes()) as u8)
            .collect::<Vec<_>>()
    };
    let mut n = 0;
    while one.statistics().level2_errors == 0 {
        one.put(&Key::new(Kind::View, 1, n.to_string()), noise(n)).await;
        n += 1;
    }
    assert_eq!(
        one.get(&Key::new(Kind::View, 1, (n - 1).to_string())).await.unwrap().len(),
        4000,
        "level 1 has it"
    );
    let two = cache(&level);
    assert_eq!(two.get(&key("first")).await.unwrap(), "early");
    two.invalidate(&key("first")).await;
    assert_eq!(cache(&level).get(&key("first")).await, None);
    one.invalidate_kind(Kind::View).await;
    assert_eq!(cache(&level).get(&Key::new(Kind::View, 1, "0")).await, None);
    one.put(&key("later"), "room again").await;
    assert_eq!(cache(&level).get(&key("later")).await.unwrap(), "room again");
    assert!(level.is_up());
}

#[tokio::test]
async fn a_server_that_is_not_there_yet_is_used_once_it_is() {
    let mut server = server();
    server.kill();
    let level = level(&server).await;
    let one = cache(&level);
    one.put(&key("a"), "alone").await;
    assert!(!level.is_up());
    server.restart().unwrap();
    level.wait_until(true).await;
    one.put(&key("b"), "shared").await;
    assert_eq!(cache(&level).get(&key("b")).await.unwrap(), "shared");
}

#[tokio::test]
async fn a_wrong_password_leaves_level_1_alone_and_is_not_shown() {
    let server = RedisServer::options().password("right").start().unwrap();
    let url = format!("redis://:secret-but-wrong@127.0.0.1:{}", server.port());
    let level = Arc::new(RedisLevel::open(&url, RedisLevelOptions::default()).await.unwrap());
    assert!(!level.is_up() && !level.location().contains("secret"));
    assert_eq!(loads(&cache(&level), &key("a"), "loaded").await.unwrap(), "loaded");
}

#[tokio::test]
async fn urls_that_cannot_be_used_are_refused() {
    for url in ["", "http://localhost", "redis://", "redis://a:1,redis://b:2", "localhost:6379"] {
        let opened = RedisLevel::open(url, RedisLevelOptions::default()).await;
        assert!(matches!(opened, Err(SecondLevelError::Invalid(_))), "{url}");
    }
}

#[tokio::test]
async fn what_others_wrote_under_our_names_is_no_entry() {
    let server = server();
    let level = level(&server).await;
    for garbage in ["", "hello", "\u{1}\u{0}"] {
        server.command(&["SET", &level.name(&key("a")), garbage, "EX", "100"]).unwrap();
        assert_eq!(loads(&cache(&level), &key("a"), "loaded").await.unwrap(), "loaded");
    }
    server.command(&["DEL", &level.name(&key("b"))]).unwrap();
    server.command(&["RPUSH", &level.name(&key("b")), "x"]).unwrap();
    assert_eq!(loads(&cache(&level), &key("b"), "loaded").await.unwrap(), "loaded");
}

#[tokio::test]
async fn one_process_leads_until_it_resigns() {
    let server = server();
    let (one, two) = (level(&server).await, level(&server).await);
    let lasts = Duration::from_mins(1);
    assert!(one.lead(&key("a"), lasts).await.unwrap());
    assert!(!two.lead(&key("a"), lasts).await.unwrap());
    two.resign(&key("a")).await.unwrap();
    assert!(!two.lead(&key("a"), lasts).await.unwrap(), "only who leads can resign");
    one.resign(&key("a")).await.unwrap();
    assert!(two.lead(&key("a"), lasts).await.unwrap());
}
