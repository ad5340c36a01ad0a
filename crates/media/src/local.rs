//! Image links of a delivery, looked up below one folder and never outside it.

use std::io;
use std::path::{Path, PathBuf};

use crate::MediaError;

const MAX_LINK_BYTES: usize = 1024;

/// A folder of source images.
#[derive(Clone, Debug)]
pub struct LocalImages {
    /// Without symbolic links, so that what is found can be compared with it.
    root: PathBuf,
}

impl LocalImages {
    /// Opens a folder.
    ///
    /// # Errors
    /// [`MediaError::NotFound`] where there is none, [`MediaError::Io`].
    pub fn open(root: impl AsRef<Path>) -> Result<Self, MediaError> {
        let root = root.as_ref();
        let canonical = root.canonicalize().map_err(|error| MediaError::io("reading", root, error))?;
        if !canonical.is_dir() {
            return Err(MediaError::io("opening", root, io::ErrorKind::NotADirectory.into()));
        }
        Ok(Self { root: canonical })
    }

    /// The file that a link means. Links come from deliveries, so they are hostile.
    ///
    /// A link is a path with `/` or `\` between its parts; one leading separator means the folder itself, as exports
    /// of shops write it (`/m/h/hoodie.jpg`). Symbolic links inside the folder may be followed, not out of it.
    ///
    /// # Errors
    /// [`MediaError::UnsafePath`] for `..`, drive letters, network paths, URLs, control characters, more than 1,024
    /// bytes, and symbolic links that lead out; [`MediaError::NotFound`]; [`MediaError::Io`].
    pub fn resolve(&self, link: &str) -> Result<PathBuf, MediaError> {
        let relative = safe_relative(link)
            .map_err(|reason| MediaError::UnsafePath { link: link.chars().take(200).collect(), reason })?;
        let path = self.root.join(relative);
        let found = path.canonicalize().map_err(|error| match error.kind() {
            io::ErrorKind::NotADirectory => MediaError::NotFound { path: path.clone() },
            _ => MediaError::io("reading", &path, error),
        })?;
        if !found.starts_with(&self.root) {
            let link = link.chars().take(200).collect();
            return Err(MediaError::UnsafePath { link, reason: "leads out of the images folder" });
        }
        if !found.is_file() {
            return Err(MediaError::NotFound { path });
        }
        Ok(found)
    }
}

/// The parts of a link, joined anew; or what is wrong with it.
fn safe_relative(link: &str) -> Result<PathBuf, &'static str> {
    if link.len() > MAX_LINK_BYTES {
        return Err("longer than 1,024 bytes");
    }
    if link.chars().any(char::is_control) {
        return Err("has control characters");
    }
    if link.contains("://") {
        return Err("is a URL, not a path");
    }
    let link = link.trim().strip_prefix(['/', '\\']).unwrap_or(link.trim());
    if link.starts_with(['/', '\\']) {
        return Err("is a network path");
    }
    let mut path = PathBuf::new();
    for part in link.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => return Err("has .. in it"),
            part if part.contains(':') => return Err("has a colon, as drive letters have"),
            part => path.push(part),
        }
    }
    if path.as_os_str().is_empty() { Err("names no file") } else { Ok(path) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    fn images() -> (tempfile::TempDir, LocalImages) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("images/m/h")).unwrap();
        fs::write(folder.path().join("images/m/h/hoodie.jpg"), b"x").unwrap();
        fs::write(folder.path().join("secret.txt"), b"x").unwrap();
        let images = LocalImages::open(folder.path().join("images")).unwrap();
        (folder, images)
    }

    #[test]
    fn the_ways_shops_write_a_link_find_the_file() {
        let (_folder, images) = images();
        for link in [
            "m/h/hoodie.jpg",
            "/m/h/hoodie.jpg",
            "./m//h/./hoodie.jpg",
            r"m\h\hoodie.jpg",
            " m/h/hoodie.jpg ",
        ] {
            assert!(images.resolve(link).unwrap().ends_with("m/h/hoodie.jpg"), "{link}");
        }
    }

    #[test]
    fn links_that_try_to_leave_are_unsafe() {
        let (_folder, images) = images();
        let long = "a/".repeat(600);
        for link in [
            "../secret.txt",
            "m/../../secret.txt",
            r"..\secret.txt",
            "//host/share",
            r"\\host\share",
            r"C:\x.jpg",
            "https://example.com/x.jpg",
            "file:///etc/passwd",
            "a\0.jpg",
            "",
            "/",
            ".",
            long.as_str(),
        ] {
            assert_eq!(images.resolve(link).unwrap_err().code(), "unsafe_path", "{link:?}");
        }
    }

    #[test]
    fn an_absolute_path_is_looked_for_below_the_folder() {
        let (folder, images) = images();
        let outside = folder.path().join("secret.txt");
        assert_eq!(images.resolve(outside.to_str().unwrap()).unwrap_err().code(), "not_found");
    }

    #[test]
    fn what_is_missing_or_no_file_is_not_found() {
        let (_folder, images) = images();
        for link in ["none.jpg", "m/h", "m/h/hoodie.jpg/x"] {
            assert_eq!(images.resolve(link).unwrap_err().code(), "not_found", "{link}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn symbolic_links_may_be_followed_inside_and_not_out() {
        use std::os::unix::fs::symlink;
        let (folder, images) = images();
        symlink(folder.path().join("secret.txt"), folder.path().join("images/out.jpg")).unwrap();
        symlink(folder.path(), folder.path().join("images/up")).unwrap();
        symlink("m/h/hoodie.jpg", folder.path().join("images/in.jpg")).unwrap();
        assert_eq!(images.resolve("out.jpg").unwrap_err().code(), "unsafe_path");
        assert_eq!(images.resolve("up/secret.txt").unwrap_err().code(), "unsafe_path");
        assert!(images.resolve("in.jpg").unwrap().ends_with("m/h/hoodie.jpg"));
    }

    proptest! {
        #[test]
        fn no_link_yields_a_path_with_a_way_up(link in "[./\\\\a:~ ]{0,20}") {
            if let Ok(path) = safe_relative(&link) {
                let plain = path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
                prop_assert!(plain, "{:?}", path);
            }
        }
    }
}
