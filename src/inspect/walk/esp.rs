//! The files of the EFI partition.

use std::io::{Error as IoError, ErrorKind, Read, Result as IoResult};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use super::entry::{ESP, Entry, EntryKind};
use crate::disk::layout::Region;
use crate::error::{Error, Kind, Result};
use crate::inspect::boot::{BUDGET, DEPTH, NAMES};
use crate::inspect::fat;
use crate::inspect::image::Image;
use crate::inspect::window::Window;

/// Permission bits that Linux shows for FAT, by default.
const MODE: u16 = 0o755;

/// What is done with each file and folder; a folder comes without a reader.
pub(super) type Each<'a> = dyn FnMut(Entry, Option<&mut dyn Read>) -> Result<()> + 'a;

/// Goes through all files and folders, in the order of the disk.
pub(super) fn each(image: &Arc<Image>, partition: Region, each: &mut Each<'_>) -> Result<()> {
    fat::check(image, partition)?;
    let mut failed = None;
    let mut visit = Visit { each, failed: &mut failed, names: NAMES };
    let mut read = || -> IoResult<()> {
        let window = Window::new(image, partition.offset, partition.length, BUDGET);
        let volume = fatfs::FileSystem::new(window, fatfs::FsOptions::new())?;
        visit.folder(&volume.root_dir(), ESP, 0)
    };
    // see `boot::efi_files`: the crate may panic on foreign bytes
    let read = std::panic::catch_unwind(AssertUnwindSafe(&mut read));
    let wrong = || {
        let message = "cannot read the EFI partition";
        Error::new(Kind::Damaged, message).at(image.path()).offset(partition.offset)
    };
    match (failed, read) {
        (Some(error), _) => Err(error),
        (None, Ok(Ok(()))) => Ok(()),
        (None, Ok(Err(e))) => Err(wrong().because(e)),
        (None, Err(_)) => Err(wrong()),
    }
}

struct Visit<'a, 'b> {
    each: &'a mut Each<'b>,
    failed: &'a mut Option<Error>,
    names: usize,
}

impl Visit<'_, '_> {
    fn folder(
        &mut self,
        folder: &fatfs::Dir<'_, Window>,
        above: &str,
        depth: usize,
    ) -> IoResult<()> {
        let circle = || {
            let message = "its folders have too many names, or contain themselves";
            IoError::new(ErrorKind::InvalidData, message)
        };
        for found in folder.iter() {
            let found = found?;
            self.names = self.names.checked_sub(1).ok_or_else(circle)?;
            let name = found.file_name();
            if matches!(name.as_str(), "." | "..") {
                continue;
            }
            let path = format!("{above}{name}");
            if found.is_dir() {
                if depth == DEPTH {
                    return Err(circle());
                }
                let below = format!("{path}/");
                self.tell(entry(path, EntryKind::Folder, None), None)?;
                self.folder(&found.to_dir(), &below, depth + 1)?;
            } else {
                let entry = entry(path, EntryKind::File, Some(found.len()));
                self.tell(entry, Some(&mut found.to_file().take(found.len())))?;
            }
        }
        Ok(())
    }

    fn tell(&mut self, entry: Entry, reader: Option<&mut dyn Read>) -> IoResult<()> {
        (self.each)(entry, reader).map_err(|e| {
            *self.failed = Some(e);
            IoError::other("it was stopped")
        })
    }
}

fn entry(path: String, kind: EntryKind, size: Option<u64>) -> Entry {
    let (target, device, sha256) = (None, None, None);
    Entry { path, kind, mode: MODE, uid: 0, gid: 0, size, target, device, sha256, public: true }
}
