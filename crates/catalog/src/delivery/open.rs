//! Finds out what a file is: container, encoding, format, dialect, header.

use std::path::{Path, PathBuf};

use encoding_rs::Encoding;

use super::container::{self, Unpacked};
use super::csv_source::{self, CsvSource};
use super::dialect::{self, Layout};
use super::encoding::{self, TextEncoding};
use super::field::Field;
use super::header::{Columns, Mapping};
use super::json_source::JsonSource;
use super::presets::{Preset, Target};
use super::raw::Source;
use super::text::{Damage, Text};
use super::xml_source::XmlSource;
use super::{Container, FileCode, FileError, Format, Limits, ReadOptions, Summary, keyed};

/// How much of the text is looked at.
const SAMPLE_BYTES: usize = 256 << 10;

/// Everything that is needed to read the file from its beginning, as often as wanted.
pub(crate) struct Plan {
    path: PathBuf,
    limits: Limits,
    encoding: TextEncoding,
    mapping: Mapping,
    container: Container,
    format: Format,
    layout: Option<Layout>,
    pub(crate) columns: Columns,
    file_bytes: u64,
}

impl Plan {
    pub(crate) fn new(path: &Path, options: &ReadOptions) -> Result<Self, FileError> {
        let mapping = Mapping::new(&options.mapping)
            .map_err(|text| FileError::new(FileCode::BadMapping, path, text))?;
        let wanted = options.encoding.as_deref().map(|label| encoding::by_label(path, label)).transpose()?;
        Self::with(path, wanted, options.limits, mapping, &[Field::Sku, Field::Title, Field::Price])
    }

    /// For a file whose columns are named by `mapping`, of which it must have those that are `needed`.
    pub(crate) fn with(
        path: &Path,
        wanted: Option<&'static Encoding>,
        limits: Limits,
        mapping: Mapping,
        needed: &[Field],
    ) -> Result<Self, FileError> {
        let file_bytes = container::check(path, &limits)?;
        let mut unpacked = Unpacked::open(path, &limits)?;
        let mut bytes = vec![0; SAMPLE_BYTES];
        let length = fill(&mut bytes, |rest| unpacked.read(rest))?;
        let encoding = encoding::detect(&bytes[..length], length < SAMPLE_BYTES, wanted);
        let container = unpacked.container();
        drop(unpacked);
        let mut text = Text::open(path, &limits, encoding, Damage::Keep)?;
        let length = fill(&mut bytes, |rest| if rest.len() < 16 { Ok(0) } else { text.read(rest) })?;
        let whole = length < SAMPLE_BYTES - 16;
        let sample = &bytes[..length];
        let format = format(path, sample)?;
        let layout = match format {
            Format::Csv => Some(layout(path, sample, whole, &mapping, &limits, needed)?),
            Format::JsonLines | Format::MerchantXml => None,
        };
        let columns = match (&layout, format) {
            (Some(layout), _) => layout.columns.clone(),
            (None, Format::MerchantXml) => keyed::columns(Preset::GoogleMerchant),
            (None, _) => keyed::columns(Preset::Canonical),
        };
        let path = path.to_owned();
        Ok(Self { path, limits, encoding, mapping, container, format, layout, columns, file_bytes })
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Starts reading at the first record.
    pub(crate) fn source(&self) -> Result<Box<dyn Source>, FileError> {
        let damage = if self.format == Format::MerchantXml { Damage::Repair } else { Damage::Keep };
        let text = Text::open(&self.path, &self.limits, self.encoding, damage)?;
        Ok(match (&self.layout, self.format) {
            (Some(layout), _) => Box::new(CsvSource::new(text, layout.clone(), &self.limits)),
            (None, Format::MerchantXml) => Box::new(XmlSource::new(text, self.mapping.clone(), &self.limits)),
            (None, _) => Box::new(JsonSource::new(text, self.mapping.clone(), &self.limits)),
        })
    }

    pub(crate) fn summary(&self) -> Summary {
        let columns = &self.columns;
        let mapped = columns.names.iter().zip(&columns.targets).filter_map(|(name, target)| match target {
            Target::Field(field) => Some((name.clone(), field.name().to_owned())),
            _ => None,
        });
        let is_csv = self.layout.is_some();
        let listed = |target| if is_csv { columns.names_with(target) } else { Vec::new() };
        Summary {
            container: self.container,
            format: self.format,
            encoding: self.encoding.encoding.name().to_ascii_lowercase(),
            dialect: self.layout.as_ref().map(|layout| layout.dialect),
            preset: columns.preset,
            columns: columns.names.clone(),
            mapped: if is_csv { mapped.collect() } else { Vec::new() },
            attributes: listed(Target::Attribute),
            ignored: listed(Target::Ignore),
            header_line: self.layout.as_ref().map(|layout| layout.header_line),
            file_bytes: self.file_bytes,
        }
    }
}

/// Reads until `bytes` is full or nothing comes.
fn fill(
    bytes: &mut [u8],
    mut read: impl FnMut(&mut [u8]) -> Result<usize, FileError>,
) -> Result<usize, FileError> {
    let mut length = 0;
    while length < bytes.len() {
        match read(&mut bytes[length..])? {
            0 => break,
            count => length += count,
        }
    }
    Ok(length)
}

/// Tells the formats apart by the first character.
fn format(path: &Path, sample: &[u8]) -> Result<Format, FileError> {
    let unknown = |text: &str| Err(FileError::new(FileCode::UnknownFormat, path, text));
    let start = sample.trim_ascii_start();
    match start {
        [] => {
            Err(FileError::new(FileCode::EmptyFile, path, "holds nothing but white space; deliver it again"))
        }
        [b'{', ..] => Ok(Format::JsonLines),
        [b'[', ..] => unknown("is a JSON list; write one object a line instead (JSON lines)"),
        [b'<', ..] => {
            let has = |tag: &[u8]| memchr::memmem::find(start, tag).is_some();
            if has(b"<rss") || has(b"<feed") || has(b"<channel") || has(b"<item") || has(b":RDF") {
                return Ok(Format::MerchantXml);
            }
            unknown("is XML or HTML, but no product feed (RSS 2.0 or Atom)")
        }
        _ if is_binary(start) => unknown("is binary; deliver CSV, JSON lines or a Google Merchant feed"),
        _ => Ok(Format::Csv),
    }
}

/// More than a few zeros among the first bytes.
fn is_binary(start: &[u8]) -> bool {
    let head = &start[..start.len().min(4096)];
    memchr::memchr_iter(0, head).count() * 10 > head.len()
}

fn layout(
    path: &Path,
    sample: &[u8],
    whole: bool,
    mapping: &Mapping,
    limits: &Limits,
    needed: &[Field],
) -> Result<Layout, FileError> {
    let refuse = |code, text: String| Err(FileError::new(code, path, text));
    let Some(layout) = dialect::find(sample, whole, mapping, &csv_source::shape(limits)) else {
        let names: Vec<&str> = needed.iter().map(|field| field.name()).collect();
        let text = format!(
            "has no line that names the columns; add a header such as {} or map its names",
            names.join(",")
        );
        return refuse(FileCode::MissingHeader, text);
    };
    let (columns, line) = (&layout.columns, layout.header_line);
    if let Some(duplicate) = columns.duplicate() {
        let (first, second) = (duplicate.first + 1, duplicate.second + 1);
        let text = format!(
            "the header in line {line} names {:?} twice (columns {first} and {second}); rename or drop one",
            duplicate.name
        );
        return refuse(FileCode::DuplicateHeader, text);
    }
    for field in needed {
        if !columns.fills(*field) {
            let name = field.name();
            let text =
                format!("the header in line {line} has no column for {name}; rename one or map it to {name}");
            return refuse(FileCode::MissingColumn, text);
        }
    }
    Ok(layout)
}
