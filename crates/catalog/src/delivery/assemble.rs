//! From the cells of one record to a product, or to the first thing that is wrong with it.

use std::collections::HashMap;

use iso_currency::Currency;

use super::checks::attributes::Attributes;
use super::checks::{category, gtin, text};
use super::field::Field;
use super::header::Columns;
use super::money::{self, Prices};
use super::prepass::Prepass;
use super::presets::{Preset, Target};
use super::raw::{Fault, Raw};
use super::{Code, WarningCode};
use crate::Product;

const MAX_SKU_CHARS: usize = 64;
const MAX_TITLE_CHARS: usize = 500;
const LONG_TITLE_CHARS: usize = 150;
const MAX_BRAND_CHARS: usize = 70;

/// What became of a record.
pub(crate) enum Outcome {
    Accepted(Box<Product>),
    Rejected(Fault),
    Skipped,
    /// The record cannot be judged without knowing the whole file.
    NeedsPrepass,
}

/// Why a step ended early.
pub(crate) enum Stop {
    Fault(Fault),
    NeedsPrepass,
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// A warning before it is tied to its record.
pub(crate) type Note = (WarningCode, Option<Field>, String);

/// Turns records of one file into products.
pub(crate) struct Assembler {
    pub(super) preset: Preset,
    width: usize,
    default_currency: Currency,
    /// Column of each field.
    pub(super) at: [Option<usize>; Field::COUNT],
    pub(super) images: Vec<usize>,
    pub(super) attributes: Vec<(usize, String)>,
    /// Values of the first row of the current product, for the rows of its variants (Shopify).
    first_row: HashMap<Field, String>,
}

/// Fields that Shopify writes only into the first row of a product.
const FIRST_ROW: [Field; 9] = [
    Field::Title,
    Field::Description,
    Field::Brand,
    Field::Category,
    Field::Published,
    Field::Status,
    Field::Option1Name,
    Field::Option2Name,
    Field::Option3Name,
];

impl Assembler {
    pub(crate) fn new(columns: &Columns, default_currency: Currency) -> Self {
        let mut at = [None; Field::COUNT];
        let (mut images, mut attributes) = (Vec::new(), Vec::new());
        for (index, target) in columns.targets.iter().enumerate() {
            match target {
                Target::Field(Field::AdditionalImageLinks) => images.push(index),
                Target::Field(field) => at[*field as usize] = Some(index),
                Target::Attribute => attributes.push((index, columns.names[index].trim().to_owned())),
                Target::Ignore => {}
            }
        }
        let (preset, width) = (columns.preset, columns.names.len());
        Self { preset, width, default_currency, at, images, attributes, first_row: HashMap::new() }
    }

    /// Judges one record. The order of the checks is the order of [`Code`].
    pub(crate) fn assemble(
        &mut self,
        raw: &mut Raw,
        whole: Option<&Prepass>,
        notes: &mut Vec<Note>,
    ) -> Outcome {
        if let Some(fault) = raw.fault.take() {
            return Outcome::Rejected(fault);
        }
        if let Err(fault) = self.check_record(raw) {
            return Outcome::Rejected(fault);
        }
        self.remember_first_row(raw);
        if self.is_image_row(raw) {
            let text = "the row has no SKU and no price and only adds an image".to_owned();
            notes.push((WarningCode::ImageRowSkipped, Some(Field::ImageLink), text));
            return Outcome::Skipped;
        }
        match self.product(raw, whole, notes) {
            Ok(product) => Outcome::Accepted(Box::new(product)),
            Err(Stop::Fault(fault)) => Outcome::Rejected(fault),
            Err(Stop::NeedsPrepass) => Outcome::NeedsPrepass,
        }
    }

    fn check_record(&self, raw: &Raw) -> Result<(), Fault> {
        if memchr::memchr(0, raw.text().as_bytes()).is_some() {
            let column = raw.cells().position(|cell| cell.contains('\0'));
            let field = column.and_then(|column| self.field_at(column)).map(Field::name);
            let value = column.map_or("", |column| raw.cell(column));
            return Err(Fault::new(Code::NulByte, field, value, "contains U+0000; remove it"));
        }
        let width = self.width;
        if raw.len() < width {
            let text = format!("has {} columns where the header has {width}; add what is missing", raw.len());
            return Err(Fault::new(Code::TooFewColumns, None, "", text));
        }
        // Delimiters at the end of lines are harmless.
        if raw.dropped > 0 || (width..raw.kept()).any(|index| !raw.cell(index).trim().is_empty()) {
            let text = format!(
                "has {} columns where the header has {width}; quote cells that contain the delimiter",
                raw.len()
            );
            return Err(Fault::new(Code::TooManyColumns, None, raw.cell(width), text));
        }
        Ok(())
    }

    fn field_at(&self, column: usize) -> Option<Field> {
        Field::ALL.iter().copied().find(|field| self.at[*field as usize] == Some(column))
    }

    /// The cell of a field, trimmed; empty when there is none.
    pub(super) fn value<'a>(&'a self, raw: &'a Raw, field: Field) -> &'a str {
        let own = self.at[field as usize].map_or("", |column| raw.cell(column)).trim();
        if own.is_empty() { self.first_row.get(&field).map_or("", String::as_str) } else { own }
    }

    /// Whether the cell was a JSON number.
    pub(super) fn is_number(&self, raw: &Raw, field: Field) -> bool {
        self.at[field as usize].is_some_and(|column| column < 64 && raw.numbers >> column & 1 == 1)
    }

    pub(super) fn default_currency(&self) -> Currency {
        self.default_currency
    }

    fn remember_first_row(&mut self, raw: &Raw) {
        if self.preset != Preset::Shopify {
            return;
        }
        let own = |field: Field| self.at[field as usize].map_or("", |column| raw.cell(column)).trim();
        let handle = own(Field::Handle);
        let same = self.first_row.get(&Field::Handle).is_some_and(|held| held == handle);
        if handle.is_empty() || (same && own(Field::Title).is_empty()) {
            if handle.is_empty() {
                self.first_row.clear();
            }
            return;
        }
        let values = FIRST_ROW.iter().map(|field| (*field, own(*field).to_owned()));
        let values = values.chain([(Field::Handle, handle.to_owned())]);
        self.first_row = values.collect();
    }

    fn is_image_row(&self, raw: &Raw) -> bool {
        let has = |field| !self.value(raw, field).is_empty();
        self.preset == Preset::Shopify && !has(Field::Sku) && !has(Field::Price) && has(Field::ImageLink)
    }

    fn product(&self, raw: &Raw, whole: Option<&Prepass>, notes: &mut Vec<Note>) -> Result<Product, Stop> {
        let sku = self.sku(raw)?;
        let title = self.title(raw, notes)?;
        let gtin = self.gtin(raw)?;
        let parent_sku = self.parent_sku(raw, &sku, whole)?;
        let description = self.description(raw)?;
        let brand = self.brand(raw)?;
        let category = self.category(raw)?;
        let Prices { price, sale_price_minor } = money::prices(self, raw, whole)?;
        let (availability, stock) = self.stock(raw)?;
        let mut attributes = Attributes::default();
        let weight_g = self.weight(raw, &mut attributes)?;
        let image_links = self.image_links(raw, notes)?;
        self.attributes(raw, &mut attributes)?;
        let too_large = |code| {
            self.fault(code, Field::Attributes, raw, "has more than 200 attributes or 16 KiB; shorten it")
        };
        let attributes = attributes.finish().map_err(too_large)?;
        let status = self.status(raw)?;
        let source_updated_at_ms = self.updated_at(raw, notes);
        Ok(Product {
            sku,
            gtin,
            parent_sku,
            title,
            description,
            brand,
            category,
            price,
            sale_price_minor,
            availability,
            stock,
            weight_g,
            image_links,
            attributes,
            status,
            source_updated_at_ms,
        })
    }

    /// A fault of one field with its value.
    pub(super) fn fault(&self, code: Code, field: Field, raw: &Raw, message: impl Into<String>) -> Fault {
        Fault::new(code, Some(field.name()), self.value(raw, field), message.into())
    }

    fn sku(&self, raw: &Raw) -> Result<String, Fault> {
        let sku = text::normal(self.value(raw, Field::Sku));
        let fault = |code, message: &str| self.fault(code, Field::Sku, raw, message);
        if sku.is_empty() {
            return Err(fault(Code::MissingSku, "is missing; every product needs a key"));
        }
        if !text::fits(&sku, MAX_SKU_CHARS) {
            return Err(fault(Code::SkuTooLong, "has more than 64 characters; shorten it"));
        }
        if sku.chars().any(char::is_control) {
            return Err(fault(Code::BadSku, "contains control characters; remove them"));
        }
        Ok(sku.into_owned())
    }

    fn title(&self, raw: &Raw, notes: &mut Vec<Note>) -> Result<String, Fault> {
        let mut title = text::line(self.value(raw, Field::Title)).into_owned();
        if title.is_empty() {
            return Err(self.fault(
                Code::MissingTitle,
                Field::Title,
                raw,
                "is missing; every product needs a name",
            ));
        }
        let options = self.options(raw);
        if self.preset == Preset::Shopify && !options.is_empty() {
            let values: Vec<&str> = options.iter().map(|(_, value)| *value).collect();
            title = format!("{title} - {}", text::line(&values.join(" / ")));
        }
        if !text::fits(&title, MAX_TITLE_CHARS) {
            return Err(self.fault(
                Code::TitleTooLong,
                Field::Title,
                raw,
                "has more than 500 characters; shorten it",
            ));
        }
        if !text::fits(&title, LONG_TITLE_CHARS) {
            let text = "has more than 150 characters; marketplaces cut it".to_owned();
            notes.push((WarningCode::LongTitle, Some(Field::Title), text));
        }
        Ok(title)
    }

    /// Names and values of the options of a variant.
    pub(super) fn options<'a>(&'a self, raw: &'a Raw) -> Vec<(&'a str, &'a str)> {
        let pairs = [
            (Field::Option1Name, Field::Option1Value),
            (Field::Option2Name, Field::Option2Value),
            (Field::Option3Name, Field::Option3Value),
        ];
        let pairs = pairs.map(|(name, value)| (self.value(raw, name), self.value(raw, value)));
        pairs.into_iter().filter(|(_, value)| !value.is_empty() && *value != "Default Title").collect()
    }

    fn gtin(&self, raw: &Raw) -> Result<Option<String>, Fault> {
        let cell = self.value(raw, Field::Gtin);
        if cell.is_empty() {
            return Ok(None);
        }
        gtin::parse(cell).map(Some).map_err(|code| {
            let message = if code == Code::BadGtinChecksum {
                "has a wrong check digit; compare it with the package"
            } else {
                "is not 8, 12, 13 or 14 digits; format the column as text"
            };
            self.fault(code, Field::Gtin, raw, message)
        })
    }

    fn parent_sku(&self, raw: &Raw, sku: &str, whole: Option<&Prepass>) -> Result<Option<String>, Stop> {
        if self.at[Field::Variations as usize].is_some() && whole.is_none() {
            return Err(Stop::NeedsPrepass);
        }
        let cell = text::normal(self.value(raw, Field::ParentSku));
        // WooCommerce writes the number of a parent that has no SKU.
        let cell = if cell.starts_with("id:") { "" } else { &*cell };
        let handle = || {
            (self.preset == Preset::Shopify && !self.options(raw).is_empty())
                .then(|| self.value(raw, Field::Handle))
        };
        let listed = || whole.and_then(|whole| whole.parent(sku));
        let parent = Some(cell).filter(|cell| !cell.is_empty()).or_else(listed).or_else(handle);
        let Some(parent) = parent.filter(|parent| !parent.is_empty() && *parent != sku) else {
            return Ok(None);
        };
        if !text::fits(parent, MAX_SKU_CHARS) || parent.chars().any(char::is_control) {
            let message = "has more than 64 characters or control characters; shorten it";
            return Err(Fault::new(Code::BadParentSku, Some(Field::ParentSku.name()), parent, message).into());
        }
        Ok(Some(parent.to_owned()))
    }

    fn description(&self, raw: &Raw) -> Result<Option<String>, Fault> {
        for field in [Field::Description, Field::ShortDescription] {
            let cell = self.value(raw, field);
            if cell.is_empty() {
                continue;
            }
            let message = "is larger than 64 KiB or has too many tags; shorten it";
            let clean =
                text::html(cell).ok_or_else(|| self.fault(Code::DescriptionTooLong, field, raw, message))?;
            if !clean.is_empty() {
                return Ok(Some(clean.into_owned()));
            }
        }
        Ok(None)
    }

    fn brand(&self, raw: &Raw) -> Result<Option<String>, Fault> {
        let brand = text::line(self.value(raw, Field::Brand));
        if !text::fits(&brand, MAX_BRAND_CHARS) {
            return Err(self.fault(
                Code::BrandTooLong,
                Field::Brand,
                raw,
                "has more than 70 characters; shorten it",
            ));
        }
        Ok((!brand.is_empty()).then(|| brand.into_owned()))
    }

    fn category(&self, raw: &Raw) -> Result<Vec<String>, Fault> {
        let message = "has more than 10 levels or a level of more than 200 characters; shorten it";
        category::parse(self.value(raw, Field::Category), self.preset)
            .ok_or_else(|| self.fault(Code::BadCategory, Field::Category, raw, message))
    }

    /// Whether the record stands for its variants and is not sold itself.
    pub(super) fn has_variants(&self, raw: &Raw) -> bool {
        let kind = self.value(raw, Field::ProductKind).to_ascii_lowercase();
        let parent_kind =
            ["configurable", "grouped", "bundle", "variable"].iter().any(|parent| kind.contains(parent));
        parent_kind || !self.value(raw, Field::Variations).is_empty()
    }
}
