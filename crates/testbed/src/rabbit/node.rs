//! A RabbitMQ node: its files, its environment, its two processes.

use super::certificates::Certificates;
use crate::error::{Doing, TestbedError};
use crate::port;
use crate::process::Process;
use crate::program;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

pub(super) const SERVER: &str = "rabbitmq-server";
/// The wrappers in /usr/sbin insist on the user `rabbitmq`; the scripts below do not.
const FOLDERS: [&str; 2] = ["/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin", "/opt/rabbitmq/sbin"];
const CONFIGURATION: &str = "rabbitmq.conf";
const START_LIMIT: Duration = Duration::from_mins(2);

/// Where a node lives. Every node has its own port mapper (`epmd`), so that none is left behind and no other is used.
#[derive(Debug, Clone)]
pub(super) struct Node {
    folder: PathBuf,
    pub(super) port: u16,
    distribution_port: u16,
    mapper_port: u16,
}

/// The processes of a running node. The server falls first.
pub(super) struct Running {
    pub(super) server: Process,
    pub(super) mapper: Process,
}

impl Node {
    /// Writes the configuration of a new node into `folder`.
    pub(super) fn new(folder: &Path) -> Result<Self, TestbedError> {
        let ports = port::free(3)?;
        let node = Self {
            folder: folder.into(),
            port: ports[0],
            distribution_port: ports[1],
            mapper_port: ports[2],
        };
        let configuration = format!(
            "loopback_users = none\nlisteners.tcp.local = 127.0.0.1:{}\nlog.file.level = warning\n\
             disk_free_limit.absolute = 50MB\n",
            node.port
        );
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text);
        write(CONFIGURATION, &configuration)
            .and_then(|()| write("plugins", "[].\n"))
            .doing(|| format!("configuring a RabbitMQ node in {}", folder.display()))?;
        Ok(node)
    }

    /// Makes a node that was not started yet serve TLS on one more port, with a certificate of an authority of its own:
    /// the port, and the file with the authority's certificate.
    pub(super) fn add_tls(&self) -> Result<(u16, PathBuf), TestbedError> {
        let port = port::free(1)?[0];
        let Certificates { authority, server, key } = Certificates::make(&self.folder)?;
        let settings = format!(
            "listeners.ssl.local = 127.0.0.1:{port}\nssl_options.cacertfile = {}\nssl_options.certfile = {}\n\
             ssl_options.keyfile = {}\nssl_options.verify = verify_none\n",
            authority.display(),
            server.display(),
            key.display()
        );
        let file = OpenOptions::new().append(true).open(self.folder.join(CONFIGURATION));
        file.and_then(|mut file| file.write_all(settings.as_bytes()))
            .doing(|| format!("configuring TLS in {}", self.folder.display()))?;
        Ok((port, authority))
    }

    /// A program of RabbitMQ with the environment of this node.
    pub(super) fn command(&self, name: &str) -> Result<Command, TestbedError> {
        let folder = FOLDERS.iter().find_map(|folder| find_in(folder, name));
        let path = folder.ok_or_else(|| TestbedError::Missing { program: name.into(), package: SERVER })?;
        let mut command = Command::new(path);
        let inside = |name: &str| self.folder.join(name);
        command.current_dir(&self.folder).env("HOME", &self.folder);
        command.env("RABBITMQ_NODENAME", format!("t{}@localhost", self.port));
        for (variable, name) in [
            ("RABBITMQ_BASE", ""),
            ("RABBITMQ_MNESIA_BASE", "mnesia"),
            ("RABBITMQ_LOG_BASE", "log"),
            ("RABBITMQ_CONFIG_FILE", CONFIGURATION),
            ("RABBITMQ_ADVANCED_CONFIG_FILE", "none"),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", "plugins"),
            ("RABBITMQ_CONF_ENV_FILE", "none.env"),
            ("RABBITMQ_PID_FILE", "pid"),
            ("RABBITMQ_FEATURE_FLAGS_FILE", "feature_flags"),
        ] {
            command.env(variable, inside(name));
        }
        command.env("RABBITMQ_DIST_PORT", self.distribution_port.to_string());
        command.env("ERL_EPMD_PORT", self.mapper_port.to_string()).env("ERL_EPMD_ADDRESS", "127.0.0.1");
        Ok(command)
    }

    /// Starts the node; `note` learns its process groups before it is waited for, which takes 7–20 s.
    pub(super) fn start(
        &self,
        note: impl FnOnce(&[u32]) -> Result<(), TestbedError>,
    ) -> Result<Running, TestbedError> {
        let server = self.command(SERVER)?;
        let mut mapper = Command::new(program::find("epmd", &["/usr/lib/erlang/erts-*/bin"], "erlang-base")?);
        mapper.args(["-address", "127.0.0.1", "-port", &self.mapper_port.to_string()]);
        let mapper = Process::start("epmd", &mut mapper, &self.folder.join("epmd.output"))?;
        let server = Process::start(SERVER, &mut { server }, &self.folder.join("output"))?;
        note(&[server.pid(), mapper.pid()])?;
        let mut running = Running { server, mapper };
        running.server.wait_ready(START_LIMIT, |_| self.answers().is_ok())?;
        Ok(running)
    }

    /// Whether an AMQP connection can begin.
    fn answers(&self) -> std::io::Result<()> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"AMQP\0\0\x09\x01")?;
        let mut first = [0];
        stream.read_exact(&mut first)?;
        // A method frame: Connection.Start.
        if first == [1] { Ok(()) } else { Err(std::io::ErrorKind::InvalidData.into()) }
    }

    /// `amqp://guest:guest@127.0.0.1:PORT/%2f`.
    pub(super) fn url(&self, vhost: &str) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/{vhost}", self.port)
    }
}

/// A program in a folder whose name may hold a star, never in `PATH`, where the wrapper is.
fn find_in(folder: &str, name: &str) -> Option<PathBuf> {
    program::expand(folder).into_iter().map(|folder| folder.join(name)).find(|program| program.is_file())
}
