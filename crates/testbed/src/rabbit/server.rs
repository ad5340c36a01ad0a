//! One private RabbitMQ server.

use super::node::{Node, Running, SERVER};
use crate::error::{Doing, TestbedError};
use crate::folder::Folder;
use crate::process::{CpuTime, Process};

/// A private RabbitMQ node on a free port of 127.0.0.1, user and password `guest`. Takes 7–20 s to start and 150 MB.
/// Dropping it kills it and removes its data.
pub struct RabbitServer {
    // Declared before the folder, so that it is dead before its data is removed.
    running: Option<Running>,
    node: Node,
    folder: Folder,
}

impl RabbitServer {
    /// Starts a node.
    ///
    /// # Errors
    /// When RabbitMQ is not installed or ends at once.
    pub fn start() -> Result<Self, TestbedError> {
        let mut first_error = None;
        // Somebody may have taken a free port meanwhile.
        for _ in 0..3 {
            let folder = Folder::new("rabbit")?;
            let node = Node::new(folder.path())?;
            let mut server = Self { running: None, node, folder };
            match server.restart() {
                Ok(()) => return Ok(server),
                Err(error @ TestbedError::Ended { .. }) => first_error = first_error.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        Err(first_error.expect("the loop ran and only this arm goes on"))
    }

    /// The default vhost: `amqp://guest:guest@127.0.0.1:PORT/%2f`.
    pub fn url(&self) -> String {
        self.node.url("%2f")
    }

    /// The port of 127.0.0.1 that it serves, before and after a restart.
    pub fn port(&self) -> u16 {
        self.node.port
    }

    /// The leader of its process group, `None` after [`kill`](Self::kill).
    pub fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.server.pid())
    }

    /// The processor time of the start script and its child, the Erlang machine.
    pub fn cpu_time(&self) -> Option<CpuTime> {
        self.pid().and_then(CpuTime::of_family)
    }

    /// Kills it (`SIGKILL`) and returns when it is gone. Its data stays.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// Freezes it (`SIGSTOP`): connections stay open, nothing answers.
    pub fn stop_process(&self) {
        self.server().for_each(Process::freeze);
    }

    /// Lets a frozen server go on (`SIGCONT`).
    pub fn continue_process(&self) {
        self.server().for_each(Process::thaw);
    }

    /// Kills it if it runs, starts it on the same port with its data and returns when it serves.
    ///
    /// # Errors
    /// When it ends at once, such as when somebody else has taken a port meanwhile.
    pub fn restart(&mut self) -> Result<(), TestbedError> {
        self.kill();
        self.running = Some(self.node.start(|groups| self.folder.note(groups))?);
        Ok(())
    }

    /// Runs `rabbitmqctl` against it, such as `["list_queues"]`, and returns what it prints. Takes a second or more.
    ///
    /// # Errors
    /// When it fails.
    pub fn ctl(&self, arguments: &[&str]) -> Result<String, TestbedError> {
        ctl(&self.node, arguments)
    }

    fn server(&self) -> impl Iterator<Item = &Process> {
        self.running.iter().map(|running| &running.server)
    }
}

pub(super) fn ctl(node: &Node, arguments: &[&str]) -> Result<String, TestbedError> {
    let mut command = node.command("rabbitmqctl")?;
    let output = command.arg("--quiet").args(arguments).output().doing(|| "running rabbitmqctl".into())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let answer = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(TestbedError::Refused { server: SERVER, request: arguments.join(" "), answer })
}
