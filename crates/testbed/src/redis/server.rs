//! One private Redis server.

use super::resp;
use crate::error::{Doing, TestbedError};
use crate::folder::Folder;
use crate::port;
use crate::process::{CpuTime, Process};
use crate::program;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

const SERVER: &str = "redis-server";
/// Loading a large append-only file after a kill takes the longest.
const START_LIMIT: Duration = Duration::from_mins(1);

/// When the server brings what it was told to disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fsync {
    /// Append-only file, fsync once a second: a killed server loses nothing, a power cut at most the last seconds.
    #[default]
    EverySecond,
    /// Append-only file, fsync before each answer.
    Always,
    /// Nothing is kept: a killed server forgets everything.
    Off,
}

/// How a server is started. Defaults: append-only file with fsync every second, no password, no further arguments.
#[derive(Debug, Clone, Default)]
pub struct RedisOptions {
    fsync: Fsync,
    password: Option<String>,
    arguments: Vec<String>,
}

impl RedisOptions {
    /// When to bring data to disk.
    #[must_use]
    pub fn fsync(mut self, fsync: Fsync) -> Self {
        self.fsync = fsync;
        self
    }

    /// Asks clients for this password (`requirepass`), which must need no quoting in a URL.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Sets a directive of `redis.conf`, such as `maxmemory` to `20mb`.
    #[must_use]
    pub fn set(mut self, directive: &str, value: &str) -> Self {
        self.arguments.extend([format!("--{directive}"), value.into()]);
        self
    }

    /// Starts a server with these options.
    ///
    /// # Errors
    /// When `redis-server` is not installed or ends at once.
    pub fn start(self) -> Result<RedisServer, TestbedError> {
        let mut first_error = None;
        // Somebody may have taken the free port meanwhile.
        for _ in 0..5 {
            let port = port::free(1)?[0];
            match RedisServer::start_on(port, self.clone()) {
                Err(error @ TestbedError::Ended { .. }) => first_error = first_error.or(Some(error)),
                result => return result,
            }
        }
        Err(first_error.expect("the loop ran and only this arm goes on"))
    }
}

/// A private Redis server on a free port of 127.0.0.1. Dropping it kills it and removes its data.
pub struct RedisServer {
    // Declared before the folder, so that it is dead before its data is removed.
    process: Option<Process>,
    program: PathBuf,
    folder: Folder,
    port: u16,
    options: RedisOptions,
}

impl RedisServer {
    /// Starts a server with the default options.
    ///
    /// # Errors
    /// When `redis-server` is not installed or ends at once.
    pub fn start() -> Result<Self, TestbedError> {
        Self::options().start()
    }

    /// The default options, to be changed.
    pub fn options() -> RedisOptions {
        RedisOptions::default()
    }

    fn start_on(port: u16, options: RedisOptions) -> Result<Self, TestbedError> {
        let program = program::find(SERVER, &["/usr/local/bin", "/usr/sbin"], SERVER)?;
        let folder = Folder::new("redis")?;
        let mut server = Self { process: None, program, folder, port, options };
        server.restart()?;
        Ok(server)
    }

    /// `redis://127.0.0.1:PORT`, with the password when there is one.
    pub fn url(&self) -> String {
        let secret = self.options.password.as_ref().map(|password| format!(":{password}@"));
        format!("redis://{}127.0.0.1:{}", secret.unwrap_or_default(), self.port)
    }

    /// The port of 127.0.0.1 that it serves, before and after a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process, `None` after [`kill`](Self::kill).
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    /// The processor time that the running process has used.
    pub fn cpu_time(&self) -> Option<CpuTime> {
        self.pid().and_then(CpuTime::of)
    }

    /// Kills it (`SIGKILL`) and returns when it is gone. Its data stays. Nothing happens when it is dead already.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Freezes it (`SIGSTOP`): connections stay open, nothing answers.
    pub fn stop_process(&self) {
        self.process.iter().for_each(Process::freeze);
    }

    /// Lets a frozen server go on (`SIGCONT`).
    pub fn continue_process(&self) {
        self.process.iter().for_each(Process::thaw);
    }

    /// Kills it if it runs, starts it on the same port with the data that reached its append-only file, and returns
    /// when it has loaded them.
    ///
    /// # Errors
    /// When it ends at once, such as when somebody else has taken the port meanwhile.
    pub fn restart(&mut self) -> Result<(), TestbedError> {
        self.kill();
        let folder = self.folder.path().to_owned();
        let mut command = Command::new(&self.program);
        command.args(["--bind", "127.0.0.1", "--save", "", "--daemonize", "no", "--port"]);
        command.arg(self.port.to_string()).arg("--dir").arg(&folder);
        command.args(match self.options.fsync {
            Fsync::EverySecond => ["--appendonly", "yes", "--appendfsync", "everysec"],
            Fsync::Always => ["--appendonly", "yes", "--appendfsync", "always"],
            Fsync::Off => ["--appendonly", "no", "--appendfsync", "no"],
        });
        if let Some(password) = &self.options.password {
            command.args(["--requirepass", password, "--masterauth", password]);
        }
        command.args(&self.options.arguments);
        let mut process = Process::start(SERVER, &mut command, &folder.join("log"))?;
        self.folder.note(&[process.pid()])?;
        process.wait_ready(START_LIMIT, |pid| {
            // Its own number: on a port that was taken meanwhile, a stranger would answer.
            let own = format!("process_id:{pid}\r\n");
            let info = self.ask(&["INFO"]);
            info.is_ok_and(|info| info.contains(&own) && info.contains("\r\nloading:0\r\n"))
        })?;
        self.process = Some(process);
        Ok(())
    }

    /// Sends one command over a connection of its own and returns the answer as text, arrays one item a line.
    ///
    /// # Errors
    /// When the server does not answer, or answers with an error.
    pub fn command(&self, words: &[&str]) -> Result<String, TestbedError> {
        let failed = |error: std::io::Error| TestbedError::Refused {
            server: SERVER,
            request: words.join(" "),
            answer: error.to_string(),
        };
        self.ask(words).map_err(failed)
    }

    /// The bytes that its data takes in memory (`used_memory` of `INFO`, which includes about 1 MB of an empty server).
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn used_memory_bytes(&self) -> Result<u64, TestbedError> {
        let info = self.command(&["INFO", "memory"])?;
        let value = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
        let number = value.ok_or(std::io::ErrorKind::InvalidData).map_err(std::io::Error::from);
        let number =
            number.and_then(|value| value.trim().parse().map_err(|_| std::io::ErrorKind::InvalidData.into()));
        number.doing(|| "reading used_memory of INFO".into())
    }

    fn ask(&self, words: &[&str]) -> std::io::Result<String> {
        match &self.options.password {
            Some(password) => resp::ask(self.port, &[&["AUTH", password], words]),
            None => resp::ask(self.port, &[words]),
        }
    }
}
