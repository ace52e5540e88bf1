//! Files that appear when they are complete.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use super::OutputError;

/// A file under construction, called `NAME.PROCESS.partial` until it is complete; or standard output. Left incomplete, it
/// disappears.
pub struct OutputFile(Place);

enum Place {
    Stdout(BufWriter<io::Stdout>),
    Named(Named),
}

/// A file with a name of its own, waiting for its final one.
struct Named {
    file: BufWriter<File>,
    path: PathBuf,
    partial: PathBuf,
}

impl Drop for Named {
    fn drop(&mut self) {
        // After `complete` there is no such file any more.
        let _ = std::fs::remove_file(&self.partial);
    }
}

impl OutputFile {
    /// Begins a file that will be called `path`; `-` is standard output.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn create(path: &Path) -> Result<Self, OutputError> {
        if path == Path::new("-") {
            return Ok(Self(Place::Stdout(BufWriter::new(io::stdout()))));
        }
        if path.is_dir() {
            return Err(OutputError::write(path, "it is a folder"));
        }
        let mut partial = path.to_path_buf().into_os_string();
        partial.push(format!(".{}.partial", std::process::id()));
        let partial = PathBuf::from(partial);
        let file = File::create(&partial).map_err(|e| OutputError::write(path, e))?;
        Ok(Self(Place::Named(Named {
            file: BufWriter::new(file),
            path: path.to_path_buf(),
            partial,
        })))
    }

    /// Goes back to the beginning.
    pub(super) fn rewind(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Place::Stdout(_) => Err(io::ErrorKind::NotSeekable.into()),
            Place::Named(named) => named.file.rewind(),
        }
    }

    /// Gives the file its name, in place of what had it before.
    ///
    /// # Errors
    /// When the disk does not take the last bytes.
    pub fn complete(mut self) -> Result<(), OutputError> {
        let flushed = self.flush();
        let (path, done) = match &self.0 {
            Place::Stdout(_) => (Path::new("-"), flushed),
            Place::Named(named) => {
                let on_disk = || named.file.get_ref().sync_all();
                let named_now = || std::fs::rename(&named.partial, &named.path);
                let done = flushed.and_then(|()| on_disk());
                (named.path.as_path(), done.and_then(|()| named_now()))
            }
        };
        done.map_err(|error| OutputError::io(path, error))
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Place::Stdout(out) => out.write(bytes),
            Place::Named(named) => named.file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Place::Stdout(out) => out.flush(),
            Place::Named(named) => named.file.flush(),
        }
    }
}
