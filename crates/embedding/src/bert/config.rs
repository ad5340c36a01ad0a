//! The part of `config.json` that the computation depends on.

use serde::Deserialize;

/// `config.json` of all-MiniLM-L6-v2: a folder without one is taken to hold this model.
pub(crate) const MINILM_CONFIG: &str = r#"{"model_type":"bert","hidden_act":"gelu","hidden_size":384,
"intermediate_size":1536,"layer_norm_eps":1e-12,"max_position_embeddings":512,"num_attention_heads":12,
"num_hidden_layers":6,"pad_token_id":0,"position_embedding_type":"absolute","type_vocab_size":2,
"vocab_size":30522}"#;

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct BertConfig {
    pub(crate) model_type: String,
    pub(crate) hidden_act: String,
    pub(crate) hidden_size: usize,
    pub(crate) intermediate_size: usize,
    pub(crate) layer_norm_eps: f64,
    pub(crate) max_position_embeddings: usize,
    pub(crate) num_attention_heads: usize,
    pub(crate) num_hidden_layers: usize,
    #[serde(default)]
    pub(crate) pad_token_id: u32,
    #[serde(default = "absolute")]
    pub(crate) position_embedding_type: String,
    pub(crate) type_vocab_size: usize,
    pub(crate) vocab_size: usize,
}

fn absolute() -> String {
    "absolute".into()
}

impl BertConfig {
    /// Reads and checks a `config.json`.
    pub(crate) fn parse(json: &str) -> Result<Self, String> {
        let config: Self = serde_json::from_str(json).map_err(|e| e.to_string())?;
        let refused = if config.model_type != "bert" {
            format!("model_type is {:?}, only \"bert\" is supported", config.model_type)
        } else if config.hidden_act != "gelu" {
            format!("hidden_act is {:?}, only \"gelu\" is supported", config.hidden_act)
        } else if config.position_embedding_type != "absolute" {
            "position_embedding_type must be \"absolute\"".into()
        } else if config.num_attention_heads == 0
            || !config.hidden_size.is_multiple_of(config.num_attention_heads)
        {
            "num_attention_heads must divide hidden_size".into()
        } else if config.hidden_size == 0 || config.num_hidden_layers > 256 || config.vocab_size == 0 {
            "hidden_size, num_hidden_layers or vocab_size is out of range".into()
        } else if config.max_position_embeddings < 8 {
            "max_position_embeddings is too small".into()
        } else {
            return Ok(config);
        };
        Err(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_config_is_accepted_and_other_architectures_are_named() {
        assert_eq!(BertConfig::parse(MINILM_CONFIG).unwrap().hidden_size, 384);
        let other = MINILM_CONFIG.replace("\"bert\"", "\"llama\"");
        assert!(BertConfig::parse(&other).unwrap_err().contains("llama"));
        assert!(BertConfig::parse(&MINILM_CONFIG.replace(":12", ":7")).unwrap_err().contains("divide"));
        assert!(BertConfig::parse("{}").is_err());
    }
}
