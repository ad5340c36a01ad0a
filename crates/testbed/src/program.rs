//! Finding the programs of servers.

use crate::error::TestbedError;
use std::path::{Path, PathBuf};

/// `name` in `PATH` or in one of `folders`; a `*` in a folder stands for any one name, of which the last wins.
pub(crate) fn find(name: &str, folders: &[&str], package: &'static str) -> Result<PathBuf, TestbedError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).map(|folder| folder.join(name));
    let elsewhere = folders.iter().flat_map(|folder| expand(folder)).map(|folder| folder.join(name));
    in_path
        .chain(elsewhere)
        .find(|program| program.is_file())
        .ok_or_else(|| TestbedError::Missing { program: name.into(), package })
}

/// The folders that a pattern with at most one `*` names, the greatest name first.
pub(crate) fn expand(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else { return vec![pattern.into()] };
    let (parent, prefix) = before.rsplit_once('/').unwrap_or((".", before));
    let names = std::fs::read_dir(Path::new(parent)).into_iter().flatten().flatten();
    let mut found: Vec<_> = names
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| PathBuf::from(format!("{}{after}", entry.path().display())))
        .collect();
    found.sort();
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_names_its_package() {
        let error = find("backstock-no-such-program", &["/usr/lib/*/bin"], "no-such-package").unwrap_err();
        assert!(error.to_string().contains("apt-get install -y --no-install-recommends no-such-package"));
    }

    #[test]
    fn a_program_outside_the_path_is_found_in_the_newest_folder() {
        let folder = tempfile::tempdir().unwrap();
        for version in ["server-14", "server-15", "other"] {
            std::fs::create_dir_all(folder.path().join(version).join("bin")).unwrap();
            std::fs::write(folder.path().join(version).join("bin/backstock-program"), "").unwrap();
        }
        let pattern = format!("{}/server-*/bin", folder.path().display());
        let found = find("backstock-program", &[&pattern], "package").unwrap();
        assert_eq!(found, folder.path().join("server-15/bin/backstock-program"));
    }
}
