//! The SHA-256 of artifacts.

use std::ops::Range;
use std::os::unix::fs::FileExt;

use super::Target;
use crate::error::{Context, Result};
use crate::progress::Progress;
use crate::units::{Digest, Hasher, MIB};

/// The digest of all bytes of a file, most of which are still in the page cache.
///
/// In most formats the header comes first but is known last, so this is a second pass.
pub fn of(target: Target<'_>, progress: &dyn Progress) -> Result<Digest> {
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; MIB as usize];
    let mut offset = 0;
    loop {
        progress.go_on()?;
        match target.file.read_at(&mut buffer, offset).at("cannot read back", target.path)? {
            0 => return Ok(hasher.finish()),
            n => {
                hasher.update(&buffer[..n]);
                offset += n as u64;
            }
        }
    }
}

/// The state of the file's hash after these bytes.
///
/// # Errors
/// [`Kind::Damaged`] when the file ends too early.
pub fn range(target: Target<'_>, bytes: Range<u64>, progress: &dyn Progress) -> Result<Hasher> {
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; MIB as usize];
    let mut offset = bytes.start;
    while offset < bytes.end {
        progress.go_on()?;
        let step = (bytes.end - offset).min(MIB) as usize;
        let read = target.file.read_exact_at(&mut buffer[..step], offset);
        read.at("cannot read back", target.path)?;
        hasher.update(&buffer[..step]);
        offset += step as u64;
    }
    Ok(hasher)
}
