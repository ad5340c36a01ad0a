//! Writes deliveries and pictures into a folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, thread};

use crate::bad_rows::{self, BadRow};
use crate::picture::Picture;
use crate::product::{Product, products};
use crate::random::Random;
use crate::{DemoError, Options};

const DELIVERY: &str = "products.csv";
const SECOND_DELIVERY: &str = "products-new-prices.csv";

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalog {
    /// The delivery.
    pub csv: PathBuf,
    /// Folder that the image links of the delivery are relative to.
    pub images: PathBuf,
    /// Good products in the delivery.
    pub products: usize,
    /// Records in the delivery, good and bad, without the header.
    pub rows: usize,
    /// Records that must be rejected.
    pub bad_rows: Vec<BadRow>,
    /// Pictures written, the broken one included.
    pub pictures: usize,
    /// Link of the picture that is cut in half.
    pub broken_image: String,
    /// Good products that show the broken picture.
    pub products_with_broken_image: usize,
}

/// What the second delivery changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceChange {
    /// The delivery.
    pub csv: PathBuf,
    /// SKUs of the products with a new price, in the order of the file.
    pub changed: Vec<String>,
}

/// Writes the first delivery and all pictures into `folder`, which is made where it is missing. Files that are there
/// are replaced; run twice, it leaves the same bytes.
///
/// # Errors
/// [`DemoError::Io`] may pass; [`DemoError::Picture`] does not.
pub fn write_catalog(folder: impl AsRef<Path>, options: &Options) -> Result<Catalog, DemoError> {
    let folder = folder.as_ref();
    let images = folder.join("images");
    let rows = products_with_links(options);
    let pictures = pictures(options.seed, rows.iter().map(|(product, _)| product));
    write_pictures(&images, &pictures)?;
    let (text, bad_rows) = bad_rows::mix(&rows);
    let csv = folder.join(DELIVERY);
    write(&csv, text.as_bytes())?;
    let broken_image = pictures.iter().find(|picture| picture.broken).map(|picture| picture.name.clone());
    let broken_image = broken_image.unwrap_or_default();
    Ok(Catalog {
        csv,
        images,
        products: rows.len(),
        rows: rows.len() + bad_rows.len(),
        bad_rows,
        pictures: pictures.len(),
        products_with_broken_image: rows.iter().filter(|(_, link)| *link == broken_image).count(),
        broken_image,
    })
}

/// Writes the second delivery: the first one, in which exactly `percent` of the good products (rounded, at most all)
/// have a price that is 3–15 % higher. Nothing else differs.
///
/// # Errors
/// [`DemoError::Io`], which may pass.
pub fn write_price_change(
    folder: impl AsRef<Path>,
    options: &Options,
    percent: u32,
) -> Result<PriceChange, DemoError> {
    let mut rows = products_with_links(options);
    let count = (rows.len() * percent.min(100) as usize + 50) / 100;
    let mut random = Random::new(options.seed, "price change");
    let mut chosen: Vec<usize> = (0..rows.len()).collect();
    random.shuffle(&mut chosen);
    chosen.truncate(count);
    chosen.sort_unstable();
    let mut changed = Vec::with_capacity(count);
    for at in chosen {
        let product = &mut rows[at].0;
        product.price_cents += (product.price_cents * random.between(3, 15) / 100).max(1);
        changed.push(product.sku.clone());
    }
    let csv = folder.as_ref().join(SECOND_DELIVERY);
    write(&csv, bad_rows::mix(&rows).0.as_bytes())?;
    Ok(PriceChange { csv, changed })
}

/// The good products, each with the link of its picture.
fn products_with_links(options: &Options) -> Vec<(Product, String)> {
    let products = products(options);
    let links: BTreeMap<String, String> = pictures(options.seed, products.iter())
        .into_iter()
        .filter_map(|picture| Some((picture.name.rsplit_once('.')?.0.to_owned(), picture.name)))
        .collect();
    products
        .into_iter()
        .map(|product| {
            let link = links.get(&product.picture()).cloned().unwrap_or_default();
            (product, link)
        })
        .collect()
}

/// Each picture once; the last one is broken.
fn pictures<'a>(seed: u64, products: impl Iterator<Item = &'a Product>) -> Vec<Picture> {
    let mut pictures: Vec<Picture> = Vec::new();
    for product in products {
        let picture = Picture::new(seed, &product.picture(), product.category.shape, product.colour.rgb);
        if pictures.last().is_none_or(|last| last.name != picture.name) {
            pictures.push(picture);
        }
    }
    let last = pictures.pop().map(Picture::broken);
    pictures.extend(last);
    pictures
}

/// Draws on all cores. Each picture depends on nothing but itself, so the order does not matter.
fn write_pictures(folder: &Path, pictures: &[Picture]) -> Result<(), DemoError> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(8);
    thread::scope(|scope| {
        let share = |first: usize| {
            scope.spawn(move || {
                pictures
                    .iter()
                    .skip(first)
                    .step_by(threads)
                    .try_for_each(|picture| write(&folder.join(&picture.name), &picture.render()?))
            })
        };
        let handles: Vec<_> = (0..threads).map(share).collect();
        handles
            .into_iter()
            .try_for_each(|handle| handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), DemoError> {
    let failed = |source| DemoError::Io { path: path.to_owned(), source };
    path.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
    fs::write(path, bytes).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Options {
        Options { products: 60, ..Options::default() }
    }

    /// Every file below a folder with its content, sorted.
    fn tree(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
        let (mut files, mut folders) = (BTreeMap::new(), vec![root.to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.insert(path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap());
                }
            }
        }
        files
    }

    #[test]
    fn two_runs_write_the_same_bytes_and_another_seed_does_not() {
        let folders: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
        for (folder, seed) in folders.iter().zip([7, 7, 8]) {
            write_catalog(folder, &Options { seed, ..small() }).unwrap();
            write_price_change(folder, &Options { seed, ..small() }, 5).unwrap();
        }
        let [one, two, other] = [0, 1, 2].map(|at| tree(folders[at].path()));
        assert!(one == two, "equal seeds differ");
        assert!(one != other, "different seeds agree");
    }

    #[test]
    fn every_link_has_its_file_and_every_file_but_one_decodes() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = write_catalog(&folder, &small()).unwrap();
        assert_eq!(catalog.products, 60);
        assert!(catalog.products_with_broken_image >= 1);
        for (_, link) in products_with_links(&small()) {
            assert!(catalog.images.join(&link).is_file(), "{link:?}");
        }
        assert_eq!(tree(&catalog.images).len(), catalog.pictures);
        for (name, bytes) in tree(&catalog.images) {
            let whole = !bytes.starts_with(b"\xFF\xD8") || bytes.ends_with(b"\xFF\xD9");
            assert_eq!(whole, name != Path::new(&catalog.broken_image), "{}", name.display());
            image::load_from_memory(&bytes)
                .map(drop)
                .or_else(|error| if whole { Err(error) } else { Ok(()) })
                .unwrap();
        }
    }

    #[test]
    fn the_second_delivery_differs_in_exactly_its_share_of_prices() {
        let folder = tempfile::tempdir().unwrap();
        let options = small();
        fs::write(folder.path().join(DELIVERY), bad_rows::mix(&products_with_links(&options)).0).unwrap();
        let change = write_price_change(&folder, &options, 5).unwrap();
        assert_eq!(change.changed.len(), 3);
        let read = |name| fs::read_to_string(folder.path().join(name)).unwrap();
        let (first, second) = (read(DELIVERY), read(SECOND_DELIVERY));
        assert_eq!(first.lines().count(), second.lines().count());
        let lines = first.lines().zip(second.lines()).filter(|(one, two)| one != two);
        let differing: Vec<_> = lines.map(|(line, _)| line.split(',').next().unwrap().to_owned()).collect();
        assert_eq!(differing, change.changed);
    }
}
