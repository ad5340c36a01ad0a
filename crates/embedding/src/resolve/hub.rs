//! Download from the Hugging Face hub.

use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use backon::{BlockingRetryable, ConstantBuilder};
use hf_hub::api::sync::{ApiBuilder, ApiError};

use super::ResolveOptions;
use super::fetch::{FILES, FetchError, MODEL_BYTES};
use super::progress::{Report, Stage};

const REPOSITORY: &str = "sentence-transformers/all-MiniLM-L6-v2";
const RETRY_DELAY: Duration = Duration::from_millis(500);

enum Event {
    /// The hub answered for a file.
    Answered,
    /// So many more bytes have come.
    Bytes(u64),
    /// All files are in the folder, or not.
    Ended(Result<(), FetchError>),
}

/// Fetches the files into `to`; tries once more when the failure may pass.
pub(super) fn fetch(options: &ResolveOptions, to: &Path, report: &mut Report<'_>) -> Result<(), FetchError> {
    (|| attempt(options, to, report))
        .retry(ConstantBuilder::default().with_delay(RETRY_DELAY).with_max_times(1))
        .when(|error| matches!(error, FetchError::Transient(_)))
        .call()
}

/// The client has no time limits of its own, so it works on a thread that is watched and, when it
/// hangs, left behind: its files are in a scratch folder, nobody waits for it, and it ends with its
/// connection.
fn attempt(options: &ResolveOptions, to: &Path, report: &mut Report<'_>) -> Result<(), FetchError> {
    let (events, inbox) = mpsc::channel();
    let (endpoint, folder) = (options.hub_endpoint.clone(), to.to_path_buf());
    std::thread::Builder::new()
        .name("model-download".into())
        .spawn(move || {
            let outcome = download(&endpoint, &folder, &events);
            let _ = events.send(Event::Ended(outcome));
        })
        .map_err(|e| FetchError::Transient(format!("cannot start a thread: {e}")))?;
    report.stage(Stage::HubConnect, None);
    let started = Instant::now();
    let (mut answered, mut done) = (false, 0u64);
    loop {
        let left = options.download_timeout.saturating_sub(started.elapsed());
        let patience = if answered { options.stall_timeout } else { options.connect_timeout };
        match inbox.recv_timeout(patience.min(left)) {
            Ok(Event::Answered) => answered = true,
            Ok(Event::Bytes(bytes)) => {
                done += bytes;
                report.bytes(Stage::HubDownload, done, Some(MODEL_BYTES));
            }
            Ok(Event::Ended(outcome)) => return outcome,
            Err(RecvTimeoutError::Timeout) if !answered => {
                let seconds = options.connect_timeout.as_secs_f32();
                return Err(FetchError::Unreachable(format!("no answer within {seconds} s")));
            }
            Err(RecvTimeoutError::Timeout) => {
                return Err(FetchError::Unreachable(format!("the download stood still after {done} bytes")));
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(FetchError::Transient("the download thread died".into()));
            }
        }
    }
}

fn download(endpoint: &str, to: &Path, events: &Sender<Event>) -> Result<(), FetchError> {
    let api = ApiBuilder::new()
        .with_endpoint(endpoint.to_owned())
        .with_cache_dir(to.join("hub"))
        .with_token(None)
        .with_progress(false)
        .build()
        .map_err(|e| classify(&e))?;
    let repository = api.model(REPOSITORY.to_owned());
    for name in FILES {
        let watch = Watch { events: events.clone() };
        let file = repository.download_with_progress(name, watch).map_err(|e| classify(&e))?;
        // The client keeps a link to a blob: take the blob itself.
        let blob = file.canonicalize().map_err(|e| FetchError::storage(&file, &e))?;
        std::fs::rename(&blob, to.join(name)).map_err(|e| FetchError::storage(to, &e))?;
    }
    Ok(())
}

struct Watch {
    events: Sender<Event>,
}

impl hf_hub::api::Progress for Watch {
    fn init(&mut self, _size: usize, _filename: &str) {
        let _ = self.events.send(Event::Answered);
    }

    fn update(&mut self, size: usize) {
        let _ = self.events.send(Event::Bytes(size as u64));
    }

    fn finish(&mut self) {}
}

/// A name that does not resolve or a closed port is not tried again: without a network that only takes time.
fn classify(error: &ApiError) -> FetchError {
    let text = first_line(&error.to_string());
    match error {
        ApiError::RequestError(request) => {
            let text = first_line(&request.to_string());
            match text.strip_prefix("http status: ").and_then(|code| code.trim().parse::<u16>().ok()) {
                Some(408 | 425 | 429 | 500..) => FetchError::Transient(format!("HTTP status {text}")),
                Some(_) => FetchError::Refused(text),
                None => FetchError::Unreachable(text),
            }
        }
        ApiError::IoError(_) => FetchError::Transient(text),
        _ => FetchError::Refused(text),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}
