//! Files that appear when they are complete.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::OutputError;

/// A file under construction, called `NAME.PROCESS.partial` until it is complete. Left incomplete, it disappears. Standard
/// output, devices and pipes are written to as they are.
pub struct OutputFile(Place);

enum Place {
    Stdout(BufWriter<io::Stdout>),
    Device(BufWriter<File>, PathBuf),
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
        let wrong = |error| OutputError::write(path, error);
        if path.exists() && !path.is_file() {
            let file = File::options().write(true).open(path).map_err(wrong)?;
            return Ok(Self(Place::Device(BufWriter::new(file), path.into())));
        }
        // A link stays one: what it leads to is written.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        remove_abandoned(&path);
        let partial = partial_name(&path, std::process::id());
        let file = File::create(&partial).map_err(|error| OutputError::write(&path, error))?;
        Ok(Self(Place::Named(Named {
            file: BufWriter::new(file),
            path,
            partial,
        })))
    }

    /// Goes back to the beginning.
    pub(super) fn rewind(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Place::Stdout(_) | Place::Device(..) => Err(io::ErrorKind::NotSeekable.into()),
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
            Place::Device(_, path) => (path.as_path(), flushed),
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
            Place::Device(out, _) => out.write(bytes),
            Place::Named(named) => named.file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Place::Stdout(out) => out.flush(),
            Place::Device(out, _) => out.flush(),
            Place::Named(named) => named.file.flush(),
        }
    }
}

fn partial_name(path: &Path, process: u32) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(format!(".{process}.partial"));
    PathBuf::from(name)
}

/// A file that was written to so long ago is not one that a process of another machine, of which nothing is known here, is
/// writing now.
const ABANDONED: Duration = Duration::from_secs(3600);

/// Removes what processes left of this file that were ended by a signal, where the system tells which are running.
fn remove_abandoned(path: &Path) {
    let processes = Path::new("/proc");
    if !processes.join("self").exists() {
        return;
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return;
    };
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let prefix = format!("{}.", name.to_string_lossy());
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let middle = name.strip_prefix(&prefix);
        let process = middle.and_then(|middle| middle.strip_suffix(".partial"));
        let process = process.and_then(|number| number.parse::<u32>().ok());
        let is_over = process.is_some_and(|number| !processes.join(number.to_string()).exists());
        let written = entry.metadata().and_then(|metadata| metadata.modified());
        let age = written.ok().and_then(|written| written.elapsed().ok());
        if is_over && age.is_some_and(|age| age > ABANDONED) {
            // One that stays does no harm.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_links_and_what_is_no_file_stays_what_it_is() {
        let name = format!("dd-data-output-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let [file, link, socket] = ["file", "link", "socket"].map(|name| folder.join(name));
        std::fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let mut out = OutputFile::create(&link).unwrap();
        out.write_all(b"new").unwrap();
        out.complete().unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "new");

        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(OutputFile::create(&socket).is_err());
        assert!(socket.exists() && !socket.is_file());
        drop(listener);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_a_process_left_that_is_no_more_is_removed() {
        let name = format!("dd-data-abandoned-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("out.csv");
        // Larger than any number of a process.
        let [dead, alive, young] =
            [u32::MAX, 1, u32::MAX - 1].map(|process| partial_name(&path, process));
        let long_ago = std::time::SystemTime::now() - 2 * ABANDONED;
        for partial in [&dead, &alive, &young] {
            std::fs::write(partial, "half").unwrap();
        }
        for partial in [&dead, &alive] {
            let file = File::options().append(true).open(partial).unwrap();
            file.set_modified(long_ago).unwrap();
        }
        OutputFile::create(&path).unwrap().complete().unwrap();
        let there = [&dead, &alive, &young].map(|partial| partial.exists());
        assert_eq!(there, [false, true, true]);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
