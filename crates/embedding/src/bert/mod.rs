//! The BERT encoder: token ids in, one vector a token out.

mod attention;
mod config;
mod encoder;
mod pool;

pub(crate) use config::{BertConfig, MINILM_CONFIG};
pub(crate) use encoder::Bert;
pub(crate) use pool::mean_and_normalise;
