//! The RabbitMQ node that all tests of a run share.

use super::node::Node;
use crate::error::{Doing, TestbedError};
use crate::shared::RunFolder;

const NAME: &str = "rabbit";

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

    /// The port of 127.0.0.1 that it serves.
    pub fn port(&self) -> u16 {
        self.port
    }
}
