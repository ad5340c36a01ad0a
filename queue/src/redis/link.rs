//! The line to the server: one node or a cluster, one function call or many in one round trip.

use super::{RedisOptions, address::Address, fault, library::Library, sentinel::Primary};
use crate::StoreError;
use redis::{
    Client, Cmd, ConnectionInfo, ProtocolVersion, RedisError, RedisResult, Value,
    aio::{ConnectionManager, ConnectionManagerConfig},
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
    io::tcp::TcpSettings,
};
use std::time::Duration;

/// What is called where.
#[derive(Debug)]
pub(super) struct Link {
    line: Line,
    library: Library,
    /// The declared key: the hash tag all keys share.
    tag: String,
    /// Where it leads, without credentials; for messages.
    pub(super) location: String,
    /// Where it leads, for the connection that listens.
    pub(super) address: Address,
}

#[derive(Clone)]
enum Line {
    One(ConnectionManager),
    Watched(Primary),
    Cluster(ClusterConnection),
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::One(_) => "one server",
            Self::Watched(_) => "a primary under Sentinel",
            Self::Cluster(_) => "cluster",
        })
    }
}

impl Link {
    /// Connects to `url`: one server, several nodes of a cluster, or the primary that Sentinels name.
    pub(super) async fn connect(url: &str, options: &RedisOptions) -> Result<Self, StoreError> {
        // Somebody must say which cryptography TLS uses; that somebody else has said so is as good.
        rustls::crypto::ring::default_provider().install_default().ok();
        let address = Address::parse(url)?;
        let location = address.location();
        let line =
            Line::connect(&address, options).await.map_err(|error| fault::classify(&error, &location))?;
        let tag = format!("{{{}}}", options.prefix);
        Ok(Self { line, library: Library::new(), tag, location, address })
    }

    /// A plain command.
    pub(super) async fn command(&self, command: &Cmd) -> Result<Value, StoreError> {
        self.line.clone().ask(command).await.map_err(|error| self.fault(&error))
    }

    /// What the server that owns our keys says about itself.
    pub(super) async fn about(&self, section: &str) -> Result<String, StoreError> {
        use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
        let mut info = redis::cmd("INFO");
        info.arg(section);
        let answer = match self.line.clone() {
            Line::One(mut one) => one.send_packed_command(&info).await,
            Line::Watched(primary) => primary.ask(&info).await,
            Line::Cluster(mut cluster) => {
                let owner = SingleNodeRoutingInfo::SpecificNode(Route::with_key(&self.tag, SlotAddr::Master));
                cluster.route_command(info, RoutingInfo::SingleNode(owner)).await
            }
        };
        Ok(fault::text(&answer.map_err(|error| self.fault(&error))?))
    }

    /// A command to every master, the answers together.
    pub(super) async fn everywhere(&self, command: &Cmd) -> Result<Vec<Value>, StoreError> {
        use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo};
        let Line::Cluster(mut cluster) = self.line.clone() else {
            return Ok(vec![self.command(command).await?]);
        };
        let routing = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
        let answer = cluster.route_command(command.clone(), routing).await;
        Ok(match answer.map_err(|error| self.fault(&error))? {
            Value::Map(by_node) => by_node.into_iter().map(|(_, answer)| answer).collect(),
            other => vec![other],
        })
    }

    /// Calls one function.
    pub(super) async fn call(&self, function: &Call) -> Result<Value, StoreError> {
        let answers = self.call_all(std::slice::from_ref(function)).await?;
        answers.into_iter().next().ok_or_else(|| fault::damaged("no answer", &self.location))
    }

    /// Calls several functions in one round trip, in order; each has happened or not on its own. Puts our functions on
    /// the server when it does not know them.
    pub(super) async fn call_all(&self, functions: &[Call]) -> Result<Vec<Value>, StoreError> {
        let mut pipeline = redis::Pipeline::with_capacity(functions.len());
        for function in functions {
            pipeline.add_command(self.compose(function));
        }
        let mut line = self.line.clone();
        let answers = match line.ask_all(&pipeline).await {
            Err(error) if is_unknown_function(&error) => {
                self.load().await?;
                line.ask_all(&pipeline).await
            }
            answers => answers,
        };
        answers.map_err(|error| self.fault(&error))
    }

    /// Puts our functions on the server (on every master of a cluster).
    async fn load(&self) -> Result<(), StoreError> {
        let mut command = redis::cmd("FUNCTION");
        command.arg("LOAD").arg("REPLACE").arg(&self.library.source);
        self.command(&command).await.map(|_| ())
    }

    /// The full name of a key or channel.
    pub(super) fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.tag)
    }

    fn compose(&self, function: &Call) -> Cmd {
        let mut command = redis::cmd("FCALL");
        command.arg(self.library.function(function.name)).arg(1).arg(&self.tag);
        for argument in &function.arguments {
            command.arg(argument.as_slice());
        }
        command
    }

    fn fault(&self, error: &RedisError) -> StoreError {
        fault::classify(error, &self.location)
    }
}

impl Line {
    async fn connect(address: &Address, options: &RedisOptions) -> RedisResult<Self> {
        let nodes = match address {
            Address::Watched(watched) => return Ok(Self::Watched(Primary::connect(watched, options).await?)),
            Address::Nodes(nodes) => nodes,
        };
        let [one] = nodes.as_slice() else { return Ok(Self::Cluster(cluster(nodes, options).await?)) };
        let mut line = Self::One(manager(one.clone(), options).await?);
        let about = line.ask(redis::cmd("INFO").arg("cluster")).await?;
        if fault::text(&about).contains("cluster_enabled:1") {
            line = Self::Cluster(cluster(nodes, options).await?);
        }
        Ok(line)
    }

    async fn ask(&mut self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::One(manager) => manager.send_packed_command(command).await,
            Self::Watched(primary) => primary.ask(command).await,
            Self::Cluster(cluster) => command.query_async(cluster).await,
        }
        .and_then(Value::extract_error)
    }

    async fn ask_all(&mut self, pipeline: &redis::Pipeline) -> RedisResult<Vec<Value>> {
        match self {
            Self::One(manager) => pipeline.query_async(manager).await,
            Self::Watched(primary) => primary.ask_all(pipeline).await,
            Self::Cluster(cluster) => pipeline.query_async(cluster).await,
        }
    }
}

/// A function and its arguments.
#[derive(Debug)]
pub(super) struct Call {
    name: &'static str,
    arguments: Vec<Vec<u8>>,
}

impl Call {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, arguments: Vec::new() }
    }

    pub(super) fn arg(mut self, argument: impl Into<Vec<u8>>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub(super) fn number(self, number: impl std::fmt::Display) -> Self {
        self.arg(number.to_string())
    }

    pub(super) fn args<T: Into<Vec<u8>>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }
}

fn is_unknown_function(error: &RedisError) -> bool {
    error.to_string().contains("Function not found")
}

async fn manager(node: ConnectionInfo, options: &RedisOptions) -> RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(1)
        .set_min_delay(Duration::from_millis(50))
        .set_max_delay(Duration::from_secs(1))
        .set_connection_timeout(Some(options.connect_timeout))
        .set_response_timeout(Some(options.timeout));
    ConnectionManager::new_with_config(Client::open(node)?, config).await
}

async fn cluster(nodes: &[ConnectionInfo], options: &RedisOptions) -> RedisResult<ClusterConnection> {
    ClusterClient::builder(nodes.to_vec())
        .connection_timeout(options.connect_timeout)
        .response_timeout(options.timeout)
        .retries(3)
        .tcp_settings(TcpSettings::default().set_nodelay(true))
        .use_protocol(ProtocolVersion::RESP2)
        .build()?
        .get_async_connection()
        .await
}
