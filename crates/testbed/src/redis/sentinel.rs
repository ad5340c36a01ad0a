//! A private Redis server with a replica, watched by a Sentinel.

use super::{RedisServer, resp};
use crate::error::{Doing, TestbedError};
use crate::folder::Folder;
use crate::port;
use crate::process::Process;
use crate::program;
use crate::wait;
use std::process::Command;
use std::time::Duration;

/// What Sentinel calls the pair.
pub const NAME: &str = "main";
const PROGRAM: &str = "redis-server";
const LIMIT: Duration = Duration::from_mins(1);

/// A primary, its replica, and a Sentinel that makes the replica the primary once that has been silent for half a second.
/// Dropping it kills them all.
pub struct RedisPair {
    sentinel: Process,
    _folder: Folder,
    port: u16,
    primary: RedisServer,
    replica: RedisServer,
}

impl RedisPair {
    /// Starts the three; returns when the replica follows and Sentinel knows both.
    ///
    /// # Errors
    /// When `redis-server` is not installed, or the three do not find each other.
    pub fn start() -> Result<Self, TestbedError> {
        let (primary, replica) = (RedisServer::start()?, RedisServer::start()?);
        replica.command(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()])?;
        wait_for("the replica", || {
            replica
                .command(&["INFO", "replication"])
                .is_ok_and(|info| info.contains("master_link_status:up\r\n"))
        })?;
        let (port, folder) = (port::free(1)?[0], Folder::new("sentinel")?);
        let file = folder.path().join("sentinel.conf");
        let text = format!(
            "bind 127.0.0.1\nport {port}\ndir {}\nsentinel monitor {NAME} 127.0.0.1 {} 1\n\
             sentinel down-after-milliseconds {NAME} 500\nsentinel failover-timeout {NAME} 5000\n",
            folder.path().display(),
            primary.port()
        );
        std::fs::write(&file, text).doing(|| format!("writing {}", file.display()))?;
        let mut command = Command::new(program::find(PROGRAM, &["/usr/local/bin", "/usr/sbin"], PROGRAM)?);
        command.arg(&file).arg("--sentinel");
        let sentinel = Process::start("Redis Sentinel", &mut command, &folder.path().join("log"))?;
        folder.note(&[sentinel.pid()])?;
        let pair = Self { sentinel, _folder: folder, port, primary, replica };
        wait_for("Redis Sentinel", || {
            let known = resp::ask(pair.port, &[&["SENTINEL", "REPLICAS", NAME]]);
            known.is_ok_and(|known| known.contains(&format!("127.0.0.1:{}", pair.replica.port())))
        })?;
        Ok(pair)
    }

    /// `redis+sentinel://127.0.0.1:PORT/main`.
    pub fn url(&self) -> String {
        format!("redis+sentinel://127.0.0.1:{}/{NAME}", self.port)
    }

    /// The process of Sentinel.
    pub fn sentinel_pid(&self) -> u32 {
        self.sentinel.pid()
    }

    /// Waits until the replica has all that the primary has, then kills the primary for good.
    ///
    /// # Errors
    /// When the replica does not catch up within a minute.
    pub fn kill_primary(&mut self) -> Result<(), TestbedError> {
        wait_for("the replica", || {
            let info = self.primary.command(&["INFO", "replication"]).unwrap_or_default();
            let after = |mark: &str| {
                let rest = info.split_once(mark)?.1;
                rest.split(|c: char| !c.is_ascii_digit()).next().map(str::to_owned)
            };
            let acknowledged = after(",offset=");
            acknowledged.is_some() && acknowledged == after("master_repl_offset:")
        })?;
        self.primary.kill();
        Ok(())
    }

    /// The server that becomes the primary once the first is dead.
    pub fn replica(&self) -> &RedisServer {
        &self.replica
    }
}

fn wait_for(server: &'static str, mut ready: impl FnMut() -> bool) -> Result<(), TestbedError> {
    let slow = || TestbedError::TooSlow { server, seconds: LIMIT.as_secs(), log: String::new() };
    wait::until(LIMIT, || ready().then_some(())).ok_or_else(slow)
}
