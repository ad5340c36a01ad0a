//! One delimited file, written as RFC 4180 says.

/// Columns of the catalog's own format.
pub(crate) const HEADER: [&str; 14] = [
    "sku",
    "gtin",
    "parent_sku",
    "title",
    "description",
    "brand",
    "category",
    "price",
    "currency",
    "availability",
    "stock",
    "weight_g",
    "image_link",
    "attributes",
];

/// One record with its line end.
pub(crate) fn record(fields: &[impl AsRef<str>]) -> String {
    let fields: Vec<_> = fields.iter().map(|field| quoted(field.as_ref())).collect();
    fields.join(",") + "\n"
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_needs_quotes_gets_them() {
        assert_eq!(record(&["a", "b,c", "d \"e\"", ""]), "a,\"b,c\",\"d \"\"e\"\"\",\n");
    }
}
