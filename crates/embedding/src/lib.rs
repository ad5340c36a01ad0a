//! Text embeddings: model resolution, tokenisation, inference.
