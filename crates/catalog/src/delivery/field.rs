//! The fields that a delivered column or key can fill.

/// Declares the fields with their canonical names.
macro_rules! fields {
    ($($(#[$doc:meta])+ $variant:ident = $text:literal,)+) => {
        /// A field of a delivered record. Its name is the canonical column name and the right side of a mapping.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Field { $($(#[$doc])+ $variant,)+ }

        impl Field {
            /// Every field, in canonical column order.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// How many there are.
            pub(crate) const COUNT: usize = Self::ALL.len();

            /// The canonical name, in `snake_case`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

fields! {
    /// The key.
    Sku = "sku",
    /// GTIN, EAN, UPC, ISBN-13.
    Gtin = "gtin",
    /// The product that this one is a variant of.
    ParentSku = "parent_sku",
    /// Name.
    Title = "title",
    /// HTML or text.
    Description = "description",
    /// Used when there is no description.
    ShortDescription = "short_description",
    /// Brand or vendor.
    Brand = "brand",
    /// Path or paths, in the style of the preset.
    Category = "category",
    /// ISO 4217 code of both prices.
    Currency = "currency",
    /// List price.
    Price = "price",
    /// Reduced price.
    SalePrice = "sale_price",
    /// Words (`in_stock`) or a flag (`1`).
    Availability = "availability",
    /// Units.
    Stock = "stock",
    /// Weight in grams.
    WeightG = "weight_g",
    /// Weight in kilograms.
    WeightKg = "weight_kg",
    /// Weight with its unit in the cell; kept as an attribute when it names none.
    Weight = "weight",
    /// The main image.
    ImageLink = "image_link",
    /// Further images, separated by comma, line break or `|`.
    AdditionalImageLinks = "additional_image_link",
    /// A JSON object.
    Attributes = "attributes",
    /// `key=value,key=value`.
    AdditionalAttributes = "additional_attributes",
    /// `active`, `draft`, `archived`.
    Status = "status",
    /// A flag: shown or not.
    Published = "published",
    /// When the source last changed the product (RFC 3339; without zone: UTC).
    UpdatedAt = "updated_at",
    /// `simple`, `configurable`, `variable`, `variation`, …
    ProductKind = "product_kind",
    /// The variants of a parent, `sku=A,size=S|sku=B,size=M`.
    Variations = "variations",
    /// Key shared by the rows of one product.
    Handle = "handle",
    /// Name of the first option.
    Option1Name = "option1_name",
    /// Value of the first option.
    Option1Value = "option1_value",
    /// Name of the second option.
    Option2Name = "option2_name",
    /// Value of the second option.
    Option2Value = "option2_value",
    /// Name of the third option.
    Option3Name = "option3_name",
    /// Value of the third option.
    Option3Value = "option3_value",
}

impl Field {
    /// The field of that canonical name, compared without case, spaces and punctuation.
    pub fn from_name(name: &str) -> Option<Self> {
        let wanted = super::header::normalise(name);
        Self::ALL.iter().copied().find(|field| super::header::normalise(field.name()) == wanted)
    }

    /// Whether several columns may fill it, one value after the other.
    pub(crate) const fn is_list(self) -> bool {
        matches!(self, Self::AdditionalImageLinks)
    }
}
