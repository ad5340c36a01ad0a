//! A primary that may change: the Sentinels say which server it is, again after every failure.

use super::{RedisOptions, address::Watched, fault};
use redis::{
    AsyncConnectionConfig, Cmd, ConnectionAddr, ErrorKind, Pipeline, ProtocolVersion, RedisError,
    RedisResult, ServerErrorKind, TlsMode, Value,
    aio::MultiplexedConnection,
    sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType},
};
use std::sync::Arc;
use tokio::sync::Mutex;

/// The line to whichever server is the primary. Clones share it.
#[derive(Clone)]
pub(super) struct Primary(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    config: AsyncConnectionConfig,
    watched: Watched,
    options: RedisOptions,
}

struct State {
    sentinels: SentinelClient,
    line: Option<MultiplexedConnection>,
    /// Rises with every line made.
    generation: u64,
}

impl Primary {
    /// Finds the primary and connects to it.
    pub(super) async fn connect(watched: &Watched, options: &RedisOptions) -> RedisResult<Self> {
        let state =
            State { sentinels: sentinels(watched, ProtocolVersion::RESP2)?, line: None, generation: 0 };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(options.connect_timeout))
            .set_response_timeout(Some(options.timeout));
        let (watched, options) = (watched.clone(), options.clone());
        let primary = Self(Arc::new(Inner { state: Mutex::new(state), config, watched, options }));
        primary.line().await?;
        Ok(primary)
    }

    /// One command.
    pub(super) async fn ask(&self, command: &Cmd) -> RedisResult<Value> {
        let (mut line, generation) = self.line().await?;
        let answer = line.send_packed_command(command).await.and_then(Value::extract_error);
        self.forget_if_gone(generation, &answer).await;
        answer
    }

    /// Several in one round trip.
    pub(super) async fn ask_all(&self, pipeline: &Pipeline) -> RedisResult<Vec<Value>> {
        let (mut line, generation) = self.line().await?;
        let answers = pipeline.query_async(&mut line).await;
        self.forget_if_gone(generation, &answers).await;
        answers
    }

    /// The present line, or a new one. Whoever comes while one is being made waits for it.
    async fn line(&self) -> RedisResult<(MultiplexedConnection, u64)> {
        let Inner { state, config, watched, options } = &*self.0;
        let mut state = state.lock().await;
        if let Some(line) = &state.line {
            return Ok((line.clone(), state.generation));
        }
        // On the heap: the search is a large future, and every call of the store would carry it.
        let found = Box::pin(state.sentinels.get_async_connection_with_config(config));
        let line = within(watched, options, found).await?;
        state.generation += 1;
        state.line = Some(line.clone());
        Ok((line, state.generation))
    }

    /// After a failure that another server may not have: the next call asks the Sentinels again.
    async fn forget_if_gone<T>(&self, generation: u64, answer: &RedisResult<T>) {
        if !answer.as_ref().is_err_and(may_have_moved) {
            return;
        }
        let mut state = self.0.state.lock().await;
        if state.generation == generation {
            state.line = None;
        }
    }
}

/// Whoever knows the primary; connections to that speak `protocol`.
pub(super) fn sentinels(watched: &Watched, protocol: ProtocolVersion) -> RedisResult<SentinelClient> {
    let hosts = watched.sentinels.iter().map(|node| node.addr().clone());
    let tcp = watched.primary.tcp_settings().clone();
    let settings = watched.primary.redis_settings();
    let mut builder = SentinelClientBuilder::new(hosts, &watched.name, SentinelServerType::Master)?
        .set_client_to_redis_db(settings.db())
        .set_client_to_redis_protocol(protocol)
        .set_client_to_redis_tcp_settings(tcp.clone())
        .set_client_to_sentinel_tcp_settings(tcp);
    if let Some(user) = settings.username() {
        builder = builder.set_client_to_redis_username(user);
    }
    if let Some(password) = settings.password() {
        builder = builder.set_client_to_redis_password(password);
    }
    if let ConnectionAddr::TcpTls { insecure, .. } = watched.primary.addr() {
        let mode = if *insecure { TlsMode::Insecure } else { TlsMode::Secure };
        builder = builder.set_client_to_redis_tls_mode(mode);
    }
    builder.build()
}

/// A search for the primary, given up in time: each Sentinel may be slow before the next is asked, and so may the primary.
pub(super) async fn within<T>(
    watched: &Watched,
    options: &RedisOptions,
    search: impl Future<Output = RedisResult<T>>,
) -> RedisResult<T> {
    let limit = options.connect_timeout * (watched.sentinels.len() as u32 + 1);
    tokio::time::timeout(limit, search).await.unwrap_or_else(|_| {
        let message = "no Sentinel named a primary that answers";
        Err(std::io::Error::new(std::io::ErrorKind::TimedOut, message).into())
    })
}

fn may_have_moved(error: &RedisError) -> bool {
    fault::is_of_the_line(error)
        || fault::is_read_only(error)
        || matches!(error.kind(), ErrorKind::Server(ServerErrorKind::MasterDown))
}
