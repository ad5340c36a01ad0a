//! all-MiniLM-L6-v2, and other BERT sentence models with mean pooling.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};
use sha2::{Digest, Sha256};
use tokenizers::{Tokenizer, TruncationParams};

use crate::bert::{Bert, BertConfig, MINILM_CONFIG, mean_and_normalise};
use crate::{Embed, EmbedError, Kind, ModelId, plan_batches};

/// Longest text in tokens, with the two that mark start and end; what is longer is cut.
pub const MAX_TOKENS: usize = 256;
/// Tokens of one pass through the model, padding included: the activations stay in the processor's cache.
const TOKEN_BUDGET: usize = 1024;
/// Longest text in bytes that is looked at; far more than 256 tokens of any ordinary text.
const MAX_TEXT_BYTES: usize = 16 * 1024;
/// Largest weights file read (a BERT-large has 1.3 GB).
const MAX_WEIGHTS_BYTES: u64 = 4 << 30;
const MAX_JSON_BYTES: u64 = 64 << 20;

/// SHA-256 of the published `model.safetensors` of all-MiniLM-L6-v2.
pub(crate) const WEIGHTS_SHA256: &str = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db";
/// SHA-256 of its `tokenizer.json`.
pub(crate) const TOKENIZER_SHA256: &str = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037";

/// Why a model folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A file is missing or cannot be read.
    #[error("cannot read {path}: {reason}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A file holds something else than a BERT sentence model.
    #[error("{path} cannot be used: {reason}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file is not the published one: damaged or tampered with.
    #[error("{path} has SHA-256 {found}, expected {expected}")]
    Checksum {
        /// The file.
        path: PathBuf,
        /// What it has.
        found: String,
        /// What it should have.
        expected: &'static str,
    },
}

/// A BERT sentence model on candle: mean pooling, vectors of length one, at most [`MAX_TOKENS`] tokens.
///
/// A call computes on one thread of its own, with one exception: candle runs element-wise operations on
/// 65,536 numbers and more over a pool of the whole process, which calls share under one lock. Only the
/// environment variable `CANDLE_NUM_THREADS=1`, set before the process starts, confines these too; the
/// `backstock` binary starts itself with it.
pub struct MiniLm {
    id: ModelId,
    bert: Bert,
    tokenizer: Tokenizer,
    max_tokens: usize,
    /// Pools of one thread, one for each call in progress: matrix products, softmax and norms split their
    /// work over the pool they are called in, and a job slot is to use one processor.
    idle: Mutex<Vec<ThreadPool>>,
}

impl MiniLm {
    /// Loads `model.safetensors`, `tokenizer.json` and, where there is one, `config.json` from a folder.
    /// Any BERT sentence model with mean pooling will do; its id is made of the hashes of its files.
    pub fn load(folder: &Path) -> Result<Self, LoadError> {
        Self::read(folder, false)
    }

    /// Like [`load`](Self::load), but only the published all-MiniLM-L6-v2, byte for byte.
    pub fn load_pinned(folder: &Path) -> Result<Self, LoadError> {
        Self::read(folder, true)
    }

    fn read(folder: &Path, pinned: bool) -> Result<Self, LoadError> {
        let weights_path = folder.join("model.safetensors");
        let tokenizer_path = folder.join("tokenizer.json");
        let tokenizer_bytes = read_limited(&tokenizer_path, MAX_JSON_BYTES)?;
        let tokenizer_sha = sha256_hex(&tokenizer_bytes);
        let weights = read_limited(&weights_path, MAX_WEIGHTS_BYTES)?;
        let weights_sha = sha256_hex(&weights);
        if pinned {
            matches_pin(&tokenizer_path, &tokenizer_sha, TOKENIZER_SHA256)?;
            matches_pin(&weights_path, &weights_sha, WEIGHTS_SHA256)?;
        }
        let config = read_config(&folder.join("config.json"), pinned)?;
        let max_tokens = MAX_TOKENS.min(config.max_position_embeddings);
        let tokenizer = read_tokenizer(&tokenizer_path, &tokenizer_bytes, &config, max_tokens)?;
        let bert = Bert::load(&weights, config)
            .map_err(|e| LoadError::Unusable { path: weights_path, reason: e.to_string() })?;
        let id = model_id(folder, &weights_sha, &tokenizer_sha);
        Ok(Self { id, bert, tokenizer, max_tokens, idle: Mutex::default() })
    }

    fn tokenise(&self, texts: &[&str]) -> Result<Vec<Vec<u32>>, EmbedError> {
        let ids = |text: &&str| {
            let encoded = self
                .tokenizer
                .encode_fast(cut(text), true)
                .map_err(|e| EmbedError::Tokenise { reason: e.to_string() })?;
            let mut ids = encoded.get_ids().to_vec();
            ids.truncate(self.max_tokens);
            Ok(ids)
        };
        texts.iter().map(ids).collect()
    }

    fn compute(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let ids = self.tokenise(texts)?;
        let lengths: Vec<usize> = ids.iter().map(Vec::len).collect();
        let mut vectors = vec![Vec::new(); texts.len()];
        for batch in plan_batches(&lengths, TOKEN_BUDGET) {
            let rows: Vec<&[u32]> = batch.iter().map(|&at| ids[at].as_slice()).collect();
            let states =
                self.bert
                    .forward(&rows)
                    .and_then(|states| states.flatten_all()?.to_vec1::<f32>())
                    .map_err(|e| EmbedError::Inference { model: self.id.clone(), reason: e.to_string() })?;
            let per_text = states.len() / batch.len();
            for (states, &at) in states.chunks_exact(per_text).zip(&batch) {
                vectors[at] = mean_and_normalise(states, lengths[at], self.dimensions());
            }
        }
        Ok(vectors)
    }
}

impl Embed for MiniLm {
    fn model(&self) -> &ModelId {
        &self.id
    }

    fn dimensions(&self) -> usize {
        self.bert.config.hidden_size
    }

    fn kind(&self) -> Kind {
        Kind::Semantic
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let pool = match idle {
            Some(pool) => pool,
            None => ThreadPoolBuilder::new()
                .num_threads(1)
                .thread_name(|_| "embedding".into())
                .build()
                .map_err(|e| EmbedError::NoThread { reason: e.to_string() })?,
        };
        let vectors = pool.install(|| self.compute(texts));
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(pool);
        vectors
    }
}

impl std::fmt::Debug for MiniLm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MiniLm").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The published files have the model's own name; anything else is named after its folder.
fn model_id(folder: &Path, weights_sha: &str, tokenizer_sha: &str) -> ModelId {
    if weights_sha == WEIGHTS_SHA256 && tokenizer_sha == TOKENIZER_SHA256 {
        return ModelId::new("all-MiniLM-L6-v2", &weights_sha[..12]);
    }
    let name = folder.file_name().map_or_else(|| "model".into(), |n| n.to_string_lossy().into_owned());
    ModelId::new(name, format!("{}-{}", &weights_sha[..12], &tokenizer_sha[..8]))
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT_BYTES)]
}

fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>, LoadError> {
    let failed = |reason: String| LoadError::Read { path: path.to_path_buf(), reason };
    let size = std::fs::metadata(path).map_err(|e| failed(e.to_string()))?.len();
    if size > limit {
        return Err(failed(format!("{size} bytes are more than the {limit} allowed")));
    }
    std::fs::read(path).map_err(|e| failed(e.to_string()))
}

fn read_config(path: &Path, pinned: bool) -> Result<BertConfig, LoadError> {
    let json = if pinned || !path.exists() {
        MINILM_CONFIG.to_owned()
    } else {
        String::from_utf8_lossy(&read_limited(path, MAX_JSON_BYTES)?).into_owned()
    };
    BertConfig::parse(&json).map_err(|reason| LoadError::Unusable { path: path.to_path_buf(), reason })
}

fn read_tokenizer(
    path: &Path,
    bytes: &[u8],
    config: &BertConfig,
    max_tokens: usize,
) -> Result<Tokenizer, LoadError> {
    let unusable = |reason: String| LoadError::Unusable { path: path.to_path_buf(), reason };
    let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(|e| unusable(e.to_string()))?;
    let vocabulary = tokenizer.get_vocab(true);
    let greatest = vocabulary.values().max().copied().unwrap_or(0) as usize;
    if greatest >= config.vocab_size {
        return Err(unusable(format!("its token {greatest} is not in the model's {}", config.vocab_size)));
    }
    // The published file cuts and pads to 128 tokens; the model is used with 256 and padded by batch.
    let truncation = TruncationParams { max_length: max_tokens, ..TruncationParams::default() };
    tokenizer.with_truncation(Some(truncation)).map_err(|e| unusable(e.to_string()))?;
    tokenizer.with_padding(None);
    Ok(tokenizer)
}

fn matches_pin(path: &Path, found: &str, expected: &'static str) -> Result<(), LoadError> {
    if found == expected {
        return Ok(());
    }
    Err(LoadError::Checksum { path: path.to_path_buf(), found: found.to_owned(), expected })
}

/// Lower-case hexadecimal SHA-256.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
pub(crate) mod tests;
