//! Stable names for everything that can be wrong with a delivery, its records and their fields.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Declares an enum whose variants have stable `snake_case` names in reports and rejects files.
macro_rules! codes {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])+ $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $name { $($(#[$doc])+ $variant,)+ }

        impl $name {
            /// Every code, in the order in which they are declared (and, for records, checked).
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The stable name, in `snake_case`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownCode;
            fn from_str(text: &str) -> Result<Self, UnknownCode> {
                Self::ALL.iter().copied().find(|code| code.as_str() == text).ok_or(UnknownCode)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    };
}

/// The text is not the name of a code of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown code")]
pub struct UnknownCode;

codes! {
    /// Why a record was rejected. A rejected record has one code: the first in this order that applies.
    Code {
        /// A quoted field is never closed.
        UnclosedQuote = "unclosed_quote",
        /// One field is larger than [`Limits::max_field_bytes`](super::Limits::max_field_bytes).
        FieldTooLarge = "field_too_large",
        /// The record is larger than [`Limits::max_record_bytes`](super::Limits::max_record_bytes).
        RecordTooLarge = "record_too_large",
        /// The record contains U+0000.
        NulByte = "nul_byte",
        /// The record contains bytes that mean nothing in the file's encoding.
        BadEncoding = "bad_encoding",
        /// The line is not JSON.
        BadJson = "bad_json",
        /// The line is JSON, but not an object.
        NotAnObject = "not_an_object",
        /// A JSON value has a type that the field cannot take.
        WrongType = "wrong_type",
        /// Fewer columns than the header.
        TooFewColumns = "too_few_columns",
        /// More columns than the header.
        TooManyColumns = "too_many_columns",
        /// No SKU.
        MissingSku = "missing_sku",
        /// The SKU has more than 64 characters.
        SkuTooLong = "sku_too_long",
        /// The SKU contains control characters.
        BadSku = "bad_sku",
        /// No title.
        MissingTitle = "missing_title",
        /// The title has more than 500 characters.
        TitleTooLong = "title_too_long",
        /// The GTIN is not 8, 12, 13 or 14 digits.
        BadGtin = "bad_gtin",
        /// The last digit of the GTIN does not fit the others.
        BadGtinChecksum = "bad_gtin_checksum",
        /// The parent's SKU has more than 64 characters or contains control characters.
        BadParentSku = "bad_parent_sku",
        /// The description is over 64 KiB or has too many tags to be sanitised.
        DescriptionTooLong = "description_too_long",
        /// The brand has more than 70 characters.
        BrandTooLong = "brand_too_long",
        /// The category has more than 10 levels, or a level of more than 200 characters.
        BadCategory = "bad_category",
        /// Not an ISO 4217 currency, or a symbol that stands for several.
        BadCurrency = "bad_currency",
        /// No price, on a product that has no variants.
        MissingPrice = "missing_price",
        /// Not an amount of money, or more decimals than the currency has.
        BadPrice = "bad_price",
        /// Could be thousands or decimals (`1,299`), and the file's other prices do not tell.
        AmbiguousPrice = "ambiguous_price",
        /// Below zero.
        NegativePrice = "negative_price",
        /// The reduced price is not below the price.
        SalePriceNotLower = "sale_price_not_lower",
        /// Not a known availability.
        BadAvailability = "bad_availability",
        /// Not a whole number, or too large.
        BadStock = "bad_stock",
        /// Below zero.
        NegativeStock = "negative_stock",
        /// Not a weight.
        BadWeight = "bad_weight",
        /// Neither an http(s) URL nor a path below the images folder.
        BadImageLink = "bad_image_link",
        /// Not a JSON object, or not `key=value` pairs.
        BadAttributes = "bad_attributes",
        /// More than 200 attributes or 16 KiB.
        AttributesTooLarge = "attributes_too_large",
        /// Not a known status.
        BadStatus = "bad_status",
        /// An earlier record of the same file has the same SKU.
        DuplicateSku = "duplicate_sku",
    }
}

codes! {
    /// What is odd about a record that was accepted all the same.
    WarningCode {
        /// Not UTF-8 in a UTF-8 file: read as windows-1252.
        MixedEncoding = "mixed_encoding",
        /// A quotation mark inside a quoted field was not doubled: taken as it stands.
        StrayQuote = "stray_quote",
        /// The title has more than 150 characters: marketplaces will cut it.
        LongTitle = "long_title",
        /// More than 20 image links: the first 20 were kept.
        TooManyImages = "too_many_images",
        /// The date of the last change cannot be read: ignored.
        BadUpdatedAt = "bad_updated_at",
        /// A row that only adds an image to the product above: skipped.
        ImageRowSkipped = "image_row_skipped",
        /// A later record of the file has the same SKU: this one was skipped.
        Superseded = "superseded",
        /// An earlier record of the file has the same SKU: this one was skipped.
        RepeatSkipped = "repeat_skipped",
    }
}

codes! {
    /// Why a whole delivery was refused.
    FileCode {
        /// There is no such file.
        NotFound = "not_found",
        /// The path is a directory.
        IsDirectory = "is_directory",
        /// The path is neither a file nor a directory.
        NotAFile = "not_a_file",
        /// The file may not be read.
        Permission = "permission",
        /// Reading failed.
        Unreadable = "unreadable",
        /// The file is larger than [`Limits::max_file_bytes`](super::Limits::max_file_bytes).
        FileTooLarge = "file_too_large",
        /// Nothing in it.
        EmptyFile = "empty_file",
        /// Unpacks to more than the limits allow.
        ZipBomb = "zip_bomb",
        /// The gzip stream ends early.
        TruncatedGzip = "truncated_gzip",
        /// The zstd stream ends early.
        TruncatedZstd = "truncated_zstd",
        /// The zip entry ends early.
        TruncatedZip = "truncated_zip",
        /// The compressed data is damaged.
        CorruptArchive = "corrupt_archive",
        /// A zip with no file or several files in it.
        ZipEntries = "zip_entries",
        /// The zip entry is encrypted or packed by a rare method.
        UnsupportedZip = "unsupported_zip",
        /// Not CSV, JSON lines or a product feed.
        UnknownFormat = "unknown_format",
        /// The bytes mean nothing in the encoding that was asked for or found.
        BadEncoding = "bad_encoding",
        /// No line that names the columns.
        MissingHeader = "missing_header",
        /// The header names a column twice.
        DuplicateHeader = "duplicate_header",
        /// The header lacks a column that every product needs.
        MissingColumn = "missing_column",
        /// The mapping names an unknown field, or one field twice.
        BadMapping = "bad_mapping",
        /// The default currency is not an ISO 4217 code.
        BadDefaultCurrency = "bad_default_currency",
        /// A file of requests names more products than can be counted at once.
        TooManyProducts = "too_many_products",
        /// The XML is not well-formed or one item is larger than the limits.
        BadXml = "bad_xml",
    }
}
