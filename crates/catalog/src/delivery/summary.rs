//! What was found out about a delivery before its first record.

use serde::{Deserialize, Serialize};

use super::Preset;

/// What a delivery is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// How it is packed.
    pub container: Container,
    /// What is inside.
    pub format: Format,
    /// Name of the encoding in lower case, as in the WHATWG Encoding Standard.
    pub encoding: String,
    /// How columns and lines are set apart; CSV only.
    pub dialect: Option<Dialect>,
    /// Whose column names it uses.
    pub preset: Preset,
    /// The delivered columns in file order (CSV), or the fields a record can have (JSON lines, XML): the columns of
    /// [`Reject::raw`](super::Reject::raw).
    pub columns: Vec<String>,
    /// Delivered column → name of the field it fills; CSV only, columns that fill none left out.
    pub mapped: Vec<(String, String)>,
    /// Columns kept as attributes of the product; CSV only.
    pub attributes: Vec<String>,
    /// Columns that are read by nobody; CSV only.
    pub ignored: Vec<String>,
    /// Physical line of the header, from 1; CSV only.
    pub header_line: Option<u64>,
    /// Size of the file as it lies on disk.
    pub file_bytes: u64,
}

/// How a delivery is packed, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Container {
    /// Not packed.
    Plain,
    /// gzip, one or more members.
    Gzip,
    /// Zstandard, one or more frames.
    Zstd,
    /// zip with exactly one file, stored or deflated.
    Zip,
}

/// What a delivery contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Delimited text with a header.
    Csv,
    /// One JSON object a line.
    JsonLines,
    /// A Google Merchant feed (RSS 2.0 or Atom).
    MerchantXml,
}

/// How delimited text is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialect {
    /// `,`, `;`, tab or `|`.
    pub delimiter: char,
    /// `"` or `'`.
    pub quote: char,
    /// What ends a line.
    pub line_end: LineEnd,
}

/// What ends a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineEnd {
    /// `\n` or `\r\n`.
    Lf,
    /// `\r`, as old spreadsheets write it.
    Cr,
}
