//! Forgetting in Redis, and telling the others.

use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Value};

use super::line::Line;
use super::names::Names;
use crate::{Invalidation, Kind, Pattern};

/// Keys that one `SCAN` looks at, and names that one `UNLINK` takes.
const STEP: usize = 500;

/// What forgetting needs to know.
#[derive(Clone)]
pub(super) struct Forgetter {
    pub(super) names: Names,
    /// Who we are, so that we do not obey ourselves.
    pub(super) origin: String,
    pub(super) max_sweep: usize,
}

impl Forgetter {
    /// Forgets in Redis, then tells the others. Safe to repeat.
    pub(super) async fn forget(
        &self,
        line: &Line,
        to: &mut MultiplexedConnection,
        what: &Invalidation,
    ) -> RedisResult<()> {
        match what {
            Invalidation::Entry(key) => {
                let name = self.names.entry(key, line.generation_of(key));
                let mut both = redis::pipe();
                both.cmd("UNLINK").arg(name).ignore();
                both.cmd("PUBLISH").arg(self.names.channel()).arg(self.message(0, what)).ignore();
                both.query_async(to).await
            }
            Invalidation::Kind(kind) => self.forget_kind(line, to, *kind).await,
            Invalidation::Everything => {
                for kind in Kind::ALL {
                    self.forget_kind(line, to, kind).await?;
                }
                Ok(())
            }
            Invalidation::Tag(tag) => {
                if self.unlink_tagged(to, tag).await? {
                    return self.tell(to, 0, what).await;
                }
                for kind in Kind::ALL {
                    self.forget_kind(line, to, kind).await?;
                }
                Ok(())
            }
            Invalidation::Pattern(kind, pattern) => {
                let few: usize = redis::cmd("DBSIZE").query_async(to).await?;
                if few <= self.max_sweep && self.unlink_matching(to, *kind, Some(pattern)).await? {
                    return self.tell(to, 0, what).await;
                }
                tracing::debug!(
                    kind = kind.name(),
                    keys = few,
                    "too many keys to look at: forgetting the kind"
                );
                self.forget_kind(line, to, *kind).await
            }
        }
    }

    /// Begins a new generation: what was stored before is not found any more and ends by its lifetime. A server without
    /// room for the number gives up the entries themselves.
    async fn forget_kind(&self, line: &Line, to: &mut MultiplexedConnection, kind: Kind) -> RedisResult<()> {
        let what = Invalidation::Kind(kind);
        let begun = match self.begin_generation(to, kind).await {
            Err(error) if error.to_string().contains("OOM") => {
                if !self.unlink_matching(to, kind, None).await? {
                    return Err(error);
                }
                // There may be room now; if not, nothing of the kind is left that could be found.
                self.begin_generation(to, kind).await.unwrap_or(0)
            }
            begun => begun?,
        };
        line.raise_generation(kind, begun);
        self.tell(to, begun, &what).await
    }

    /// Counts on from the server's time, so that a number does not come back when the server loses it.
    async fn begin_generation(&self, to: &mut MultiplexedConnection, kind: Kind) -> RedisResult<u64> {
        let name = self.names.generation(kind);
        let time = server_time(to).await?;
        let mut both = redis::pipe();
        both.cmd("SET").arg(&name).arg(time).arg("NX").ignore().cmd("INCR").arg(&name);
        let (begun,) = both.query_async(to).await?;
        Ok(begun)
    }

    /// The generations of all kinds; begun where the server knows none.
    pub(super) async fn read_generations(
        &self,
        to: &mut MultiplexedConnection,
    ) -> RedisResult<[u64; Kind::ALL.len()]> {
        let names = Kind::ALL.map(|kind| self.names.generation(kind));
        let read = async |to: &mut MultiplexedConnection| {
            redis::cmd("MGET").arg(&names).query_async::<Vec<Option<u64>>>(to).await
        };
        let mut generations = read(to).await?;
        if generations.iter().any(Option::is_none) {
            let time = server_time(to).await?;
            let mut begin = redis::pipe();
            for name in &names {
                begin.cmd("SET").arg(name).arg(time).arg("NX").ignore();
            }
            begin.query_async::<()>(to).await?;
            generations = read(to).await?;
        }
        let of = |kind: Kind| generations.get(kind.index()).copied().flatten().unwrap_or(0);
        Ok(Kind::ALL.map(of))
    }

    /// Removes what has the tag; false when that is more than may be looked at.
    async fn unlink_tagged(&self, to: &mut MultiplexedConnection, tag: &str) -> RedisResult<bool> {
        let tag = self.names.tag(tag);
        for _ in 0..self.max_sweep.div_ceil(STEP) {
            let names: Vec<Vec<u8>> = redis::cmd("SRANDMEMBER").arg(&tag).arg(STEP).query_async(to).await?;
            if names.is_empty() {
                return Ok(true);
            }
            // First the entries: cut off in between, the rest is still found by its tag.
            let mut both = redis::pipe();
            both.cmd("UNLINK").arg(&names).ignore().cmd("SREM").arg(&tag).arg(&names).ignore();
            both.query_async::<()>(to).await?;
        }
        Ok(false)
    }

    /// Removes the entries of a kind whose ids match; false when there are more keys than may be looked at.
    async fn unlink_matching(
        &self,
        to: &mut MultiplexedConnection,
        kind: Kind,
        pattern: Option<&Pattern>,
    ) -> RedisResult<bool> {
        let (glob, mut cursor) = (self.names.scan(kind, pattern), 0u64);
        for _ in 0..=self.max_sweep.div_ceil(STEP) {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(&glob).arg("COUNT").arg(STEP);
            let (next, names): (u64, Vec<Vec<u8>>) = scan.query_async(to).await?;
            let meant = |name: &Vec<u8>| {
                let id = std::str::from_utf8(name).ok().and_then(|name| self.names.id_of(kind, name));
                id.is_some_and(|id| pattern.is_none_or(|pattern| pattern.matches(id)))
            };
            let names: Vec<_> = names.into_iter().filter(meant).collect();
            if !names.is_empty() {
                redis::cmd("UNLINK").arg(names).exec_async(to).await?;
            }
            if next == 0 {
                return Ok(true);
            }
            cursor = next;
        }
        Ok(false)
    }

    async fn tell(
        &self,
        to: &mut MultiplexedConnection,
        generation: u64,
        what: &Invalidation,
    ) -> RedisResult<()> {
        let message = self.message(generation, what);
        redis::cmd("PUBLISH").arg(self.names.channel()).arg(message).exec_async(to).await
    }

    /// `ORIGIN GENERATION WHAT`; the generation says which one a kind has now, 0 where none began.
    fn message(&self, generation: u64, what: &Invalidation) -> String {
        format!("{} {generation} {}", self.origin, what.encode())
    }

    /// What another process says is to be forgotten, and the generation that its kind has now; `None` for our own words.
    pub(super) fn heard(&self, message: &str) -> Option<(u64, Invalidation)> {
        let mut words = message.splitn(3, ' ');
        if words.next() == Some(&self.origin) {
            return None;
        }
        let generation = words.next().and_then(|number| number.parse().ok()).unwrap_or(0);
        Some((generation, Invalidation::decode(words.next().unwrap_or_default())))
    }
}

/// Microseconds since 1970, by the server's clock.
async fn server_time(to: &mut MultiplexedConnection) -> RedisResult<u64> {
    let (seconds, micros): (u64, u64) = redis::cmd("TIME").query_async(to).await?;
    Ok(seconds.saturating_mul(1_000_000).saturating_add(micros))
}

/// The text of a push.
pub(super) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Some(text),
        _ => None,
    }
}
