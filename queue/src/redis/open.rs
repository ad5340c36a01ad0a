//! Opening a store: who answers, and is it fit for a queue?

use super::{RedisOptions, RedisStore, bell::Bell, fault, link::Link, memory::MemoryWatch};
use crate::StoreError;

/// Layout of the data; raised when an older program could not read it any more.
pub(super) const FORMAT: u32 = 4;
/// First version of Redis with functions.
const OLDEST_MAJOR: u32 = 7;

impl RedisStore {
    /// Opens the queue on the server at `url`: `redis://[user:password@]host[:port][/db]`, `rediss://…` for TLS, several
    /// nodes of a cluster separated by commas, or `redis+sentinel://[user:password@]host[:port][,host…]/name[/db]` for the
    /// primary that Sentinels name. Must be called inside a tokio runtime, which then listens for wake-ups. Warns when the server may drop or forget jobs.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a wrong URL or prefix, [`StoreError::Unavailable`] when nobody answers,
    /// [`StoreError::Failed`] for a wrong password or a server that is too old, [`StoreError::Newer`] and
    /// [`StoreError::Corrupt`] when what is stored is not for us.
    pub async fn open(url: &str, options: RedisOptions) -> Result<Self, StoreError> {
        check_prefix(&options.prefix)?;
        let link = Link::connect(url, &options).await?;
        check_server(&link.about("everything").await?, &link.location)?;
        check_format(&link).await?;
        let bell = Bell::hang(&link, &options).await?;
        Ok(Self {
            link,
            options,
            bell,
            memory: MemoryWatch::default(),
            suspects: std::sync::Mutex::default(),
        })
    }
}

fn check_prefix(prefix: &str) -> Result<(), StoreError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    if prefix.is_empty() || prefix.len() > 64 || !prefix.bytes().all(allowed) {
        let message = format!("queue prefix {prefix:?}: 1 to 64 letters, digits, '-', '_', '.' or ':'");
        return Err(StoreError::Invalid(message));
    }
    Ok(())
}

fn check_server(about: &str, location: &str) -> Result<(), StoreError> {
    let value =
        |name: &str| about.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    let version = value("redis_version").unwrap_or("unknown");
    let major: u32 = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
    if major < OLDEST_MAJOR {
        let source = format!("{location}: Redis {version} is too old, 7.0 or newer is needed").into();
        return Err(StoreError::Failed { store: fault::STORE, source });
    }
    if let Some(policy) = value("maxmemory_policy").filter(|policy| *policy != "noeviction") {
        tracing::warn!(
            location,
            policy,
            "Redis may drop jobs when memory is short: set maxmemory-policy noeviction"
        );
    }
    if value("aof_enabled") == Some("0") {
        tracing::warn!(location, "Redis may forget the last jobs when it stops: set appendonly yes");
    }
    Ok(())
}

async fn check_format(link: &Link) -> Result<(), StoreError> {
    let meta = link.key("meta");
    link.command(redis::cmd("HSETNX").arg(&meta).arg("format").arg(FORMAT)).await?;
    let stored = fault::text(&link.command(redis::cmd("HGET").arg(&meta).arg("format")).await?);
    match stored.parse::<u32>() {
        Ok(FORMAT) => Ok(()),
        Ok(format) if format < FORMAT => {
            let source = format!(
                "{}: the jobs were written in format {format} by an older version of backstock, this one needs format \
                 {FORMAT}; let the older version work them off, or set another queue.prefix",
                link.location
            );
            Err(StoreError::Failed { store: fault::STORE, source: source.into() })
        }
        Ok(_) => Err(StoreError::Newer { store: fault::STORE, location: link.location.clone() }),
        Err(_) => Err(fault::damaged(&format!("format {stored:?}"), &link.location)),
    }
}
