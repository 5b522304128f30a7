//! Locks between processes: an empty file that the kernel unlocks when its holder ends, however that happens.

use std::fs::File;
use std::path::Path;

use crate::error::{Context, Result};

/// Makes the file where there is none, and waits until nobody else holds it. It is held until the result is dropped.
///
/// # Errors
///
/// Fails when the file cannot be made or locked.
pub(crate) fn wait(path: &Path) -> Result<File> {
    let file = File::create(path).at("cannot create the lock", path)?;
    file.lock().at("cannot lock", path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_one_holders_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = wait(&path).unwrap();
        assert!(File::open(&path).unwrap().try_lock().is_err());
        drop(held);
        wait(&path).unwrap();
    }
}
