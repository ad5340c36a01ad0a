//! Category paths in the styles of the presets.

use super::super::Preset;
use super::text;

const MAX_LEVELS: usize = 10;
const MAX_LEVEL_CHARS: usize = 200;
/// The path is a key in the catalog, and a key of an index has at most about 2,700 bytes.
const MAX_PATH_BYTES: usize = 2_000;

/// The levels of the deepest path, the first among equals. `None`: too many levels, or too long ones.
pub(crate) fn parse(cell: &str, preset: Preset) -> Option<Vec<String>> {
    let best = match preset {
        Preset::Magento => deepest(split_escaped(cell).map(magento)),
        Preset::WooCommerce => deepest(split_escaped(cell).map(|path| arrows(&path.replace("\\,", ",")))),
        _ => arrows(cell),
    };
    let bytes: usize = best.iter().map(|level| level.len() + 3).sum();
    let fits = best.len() <= MAX_LEVELS
        && bytes <= MAX_PATH_BYTES
        && best.iter().all(|level| text::fits(level, MAX_LEVEL_CHARS));
    fits.then_some(best)
}

fn deepest(paths: impl Iterator<Item = Vec<String>>) -> Vec<String> {
    paths.fold(Vec::new(), |best, path| if path.len() > best.len() { path } else { best })
}

fn levels<'a>(parts: impl Iterator<Item = &'a str>) -> Vec<String> {
    parts.map(|part| text::line(part).into_owned()).filter(|part| !part.is_empty()).collect()
}

fn arrows(path: &str) -> Vec<String> {
    levels(path.split('>'))
}

/// `Default Category` is the root of every Magento shop, which no customer sees.
fn magento(path: &str) -> Vec<String> {
    let mut levels = levels(path.split('/'));
    if levels.first().is_some_and(|root| root == "Default Category" || root == "Root Catalog") {
        levels.remove(0);
    }
    levels
}

/// Parts between commas that have no backslash before them.
fn split_escaped(cell: &str) -> impl Iterator<Item = &str> {
    let mut escaped = false;
    cell.split(move |c| {
        let cut = c == ',' && !escaped;
        escaped = c == '\\' && !escaped;
        cut
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_vendor_writes_paths_in_its_own_way() {
        let path = |cell, preset| parse(cell, preset).unwrap().join(" > ");
        assert_eq!(path("Technology > Audio/Video", Preset::Canonical), "Technology > Audio/Video");
        assert_eq!(path("Technology>Phones >", Preset::GoogleMerchant), "Technology > Phones");
        let magento = "Default Category/Men/Tops,Default Category/Collections/Eco,Default Category";
        assert_eq!(path(magento, Preset::Magento), "Men > Tops");
        assert_eq!(
            path("Sale, Food > Salt\\, pepper > Sea", Preset::WooCommerce),
            "Food > Salt, pepper > Sea"
        );
        assert_eq!(path("", Preset::Canonical), "");
    }

    #[test]
    fn paths_without_end_are_refused() {
        assert_eq!(parse(&"a>".repeat(11), Preset::Canonical), None);
        assert_eq!(parse(&"ü".repeat(201), Preset::Canonical), None);
    }
}
