//! One picture by its URL.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use ureq::http::{HeaderMap, Response, Uri, header};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body};

use super::FetchError;
use super::hosts::{Ended, Hosts};
use super::resolver::{Forbidden, Guarded};

/// Bounds on every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpOptions {
    /// Longest answer in bytes. Default 32 MiB.
    pub max_bytes: u64,
    /// For one picture, from the first look-up of a name to the last byte, redirects included. Default 20 seconds.
    pub timeout: Duration,
    /// Redirects followed. Default 5.
    pub max_redirects: u32,
    /// Requests to one host at a time. Default 4.
    pub per_host: usize,
    /// Whether hosts need not be on the public internet: for tests and for picture servers in the house. Default no.
    pub allow_private_addresses: bool,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            max_bytes: 32 << 20,
            timeout: Duration::from_secs(20),
            max_redirects: 5,
            per_host: 4,
            allow_private_addresses: false,
        }
    }
}

/// What a server gave with a picture so that one can ask later whether it changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    /// `ETag`, as it came.
    pub etag: Option<String>,
    /// `Last-Modified`, as it came.
    pub last_modified: Option<String>,
}

impl Validators {
    /// Whether there is nothing to ask with.
    pub fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The picture is the one whose validators were shown.
    Unchanged,
    /// The answer's body; that it is a picture is for the decoder to find out.
    New {
        /// At most [`HttpOptions::max_bytes`].
        bytes: Vec<u8>,
        /// For the next time; empty after a permanent redirect to somewhere without them.
        validators: Validators,
    },
}

/// Fetches pictures. One for the process: it counts the requests and the failures of each host.
#[derive(Debug)]
pub struct HttpImages {
    agent: Agent,
    options: HttpOptions,
    hosts: Hosts,
}

impl HttpImages {
    /// Connects to nothing yet. Proxies named by the environment are not used: they would hide the address.
    pub fn new(options: HttpOptions) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("backstock/", env!("CARGO_PKG_VERSION")))
            .accept("image/webp,image/png,image/jpeg,image/gif;q=0.9,*/*;q=0.1")
            .accept_encoding("identity")
            .max_response_header_size(32 << 10)
            .max_idle_connections_per_host(options.per_host)
            .build();
        let resolver =
            Guarded { allow_private: options.allow_private_addresses, system: DefaultResolver::default() };
        let agent = Agent::with_parts(config, DefaultConnector::default(), resolver);
        Self { agent, hosts: Hosts::new(options.per_host), options }
    }

    /// The picture behind a URL, unless it is still the one of `known`. Blocks up to the time-out, and before that
    /// for a free place at the host. Safe to repeat.
    ///
    /// # Errors
    /// [`FetchError`], whose [`next`](FetchError::next) says whether it passes.
    pub fn fetch(&self, url: &str, known: Option<&Validators>) -> Result<Fetched, FetchError> {
        let uri = parse(url)?;
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let resting = |wait| FetchError::HostResting { host: host.clone(), wait };
        self.hosts.enter(&host, Instant::now).map_err(resting)?;
        let fetched = self.follow(uri, known);
        let ended = match &fetched {
            Err(Failure { wait: Some(wait), .. }) => Ended::Asked(*wait),
            Err(Failure { error, .. }) if error.blames_host() => Ended::Badly,
            _ => Ended::Well,
        };
        match self.hosts.leave(&host, ended, Instant::now()) {
            Some(wait) => Err(resting(wait)),
            None => fetched.map_err(|failure| failure.error),
        }
    }

    fn follow(&self, mut uri: Uri, known: Option<&Validators>) -> Result<Fetched, Failure> {
        let until = Instant::now() + self.options.timeout;
        for _ in 0..=self.options.max_redirects {
            let left = until.saturating_duration_since(Instant::now());
            let mut response = self.ask(&uri, known, left.max(Duration::from_millis(1)))?;
            if let Some(target) = redirect(&uri, &response)? {
                uri = target;
                continue;
            }
            return self.read(&uri, &mut response);
        }
        Err(FetchError::TooManyRedirects { max: self.options.max_redirects }.into())
    }

    fn ask(&self, uri: &Uri, known: Option<&Validators>, left: Duration) -> Result<Response<Body>, Failure> {
        let mut request = self.agent.get(uri.clone());
        if let Some(known) = known {
            let conditions =
                [(header::IF_NONE_MATCH, &known.etag), (header::IF_MODIFIED_SINCE, &known.last_modified)];
            for (name, value) in conditions {
                if let Some(value) = value {
                    request = request.header(name, value);
                }
            }
        }
        let request = request.config().timeout_global(Some(left)).build();
        request.call().map_err(|error| self.failed(uri, error).into())
    }

    fn read(&self, uri: &Uri, response: &mut Response<Body>) -> Result<Fetched, Failure> {
        match response.status().as_u16() {
            200 => {}
            304 => return Ok(Fetched::Unchanged),
            429 => return Err(Failure::asked(FetchError::ServerFailed { status: 429 }, response.headers())),
            503 if response.headers().contains_key(header::RETRY_AFTER) => {
                return Err(Failure::asked(FetchError::ServerFailed { status: 503 }, response.headers()));
            }
            status @ (408 | 425 | 500..) => return Err(FetchError::ServerFailed { status }.into()),
            status => return Err(FetchError::Refused { status }.into()),
        }
        check_type(response.headers())?;
        let max = self.options.max_bytes;
        let announced = response.body().content_length();
        if announced.is_some_and(|length| length > max) {
            return Err(FetchError::TooLarge { max }.into());
        }
        let mut bytes = Vec::with_capacity(announced.unwrap_or(0).min(4 << 20) as usize);
        let mut body = response.body_mut().as_reader().take(max + 1);
        body.read_to_end(&mut bytes).map_err(|error| self.failed(uri, ureq::Error::from(error)))?;
        if bytes.len() as u64 > max {
            return Err(FetchError::TooLarge { max }.into());
        }
        Ok(Fetched::New { bytes, validators: validators(response.headers()) })
    }

    fn failed(&self, uri: &Uri, error: ureq::Error) -> FetchError {
        let host = uri.host().unwrap_or_default().to_owned();
        let took_too_long = FetchError::TookTooLong { max_ms: self.options.timeout.as_millis() as u64 };
        match error {
            ureq::Error::Other(other) if other.is::<Forbidden>() => FetchError::ForbiddenAddress { host },
            ureq::Error::Timeout(_) => took_too_long,
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => took_too_long,
            ureq::Error::BadUri(reason) => FetchError::InvalidUrl { reason },
            ureq::Error::HostNotFound => {
                FetchError::ConnectionFailed { reason: format!("{host} is not known") }
            }
            other => FetchError::ConnectionFailed { reason: other.to_string().chars().take(200).collect() },
        }
    }
}

/// An error, and for how long the host asked to be left alone.
struct Failure {
    error: FetchError,
    wait: Option<Duration>,
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        Self { error, wait: None }
    }
}

impl Failure {
    /// Seconds are understood; a date, or nothing, means a minute.
    fn asked(error: FetchError, headers: &HeaderMap) -> Self {
        let seconds = text(headers, header::RETRY_AFTER).and_then(|value| value.trim().parse().ok());
        Self { error, wait: Some(Duration::from_secs(seconds.unwrap_or(60)).max(Duration::from_secs(1))) }
    }
}

fn parse(url: &str) -> Result<Uri, FetchError> {
    let invalid = |reason: &str| FetchError::InvalidUrl { reason: reason.to_owned() };
    let uri: Uri = url.trim().parse().map_err(|_| invalid("malformed"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(invalid("neither http nor https"));
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err(invalid("no host"));
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(invalid("a name or password in it"));
    }
    Ok(uri)
}

/// Where the answer sends us, if it does.
fn redirect(from: &Uri, response: &Response<Body>) -> Result<Option<Uri>, Failure> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let invalid = |reason: &str| FetchError::InvalidUrl { reason: reason.to_owned() };
    let target =
        text(response.headers(), header::LOCATION).ok_or_else(|| invalid("a redirect to nowhere"))?;
    let base = url::Url::parse(&from.to_string()).map_err(|_| invalid("malformed"))?;
    let target = base.join(&target).map_err(|_| invalid("a redirect to something malformed"))?;
    if from.scheme_str() == Some("https") && target.scheme() != "https" {
        return Err(invalid("a redirect from https to something else").into());
    }
    Ok(Some(parse(target.as_str())?))
}

/// Pictures and nameless bytes; what it really is the decoder tells.
fn check_type(headers: &HeaderMap) -> Result<(), FetchError> {
    let Some(found) = text(headers, header::CONTENT_TYPE) else { return Ok(()) };
    let kind = found.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let nameless = ["", "application/octet-stream", "binary/octet-stream"].contains(&kind.as_str());
    if nameless || (kind.starts_with("image/") && !kind.starts_with("image/svg")) {
        return Ok(());
    }
    Err(FetchError::WrongContentType { found: found.chars().take(100).collect() })
}

fn validators(headers: &HeaderMap) -> Validators {
    // What is too long to be sent back is of no use.
    let short = |name| text(headers, name).filter(|value: &String| value.len() <= 1024);
    Validators { etag: short(header::ETAG), last_modified: short(header::LAST_MODIFIED) }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

#[cfg(test)]
mod tests;
