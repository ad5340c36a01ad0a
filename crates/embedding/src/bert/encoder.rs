//! Embedding tables and layers.

use candle_core::{DType, Device, IndexOp, Module, Result, Tensor};
use candle_nn::{LayerNorm, Linear, VarBuilder, layer_norm};

use super::attention::Attention;
use super::config::BertConfig;

/// Added to the score of padding: far below any real score, far above −∞ (which would give NaN).
const PADDING_SCORE: f32 = -1e9;

/// A BERT encoder on the processor, 32-bit floats.
#[derive(Debug)]
pub(crate) struct Bert {
    words: Tensor,
    /// Position embeddings with those of token type 0 added: a single text has only type 0.
    positions: Tensor,
    norm: LayerNorm,
    layers: Vec<Layer>,
    pub(crate) config: BertConfig,
}

impl Bert {
    /// Reads the weights from a safetensors file in memory.
    pub(crate) fn load(weights: &[u8], config: BertConfig) -> Result<Self> {
        let vb = VarBuilder::from_slice_safetensors(weights, DType::F32, &Device::Cpu)?;
        // Some files keep the encoder under the name of the task model around it.
        let vb =
            if vb.contains_tensor("bert.embeddings.word_embeddings.weight") { vb.pp("bert") } else { vb };
        let (hidden, eps) = (config.hidden_size, config.layer_norm_eps);
        let tables = vb.pp("embeddings");
        let words = tables.get((config.vocab_size, hidden), "word_embeddings.weight")?;
        let positions = tables.get((config.max_position_embeddings, hidden), "position_embeddings.weight")?;
        let types = tables.get((config.type_vocab_size, hidden), "token_type_embeddings.weight")?;
        let norm = layer_norm(hidden, eps, tables.pp("LayerNorm"))?;
        let layers = (0..config.num_hidden_layers)
            .map(|n| Layer::load(&vb.pp("encoder").pp("layer").pp(n), &config))
            .collect::<Result<_>>()?;
        Ok(Self { words, positions: positions.broadcast_add(&types.i(0)?)?, norm, layers, config })
    }

    /// Hidden states (batch × longest × hidden) of texts given as token ids.
    pub(crate) fn forward(&self, texts: &[&[u32]]) -> Result<Tensor> {
        let longest = texts.iter().map(|ids| ids.len()).max().unwrap_or(0);
        let padded = texts.iter().any(|ids| ids.len() != longest);
        let mut ids = Vec::with_capacity(texts.len() * longest);
        for text in texts {
            ids.extend_from_slice(text);
            ids.resize(ids.len() + longest - text.len(), self.config.pad_token_id);
        }
        let words = self.words.embedding(&Tensor::from_vec(ids, texts.len() * longest, &Device::Cpu)?)?;
        let words = words.reshape((texts.len(), longest, self.config.hidden_size))?;
        let mask = if padded { Some(padding_mask(texts, longest)?) } else { None };
        let mut x = self.norm.forward(&words.broadcast_add(&self.positions.narrow(0, 0, longest)?)?)?;
        for layer in &self.layers {
            x = layer.forward(&x, mask.as_ref())?;
        }
        Ok(x)
    }
}

fn padding_mask(texts: &[&[u32]], longest: usize) -> Result<Tensor> {
    let mut mask = Vec::with_capacity(texts.len() * longest);
    for text in texts {
        mask.resize(mask.len() + text.len(), 0.0);
        mask.resize(mask.len() + longest - text.len(), PADDING_SCORE);
    }
    Tensor::from_vec(mask, (texts.len(), 1, 1, longest), &Device::Cpu)
}

#[derive(Debug)]
struct Layer {
    attention: Attention,
    attention_norm: LayerNorm,
    up: Linear,
    down: Linear,
    norm: LayerNorm,
}

impl Layer {
    fn load(vb: &VarBuilder, config: &BertConfig) -> Result<Self> {
        let (hidden, inner, eps) = (config.hidden_size, config.intermediate_size, config.layer_norm_eps);
        Ok(Self {
            attention: Attention::load(&vb.pp("attention"), config)?,
            attention_norm: layer_norm(hidden, eps, vb.pp("attention").pp("output").pp("LayerNorm"))?,
            up: candle_nn::linear(hidden, inner, vb.pp("intermediate").pp("dense"))?,
            down: candle_nn::linear(inner, hidden, vb.pp("output").pp("dense"))?,
            norm: layer_norm(hidden, eps, vb.pp("output").pp("LayerNorm"))?,
        })
    }

    fn forward(&self, x: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
        let x = self.attention_norm.forward(&(self.attention.forward(x, mask)? + x)?)?;
        let inner = self.up.forward(&x)?.gelu_erf()?;
        self.norm.forward(&(self.down.forward(&inner)? + x)?)
    }
}
