//! The RabbitMQ node that all tests of a run share.

use super::node::Node;
use crate::error::{Doing, TestbedError};
use crate::shared::RunFolder;
use std::path::PathBuf;

const NAME: &str = "rabbit";
/// The file that tells the port for TLS.
const TLS_PORT: &str = "tls-port";

/// A node that all tests of a run share: each uses queues of its own prefix. It ends with the run.
#[derive(Debug, Clone, Copy)]
pub struct SharedRabbit {
    port: u16,
}

impl SharedRabbit {
    /// The node of this run, which the first call starts.
    ///
    /// # Errors
    /// When RabbitMQ is not installed or ends at once.
    pub fn get() -> Result<Self, TestbedError> {
        let run = RunFolder::lock()?;
        if let Some(port) = run.server(NAME) {
            return Ok(Self { port });
        }
        let folder = run.path.join(NAME);
        // Of a node of this run that somebody killed.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).doing(|| format!("making {}", folder.display()))?;
        let node = Node::new(&folder)?;
        let (tls_port, _) = node.add_tls()?;
        std::fs::write(folder.join(TLS_PORT), tls_port.to_string())
            .doing(|| format!("noting the TLS port in {}", folder.display()))?;
        // The keeper learns of the processes before they are waited for; a test may be killed meanwhile.
        let running = node.start(|groups| run.note_groups(groups))?;
        run.note_server(NAME, running.server.pid(), node.port)?;
        running.mapper.leave_running();
        running.server.leave_running();
        Ok(Self { port: node.port })
    }

    /// The default vhost: `amqp://guest:guest@127.0.0.1:PORT/%2f`.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// Where it speaks TLS: `amqps://guest:guest@127.0.0.1:PORT/%2f`, and the file with the certificate of the authority
    /// that vouches for it, which no other program trusts.
    ///
    /// # Errors
    /// When somebody removed the folder of the run.
    pub fn tls(&self) -> Result<(String, PathBuf), TestbedError> {
        let folder = RunFolder::lock()?.path.join(NAME);
        let port = std::fs::read_to_string(folder.join(TLS_PORT)).doing(|| "finding the TLS port".into())?;
        Ok((format!("amqps://guest:guest@127.0.0.1:{port}/%2f"), folder.join("ca.pem")))
    }

    /// The port of 127.0.0.1 that it serves.
    pub fn port(&self) -> u16 {
        self.port
    }
}
