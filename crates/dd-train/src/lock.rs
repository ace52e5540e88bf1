//! One run at a time in a folder.

use std::path::Path;

/// What a run holds while it may write into its folder, so that no other does. Clones hold it together.
#[derive(Debug, Clone, Default)]
pub struct FolderLock {
    #[cfg(unix)]
    held: std::sync::Arc<std::sync::OnceLock<std::fs::File>>,
}

impl FolderLock {
    /// Whether nobody else holds the folder. The system gives it back when a process ends, however it ends; file systems
    /// without locks keep nobody apart.
    #[cfg(unix)]
    pub fn hold(&self, folder: &Path) -> bool {
        use rustix::fs::{FlockOperation, flock};
        use rustix::io::Errno;

        if self.held.get().is_some() {
            return true;
        }
        let Ok(file) = std::fs::File::open(folder) else {
            return true;
        };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(error) => error != Errno::WOULDBLOCK,
            Ok(()) => {
                // Another thread with the same clone has it now: as good.
                let _ = self.held.set(file);
                true
            }
        }
    }

    /// Always: this system keeps nobody apart.
    #[cfg(not(unix))]
    pub fn hold(&self, _: &Path) -> bool {
        true
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::{RunFolder, Start};

    #[test]
    fn a_new_run_leaves_one_that_is_under_way_alone() {
        let name = format!("dd-train-under-way-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let first = RunFolder::open(&path, Start::New).expect("an empty folder");
        let length = first.log(&1).expect("a line");
        let error = RunFolder::open(&path, Start::New).expect_err("one is under way");
        assert!(error.to_string().contains("a run is under way"), "{error}");
        assert_eq!(first.log(&2).expect("another line"), 2 * length);
        drop(first);
        RunFolder::open(&path, Start::New).expect("it is over");
        std::fs::remove_dir_all(&path).expect("ours");
    }

    #[test]
    fn a_folder_is_held_by_one_at_a_time() {
        let name = format!("dd-train-lock-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        let (first, second) = (FolderLock::default(), FolderLock::default());
        let clone = first.clone();
        assert!(first.hold(&folder) && clone.hold(&folder));
        assert!(!second.hold(&folder));
        drop(first);
        assert!(!second.hold(&folder));
        drop(clone);
        assert!(second.hold(&folder));
        std::fs::remove_dir(&folder).expect("empty");
    }
}
