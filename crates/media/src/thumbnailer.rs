//! The shell around the pipeline: look whether the work is done, do it, store it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::budget::Budget;
use crate::pipeline::{Rendered, render, weigh};
use crate::scratch::ScratchPool;
use crate::store::{ContentStore, short_hash};
use crate::{Made, Manifest, MediaError, OutputFile, Picture, Recipe};

/// Makes the outputs of one recipe into one folder. Cheap to clone; safe to share between threads and processes.
#[derive(Clone, Debug)]
pub struct Thumbnailer {
    store: ContentStore,
    recipe: Recipe,
    recipe_id: String,
    scratch: Arc<ScratchPool>,
    memory: Arc<Budget>,
}

/// Default of [`Thumbnailer::with_memory`].
const MEMORY_BYTES: u64 = 1 << 30;

impl Thumbnailer {
    /// Opens `root`, creating it where it is missing.
    ///
    /// # Errors
    /// [`MediaError::InvalidRecipe`], [`MediaError::Io`].
    pub fn new(root: impl AsRef<Path>, recipe: Recipe) -> Result<Self, MediaError> {
        recipe.check()?;
        let recipe_id = recipe.id();
        Ok(Self {
            store: ContentStore::open(root.as_ref())?,
            recipe,
            recipe_id,
            scratch: Arc::default(),
            memory: Arc::new(Budget::new(MEMORY_BYTES)),
        })
    }

    /// Whether each file is flushed to the disk before it counts as written. Default no: a killed process loses
    /// nothing either way, and what a power cut damages is found by its length and made again.
    #[must_use]
    pub fn with_fsync(mut self, fsync: bool) -> Self {
        self.store.fsync = fsync;
        self
    }

    /// Memory that sources being decoded may take together, in bytes, by what their headers announce; the others wait.
    /// One that needs more than all of it waits until it is alone. Default 1 GiB.
    #[must_use]
    pub fn with_memory(mut self, bytes: u64) -> Self {
        self.memory = Arc::new(Budget::new(bytes));
        self
    }

    /// The recipe in use.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    pub(crate) fn store(&self) -> &ContentStore {
        &self.store
    }

    /// Where a file of a manifest lies.
    pub fn path_of(&self, output: &OutputFile) -> PathBuf {
        self.store.root().join(&output.file)
    }

    /// Makes all outputs of `source`, or finds that they are there. Blocks; up to a second for the largest sources.
    ///
    /// Run twice, also at the same time or after a kill, it leaves the same files; the second run does no work. The
    /// manifest is written last, so a manifest that is there names files that are there.
    ///
    /// # Errors
    /// Those of the source never pass; [`MediaError::Io`] may.
    pub fn make(&self, source: &[u8]) -> Result<Made, MediaError> {
        self.recipe.limits.check_file(source.len() as u64)?;
        let source_hash = blake3::hash(source).to_hex().to_string();
        if let Some(manifest) = self.stored(&source_hash) {
            return Ok(Made::reused(manifest));
        }
        let weight = weigh(source, &self.recipe)?;
        let share = self.memory.take(weight.bytes);
        let rendered = render(source, &self.recipe, &self.scratch)?;
        drop(share);
        let manifest = self.keep(rendered, source_hash, source.len() as u64)?;
        Ok(Made { manifest, reused: false, pixels: weight.pixels, memory_bytes: weight.bytes })
    }

    /// The outputs of `source` in memory, largest first; nothing is looked up or stored. Blocks as [`Thumbnailer::make`].
    ///
    /// # Errors
    /// Those of the source; none of them passes.
    pub fn render(&self, source: &[u8]) -> Result<Vec<Picture>, MediaError> {
        let _share = self.memory.take(weigh(source, &self.recipe)?.bytes);
        Ok(render(source, &self.recipe, &self.scratch)?.levels)
    }

    /// [`Thumbnailer::make`] for a file. At most the limit of the recipe is read.
    ///
    /// # Errors
    /// Also [`MediaError::NotFound`], and [`MediaError::UnsafePath`] for what is no regular file: opening a pipe or a
    /// device would wait for ever.
    pub fn make_file(&self, path: impl AsRef<Path>) -> Result<Made, MediaError> {
        let path = path.as_ref();
        let reading = |error| MediaError::io("reading", path, error);
        let meta = std::fs::metadata(path).map_err(reading)?;
        if !meta.is_file() {
            let link = path.display().to_string().chars().take(200).collect();
            return Err(MediaError::UnsafePath { link, reason: "not a regular file" });
        }
        self.recipe.limits.check_file(meta.len())?;
        // The file may grow between the look and the read.
        let mut source = Vec::with_capacity(meta.len() as usize);
        let bound = self.recipe.limits.max_file_bytes.saturating_add(1);
        File::open(path).and_then(|file| file.take(bound).read_to_end(&mut source)).map_err(reading)?;
        self.make(&source)
    }

    /// Removes what killed processes left half written, if last touched more than `age` before `now`. Returns how
    /// many files. An hour is a safe age.
    ///
    /// # Errors
    /// [`MediaError::Io`] when the folder cannot be listed; it may pass.
    pub fn remove_stale_temporary(&self, now: SystemTime, age: Duration) -> Result<usize, MediaError> {
        self.store.remove_stale(now, age)
    }

    /// The manifest of an earlier run, if it is of this very source and all its files are there. One that cannot be
    /// read counts as missing and is replaced.
    pub(crate) fn stored(&self, source_hash: &str) -> Option<Manifest> {
        let bytes = self.store.read(&self.manifest_file(source_hash)).ok()?;
        let manifest: Manifest = serde_json::from_slice(&bytes).ok()?;
        let ours = manifest.source_hash == source_hash && manifest.recipe_id == self.recipe_id;
        let whole = manifest.outputs.iter().all(|output| self.store.holds(&output.file, output.bytes));
        (ours && whole && !manifest.outputs.is_empty()).then_some(manifest)
    }

    fn keep(&self, rendered: Rendered, source_hash: String, bytes: u64) -> Result<Manifest, MediaError> {
        let mut outputs = Vec::with_capacity(rendered.levels.len());
        for level in &rendered.levels {
            let name = format!("{}-{}.{}", short_hash(&level.bytes), level.width, level.extension);
            let file = ContentStore::relative(&name);
            self.store.put(&file, &level.bytes)?;
            let bytes = level.bytes.len() as u64;
            outputs.push(OutputFile { width: level.width, height: level.height, bytes, file });
        }
        let manifest = Manifest {
            recipe_id: self.recipe_id.clone(),
            format: rendered.format,
            width: rendered.width,
            height: rendered.height,
            bytes,
            dominant_colour: rendered.extras.dominant_colour,
            thumbhash: Some(rendered.extras.thumbhash),
            perceptual_hash: Some(format!("{:016x}", rendered.extras.perceptual_hash)),
            outputs,
            source_hash,
        };
        let json = serde_json::to_vec(&manifest).map_err(|error| {
            // Plain strings and numbers always have a JSON form; an error here is one of memory.
            MediaError::EncodeFailed { reason: error.to_string() }
        })?;
        self.store.put(&self.manifest_file(&manifest.source_hash), &json)?;
        Ok(manifest)
    }

    fn manifest_file(&self, source_hash: &str) -> String {
        ContentStore::relative(&format!("{}-{}.json", &source_hash[..16], self.recipe_id))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::testing;

    fn thumbnailer() -> (tempfile::TempDir, Thumbnailer) {
        let folder = tempfile::tempdir().unwrap();
        let thumbnailer = Thumbnailer::new(folder.path().join("thumbs"), Recipe::default()).unwrap();
        (folder, thumbnailer)
    }

    /// Every file below the root with its content, sorted.
    fn tree(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push((path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap()));
                }
            }
        }
        files.sort();
        files
    }

    #[test]
    fn the_second_time_nothing_is_done() {
        let (_folder, thumbnailer) = thumbnailer();
        let source = testing::jpeg(640, 480);
        let first = thumbnailer.make(&source).unwrap();
        let second = thumbnailer.make(&source).unwrap();
        assert!(!first.reused && second.reused);
        assert_eq!(first.manifest, second.manifest);
    }

    #[test]
    fn files_are_named_by_what_is_in_them() {
        let (_folder, thumbnailer) = thumbnailer();
        let made = thumbnailer.make(&testing::jpeg(640, 480)).unwrap();
        for output in &made.manifest.outputs {
            let bytes = fs::read(thumbnailer.path_of(output)).unwrap();
            let hash = short_hash(&bytes);
            assert_eq!(output.file, format!("{}/{}/{hash}-{}.jpg", &hash[..2], &hash[2..4], output.width));
            assert_eq!(bytes.len() as u64, output.bytes);
        }
    }

    #[test]
    fn a_lost_or_cut_file_is_made_again() {
        let (_folder, thumbnailer) = thumbnailer();
        let source = testing::jpeg(640, 480);
        let made = thumbnailer.make(&source).unwrap();
        let whole = tree(thumbnailer.store.root());
        fs::remove_file(thumbnailer.path_of(&made.manifest.outputs[0])).unwrap();
        fs::write(thumbnailer.path_of(&made.manifest.outputs[1]), b"half").unwrap();
        assert!(!thumbnailer.make(&source).unwrap().reused);
        assert_eq!(tree(thumbnailer.store.root()), whole);
    }

    #[test]
    fn a_damaged_manifest_is_replaced() {
        let (_folder, thumbnailer) = thumbnailer();
        let source = testing::jpeg(640, 480);
        let made = thumbnailer.make(&source).unwrap();
        let file = thumbnailer.store.root().join(thumbnailer.manifest_file(&made.manifest.source_hash));
        fs::write(&file, b"{\"half\":").unwrap();
        assert_eq!(thumbnailer.make(&source).unwrap().manifest, made.manifest);
        assert!(thumbnailer.make(&source).unwrap().reused);
    }

    #[test]
    fn two_folders_filled_in_different_order_by_many_threads_are_equal() {
        let (_a, one) = thumbnailer();
        let (_b, two) = thumbnailer();
        let sources: Vec<_> = (0..4).map(|n| testing::jpeg(200 + 10 * n, 160)).collect();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| sources.iter().for_each(|source| drop(one.make(source).unwrap())));
            }
        });
        sources.iter().rev().for_each(|source| drop(two.make(source).unwrap()));
        assert_eq!(tree(one.store.root()), tree(two.store.root()));
    }

    #[test]
    fn a_wrong_extension_does_not_matter_and_a_wrong_file_is_told() {
        let (folder, thumbnailer) = thumbnailer();
        let lying = folder.path().join("photo.png");
        fs::write(&lying, testing::jpeg(50, 50)).unwrap();
        assert_eq!(thumbnailer.make_file(&lying).unwrap().manifest.format, crate::Format::Jpeg);
        assert_eq!(thumbnailer.make_file(folder.path().join("none")).unwrap_err().code(), "not_found");
        assert_eq!(thumbnailer.make_file(folder.path()).unwrap_err().code(), "unsafe_path");
    }

    #[test]
    fn a_refused_source_leaves_no_file() {
        let (_folder, thumbnailer) = thumbnailer();
        let whole = testing::jpeg(300, 200);
        assert_eq!(thumbnailer.make(&whole[..whole.len() / 2]).unwrap_err().code(), "truncated");
        assert_eq!(tree(thumbnailer.store.root()), []);
    }

    #[test]
    fn another_recipe_makes_its_own_manifest() {
        let (_folder, thumbnailer) = thumbnailer();
        let recipe = Recipe { sizes: vec![50], ..Recipe::default() };
        let other = Thumbnailer::new(thumbnailer.store.root(), recipe).unwrap();
        let source = testing::jpeg(640, 480);
        thumbnailer.make(&source).unwrap();
        assert!(!other.make(&source).unwrap().reused);
        assert!(thumbnailer.make(&source).unwrap().reused);
    }
}
