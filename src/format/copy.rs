//! Copies bytes between files without looking at them.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::Target;
use crate::error::{Context, Error, Kind, Result};
use crate::units::MIB;

/// Where bytes come from.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The file.
    pub file: &'a File,
    /// Its name, for errors.
    pub path: &'a Path,
    /// Bytes from its start.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
}

/// Copies bytes into the target. The kernel does it, and filesystems that can share blocks share
/// them. Where the kernel cannot, the bytes pass through memory.
pub fn copy(from: Origin<'_>, target: Target<'_>, offset: u64) -> Result<()> {
    let mut done = 0;
    while done < from.length {
        let (mut source, mut goal) = (from.offset + done, offset + done);
        let length = (from.length - done).min(usize::MAX as u64) as usize;
        let (input, output) = (Some(&mut source), Some(&mut goal));
        let copied = rustix::fs::copy_file_range(from.file, input, target.file, output, length);
        match copied.map_err(std::io::Error::from) {
            Ok(0) => return Err(Error::new(Kind::Damaged, "the file is cut off").at(from.path)),
            Ok(n) => done += n as u64,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) if e.kind() == ErrorKind::StorageFull => {
                return Err(e).at("cannot write", target.path);
            }
            // another filesystem, an old kernel, a filesystem without the call: any other error
            // comes again when the bytes are read or written, and then shows on which side
            Err(_) => {
                let rest =
                    Origin { offset: from.offset + done, length: from.length - done, ..from };
                return through_memory(rest, target, offset + done);
            }
        }
    }
    Ok(())
}

/// Whether the target, which is empty, can share blocks with the file. The only way to know is to
/// try: the filesystem's name says nothing, since XFS may have been made without sharing, and the
/// two files may be on different filesystems.
pub fn shares_blocks(from: Origin<'_>, target: Target<'_>) -> Result<bool> {
    let shares = rustix::fs::ioctl_ficlone(target.file, from.file).is_ok();
    if shares {
        target.file.set_len(0).at("cannot empty", target.path)?;
    }
    Ok(shares)
}

fn through_memory(from: Origin<'_>, target: Target<'_>, offset: u64) -> Result<()> {
    let mut buffer = vec![0; from.length.min(MIB) as usize];
    let mut done = 0;
    while done < from.length {
        let step = (from.length - done).min(MIB) as usize;
        let bytes = &mut buffer[..step];
        from.file.read_exact_at(bytes, from.offset + done).at("cannot read", from.path)?;
        target.write_at(bytes, offset + done)?;
        done += step as u64;
    }
    Ok(())
}
