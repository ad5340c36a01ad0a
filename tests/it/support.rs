//! What the end-to-end tests share: the binary, a private data folder, a picture of everything in it.

mod catalog;

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// The binary under test, built with these tests.
pub fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_backstock"))
}

/// A data folder of its own and the way to run `backstock` on it.
pub struct Shop {
    pub dir: tempfile::TempDir,
    environment: Vec<(&'static str, String)>,
}

impl Shop {
    /// With the built-in lexical model, so that nothing is fetched.
    pub fn new() -> Self {
        let environment = vec![("BACKSTOCK__EMBEDDING__MODEL", "lexical".to_owned())];
        Self { dir: tempfile::tempdir().expect("a temporary folder"), environment }
    }

    /// With one more setting.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file beside the data folder.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).expect("the file can be written");
        path
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(binary());
        command.current_dir(self.dir.path()).env("NO_COLOR", "1").env_remove("RUST_LOG").stdin(Stdio::null());
        command.env("BACKSTOCK__DATA_DIR", self.data());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs to the end.
    pub fn run(&self, args: &[&str]) -> Ran {
        Ran(self.command().args(args).output().expect("backstock starts"))
    }

    /// Starts in the background; the process is killed when the guard goes.
    pub fn start(&self, args: &[&str]) -> Running {
        let child = self.command().args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Running(child.expect("backstock starts"))
    }

    /// Everything that an import leaves behind, without times and ids that differ from run to run.
    pub async fn picture(&self) -> Picture {
        Picture {
            catalog: self.catalog().await,
            vectors: vectors(&self.data().join("vectors.db")).await,
            files: files(&self.data().join("thumbnails")),
        }
    }

    /// Rows of the catalog's tables, wherever they are.
    async fn catalog(&self) -> Vec<String> {
        let url = self.environment.iter().find(|(name, _)| *name == "BACKSTOCK__CATALOG__URL");
        match url {
            None => catalog::in_file(&self.data().join("catalog.db")).await,
            Some((_, url)) => catalog::on_server(url).await,
        }
    }

    /// Jobs by state, of all queues; states without jobs are left out.
    pub fn ledger(&self) -> BTreeMap<String, u64> {
        let queues = self.run(&["queues", "list", "--json"]).ok().json();
        let mut ledger = BTreeMap::new();
        for queue in queues.as_array().expect("a list of queues") {
            for (state, jobs) in queue["counts"].as_object().expect("counts by state") {
                *ledger.entry(state.clone()).or_insert(0) += jobs.as_u64().expect("a number of jobs");
            }
        }
        ledger.retain(|_, jobs| *jobs > 0);
        ledger
    }
}

/// What a command left behind.
pub struct Ran(pub Output);

impl Ran {
    pub fn code(&self) -> i32 {
        self.0.status.code().unwrap_or(-1)
    }

    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    /// The last line of the output as JSON.
    pub fn json(&self) -> Value {
        let stdout = self.stdout();
        let last = stdout.lines().last().unwrap_or_default();
        serde_json::from_str(last)
            .unwrap_or_else(|error| panic!("{error} in {stdout:?}; stderr: {}", self.stderr()))
    }

    /// The same, of a command that has to end well.
    pub fn ok(self) -> Self {
        assert_eq!(self.code(), 0, "stderr: {}", self.stderr());
        self
    }
}

/// Asserts that a command ended with this code and one last line of its own that holds all `parts`.
pub fn refused(ran: &Ran, code: i32, parts: &[&str]) {
    let said = ran.stderr();
    assert_eq!(ran.code(), code, "{said}");
    let last = said.lines().last().unwrap_or_default();
    assert!(last.starts_with("backstock: "), "{said:?}");
    for part in parts {
        assert!(last.contains(part), "{part:?} is not in {last:?}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

/// A process that does not outlive its test.
pub struct Running(Child);

impl Running {
    /// `SIGSTOP`: it stands still and keeps all it holds.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// `SIGCONT`.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Waits until it ends by itself, well.
    pub fn ends(mut self) {
        let ended = self.0.wait().expect("the process ends");
        assert!(ended.success(), "{ended}");
    }

    /// `SIGTERM`, and waits until it has shut down.
    pub fn stop(mut self) {
        self.signal("TERM");
        self.0.wait().expect("the process ends");
    }

    fn signal(&self, name: &str) {
        let signalled = Command::new("kill").args(["-s", name, &self.0.id().to_string()]).status();
        assert!(signalled.expect("kill runs").success(), "SIG{name}");
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(mut self) {
        self.0.kill().expect("the process can be killed");
        self.0.wait().expect("the process ends");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Everything that an import leaves behind.
#[derive(Debug, PartialEq)]
pub struct Picture {
    pub catalog: Vec<String>,
    /// What they belong to, and their numbers.
    pub vectors: Vec<(String, Vec<f32>)>,
    pub files: BTreeMap<String, u64>,
}

impl Picture {
    /// The first few things that only one of the two has. Vectors of the same text count as the same when the cosine of
    /// their angle is at least `cosine`: a language model rounds by what else is in the batch.
    pub fn difference(&self, other: &Self, cosine: f32) -> String {
        fn lines(picture: &Picture) -> BTreeSet<String> {
            let files = picture.files.iter().map(|(name, size)| format!("file {name} of {size} bytes"));
            let rows = picture.catalog.iter().chain(picture.vectors.iter().map(|(owner, _)| owner));
            rows.cloned().chain(files).collect()
        }
        let (own, others) = (lines(self), lines(other));
        let missing = own.difference(&others).map(|line| format!("\n- {line}"));
        let further = others.difference(&own).map(|line| format!("\n+ {line}"));
        let pairs = self.vectors.iter().zip(&other.vectors).filter(|(own, other)| own != other);
        let turned = pairs
            .map(|((owner, a), (_, b))| (owner, a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>()))
            .filter(|(_, similarity)| *similarity < cosine)
            .map(|(owner, similarity)| format!("\n~ {owner}: cosine {similarity}"));
        missing.take(5).chain(further.take(5)).chain(turned.take(5)).collect()
    }
}

const VECTORS: &str = "SELECT json_array(model_id, key, hex(content_hash), category, price_minor), vector
    FROM point ORDER BY model_id, key";

async fn vectors(file: &Path) -> Vec<(String, Vec<f32>)> {
    let pool = catalog::open(file).await;
    let found: Vec<(String, Vec<u8>)> =
        sqlx::query_as(VECTORS).fetch_all(&pool).await.expect("the query runs");
    pool.close().await;
    let numbers = |bytes: Vec<u8>| bytes.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
    found.into_iter().map(|(owner, bytes)| (owner, numbers(bytes))).collect()
}

/// Files below `root` with their sizes. Names are made from contents, so equal names are equal files. Half-written ones of
/// killed processes are left out: they lie in `.tmp` until they are old enough to be removed.
fn files(root: &Path) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.extend((entry.file_name() != ".tmp").then_some(path));
            } else if let (Ok(name), Ok(info)) = (path.strip_prefix(root), entry.metadata()) {
                found.insert(name.display().to_string(), info.len());
            }
        }
    }
    found
}
