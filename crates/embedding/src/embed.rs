//! The contract of an embedder.

use crate::ModelId;

/// What nearness of two vectors means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Near in meaning.
    Semantic,
    /// Near in words: shared words and word parts.
    Lexical,
}

/// Turns texts into vectors. Blocking and CPU-bound; may be called from several threads at once. How many
/// processors one call uses is up to the implementation.
pub trait Embed: Send + Sync {
    /// What made the vectors; stored beside them.
    fn model(&self) -> &ModelId;

    /// Length of every vector.
    fn dimensions(&self) -> usize;

    /// What nearness means here.
    fn kind(&self) -> Kind;

    /// One vector per text, in the order given, each of length one (zero when a lexical embedder finds no
    /// word). The same call gives the same bits on the same machine; in other company a text's vector may
    /// differ in the last digits (cosine above 0.999999). All texts or none: an error embeds nothing.
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError>;
}

/// Why texts could not be embedded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// The tokenizer refused a text. Does not pass.
    #[error("cannot tokenise a text: {reason}")]
    Tokenise {
        /// What it said.
        reason: String,
    },
    /// The model could not be computed. Does not pass: the weights do not fit the model.
    #[error("cannot compute embeddings with {model}: {reason}")]
    Inference {
        /// The model.
        model: ModelId,
        /// What was said.
        reason: String,
    },
    /// No thread could be started to compute on. Passes.
    #[error("cannot start a thread to compute embeddings: {reason}")]
    NoThread {
        /// What the system said.
        reason: String,
    },
}

impl EmbedError {
    /// Whether the same call can succeed later without anybody changing code or input.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::NoThread { .. })
    }
}
