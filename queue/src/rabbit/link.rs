//! The lines to the broker: one connection to consume and one to publish, because a broker that is short of memory stops
//! reading from those that publish, and acks must come through.

use super::{RabbitOptions, fault};
use crate::StoreError;
use backon::{ExponentialBuilder, Retryable};
use lapin::{
    Channel, Connection, ConnectionBuilder, ConnectionProperties, tcp::OwnedTLSConfig, uri::AMQPUri,
};
use std::{fmt, path::Path, time::Duration};
use tokio::{sync::Mutex, time::Instant};

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Consume,
    Publish,
}

/// Where the broker is, and the connections that stand. A broken one is replaced by the next call that needs it.
pub(super) struct Link {
    nodes: Vec<AMQPUri>,
    /// Host, port and vhost of the first node, without credentials.
    pub(super) location: String,
    name: String,
    tls: OwnedTLSConfig,
    connect_timeout: Duration,
    timeout: Duration,
    connections: [Mutex<Option<Connection>>; 2],
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("location", &self.location).finish_non_exhaustive()
    }
}

impl Link {
    pub(super) fn new(url: &str, options: &RabbitOptions) -> Result<Self, StoreError> {
        // Somebody must say which cryptography TLS uses; that somebody else has said so is as good.
        rustls::crypto::ring::default_provider().install_default().ok();
        let seconds = u16::try_from(options.heartbeat.as_secs()).unwrap_or(u16::MAX).max(1);
        let nodes: Vec<AMQPUri> =
            url.split(',').map(|node| node_of(node.trim(), seconds)).collect::<Result<_, _>>()?;
        let cert_chain = options.tls_ca_file.as_deref().map(authorities).transpose()?;
        let location = nodes.first().map(place).unwrap_or_default();
        Ok(Self {
            nodes,
            location,
            name: format!("backstock {} ({})", options.prefix, std::process::id()),
            tls: OwnedTLSConfig { identity: None, cert_chain },
            connect_timeout: options.connect_timeout,
            timeout: options.timeout,
            connections: Default::default(),
        })
    }

    /// A new channel; connects where that is needed.
    pub(super) async fn channel(&self, of: Use) -> Result<Channel, StoreError> {
        let mut slot = self.connections[of as usize].lock().await;
        if let Some(connection) = slot.as_ref().filter(|connection| connection.status().connected()) {
            let opened = self.ask(connection.create_channel()).await;
            if opened.is_ok() || connection.status().connected() {
                return opened;
            }
        }
        *slot = None;
        let pauses = ExponentialBuilder::new().with_min_delay(Duration::from_millis(50)).with_max_times(2);
        let connect = || self.connect(of);
        // A refusal comes at once and may pass as soon; who did not answer in time will not answer twice as much later.
        let begun = Instant::now();
        let may_pass = |error: &StoreError| error.is_transient() && begun.elapsed() < self.connect_timeout;
        let connection = connect.retry(pauses).when(may_pass).await?;
        let channel = self.ask(connection.create_channel()).await?;
        *slot = Some(connection);
        Ok(channel)
    }

    /// The answer of the broker, in time.
    pub(super) async fn ask<T>(
        &self,
        question: impl Future<Output = lapin::Result<T>>,
    ) -> Result<T, StoreError> {
        let Ok(answer) = tokio::time::timeout(self.timeout, question).await else {
            return Err(fault::unavailable(&self.location, &format!("no answer within {:?}", self.timeout)));
        };
        answer.map_err(|error| fault::classify(&error, &self.location))
    }

    /// Says goodbye, so that the broker has everything back when this returns.
    pub(super) async fn close(&self) {
        for slot in &self.connections {
            if let Some(connection) = slot.lock().await.take() {
                self.ask(connection.close(200, "goodbye".into())).await.ok();
            }
        }
    }

    /// Connects to the first node that answers.
    async fn connect(&self, of: Use) -> Result<Connection, StoreError> {
        let mut failure = StoreError::Invalid("queue url: no node".to_owned());
        for node in &self.nodes {
            let name = format!("{} {of:?}", self.name);
            let properties = ConnectionProperties::default().with_connection_name(name.into());
            let connecting = async {
                let builder = ConnectionBuilder::new()?.with_uri(node.clone()).with_properties(properties);
                builder.with_tls_config(self.tls.clone()).connect().await
            };
            failure = match tokio::time::timeout(self.connect_timeout, connecting).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(error)) => fault::classify(&error, &place(node)),
                Err(_) => {
                    let what = format!("no connection within {:?}", self.connect_timeout);
                    fault::unavailable(&place(node), &what)
                }
            };
        }
        Err(failure)
    }
}

/// The URL is never repeated: it may hold a password.
fn node_of(url: &str, heartbeat: u16) -> Result<AMQPUri, StoreError> {
    let invalid = |what: &str| StoreError::Invalid(format!("queue url: {what}"));
    let shape = "must be amqp://USER:PASSWORD@HOST[:PORT][/VHOST] or amqps://…, VHOST percent-encoded";
    if url.contains("://[") || url.contains("@[") {
        return Err(invalid("an IPv6 address must be given by a host name"));
    }
    let mut node: AMQPUri = url.parse().map_err(|_| invalid(shape))?;
    if node.vhost.is_empty() {
        "/".clone_into(&mut node.vhost);
    }
    node.query.heartbeat.get_or_insert(heartbeat);
    Ok(node)
}

/// Certificates in PEM format.
fn authorities(path: &Path) -> Result<String, StoreError> {
    let invalid = |what: &str| {
        let what = format!("queue.rabbitmq.tls_ca_file {}: {what}", path.display());
        Err(StoreError::Invalid(what))
    };
    match std::fs::read_to_string(path) {
        Ok(text) if text.contains("-----BEGIN CERTIFICATE-----") => Ok(text),
        Ok(_) => invalid("holds no certificate in PEM format"),
        Err(error) => invalid(&error.to_string()),
    }
}

fn place(node: &AMQPUri) -> String {
    format!("{}:{} vhost {:?}", node.authority.host, node.authority.port, node.vhost)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    #[test]
    fn a_url_is_read_and_its_password_is_told_to_nobody() {
        let read = |url| Link::new(url, &RabbitOptions::default());
        let link = read("amqp://user:secret@one/shop,amqps://user:secret@two:5671/shop").unwrap();
        assert_eq!((link.nodes.len(), link.location.as_str()), (2, "one:5672 vhost \"shop\""));
        assert!(!format!("{link:?}").contains("secret"));
        assert_eq!(read("amqp://one").unwrap().location, "one:5672 vhost \"/\"");
        let no_certificate = RabbitOptions { tls_ca_file: Some(file!().into()), ..RabbitOptions::default() };
        let error = Link::new("amqps://one", &no_certificate).unwrap_err();
        assert!(error.to_string().contains("tls_ca_file"), "{error}");
        for wrong in ["amqp:secret", "http://user:secret@one", "amqp://user:secret@[::1]/"] {
            let error = read(wrong).unwrap_err();
            assert!(matches!(error, StoreError::Invalid(_)), "{error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[tokio::test]
    async fn who_does_not_answer_is_not_asked_again_by_the_same_call() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("amqp://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
                open.push(stream);
            }
        });
        let connect_timeout = Duration::from_millis(100);
        let link = Link::new(&url, &RabbitOptions { connect_timeout, ..RabbitOptions::default() }).unwrap();
        let error = link.channel(Use::Consume).await.unwrap_err();
        assert!(error.is_transient() && error.to_string().contains("no connection within"), "{error}");
        assert!(asked.load(Ordering::SeqCst) <= 1);
    }
}
