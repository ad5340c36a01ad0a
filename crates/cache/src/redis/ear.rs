//! Listens to what other processes forget, and decides whether the line may be used.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, ProtocolVersion, PushInfo, PushKind, RedisError,
    RedisResult,
};
use tokio::sync::{broadcast, mpsc, oneshot};

use super::RedisLevelOptions;
use super::fault::classify;
use super::forget::{Forgetter, text};
use super::line::Line;
use crate::{Invalidation, Kind, SecondLevelError};

/// How often a silent line is asked whether it still stands.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// Between attempts.
const FIRST_DELAY: Duration = Duration::from_millis(50);
const LAST_DELAY: Duration = Duration::from_secs(2);

pub(super) struct Ear {
    pub(super) server: ConnectionInfo,
    pub(super) options: RedisLevelOptions,
    pub(super) line: Arc<Line>,
    pub(super) forgetter: Forgetter,
    pub(super) others: broadcast::Sender<Invalidation>,
}

type Pushes = mpsc::UnboundedReceiver<PushInfo>;

impl Ear {
    /// Listens for ever. `tried` hears how the first attempt to connect ended.
    pub(super) async fn listen(self, tried: oneshot::Sender<Result<(), SecondLevelError>>) {
        let (mut tried, mut was_away) = (Some(tried), false);
        let mut delays = delays();
        loop {
            match self.attempt().await {
                Ok((mut line, mut pushes)) => {
                    if was_away {
                        // What the others forgot meanwhile was not heard.
                        let _nobody_listens = self.others.send(Invalidation::Everything);
                        tracing::info!(location = self.line.location, "the second cache level is back");
                    }
                    delays = self::delays();
                    self.line.set_up(line.clone());
                    tried.take().map(|tried| tried.send(Ok(())));
                    self.hear(&mut line, &mut pushes).await;
                    if self.line.take_down() {
                        tracing::warn!(
                            location = self.line.location,
                            "the second cache level is away; level 1 serves alone"
                        );
                    }
                }
                Err(error) => {
                    let failure = classify(&error, &self.line.location);
                    tracing::debug!(%failure);
                    tried.take().map(|tried| tried.send(Err(failure)));
                }
            }
            was_away = true;
            tokio::time::sleep(delays.next().unwrap_or(LAST_DELAY)).await;
        }
    }

    /// Connects, subscribes, then catches up: in this order nothing is missed.
    async fn attempt(&self) -> RedisResult<(MultiplexedConnection, Pushes)> {
        let settings = self.server.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let client = Client::open(self.server.clone().set_redis_settings(settings))?;
        let (sender, pushes) = mpsc::unbounded_channel();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.options.connect_timeout))
            .set_response_timeout(Some(self.options.timeout))
            .set_push_sender(sender);
        let mut line = client.get_multiplexed_async_connection_with_config(&config).await?;
        line.subscribe(self.forgetter.names.channel()).await?;
        self.catch_up(&mut line).await?;
        Ok((line, pushes))
    }

    /// Learns the generations and delivers what is owed.
    async fn catch_up(&self, line: &mut MultiplexedConnection) -> RedisResult<()> {
        let generations = self.forgetter.read_generations(line).await?;
        for (kind, generation) in Kind::ALL.into_iter().zip(generations) {
            self.line.set_generation(kind, generation);
        }
        for what in self.line.owed() {
            self.forgetter.forget(&self.line, line, &what).await?;
            self.line.paid(std::slice::from_ref(&what));
        }
        Ok(())
    }

    /// Passes on what is said until the line breaks.
    async fn hear(&self, line: &mut MultiplexedConnection, pushes: &mut Pushes) {
        loop {
            tokio::select! {
                push = pushes.recv() => match push {
                    Some(push) if push.kind == PushKind::Disconnection => return,
                    Some(push) if push.kind == PushKind::Message => self.pass_on(&push),
                    Some(_) => {}
                    None => return,
                },
                () = self.line.suspicion.notified() => {
                    if self.line.connection().is_err() {
                        match self.is_sound(line).await {
                            Ok(()) => self.line.set_up(line.clone()),
                            Err(_) => return,
                        }
                    }
                }
                () = tokio::time::sleep(ASK_EVERY) => {
                    if redis::cmd("PING").exec_async(line).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Whether the line, taken down by somebody, can be used after all.
    async fn is_sound(&self, line: &mut MultiplexedConnection) -> Result<(), RedisError> {
        redis::cmd("PING").exec_async(line).await?;
        self.catch_up(line).await
    }

    fn pass_on(&self, push: &PushInfo) {
        let message = push.data.last().and_then(text).unwrap_or_default();
        let Some((generation, what)) = self.forgetter.heard(message) else { return };
        if let (Invalidation::Kind(kind), 1..) = (&what, generation) {
            self.line.raise_generation(*kind, generation);
        }
        let _nobody_listens = self.others.send(what);
    }
}

fn delays() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(FIRST_DELAY)
        .with_max_delay(LAST_DELAY)
        .with_jitter()
        .without_max_times()
        .build()
}
