//! The PostgreSQL server that all tests of a run share.

use super::{cluster, server};
use crate::error::TestbedError;
use crate::port;
use crate::shared::RunFolder;

const NAME: &str = "postgres";

/// A server that all tests of a run share: each makes a database of its own. It ends with the run.
#[derive(Debug, Clone, Copy)]
pub struct SharedPostgres {
    port: u16,
}

impl SharedPostgres {
    /// The server of this run, which the first call starts.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or ends at once.
    pub fn get() -> Result<Self, TestbedError> {
        let run = RunFolder::lock()?;
        if let Some(port) = run.server(NAME) {
            return Ok(Self { port });
        }
        let folder = run.path.join(NAME);
        // Of a server of this run that somebody killed.
        let _ = std::fs::remove_dir_all(&folder);
        cluster::own_folder(&folder)?;
        let data = cluster::copy(&run, &folder)?;
        let port = port::free(1)?[0];
        let process = cluster::serve(&data, port, &run.path.join("postgres.log"), &[], |groups| {
            run.note_groups(groups)
        })?;
        run.note_server(NAME, process.pid(), port)?;
        process.leave_running();
        Ok(Self { port })
    }

    /// Makes an empty database of a new name and returns its URL.
    ///
    /// # Errors
    /// When the server does not answer or refuses.
    pub fn new_database(&self) -> Result<String, TestbedError> {
        server::new_database(self.port)
    }

    /// The port of 127.0.0.1 that it serves.
    pub fn port(&self) -> u16 {
        self.port
    }
}
