//! What embeds texts and cuts pictures.

use super::Report;
use crate::app;
use crate::failure::Failure;
use backstock_config::{Config, EmbeddingModel};
use backstock_media::Engine;
use serde_json::json;

/// Which model embeds texts. Nothing is downloaded for this.
pub async fn model(config: &Config) -> Result<Report, Failure> {
    let mut offline = config.clone();
    offline.embedding.download = false;
    match app::embedder(&offline).await {
        Ok((embedder, told)) => Ok(Report::sound(told, json!({ "model": embedder.model().to_string() }))),
        Err(_) if config.embedding.model == EmbeddingModel::Minilm && config.embedding.download => Ok(
            Report::sound("not here yet; the first import or search downloads it", json!({ "model": null })),
        ),
        Err(failure) => Err(failure),
    }
}

/// Which codecs cut pictures. Never a flaw: both do.
pub fn images(config: &Config) -> Report {
    let engine = app::recipe(config).engine;
    let told = match engine {
        Engine::Turbo => "turbo: libjpeg-turbo and libwebp, with Rust for the rest",
        Engine::Rust if Engine::Turbo.is_available() => {
            "rust, as configured; `media.engine = \"auto\"` takes about two thirds of the time"
        }
        Engine::Rust => {
            "rust; a build with `--features turbo` (needs cmake and nasm) is faster and writes lossy WebP"
        }
    };
    Report::sound(told, json!({ "engine": engine.name(), "avif": cfg!(feature = "avif") }))
}
