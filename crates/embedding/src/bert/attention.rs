//! Self-attention with one fused product for queries, keys and values.

use candle_core::{D, Module, Result, Tensor};
use candle_nn::{Linear, VarBuilder, ops::softmax_last_dim};

use super::config::BertConfig;

#[derive(Debug)]
pub(super) struct Attention {
    /// Query, key and value weights stacked; the scale 1/√d is folded into the query's.
    qkv: Linear,
    out: Linear,
    heads: usize,
}

impl Attention {
    pub(super) fn load(vb: &VarBuilder, config: &BertConfig) -> Result<Self> {
        let (hidden, heads) = (config.hidden_size, config.num_attention_heads);
        let scale = 1.0 / ((hidden / heads) as f64).sqrt();
        let part = |name: &str, scale: f64| -> Result<(Tensor, Tensor)> {
            let vb = vb.pp("self").pp(name);
            Ok(((vb.get((hidden, hidden), "weight")? * scale)?, (vb.get(hidden, "bias")? * scale)?))
        };
        let (q, k, v) = (part("query", scale)?, part("key", 1.0)?, part("value", 1.0)?);
        let weight = Tensor::cat(&[q.0, k.0, v.0], 0)?;
        let bias = Tensor::cat(&[q.1, k.1, v.1], 0)?;
        let out = candle_nn::linear(hidden, hidden, vb.pp("output").pp("dense"))?;
        Ok(Self { qkv: Linear::new(weight, Some(bias)), out, heads })
    }

    /// `mask` (batch × 1 × 1 × tokens) is 0 for a token and very negative for padding; `None` when there is
    /// no padding.
    pub(super) fn forward(&self, x: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
        let (batch, tokens, hidden) = x.dims3()?;
        let qkv = self
            .qkv
            .forward(x)?
            .reshape((batch, tokens, 3, self.heads, hidden / self.heads))?
            .permute((2, 0, 3, 1, 4))?
            .contiguous()?;
        let (q, k, v) = (qkv.get(0)?, qkv.get(1)?, qkv.get(2)?);
        let mut scores = q.matmul(&k.transpose(D::Minus1, D::Minus2)?)?;
        if let Some(mask) = mask {
            scores = scores.broadcast_add(mask)?;
        }
        let context = softmax_last_dim(&scores)?.matmul(&v)?;
        self.out.forward(&context.transpose(1, 2)?.reshape((batch, tokens, hidden))?)
    }
}
