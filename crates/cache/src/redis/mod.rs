//! The second level on Redis.
//!
//! One server (7.0 or newer, or Valkey), shared by processes. Each entry is a string with an end ([`frame`] says how it
//! lies there); a set for each tag names the entries that have it; a number for each kind is part of their names, so
//! that a kind is forgotten by counting on. What one process forgets is published to the others.
//!
//! Nothing here fails a caller or makes one wait longer than [`RedisLevelOptions::timeout`]: while the server does not
//! answer, calls return at once, and what it should have been told to forget is delivered before it is asked again.

mod ear;
mod fault;
mod forget;
mod frame;
mod line;
mod names;
mod options;
mod owed;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use redis::io::tcp::TcpSettings;
use redis::{ConnectionInfo, IntoConnectionInfo, Pipeline, Value};
use tokio::sync::{broadcast, oneshot};
use tokio::task::JoinHandle;

use crate::{Found, Invalidation, Key, SecondLevel, SecondLevelError, Stored};

use ear::Ear;
use forget::Forgetter;
use line::Line;

pub use options::RedisLevelOptions;

/// Most keys asked for in one round trip.
const GET_STEP: usize = 128;
/// Most entries stored in one round trip, and about how many bytes.
const PUT_STEP: usize = 64;
const PUT_BYTES: usize = 512 << 10;
/// Invalidations that a slow listener may be behind; beyond that it forgets everything.
const BEHIND: usize = 4096;

/// A second level on a Redis server. Dropping it closes the connection.
pub struct RedisLevel {
    line: Arc<Line>,
    forgetter: Forgetter,
    options: RedisLevelOptions,
    others: broadcast::Sender<Invalidation>,
    ear: JoinHandle<()>,
}

impl RedisLevel {
    /// Opens the cache on the server at `url`: `redis://[user:password@]host[:port][/db]`, `rediss://…` for TLS. Must be
    /// called inside a tokio runtime. A server that does not answer is no error: it is looked for again and again, at
    /// most 2 s apart, and warned of.
    ///
    /// # Errors
    /// [`SecondLevelError::Invalid`] for a URL or prefix that cannot be used.
    pub async fn open(url: &str, options: RedisLevelOptions) -> Result<Self, SecondLevelError> {
        // Somebody must say which cryptography TLS uses; that somebody else has said so is as good.
        rustls::crypto::ring::default_provider().install_default().ok();
        let server = server_of(url)?;
        let line = Arc::new(Line::new(server.addr().to_string()));
        let origin = uuid::Uuid::now_v7().simple().to_string();
        let names = names::Names::new(&options.prefix)?;
        let forgetter = Forgetter { names, origin, max_sweep: options.max_sweep };
        let others = broadcast::Sender::new(BEHIND);
        let ear = Ear {
            server,
            options: options.clone(),
            line: line.clone(),
            forgetter: forgetter.clone(),
            others: others.clone(),
        };
        let (tried, outcome) = oneshot::channel();
        let ear = tokio::spawn(ear.listen(tried));
        if let Ok(Err(failure)) = outcome.await {
            tracing::warn!(%failure, "level 1 serves alone until the second cache level can be used");
        }
        Ok(Self { line, forgetter, options, others, ear })
    }

    /// Whether URL and prefix can be used; nobody is asked.
    ///
    /// # Errors
    /// [`SecondLevelError::Invalid`] when not.
    pub fn check(url: &str, options: &RedisLevelOptions) -> Result<(), SecondLevelError> {
        server_of(url)?;
        names::Names::new(&options.prefix).map(|_| ())
    }

    /// Where the server is, without credentials.
    pub fn location(&self) -> &str {
        &self.line.location
    }

    /// Whether it can be used at this moment.
    pub fn is_up(&self) -> bool {
        self.line.connection().is_ok()
    }

    /// Returns once it can be used, or cannot. Safe to cancel.
    pub async fn wait_until(&self, up: bool) {
        self.line.wait_until(up).await;
    }

    fn name(&self, key: &Key) -> String {
        self.forgetter.names.entry(key, self.line.generation_of(key))
    }

    /// Adds the commands that store an entry. Returns its bytes.
    fn add(&self, pipeline: &mut Pipeline, entry: &Stored) -> usize {
        let (name, millis) = (self.name(&entry.key), entry.lives.as_millis().max(1) as u64);
        // First the tags: cut off in between, no entry is without them.
        for tag in entry.value.iter().flat_map(|value| value.tags().iter()) {
            let tag = self.forgetter.names.tag(tag);
            pipeline.cmd("SADD").arg(&tag).arg(&name).ignore();
            pipeline.cmd("PEXPIRE").arg(&tag).arg(millis).arg("NX").ignore();
            pipeline.cmd("PEXPIRE").arg(&tag).arg(millis).arg("GT").ignore();
        }
        let frame = frame::encode(entry.value.as_ref());
        let bytes = frame.len();
        pipeline.cmd("SET").arg(name).arg(frame).arg("PX").arg(millis).ignore();
        bytes
    }

    /// What `GET` and `PTTL` said; nothing where the entry is about to end, or is no entry of ours.
    fn found(&self, value: Value, left: &Value) -> Option<Found> {
        let (Value::BulkString(frame), Value::Int(left)) = (value, left) else { return None };
        let left = Duration::from_millis(u64::try_from(*left).ok()?);
        let value = frame::decode(&Bytes::from(frame), self.options.max_value_bytes).ok()?;
        (!left.is_zero()).then_some(Found { value, left })
    }
}

fn server_of(url: &str) -> Result<ConnectionInfo, SecondLevelError> {
    if url.contains(',') {
        let why = "one server, not the nodes of a cluster separated by commas";
        return Err(SecondLevelError::Invalid(why.to_owned()));
    }
    // What the driver says may quote the URL, and with it a password.
    let why = "`redis://[USER:PASSWORD@]HOST[:PORT][/DB]` or `rediss://…` is expected";
    let server = url.into_connection_info().map_err(|_| SecondLevelError::Invalid(why.to_owned()))?;
    Ok(server.set_tcp_settings(TcpSettings::default().set_nodelay(true)))
}

impl Drop for RedisLevel {
    fn drop(&mut self) {
        self.ear.abort();
    }
}

#[async_trait::async_trait]
impl SecondLevel for RedisLevel {
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Found>>, SecondLevelError> {
        let mut found = Vec::with_capacity(keys.len());
        for keys in keys.chunks(GET_STEP) {
            let mut pipeline = redis::pipe();
            for key in keys {
                let name = self.name(key);
                pipeline.cmd("GET").arg(&name).cmd("PTTL").arg(&name);
            }
            let mut answers = self.line.ask_all(&pipeline).await?.into_iter();
            while let (Some(value), Some(left)) = (answers.next(), answers.next()) {
                found.push(self.found(value, &left));
            }
        }
        Ok(found)
    }

    async fn put(&self, entries: &[Stored]) -> Result<(), SecondLevelError> {
        let small = |entry: &&Stored| {
            entry.value.as_ref().is_none_or(|value| value.length() <= self.options.max_value_bytes)
        };
        let mut entries = entries.iter().filter(small).peekable();
        while entries.peek().is_some() {
            let (mut pipeline, mut bytes) = (redis::pipe(), 0);
            for entry in entries.by_ref().take(PUT_STEP) {
                bytes += self.add(&mut pipeline, entry);
                if bytes > PUT_BYTES {
                    break;
                }
            }
            self.line.ask_all(&pipeline).await?;
        }
        self.line.has_room();
        Ok(())
    }

    async fn invalidate(&self, what: &[Invalidation]) -> Result<(), SecondLevelError> {
        let debts: Vec<_> = what.iter().map(|what| (what, self.line.owe(what))).collect();
        for (what, debt) in debts {
            let mut connection = self.line.connection()?;
            self.forgetter
                .forget(&self.line, &mut connection, what)
                .await
                .map_err(|error| fault::classify(&error, &self.line.location))?;
            debt.paid();
        }
        Ok(())
    }

    async fn lead(&self, key: &Key, lasts: Duration) -> Result<bool, SecondLevelError> {
        let mut take = redis::cmd("SET");
        take.arg(self.forgetter.names.lead(key)).arg(&self.forgetter.origin);
        take.arg("NX").arg("PX").arg(lasts.as_millis().max(1) as u64);
        Ok(self.line.ask(&take).await? != Value::Nil)
    }

    async fn resign(&self, key: &Key) -> Result<(), SecondLevelError> {
        let name = self.forgetter.names.lead(key);
        let holder = self.line.ask(redis::cmd("GET").arg(&name)).await?;
        if matches!(holder, Value::BulkString(holder) if holder == self.forgetter.origin.as_bytes()) {
            self.line.ask(redis::cmd("UNLINK").arg(&name)).await?;
        }
        Ok(())
    }

    fn listen(&self) -> Option<broadcast::Receiver<Invalidation>> {
        Some(self.others.subscribe())
    }
}

#[cfg(test)]
mod tests;
