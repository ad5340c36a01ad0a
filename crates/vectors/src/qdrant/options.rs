//! How a store on Qdrant is opened.

use std::time::Duration;

/// How [`super::QdrantVectors::open`] opens its server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QdrantOptions {
    /// Where it serves gRPC: `http://HOST:6334`, or `https://…` for TLS.
    pub url: String,
    /// Sent with every request; empty: none.
    pub api_key: String,
    /// Start of every collection's name, and the name of the alias of the published model. Deployments with different
    /// prefixes share a server. Letters, digits, `-` and `_`. Default `backstock`.
    pub prefix: String,
    /// How vectors are kept in memory. Applies to collections made from then on. Default none.
    pub quantization: Quantization,
    /// Points sent together, 64 to 256; fewer when their vectors are long. Default 256.
    pub chunk: usize,
    /// How long one answer may take. Default 30 s.
    pub timeout: Duration,
    /// How long a connection may take. Default 5 s.
    pub connect_timeout: Duration,
    /// How often a call that may pass is tried again. Default 4, half a second to eight seconds in all.
    pub retries: usize,
}

/// How vectors are kept in memory for searching.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Quantization {
    /// As they are: 4 bytes a number.
    #[default]
    None,
    /// One byte a number, rescored with the whole vector.
    Scalar,
    /// One bit a number, rescored with the whole vector; for long vectors (1,024 dimensions and more).
    Binary,
}

impl QdrantOptions {
    /// The defaults for a server.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            api_key: String::new(),
            prefix: "backstock".to_owned(),
            quantization: Quantization::None,
            chunk: 256,
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            retries: 4,
        }
    }
}
