//! The store on a Qdrant server, by gRPC.
//!
//! A collection for each model and revision; the alias `PREFIX` names the published one. Ids are made from keys, so what
//! is sent twice is stored once. A collection begins in first-load mode: points are taken without building the index, and
//! searches scan; publishing the model builds it. Payload indexes stand from the beginning.

mod check;
mod collections;
mod fault;
mod names;
mod options;
mod read;
#[cfg(any(test, feature = "stand-in"))]
mod stand_in;
mod wire;
mod write;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use qdrant_client::{Qdrant, QdrantError};

use crate::{Filter, Hit, Integrity, PayloadChange, Point, VectorError, VectorStore, Written};

pub use options::{QdrantOptions, Quantization};
#[cfg(any(test, feature = "stand-in"))]
pub use stand_in::QdrantStandIn;

/// Vectors on a Qdrant server. Cheap to clone: clones share connections.
///
/// Unlike the embedded store, a write of more points than fit into one request is not one transaction: cut off in
/// between, the first of them are stored. Running it again completes it.
#[derive(Clone)]
pub struct QdrantVectors {
    client: Qdrant,
    options: QdrantOptions,
    /// Where it is, without credentials.
    location: String,
    /// Dimensions of the collections that are known to be there.
    known: Arc<Mutex<HashMap<String, usize>>>,
}

impl fmt::Debug for QdrantVectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QdrantVectors").field("location", &self.location).finish_non_exhaustive()
    }
}

impl QdrantVectors {
    /// Opens the store and asks the server who it is. Makes nothing: collections come with the first points.
    ///
    /// # Errors
    /// [`VectorError::Unreachable`] when nobody answers (passes), [`VectorError::Refused`] for a wrong key or URL.
    pub async fn open(options: QdrantOptions) -> Result<Self, VectorError> {
        let store = Self::closed(options)?;
        let about = store.ask(&(), |client, ()| async move { client.health_check().await }).await?;
        let ours = env!("CARGO_PKG_VERSION");
        tracing::debug!(location = store.location, version = about.version, ours, "vectors on Qdrant");
        Ok(store)
    }

    /// Whether URL and prefix can be used; nobody is asked.
    ///
    /// # Errors
    /// [`VectorError::Refused`] when not.
    pub fn check_options(options: &QdrantOptions) -> Result<(), VectorError> {
        let location = without_credentials(&options.url);
        let refused = |reason: &str| VectorError::Refused {
            location: location.clone(),
            code: "invalid",
            advice: "the settings of vectors cannot be used",
            reason: reason.to_owned(),
        };
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if !options.url.starts_with("http://") && !options.url.starts_with("https://") {
            return Err(refused("the URL must be http://HOST:6334 or https://HOST:6334"));
        }
        if options.prefix.is_empty() || options.prefix.len() > 64 || !options.prefix.bytes().all(allowed) {
            return Err(refused("the prefix must be 1 to 64 letters, digits, '-' or '_'"));
        }
        Ok(())
    }

    fn closed(options: QdrantOptions) -> Result<Self, VectorError> {
        Self::check_options(&options)?;
        let location = without_credentials(&options.url);
        // Its own check of versions prints to standard output.
        let config = Qdrant::from_url(&options.url)
            .skip_compatibility_check()
            .timeout(options.timeout)
            .connect_timeout(options.connect_timeout)
            .api_key((!options.api_key.is_empty()).then(|| options.api_key.clone()));
        let client = config.build().map_err(|error| VectorError::Refused {
            location: location.clone(),
            code: "invalid",
            advice: "the settings of vectors cannot be used",
            reason: error.to_string(),
        })?;
        Ok(Self { client, options, location, known: Arc::default() })
    }

    /// Where it is, without credentials.
    pub fn location(&self) -> &str {
        &self.location
    }

    async fn ask<R, T, F>(&self, request: &R, call: impl Fn(Qdrant, R) -> F + Sync) -> Result<T, VectorError>
    where
        R: Clone + Sync,
        F: Future<Output = Result<T, QdrantError>> + Send,
    {
        let call = || call(self.client.clone(), request.clone());
        fault::again(self.options.retries, &self.location, call).await
    }

    fn collection(&self, model: &str) -> String {
        names::collection(&self.options.prefix, model)
    }
}

fn without_credentials(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    if scheme.is_empty() { host.to_owned() } else { format!("{scheme}://{host}") }
}

#[async_trait::async_trait]
impl VectorStore for QdrantVectors {
    async fn upsert(&self, model: &str, points: Vec<Point>) -> Result<Written, VectorError> {
        self.upsert_points(model, points).await
    }

    async fn update_payloads(&self, changes: Vec<PayloadChange>) -> Result<Written, VectorError> {
        self.change_payloads(changes).await
    }

    async fn stored_hashes(
        &self,
        model: &str,
        keys: &[String],
    ) -> Result<HashMap<String, Vec<u8>>, VectorError> {
        self.read_hashes(model, keys).await
    }

    async fn delete(&self, keys: &[String]) -> Result<Written, VectorError> {
        self.delete_keys(keys).await
    }

    async fn delete_model(&self, model: &str) -> Result<u64, VectorError> {
        self.drop_collection(model).await
    }

    async fn count(&self, model: &str) -> Result<u64, VectorError> {
        self.count_points(model).await
    }

    async fn search(
        &self,
        model: &str,
        vector: &[f32],
        k: usize,
        filter: &Filter,
    ) -> Result<Vec<Hit>, VectorError> {
        self.nearest(model, vector, k, filter).await
    }

    async fn publish(&self, model: &str) -> Result<bool, VectorError> {
        self.switch_alias(model).await
    }

    async fn check(&self) -> Result<Integrity, VectorError> {
        self.check_all().await
    }
}

#[cfg(test)]
mod tests;
