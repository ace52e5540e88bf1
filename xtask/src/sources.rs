//! The tracked text files of the workspace.

use std::path::{Path, PathBuf};

/// Folders of build output, of runs, and of what a fuzzer finds.
const NOT_OURS: [&str; 6] = [
    "target",
    "runs",
    "__pycache__",
    "corpus",
    "artifacts",
    "coverage",
];

/// One file of the workspace.
pub(crate) struct Source {
    /// Path relative to the root, with forward slashes.
    pub(crate) path: String,
    /// Size in bytes.
    pub(crate) bytes: u64,
    /// Contents, when they are UTF-8.
    pub(crate) text: Option<String>,
}

impl Source {
    /// True for Rust files.
    pub(crate) fn is_rust(&self) -> bool {
        Path::new(&self.path)
            .extension()
            .is_some_and(|end| end == "rs")
    }

    /// Lines of code outside tests: no blank lines, no comments.
    pub(crate) fn code_lines(&self) -> usize {
        let text = self.text.as_deref().unwrap_or_default();
        // Tests are the end of a file; attributes may stand between the condition and the module.
        let tests = text.find("\nmod tests {");
        let start = tests.and_then(|tests| text[..tests].rfind("#[cfg(test)]"));
        let without_tests = &text[..start.unwrap_or(text.len())];
        let code = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with("//");
        without_tests.lines().filter(code).count()
    }
}

/// All files below `root` that belong to the project: everything but build output, hidden folders and run folders.
///
/// # Errors
/// When a folder or file cannot be read.
pub(crate) fn all(root: &Path) -> Result<Vec<Source>, String> {
    let mut sources = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries =
            std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        for entry in entries {
            let path = entry
                .map_err(|e| format!("{}: {e}", folder.display()))?
                .path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_dir() {
                if !name.starts_with('.') && !NOT_OURS.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if !name.starts_with('.') {
                sources.push(read(root, &path)?);
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

fn read(root: &Path, path: &PathBuf) -> Result<Source, String> {
    let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let relative = path.strip_prefix(root).unwrap_or(path);
    Ok(Source {
        path: relative.to_string_lossy().replace('\\', "/"),
        bytes: bytes.len() as u64,
        text: String::from_utf8(bytes).ok(),
    })
}
