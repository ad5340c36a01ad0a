//! Which picture a URL gave, so that an unchanged one costs a conditional request and nothing else.

use serde::{Deserialize, Serialize};

use crate::store::{ContentStore, short_hash};
use crate::{Manifest, MediaError, Thumbnailer, Validators};

/// Kept beside the manifests.
#[derive(Debug, Serialize, Deserialize)]
struct Remembered {
    url: String,
    source_hash: String,
    validators: Validators,
}

impl Thumbnailer {
    /// What was made of the picture that this URL gave last, and how to ask whether it is still that one. Nothing where
    /// files are missing, or the recipe was another.
    pub fn remembered(&self, url: &str) -> Option<(Validators, Manifest)> {
        let bytes = self.store().read(&self.file(url)).ok()?;
        let found: Remembered = serde_json::from_slice(&bytes).ok()?;
        let manifest = self.stored(&found.source_hash).filter(|_| found.url == url)?;
        Some((found.validators, manifest))
    }

    /// Remembers it. Without validators there is nothing to ask with, and nothing is kept. Run twice it does no harm.
    ///
    /// # Errors
    /// [`MediaError::Io`]; it may pass.
    pub fn remember(
        &self,
        url: &str,
        validators: &Validators,
        manifest: &Manifest,
    ) -> Result<(), MediaError> {
        if validators.is_empty() {
            return Ok(());
        }
        let remembered = Remembered {
            url: url.to_owned(),
            source_hash: manifest.source_hash.clone(),
            validators: validators.clone(),
        };
        let json = serde_json::to_vec(&remembered)
            .map_err(|error| MediaError::EncodeFailed { reason: error.to_string() })?;
        self.store().put(&self.file(url), &json)
    }

    fn file(&self, url: &str) -> String {
        ContentStore::relative(&format!("{}-{}.url.json", short_hash(url.as_bytes()), self.recipe().id()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Recipe, testing};

    #[test]
    fn a_url_is_remembered_until_its_files_are_gone() {
        let folder = tempfile::tempdir().unwrap();
        let thumbnailer = Thumbnailer::new(folder.path(), Recipe::default()).unwrap();
        let made = thumbnailer.make(&testing::jpeg(64, 48)).unwrap().manifest;
        let (url, etag) = ("https://shop.example/a.jpg", Some("\"1\"".to_owned()));
        let validators = Validators { etag, last_modified: None };
        assert_eq!(thumbnailer.remembered(url), None);
        thumbnailer.remember(url, &Validators::default(), &made).unwrap();
        assert_eq!(thumbnailer.remembered(url), None);
        thumbnailer.remember(url, &validators, &made).unwrap();
        assert_eq!(thumbnailer.remembered(url), Some((validators, made.clone())));
        assert_eq!(thumbnailer.remembered("https://shop.example/b.jpg"), None);
        std::fs::remove_file(thumbnailer.path_of(&made.outputs[0])).unwrap();
        assert_eq!(thumbnailer.remembered(url), None);
    }
}
