//! Where vectors are kept.

use crate::failure::Failure;
use backstock_config::Config;
#[cfg(feature = "qdrant")]
use backstock_config::Quantization;
#[cfg(feature = "qdrant")]
use backstock_vectors::{QdrantOptions, QdrantVectors};
use backstock_vectors::{SqliteVectors, SqliteVectorsOptions, VectorStore};
use std::path::PathBuf;
use std::sync::Arc;
#[cfg(feature = "qdrant")]
use std::time::Duration;

/// Where `vectors.url` leads.
enum Place {
    File(PathBuf),
    #[cfg(feature = "qdrant")]
    Qdrant(QdrantOptions),
}

/// The store; a file is made where it is missing.
pub async fn open(config: &Config) -> Result<Arc<dyn VectorStore>, Failure> {
    Ok(match place(config)? {
        Place::File(path) => {
            Arc::new(SqliteVectors::open(SqliteVectorsOptions::new(path)).await.map_err(Failure::data)?)
        }
        #[cfg(feature = "qdrant")]
        Place::Qdrant(options) => Arc::new(QdrantVectors::open(options).await.map_err(Failure::data)?),
    })
}

/// Checks URL and names without opening anything.
pub fn check(config: &Config) -> Result<(), Failure> {
    place(config).map(|_| ())
}

/// Whether the vectors lie on a server, where a demonstration must keep to itself.
pub fn vectors_are_remote(config: &Config) -> Result<bool, Failure> {
    Ok(!matches!(place(config)?, Place::File(_)))
}

fn place(config: &Config) -> Result<Place, Failure> {
    match config.vectors.url.split_once(':') {
        None if config.vectors.url == "sqlite" => Ok(Place::File(config.data_dir.join("vectors.db"))),
        Some(("sqlite", path)) if !path.is_empty() => Ok(Place::File(PathBuf::from(path))),
        Some(("http" | "https", _)) => remote(config),
        _ => Err(Failure::usage(
            "`vectors.url` must be \"sqlite\", \"sqlite:PATH\" or the \"http://HOST:6334\" of a Qdrant server",
        )),
    }
}

#[cfg(feature = "qdrant")]
fn remote(config: &Config) -> Result<Place, Failure> {
    let vectors = &config.vectors;
    let options = QdrantOptions {
        api_key: vectors.api_key.reveal().to_owned(),
        prefix: vectors.prefix.clone(),
        quantization: match vectors.quantization {
            Quantization::None => backstock_vectors::Quantization::None,
            Quantization::Scalar => backstock_vectors::Quantization::Scalar,
            Quantization::Binary => backstock_vectors::Quantization::Binary,
        },
        chunk: vectors.chunk_points,
        timeout: Duration::from_secs(vectors.timeout_seconds),
        ..QdrantOptions::new(&vectors.url)
    };
    QdrantVectors::check_options(&options).map_err(Failure::usage)?;
    Ok(Place::Qdrant(options))
}

#[cfg(not(feature = "qdrant"))]
fn remote(_: &Config) -> Result<Place, Failure> {
    Err(Failure::usage("`vectors.url`: this program was built without the feature `qdrant`"))
}
