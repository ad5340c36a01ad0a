//! Pictures named by a URL, whatever its scheme: one door for whoever makes thumbnails.

#[cfg(feature = "s3")]
use super::S3Images;
use super::{FetchError, Fetched, HttpImages, Validators};

/// Fetches from the sources that are on. By default none is: links are left, not followed.
#[derive(Debug, Default)]
pub struct RemoteImages {
    http: Option<HttpImages>,
    #[cfg(feature = "s3")]
    s3: Option<S3Images>,
}

/// Whether an image is fetched over the network rather than read from a folder.
pub fn is_remote(link: &str) -> bool {
    is_web(link) || is_s3(link)
}

fn is_web(link: &str) -> bool {
    has_scheme(link, "http://") || has_scheme(link, "https://")
}

fn is_s3(link: &str) -> bool {
    has_scheme(link, "s3://")
}

fn has_scheme(link: &str, scheme: &str) -> bool {
    link.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme))
}

impl RemoteImages {
    /// Also `http://…` and `https://…`.
    #[must_use]
    pub fn with_http(mut self, http: HttpImages) -> Self {
        self.http = Some(http);
        self
    }

    /// Also `s3://…`.
    #[cfg(feature = "s3")]
    #[must_use]
    pub fn with_s3(mut self, s3: S3Images) -> Self {
        self.s3 = Some(s3);
        self
    }

    /// Whether a source is on that this link belongs to.
    pub fn takes(&self, link: &str) -> bool {
        #[cfg(feature = "s3")]
        if is_s3(link) {
            return self.s3.as_ref().is_some_and(|s3| s3.takes(link));
        }
        is_web(link) && self.http.is_some()
    }

    /// The picture behind a link, unless it is still the one of `known`. Blocks up to the time-out, and before that for a
    /// free place at the host. Safe to repeat.
    ///
    /// # Errors
    /// [`FetchError`], whose [`next`](FetchError::next) says whether it passes; [`FetchError::SourceOff`] where nothing
    /// takes the link.
    pub fn fetch(&self, link: &str, known: Option<&Validators>) -> Result<Fetched, FetchError> {
        let off = |setting| FetchError::SourceOff { setting };
        if is_s3(link) {
            #[cfg(feature = "s3")]
            return self.s3.as_ref().ok_or_else(|| off("media.s3.buckets"))?.fetch(link, known);
            #[cfg(not(feature = "s3"))]
            return Err(off("a build with the feature s3, and then media.s3.buckets,"));
        }
        self.http.as_ref().ok_or_else(|| off("media.fetch.enabled"))?.fetch(link, known)
    }

    /// Asks every bucket that may be read for an object that is not there, and says by the name of the bucket whether it
    /// could be read; nothing where there are none. Blocks up to the time-out for each.
    pub fn probe_buckets(&self) -> Vec<(String, Result<(), FetchError>)> {
        #[cfg(feature = "s3")]
        if let Some(s3) = &self.s3 {
            return s3.buckets().map(|bucket| (bucket.to_owned(), s3.probe(bucket))).collect();
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HttpOptions, Next};

    #[test]
    fn links_with_a_scheme_that_is_fetched_are_remote() {
        for link in ["http://a/b.jpg", "HTTPS://a/b.jpg", "s3://bucket/a.jpg", "S3://bucket/a.jpg"] {
            assert!(is_remote(link), "{link}");
        }
        for link in ["a/b.jpg", "http:/a", "ftp://a/b.jpg", "s3:/a", "", "é"] {
            assert!(!is_remote(link), "{link}");
        }
    }

    #[test]
    fn what_is_off_is_left_and_says_how_to_turn_it_on() {
        let nothing = RemoteImages::default();
        for (link, setting) in
            [("https://a/b.jpg", "media.fetch.enabled"), ("s3://a/b.jpg", "media.s3.buckets")]
        {
            assert!(!nothing.takes(link));
            let error = nothing.fetch(link, None).unwrap_err();
            assert_eq!((error.code(), error.next()), ("fetching_is_off", Next::GiveUp));
            assert!(error.to_string().contains(setting), "{error}");
        }
        let web = RemoteImages::default().with_http(HttpImages::new(HttpOptions::default()));
        assert!(web.takes("https://a/b.jpg") && !web.takes("s3://a/b.jpg") && !web.takes("b.jpg"));
    }
}
