//! Text embeddings: model resolution, tokenisation, inference.
//!
//! [`Embed`] is the seam. [`MiniLm`] runs all-MiniLM-L6-v2 on candle, on any processor;
//! [`FeatureHashing`] needs no weights and is lexical: it finds shared words, not shared meaning.
//! [`resolve`] decides which one runs and says why.
//!
//! Everything here blocks: call it on a pool for processor work.

mod batches;
mod bert;
mod embed;
mod hashing;
mod minilm;
mod model_id;
mod resolve;

pub use batches::plan_batches;
pub use embed::{Embed, EmbedError, Kind};
pub use hashing::FeatureHashing;
pub use minilm::{LoadError, MAX_TOKENS, MiniLm};
pub use model_id::ModelId;
pub use resolve::{
    Attempt, Choice, Progress, Resolution, ResolveError, ResolveOptions, Source, Stage, resolve,
    user_cache_dir,
};

// Only to switch on its AVX-512 kernels, which candle uses when they are compiled in.
use gemm as _;
