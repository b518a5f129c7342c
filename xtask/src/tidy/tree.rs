//! The texts of the repository, by path from its root.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;

/// Directories that hold nothing of ours.
const SKIPPED: [&str; 7] =
    ["target", ".git", "node_modules", "corpus", "artifacts", "testdata", "__pycache__"];
const READ: [&str; 8] = ["rs", "toml", "md", "sh", "py", "js", "java", "txt"];

/// Every text file that a rule may look at.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    /// Reads all texts below `root`; build output and test data are left out.
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        let mut tree = Self::default();
        tree.read_directory(root, "")?;
        Ok(tree)
    }

    /// The files whose name ends in `.extension`.
    pub(crate) fn with_extension(&self, extension: &str) -> impl Iterator<Item = (&str, &str)> {
        self.iter().filter(move |(path, _)| extension_of(path) == Some(extension))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    pub(crate) fn get(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    fn read_directory(&mut self, directory: &Path, prefix: &str) -> anyhow::Result<()> {
        let shown = || directory.display().to_string();
        for entry in fs::read_dir(directory).with_context(shown)? {
            let entry = entry.with_context(shown)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            if entry.file_type().with_context(shown)?.is_dir() {
                if !SKIPPED.contains(&name.as_str()) {
                    self.read_directory(&entry.path(), &format!("{path}/"))?;
                }
            } else if extension_of(&path).is_some_and(|extension| READ.contains(&extension)) {
                let text = fs::read_to_string(entry.path()).with_context(|| path.clone())?;
                self.files.insert(path, text);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Tree {
    fn from(files: [(&str, &str); N]) -> Self {
        let owned = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        Self { files: owned.into() }
    }
}

/// Generated code is exempt from the length limits.
pub(crate) fn is_generated(path: &str, text: &str) -> bool {
    path.contains("/generated/")
        || text.lines().take(10).any(|line| line.contains("reason = \"generated\""))
}

/// What stands after the last dot of a file's name.
fn extension_of(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map(|(_, extension)| extension)
}

/// The line, from 1, in which byte `at` of `text` stands.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}
