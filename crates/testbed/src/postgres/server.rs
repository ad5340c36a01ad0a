//! One private PostgreSQL server.

use super::{cluster, wire};
use crate::error::TestbedError;
use crate::folder::Folder;
use crate::port;
use crate::process::{CpuTime, Process};
use crate::shared::RunFolder;
use crate::wait;
use std::path::PathBuf;
use std::time::Duration;

/// What a server says that finds the memory of its predecessor in use.
const STILL_HELD: &str = "pre-existing shared memory block";
const RELEASE_LIMIT: Duration = Duration::from_secs(30);

/// A private PostgreSQL server on a free port of 127.0.0.1, superuser `postgres` without a password. Dropping it kills
/// it and removes its data.
pub struct PostgresServer {
    // Declared before the folder, so that it is dead before its data is removed.
    process: Option<Process>,
    data: PathBuf,
    port: u16,
    settings: Vec<String>,
    folder: Folder,
}

impl PostgresServer {
    /// Starts a server, without fsync: what is committed survives a kill, not the death of the machine.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or ends at once.
    pub fn start() -> Result<Self, TestbedError> {
        Self::start_with(&[])
    }

    /// Starts a server with further settings, each as `name=value`.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or ends at once.
    pub fn start_with(settings: &[&str]) -> Result<Self, TestbedError> {
        let folder = Folder::new("postgres")?;
        let inner = folder.path().join("postgres");
        cluster::own_folder(&inner)?;
        let data = cluster::copy(&RunFolder::lock()?, &inner)?;
        let settings = settings.iter().map(ToString::to_string).collect();
        let mut server = Self { process: None, data, port: 0, settings, folder };
        let mut first_error = None;
        // Somebody may have taken the free port meanwhile.
        for _ in 0..5 {
            server.port = port::free(1)?[0];
            match server.restart() {
                Ok(()) => return Ok(server),
                Err(error @ TestbedError::Ended { .. }) => first_error = first_error.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        Err(first_error.expect("the loop ran and only this arm goes on"))
    }

    /// The database `postgres`: `postgres://postgres@127.0.0.1:PORT/postgres`.
    pub fn url(&self) -> String {
        url(self.port, "postgres")
    }

    /// The port of 127.0.0.1 that it serves, before and after a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes an empty database of a new name and returns its URL.
    ///
    /// # Errors
    /// When the server does not answer or refuses.
    pub fn new_database(&self) -> Result<String, TestbedError> {
        new_database(self.port)
    }

    /// Runs statements in the database `postgres` as superuser and forgets what they return.
    ///
    /// # Errors
    /// When the server does not answer or refuses.
    pub fn execute(&self, statements: &str) -> Result<(), TestbedError> {
        wire::execute(self.port, "postgres", statements)
    }

    /// The postmaster, `None` after [`kill`](Self::kill).
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    /// The processor time of the postmaster alone, without that of the process behind each connection.
    pub fn cpu_time(&self) -> Option<CpuTime> {
        self.pid().and_then(CpuTime::of)
    }

    /// Kills it and the processes behind its connections (`SIGKILL`). Its data stays.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Freezes it and the processes behind its connections (`SIGSTOP`).
    pub fn stop_process(&self) {
        self.process.iter().for_each(Process::freeze);
    }

    /// Lets a frozen server go on (`SIGCONT`).
    pub fn continue_process(&self) {
        self.process.iter().for_each(Process::thaw);
    }

    /// Kills it if it runs, starts it on the same port with its data and returns when it has recovered.
    ///
    /// # Errors
    /// When it ends at once, such as when somebody else has taken the port meanwhile.
    pub fn restart(&mut self) -> Result<(), TestbedError> {
        self.kill();
        let log = self.folder.path().join("log");
        let note = |groups: &[u32]| self.folder.note(groups);
        // Processes of the one that was killed may hold its memory for a moment longer.
        let mut served = || match cluster::serve(&self.data, self.port, &log, &self.settings, note) {
            Err(TestbedError::Ended { log, .. }) if log.contains(STILL_HELD) => None,
            served => Some(served),
        };
        let slow = || TestbedError::TooSlow {
            server: "PostgreSQL",
            seconds: RELEASE_LIMIT.as_secs(),
            log: STILL_HELD.to_owned(),
        };
        self.process = Some(wait::until(RELEASE_LIMIT, &mut served).ok_or_else(slow)??);
        Ok(())
    }
}

pub(super) fn url(port: u16, database: &str) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/{database}")
}

/// Makes a database of a name that no other test has.
pub(super) fn new_database(port: u16) -> Result<String, TestbedError> {
    let name = format!("test_{}", uuid::Uuid::new_v4().simple());
    // template0, because a copy of template1 fails while anybody looks at that.
    wire::execute(port, "postgres", &format!("CREATE DATABASE {name} TEMPLATE template0"))?;
    Ok(url(port, &name))
}
