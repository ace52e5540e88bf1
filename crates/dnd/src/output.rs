//! Where results go: standard output, and files that are not the input.

use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::failure::Failure;

/// Writes a result to standard output. A reader that has seen enough, such as `head`, is no failure.
pub(crate) fn answer(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(Failure::work),
    }
}

/// Makes a folder for results, unless it is there.
pub(crate) fn create_folder(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::misuse(format!("{}: {error}", folder.display())))
}

/// Writes a text to a file, whole or not at all.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    dd_nn::write_atomically(path, |out| out.write_all(text.as_bytes())).map_err(Failure::misuse)
}

/// Refuses a name that promises another format than JSON.
pub(crate) fn is_json(output: &Path) -> Result<(), Failure> {
    let extension = output.extension().and_then(|extension| extension.to_str());
    match extension {
        Some(
            other @ ("csv" | "tsv" | "npy" | "parquet" | "smi" | "sdf" | "mol" | "xyz" | "gz"),
        ) => Err(Failure::misuse(format!(
            "{}: this command writes JSON, and no .{other}",
            output.display()
        ))),
        _ => Ok(()),
    }
}

/// Refuses to write what is still to be read: a file or folder that is one of the inputs.
pub(crate) fn not_an_input<'a>(
    output: &Path,
    inputs: impl IntoIterator<Item = &'a Path>,
) -> Result<(), Failure> {
    let Ok(place) = output.canonicalize() else {
        return Ok(());
    };
    let mut inputs = inputs.into_iter();
    let is_output = |input: &Path| input.canonicalize().is_ok_and(|input| input == place);
    if inputs.any(is_output) {
        return Err(Failure::misuse(format!(
            "{}: the output would take the place of the input; name another",
            output.display()
        )));
    }
    Ok(())
}

/// Refuses, before any work is done, an output that could not be written: a folder, or a file of a folder that is not there.
pub(crate) fn has_a_place(output: &Path) -> Result<(), Failure> {
    let folder = output.parent().unwrap_or(Path::new(""));
    let reason = if output.is_dir() {
        "it is a folder".to_string()
    } else if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    } else {
        format!("there is no folder {}", folder.display())
    };
    Err(Failure::misuse(format!("{}: {reason}", output.display())))
}

/// A path as one word of a command.
pub(crate) fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-".contains(c);
    if text.chars().all(is_plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word() {
        for (path, word) in [
            ("runs/mine-2.x", "runs/mine-2.x"),
            ("my runs/a", "'my runs/a'"),
            ("it's", "'it'\\''s'"),
        ] {
            assert_eq!(shell_word(Path::new(path)), word);
        }
    }
}
