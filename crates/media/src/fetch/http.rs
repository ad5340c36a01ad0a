//! One picture by its URL.

use serde::{Deserialize, Serialize};
use ureq::Body;
use ureq::http::{HeaderMap, HeaderValue, Response, Uri, header};

use super::client::{Client, Failure, text};
use super::{FetchError, RequestLimits};

/// Longest validator that is kept, in bytes.
const MAX_VALIDATOR_BYTES: usize = 1024;

/// How pictures are fetched from servers that a delivery names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpOptions {
    /// Bounds on every request.
    pub limits: RequestLimits,
    /// Redirects followed. Default 5.
    pub max_redirects: u32,
    /// Whether hosts need not be on the public internet: for tests and for picture servers in the house. Default no.
    pub allow_private_addresses: bool,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self { limits: RequestLimits::default(), max_redirects: 5, allow_private_addresses: false }
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

    /// What is too long to be sent back is of no use.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let short = |name| text(headers, name).filter(|value: &String| value.len() <= MAX_VALIDATOR_BYTES);
        Self { etag: short(header::ETAG), last_modified: short(header::LAST_MODIFIED) }
    }

    fn conditions(&self) -> HeaderMap {
        let both = [(header::IF_NONE_MATCH, &self.etag), (header::IF_MODIFIED_SINCE, &self.last_modified)];
        let values = both
            .into_iter()
            .filter_map(|(name, value)| Some((name, HeaderValue::from_str(value.as_deref()?).ok()?)));
        values.collect()
    }
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The picture is the one whose validators were shown.
    Unchanged,
    /// The answer's body; that it is a picture is for the decoder to find out.
    New {
        /// At most [`RequestLimits::max_bytes`].
        bytes: Vec<u8>,
        /// For the next time; empty where the server gave none.
        validators: Validators,
    },
}

/// Fetches pictures by `http` and `https`. One for the process: it counts the requests and the failures of each host.
#[derive(Debug)]
pub struct HttpImages {
    client: Client,
    max_redirects: u32,
}

impl HttpImages {
    /// Connects to nothing yet. Proxies named by the environment are not used: they would hide the address.
    pub fn new(options: HttpOptions) -> Self {
        let HttpOptions { limits, max_redirects, allow_private_addresses } = options;
        Self { client: Client::new(limits, allow_private_addresses), max_redirects }
    }

    /// The picture behind a URL, unless it is still the one of `known`. Blocks up to the time-out, and before that
    /// for a free place at the host. Safe to repeat.
    ///
    /// # Errors
    /// [`FetchError`], whose [`next`](FetchError::next) says whether it passes.
    pub fn fetch(&self, url: &str, known: Option<&Validators>) -> Result<Fetched, FetchError> {
        let first = parse(url)?;
        let conditions = known.map(Validators::conditions).unwrap_or_default();
        self.client.visit(&first, |until| {
            let mut uri = first.clone();
            for _ in 0..=self.max_redirects {
                let mut response = self.client.get(&uri, &conditions, until)?;
                if let Some(target) = redirect(&uri, &response)? {
                    uri = target;
                    continue;
                }
                let validators = Validators::of(response.headers());
                let bytes = self.client.read(&uri, &mut response)?;
                return Ok(bytes.map_or(Fetched::Unchanged, |bytes| Fetched::New { bytes, validators }));
            }
            Err(FetchError::TooManyRedirects { max: self.max_redirects }.into())
        })
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

#[cfg(test)]
mod tests;
