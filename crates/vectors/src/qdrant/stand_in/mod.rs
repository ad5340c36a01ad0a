//! A server in the process that speaks Qdrant's protocol, on the server stubs of the client crate.
//!
//! It is not Qdrant: it keeps points in a map and scans them. What it copies is what the store depends on: ids, vectors
//! scaled when they are written, payloads replaced or merged, writes that are applied in order and may be
//! acknowledged before that, filters, aliases, and which mistakes get which status.

mod collections;
mod others;
mod points;
mod state;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

#[cfg(test)]
use qdrant_client::qdrant::QuantizationConfig;
use qdrant_client::qdrant::collections_server::CollectionsServer;
use qdrant_client::qdrant::points_server::PointsServer;
use qdrant_client::qdrant::qdrant_server::{Qdrant, QdrantServer};
use qdrant_client::qdrant::{HealthCheckReply, HealthCheckRequest};
use tokio::sync::oneshot;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status};

use state::State;

/// A running stand-in for Qdrant on a free port of 127.0.0.1. Dropping it ends it; its data is in memory.
pub struct QdrantStandIn {
    address: SocketAddr,
    shared: Shared,
    /// Dropping it ends the server.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone, Default)]
struct Shared {
    state: Arc<Mutex<State>>,
}

impl QdrantStandIn {
    /// Starts one on a thread of its own; with `api_key`, requests must carry it.
    ///
    /// # Errors
    /// When no port or thread can be had.
    pub fn start(api_key: &str) -> std::io::Result<Self> {
        let shared = Shared::default();
        api_key.clone_into(&mut shared.lock().api_key);
        // Dropping the runtime breaks open connections, too, as the death of a server does.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let incoming = {
            let _inside = runtime.enter();
            TcpIncoming::bind((Ipv4Addr::LOCALHOST, 0).into())?.with_nodelay(Some(true))
        };
        let address = incoming.local_addr()?;
        let check = shared.clone();
        let guard = move |request: Request<()>| check.admit(request);
        let serving = tonic::transport::Server::builder()
            .add_service(QdrantServer::with_interceptor(shared.clone(), guard.clone()))
            .add_service(CollectionsServer::with_interceptor(shared.clone(), guard.clone()))
            .add_service(PointsServer::with_interceptor(shared.clone(), guard));
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = async move {
            tokio::select! {
                ended = serving.serve_with_incoming(incoming) => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "the stand-in for Qdrant ended");
                    }
                }
                _ = stopped => {}
            }
        };
        let thread = std::thread::Builder::new().name("qdrant-stand-in".to_owned());
        let thread = thread.spawn(move || runtime.block_on(serve))?;
        Ok(Self { address, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it serves.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next `number` requests fail with this status, such as 14 (unavailable).
    pub fn fail_next(&self, number: usize, code: i32) {
        self.shared.lock().failing = (number, code);
    }

    /// Collections and how many points each has.
    pub fn collections(&self) -> Vec<(String, usize)> {
        let state = self.shared.lock();
        state.collections.iter().map(|(name, collection)| (name.clone(), collection.points.len())).collect()
    }

    /// What an alias names.
    pub fn alias(&self, alias: &str) -> Option<String> {
        self.shared.lock().aliases.get(alias).cloned()
    }

    /// Whether the collection builds its index (is not in first-load mode).
    pub fn is_indexed(&self, collection: &str) -> bool {
        self.shared
            .lock()
            .collections
            .get(collection)
            .is_some_and(|collection| collection.indexing_threshold > 0)
    }

    /// Fields of the collection's payload that are indexed, sorted.
    pub fn indexed_fields(&self, collection: &str) -> Vec<String> {
        let state = self.shared.lock();
        state
            .collections
            .get(collection)
            .map_or_else(Vec::new, |found| found.fields.iter().cloned().collect())
    }

    /// Whether the last write of the collection was waited for.
    pub fn last_write_was_waited_for(&self, collection: &str) -> bool {
        self.shared.lock().collections.get(collection).is_some_and(|collection| collection.waited)
    }
}

#[cfg(test)]
impl QdrantStandIn {
    /// How the collection keeps vectors in memory.
    pub(super) fn quantization(&self, collection: &str) -> Option<QuantizationConfig> {
        self.shared.lock().collections.get(collection)?.made_from.quantization_config
    }

    /// Points of the largest write of the collection.
    pub(super) fn largest_write(&self, collection: &str) -> usize {
        self.shared.lock().collections.get(collection).map_or(0, |collection| collection.largest)
    }
}

impl Drop for QdrantStandIn {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // Its panic was reported by the thread.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self, request: Request<()>) -> Result<Request<()>, Status> {
        let mut state = self.lock();
        if state.failing.0 > 0 {
            state.failing.0 -= 1;
            return Err(Status::new(Code::from_i32(state.failing.1), "told to fail"));
        }
        let key = request.metadata().get("api-key").and_then(|key| key.to_str().ok()).unwrap_or_default();
        if state.api_key.is_empty() || state.api_key == key {
            return Ok(request);
        }
        Err(Status::unauthenticated("Must provide an API key or an Authorization bearer token"))
    }
}

#[tonic::async_trait]
impl Qdrant for Shared {
    async fn health_check(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckReply>, Status> {
        let title = "stand-in for qdrant".to_owned();
        Ok(Response::new(HealthCheckReply { title, version: "1.20.0".to_owned(), commit: None }))
    }
}
