//! Files that appear when they are complete.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::OutputError;

/// A file under construction, called `NAME.partial` until it is complete; or standard output.
pub(super) enum OutputFile {
    /// `-`.
    Stdout(BufWriter<io::Stdout>),
    /// A file, and its final name.
    Named(BufWriter<File>, PathBuf),
}

impl OutputFile {
    /// Begins a file that will be called `path`; `-` is standard output.
    pub(super) fn create(path: &Path) -> Result<Self, OutputError> {
        if path == Path::new("-") {
            return Ok(Self::Stdout(BufWriter::new(io::stdout())));
        }
        let file = File::create(partial(path)).map_err(|e| OutputError::write(path, e))?;
        Ok(Self::Named(BufWriter::new(file), path.to_path_buf()))
    }

    /// Goes back to the beginning.
    pub(super) fn rewind(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(_) => Err(io::ErrorKind::NotSeekable.into()),
            Self::Named(file, _) => file.seek(SeekFrom::Start(0)).map(|_| ()),
        }
    }

    /// Gives the file its name.
    pub(super) fn complete(mut self) -> Result<(), OutputError> {
        let path = match &self {
            Self::Stdout(_) => PathBuf::from("-"),
            Self::Named(_, path) => path.clone(),
        };
        let done = self.flush().and_then(|()| match self {
            Self::Stdout(_) => Ok(()),
            Self::Named(..) => std::fs::rename(partial(&path), &path),
        });
        done.map_err(|e| OutputError::write(&path, e))
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::Named(out, _) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::Named(out, _) => out.flush(),
        }
    }
}

fn partial(path: &Path) -> PathBuf {
    let mut name = path.to_path_buf().into_os_string();
    name.push(".partial");
    PathBuf::from(name)
}
