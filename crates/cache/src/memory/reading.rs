//! How much memory is in use, and where it ends: this process, its control groups, the machine.

use std::fs;
use std::path::{Path, PathBuf};

use super::Reading;

/// Above this a limit of a control group of version 1 means none.
const NO_LIMIT: u64 = 1 << 60;

/// Where to look.
#[derive(Clone, Debug)]
pub struct MemorySource {
    /// Folder that holds `proc` and `sys`. Default `/`.
    pub root: PathBuf,
    /// A limit of this process's own, in bytes, beside those of control groups and machine. Default none.
    pub own_limit: Option<u64>,
}

impl Default for MemorySource {
    fn default() -> Self {
        Self { root: PathBuf::from("/"), own_limit: None }
    }
}

/// The tightest of: resident memory of this process against its own limit, each control group above it (version 2 or 1)
/// against its limit, the machine's memory. File caches that the kernel can drop do not count as used. `None` where none
/// of these can be read (elsewhere than on Linux).
pub fn read_memory(source: &MemorySource) -> Option<Reading> {
    let root = &source.root;
    let own = source.own_limit.and_then(|limit| Some(Reading { used: resident(root)?, limit: limit.max(1) }));
    let all = own.into_iter().chain(unified(root)).chain(version_1(root)).chain(machine(root));
    all.max_by(|a, b| share(a).total_cmp(&share(b)))
}

fn share(reading: &Reading) -> f64 {
    reading.used as f64 / reading.limit as f64
}

fn resident(root: &Path) -> Option<u64> {
    kib(&fs::read_to_string(root.join("proc/self/status")).ok()?, "VmRSS:")
}

/// The groups of version 2 from this process's up.
fn unified(root: &Path) -> Vec<Reading> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let Some(path) = groups.lines().find_map(|line| line.strip_prefix("0::")) else { return Vec::new() };
    let top = root.join("sys/fs/cgroup");
    let own = top.join(path.trim_start_matches('/'));
    own.ancestors().take_while(|folder| folder.starts_with(&top)).filter_map(unified_group).collect()
}

fn unified_group(folder: &Path) -> Option<Reading> {
    let limit = number(&folder.join("memory.max"))?;
    let current = number(&folder.join("memory.current"))?;
    Some(Reading { used: current.saturating_sub(droppable(folder, "inactive_file ")), limit: limit.max(1) })
}

/// The group of version 1, seen from inside a container as the top.
fn version_1(root: &Path) -> Option<Reading> {
    let folder = root.join("sys/fs/cgroup/memory");
    let limit = number(&folder.join("memory.limit_in_bytes")).filter(|limit| *limit < NO_LIMIT)?;
    let usage = number(&folder.join("memory.usage_in_bytes"))?;
    Some(Reading {
        used: usage.saturating_sub(droppable(&folder, "total_inactive_file ")),
        limit: limit.max(1),
    })
}

fn machine(root: &Path) -> Option<Reading> {
    let text = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let limit = kib(&text, "MemTotal:")?;
    Some(Reading { used: limit.saturating_sub(kib(&text, "MemAvailable:")?), limit: limit.max(1) })
}

/// `max` is no number, hence no limit.
fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

fn droppable(folder: &Path, name: &str) -> u64 {
    let text = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap_or(0)
}

fn kib(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(value.split_whitespace().next()?.parse::<u64>().ok()?.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine of 1,000 KiB, of which 400 are in use, with these files.
    fn machine_with(files: &[(&str, &str)]) -> (tempfile::TempDir, MemorySource) {
        let root = tempfile::tempdir().unwrap();
        let basics = [
            ("proc/meminfo", "MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 600 kB\n"),
            ("proc/self/status", "Name:\tbackstock\nVmRSS:\t  300 kB\n"),
        ];
        for (path, text) in basics.iter().chain(files) {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let source = MemorySource { root: root.path().to_owned(), own_limit: None };
        (root, source)
    }

    const KIB: u64 = 1024;

    #[test]
    fn without_limits_it_is_the_machine() {
        let (_root, source) = machine_with(&[("proc/self/cgroup", "0::/\n")]);
        assert_eq!(read_memory(&source), Some(Reading { used: 400 * KIB, limit: 1000 * KIB }));
    }

    #[test]
    fn the_tightest_group_above_the_process_counts_without_its_file_cache() {
        let (_root, source) = machine_with(&[
            ("proc/self/cgroup", "0::/shop/worker\n"),
            ("sys/fs/cgroup/shop/worker/memory.max", "max\n"),
            ("sys/fs/cgroup/shop/worker/memory.current", "999999\n"),
            ("sys/fs/cgroup/shop/memory.max", "500000\n"),
            ("sys/fs/cgroup/shop/memory.current", "450000\n"),
            ("sys/fs/cgroup/shop/memory.stat", "anon 1\ninactive_file 50000\nactive_file 7\n"),
        ]);
        assert_eq!(read_memory(&source), Some(Reading { used: 400_000, limit: 500_000 }));
    }

    #[test]
    fn version_1_counts_only_with_a_limit() {
        let limited = [
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "100000\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "95000\n"),
            ("sys/fs/cgroup/memory/memory.stat", "cache 1\ntotal_inactive_file 5000\n"),
        ];
        let (_root, source) = machine_with(&limited);
        assert_eq!(read_memory(&source), Some(Reading { used: 90_000, limit: 100_000 }));
        let (_root, source) = machine_with(&[
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            limited[1],
        ]);
        assert_eq!(read_memory(&source).unwrap().limit, 1000 * KIB);
    }

    #[test]
    fn a_limit_of_its_own_is_against_the_resident_memory() {
        let (_root, source) = machine_with(&[]);
        let source = MemorySource { own_limit: Some(400 * KIB), ..source };
        assert_eq!(read_memory(&source), Some(Reading { used: 300 * KIB, limit: 400 * KIB }));
    }

    #[test]
    fn where_nothing_can_be_read_there_is_no_reading() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(read_memory(&MemorySource { root: root.path().to_owned(), own_limit: Some(1) }), None);
    }
}
