//! The functions that run inside the server (Redis functions, since 7.0).

use xxhash_rust::xxh3::xxh3_64;

/// The parts in order: each stands on those before it.
macro_rules! parts {
    ($($name:literal),* $(,)?) => {
        #[cfg(not(test))]
        const PARTS: &[&str] = &[$(include_str!(concat!("lua/", $name, ".lua"))),*];
        #[cfg(test)]
        const NAMES: &[&str] = &[$($name),*];
    };
}

parts!(
    "base", "pack", "ids", "record", "fresh", "share", "place", "shelf", "life", "enqueue", "bundle",
    "settle", "due", "band", "lot", "turns", "claim", "workers", "operate", "inspect", "check", "sweep",
    "adopt", "register",
);

/// The library as the server loads it.
#[derive(Debug)]
pub(super) struct Library {
    /// Begins the name of every function; follows from the source, so that two versions can share a server.
    version: String,
    pub(super) source: String,
}

impl Library {
    pub(super) fn new() -> Self {
        let body = body();
        let version = format!("backstock_{:016x}_", xxh3_64(body.as_bytes()));
        let name = version.trim_end_matches('_');
        let source = format!("#!lua name={name}\nlocal VERSION = '{version}'\n{body}");
        Self { version, source }
    }

    /// The name of a function on the server.
    pub(super) fn function(&self, name: &str) -> String {
        format!("{}{name}", self.version)
    }
}

#[cfg(not(test))]
fn body() -> String {
    PARTS.concat()
}

/// Tests read the files, so that a change is tried without a build.
#[cfg(test)]
fn body() -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/redis/lua");
    let read = |name: &str| {
        std::fs::read_to_string(folder.join(format!("{name}.lua"))).expect("a part of the library")
    };
    NAMES.iter().map(|name| read(name)).collect()
}
