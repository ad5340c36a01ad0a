//! Images of products: what became of each.

use serde::{Deserialize, Serialize};

/// What thumbnail making came to, for one image link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageResult {
    /// Thumbnails are there.
    Done {
        /// Hash of the source file's bytes.
        content_hash: String,
        /// Sizes, formats and file names, as the thumbnail maker describes them.
        manifest: serde_json::Value,
    },
    /// The image is unusable: a warning on its products, never a reject.
    Failed {
        /// Stable code, `snake_case`.
        code: String,
    },
}

/// An image that has its thumbnails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeImage {
    /// As the product names it.
    pub link: String,
    /// As it was given to [`ImageResult::Done`].
    pub manifest: serde_json::Value,
}

/// An image that waits for its thumbnails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingImage {
    /// As the product names it.
    pub link: String,
    /// Folder that relative links of its delivery start from, if the import named one.
    pub images: Option<String>,
}
