//! Removes what dead processes left unfinished.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use super::{is_hidden_name, is_named};

/// Removes what this user's dead processes left unfinished. Best effort: what stays takes up space,
/// but harms nobody.
pub(crate) fn sweep(folder: &Path) {
    sweep_those(folder, is_hidden_name);
}

/// The same for other names.
pub(crate) fn sweep_those(folder: &Path, named: impl Fn(&OsStr) -> bool) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if named(&entry.file_name()) {
            remove_if_dead(&entry.path());
        }
    }
}

/// Removes an unfinished file or folder if its maker is dead, and says whether it did.
pub(crate) fn remove_if_dead(path: &Path) -> bool {
    removed(path).unwrap_or(false)
}

fn removed(path: &Path) -> std::io::Result<bool> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let meta = file.metadata()?;
    let ours = meta.uid() == rustix::process::geteuid().as_raw();
    // whoever holds the lock of the file that has the name may remove it: nobody else reassigns the
    // name meanwhile
    if !ours || file.try_lock().is_err() || !is_named(&file, path).unwrap_or(false) {
        return Ok(false);
    }
    if meta.is_dir() {
        std::fs::remove_dir_all(path)?
    } else {
        std::fs::remove_file(path)?
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::tests::{leave, names};
    use super::super::{Draft, Turn, Work, replace};

    #[test]
    fn what_dead_processes_left_goes_and_what_another_makes_stays() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path();
        leave(&home.join(".dead.slipway-new"));
        std::fs::create_dir_all(home.join(".dead-folder.slipway-new/below")).unwrap();
        leave(&home.join(".mine"));
        leave(&home.join("mine.slipway-new"));
        // the sweep waits for no pipe's other end, and a link's target is not ours
        let strange = [".pipe.slipway-new", ".link.slipway-new"].map(|name| home.join(name));
        assert!(std::process::Command::new("mkfifo").arg(&strange[0]).status().unwrap().success());
        let aside = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(aside.path(), &strange[1]).unwrap();
        let draft = Draft::beside(&home.join("a"), 0o600).unwrap();
        let work = Work::new_in(home).unwrap();
        let turn = Turn::take(&home.join("b")).unwrap().unwrap();
        replace(&home.join("c"), 0o600, b"c").unwrap();
        let alive = [draft.path(), work.path(), turn.hidden()].map(Path::exists);
        assert_eq!(alive, [true; 3]);
        assert_eq!(names(home).len(), 7, "{:?}", names(home));
        assert!(aside.path().exists());
        std::fs::remove_file(&strange[1]).unwrap();
        drop((draft, work, turn));
        assert_eq!(names(home), [".mine", "c", "mine.slipway-new"]);
    }
}
