//! The second connection: listens for wake-ups, and shows that this process lives.
//!
//! Its name is unique to this store and stays when it reconnects; whoever rescues looks for it in the server's list of
//! clients. After every reconnection something may have been missed, so that counts as a wake-up.

use super::{
    RedisOptions,
    address::{Address, Watched},
    fault,
    link::Link,
    sentinel,
};
use crate::StoreError;
use backon::{BackoffBuilder, ExponentialBuilder};
use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, ProtocolVersion, PushInfo, PushKind, RedisResult,
    aio::MultiplexedConnection,
};
use std::time::Duration;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

/// How often a silent connection is asked whether it still stands.
const ASK_EVERY: Duration = Duration::from_secs(2);
/// Pushes come with it.
const PROTOCOL: ProtocolVersion = ProtocolVersion::RESP3;

#[derive(Debug)]
pub(super) struct Bell {
    count: watch::Sender<u64>,
    name: String,
    listener: JoinHandle<()>,
}

impl Bell {
    /// Listens; returns once the first connection stands.
    pub(super) async fn hang(link: &Link, options: &RedisOptions) -> Result<Self, StoreError> {
        let name = format!("{}-{}", options.prefix, uuid::Uuid::now_v7().simple());
        let ear = Ear {
            address: link.address.clone(),
            name: name.clone(),
            channel: link.key("bell"),
            options: options.clone(),
        };
        let connected = ear.connect().await.map_err(|error| fault::classify(&error, &link.location))?;
        let count = watch::Sender::new(0);
        let listener = tokio::spawn(listen(ear, connected, count.clone(), link.location.clone()));
        Ok(Self { count, name, listener })
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.count.subscribe()
    }

    /// What the connection is called on the server.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// How to listen.
struct Ear {
    address: Address,
    name: String,
    channel: String,
    options: RedisOptions,
}

type Pushes = mpsc::UnboundedReceiver<PushInfo>;

impl Ear {
    /// Connects to the primary that is watched, or the first node that answers; takes the name and subscribes.
    async fn connect(&self) -> RedisResult<(MultiplexedConnection, Pushes)> {
        let nodes = match &self.address {
            Address::Watched(watched) => return self.connect_to(self.primary(watched).await?).await,
            Address::Nodes(nodes) => nodes,
        };
        let mut failure = None;
        for node in nodes {
            match self.connect_to(client(node)?).await {
                Ok(line) => return Ok(line),
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.unwrap_or_else(|| (redis::ErrorKind::InvalidClientConfig, "no node").into()))
    }

    async fn primary(&self, watched: &Watched) -> RedisResult<Client> {
        let mut sentinels = sentinel::sentinels(watched, PROTOCOL)?;
        sentinel::within(watched, &self.options, sentinels.async_get_client()).await
    }

    async fn connect_to(&self, client: Client) -> RedisResult<(MultiplexedConnection, Pushes)> {
        let (sender, pushes) = mpsc::unbounded_channel();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.options.connect_timeout))
            .set_response_timeout(Some(self.options.timeout))
            .set_push_sender(sender);
        let mut line = client.get_multiplexed_async_connection_with_config(&config).await?;
        redis::cmd("CLIENT").arg("SETNAME").arg(&self.name).exec_async(&mut line).await?;
        line.subscribe(&self.channel).await?;
        Ok((line, pushes))
    }
}

fn client(node: &ConnectionInfo) -> RedisResult<Client> {
    let settings = node.redis_settings().clone().set_protocol(PROTOCOL);
    Client::open(node.clone().set_redis_settings(settings))
}

/// Counts every push; reconnects for ever.
async fn listen(
    ear: Ear,
    mut line: (MultiplexedConnection, Pushes),
    count: watch::Sender<u64>,
    location: String,
) {
    loop {
        hear(&mut line, &count).await;
        tracing::warn!(location, "the connection that listens for jobs broke; connecting again");
        let mut delays = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_secs(1))
            .with_jitter()
            .without_max_times()
            .build();
        line = loop {
            match ear.connect().await {
                Ok(line) => break line,
                Err(error) => tracing::debug!(location, %error, "still no connection"),
            }
            tokio::time::sleep(delays.next().unwrap_or(Duration::from_secs(1))).await;
        };
        ring(&count);
    }
}

/// Counts pushes until the connection breaks.
async fn hear((line, pushes): &mut (MultiplexedConnection, Pushes), count: &watch::Sender<u64>) {
    loop {
        match tokio::time::timeout(ASK_EVERY, pushes.recv()).await {
            Ok(Some(push)) if push.kind == PushKind::Disconnection => return,
            Ok(Some(push)) if push.kind == PushKind::Message => {
                // Many at once are one wake-up.
                while pushes.try_recv().is_ok_and(|push| push.kind != PushKind::Disconnection) {}
                ring(count);
            }
            Ok(Some(_)) => {}
            Ok(None) => return,
            Err(_) => {
                if redis::cmd("PING").exec_async(line).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn ring(count: &watch::Sender<u64>) {
    count.send_modify(|count| *count = count.wrapping_add(1));
}
