use std::collections::HashMap;
use std::sync::Arc;

use candle_core::{Device, Tensor};
use serde::Deserialize;
use tempfile::TempDir;

use super::*;

/// Folder of the real model; `tests/run` sets it.
const MODEL_DIR: &str = "BACKSTOCK_TEST_MODEL_DIR";

#[derive(Deserialize)]
struct Reference {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    text: String,
    times: usize,
    vector: Vec<f32>,
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    dot(a, b) / (dot(a, a).sqrt() * dot(b, b).sqrt())
}

fn real_model() -> MiniLm {
    let folder = std::env::var_os(MODEL_DIR)
        .unwrap_or_else(|| panic!("{MODEL_DIR} is not set; tests/fetch-model FOLDER fetches the model"));
    let loaded = MiniLm::load_pinned(Path::new(&folder));
    loaded.unwrap_or_else(|e| panic!("the model in {MODEL_DIR} is unusable: {e}"))
}

#[test]
#[ignore = "needs the language model: tests/run fetches it and runs this"]
fn the_real_model_agrees_with_sentence_transformers() {
    let model = real_model();
    let reference: Reference = serde_json::from_str(include_str!("reference.json")).unwrap();
    let texts: Vec<String> = reference.cases.iter().map(|c| c.text.repeat(c.times)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let together = model.embed(&texts).unwrap();
    for (case, (text, vector)) in reference.cases.iter().zip(texts.iter().zip(&together)) {
        let alone = &model.embed(&[text]).unwrap()[0];
        for got in [vector, alone] {
            let near = cosine(got, &case.vector);
            assert!(near >= 0.9999, "cosine {near} for {:?}", case.text);
            assert!((cosine(got, got) - 1.0).abs() < 1e-6);
        }
        assert!(cosine(vector, alone) > 0.999_999, "company changes {:?}", case.text);
    }
    assert_eq!(together, model.embed(&texts).unwrap(), "the same call gives the same bits");
    assert_eq!(model.model().to_string(), "all-MiniLM-L6-v2@53aa51172d14");
}

/// A tiny BERT with made-up weights: exercises everything but the real weights' values.
pub(crate) fn write_tiny_model(folder: &Path) {
    let (hidden, inner, vocabulary) = (8usize, 16usize, 9usize);
    let mut state = 1u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((state >> 40) as f32 / (1u64 << 24) as f32) - 0.5
    };
    let mut tensors: HashMap<String, Tensor> = HashMap::new();
    let mut add = |name: String, shape: &[usize]| {
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| next()).collect();
        tensors.insert(name, Tensor::from_vec(values, shape, &Device::Cpu).unwrap());
    };
    add("embeddings.word_embeddings.weight".into(), &[vocabulary, hidden]);
    add("embeddings.position_embeddings.weight".into(), &[16, hidden]);
    add("embeddings.token_type_embeddings.weight".into(), &[2, hidden]);
    let layers = (0..2).map(|n| format!("encoder.layer.{n}.")).collect::<Vec<_>>();
    let mut norms = vec!["embeddings.LayerNorm".to_string()];
    for layer in &layers {
        for part in ["self.query", "self.key", "self.value", "output.dense"] {
            add(format!("{layer}attention.{part}.weight"), &[hidden, hidden]);
            add(format!("{layer}attention.{part}.bias"), &[hidden]);
        }
        add(format!("{layer}intermediate.dense.weight"), &[inner, hidden]);
        add(format!("{layer}intermediate.dense.bias"), &[inner]);
        add(format!("{layer}output.dense.weight"), &[hidden, inner]);
        add(format!("{layer}output.dense.bias"), &[hidden]);
        norms.extend([format!("{layer}attention.output.LayerNorm"), format!("{layer}output.LayerNorm")]);
    }
    for norm in &norms {
        add(format!("{norm}.bias"), &[hidden]);
    }
    for norm in norms {
        // Ones, as before training: small random weights would make all texts alike.
        let ones = Tensor::ones(hidden, candle_core::DType::F32, &Device::Cpu).unwrap();
        tensors.insert(format!("{norm}.weight"), ones);
    }
    candle_core::safetensors::save(&tensors, folder.join("model.safetensors")).unwrap();
    std::fs::write(
        folder.join("config.json"),
        r#"{"model_type":"bert","hidden_act":"gelu","hidden_size":8,"intermediate_size":16,"layer_norm_eps":1e-12,
        "max_position_embeddings":16,"num_attention_heads":2,"num_hidden_layers":2,"type_vocab_size":2,
        "vocab_size":9}"#,
    )
    .unwrap();
    std::fs::write(
        folder.join("tokenizer.json"),
        r###"{"version":"1.0","added_tokens":[],"normalizer":{"type":"BertNormalizer","clean_text":true,
        "handle_chinese_chars":true,"strip_accents":null,"lowercase":true},
        "pre_tokenizer":{"type":"BertPreTokenizer"},
        "post_processor":{"type":"BertProcessing","sep":["[SEP]",3],"cls":["[CLS]",2]},
        "decoder":null,"model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##",
        "max_input_chars_per_word":100,"vocab":{"[PAD]":0,"[UNK]":1,"[CLS]":2,"[SEP]":3,"red":4,"jack":5,
        "##et":6,"shoe":7,"##s":8}}}"###,
    )
    .unwrap();
}

fn tiny() -> (TempDir, MiniLm) {
    let dir = TempDir::new().unwrap();
    write_tiny_model(dir.path());
    let model = MiniLm::load(dir.path()).unwrap();
    (dir, model)
}

#[test]
fn a_text_gets_the_same_vector_alone_and_in_company_of_longer_ones() {
    let (_dir, model) = tiny();
    let long = "red jackets shoes ".repeat(200);
    let texts = ["red shoes", long.as_str(), "", "Red JACKET", "red shoes"];
    let together = model.embed(&texts).unwrap();
    assert_eq!(together[0], together[4]);
    for (text, vector) in texts.iter().zip(&together) {
        let alone = &model.embed(&[text]).unwrap()[0];
        assert!(cosine(alone, vector) > 0.999_999, "{text:?}");
        assert!((cosine(vector, vector) - 1.0).abs() < 1e-6 && vector.len() == 8);
    }
    assert!(cosine(&together[0], &together[3]) < 0.9999, "different texts differ");
    assert!(model.embed(&[]).unwrap().is_empty());
}

#[test]
fn calls_from_several_threads_agree() {
    let (_dir, model) = tiny();
    let model = Arc::new(model);
    let want = model.embed(&["red jacket", "shoes"]).unwrap();
    let start = Arc::new(std::sync::Barrier::new(4));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (model, start) = (Arc::clone(&model), Arc::clone(&start));
            std::thread::spawn(move || {
                start.wait();
                model.embed(&["red jacket", "shoes"]).unwrap()
            })
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), want);
    }
}

#[test]
fn other_weights_have_another_id_and_are_not_taken_for_the_published_ones() {
    let (dir, model) = tiny();
    assert_eq!(model.model().revision().len(), 12 + 1 + 8);
    let error = MiniLm::load_pinned(dir.path()).unwrap_err();
    assert!(matches!(error, LoadError::Checksum { .. }), "{error}");
}

#[test]
fn a_broken_folder_is_refused_by_the_file_that_breaks_it() {
    let (dir, _model) = tiny();
    let weights = dir.path().join("model.safetensors");
    let sound = std::fs::read(&weights).unwrap();
    std::fs::write(&weights, &sound[..sound.len() / 2]).unwrap();
    let error = MiniLm::load(dir.path()).unwrap_err();
    assert!(matches!(&error, LoadError::Unusable { path, .. } if *path == weights), "{error}");
    std::fs::write(&weights, &sound).unwrap();
    let tokenizer = dir.path().join("tokenizer.json");
    let json = std::fs::read_to_string(&tokenizer).unwrap();
    std::fs::write(&tokenizer, json.replace("\"##s\":8", "\"##s\":80")).unwrap();
    let error = MiniLm::load(dir.path()).unwrap_err();
    assert!(matches!(&error, LoadError::Unusable { path, .. } if *path == tokenizer), "{error}");
    std::fs::remove_file(&tokenizer).unwrap();
    assert!(matches!(MiniLm::load(dir.path()).unwrap_err(), LoadError::Read { .. }));
}

#[test]
fn a_huge_text_is_cut_at_a_character() {
    let text = "é".repeat(MAX_TEXT_BYTES);
    assert!(cut(&text).len() <= MAX_TEXT_BYTES && text.starts_with(cut(&text)));
    let odd = format!("a{text}");
    assert_eq!(cut(&odd).len(), MAX_TEXT_BYTES - 1);
}
