//! Unpacks a module's tarball, which somebody else made, into a folder of ours.

use std::borrow::Cow;
use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use tar::EntryType;

use super::module::is_left_out;
use super::path;
use crate::error::{Context, Error, Kind, Result};
use crate::gzip;
use crate::units::{ByteSize, MIB};

/// The most that a module may unpack to.
const LARGEST: u64 = 256 * MIB;
/// The most bytes of an archive, headers included.
const LONGEST: u64 = LARGEST + 64 * MIB;
/// The most entries that a module may have.
const MOST: usize = 20_000;

/// Unpacks a .tar.gz as [`unpack`] does a .tar.
pub(super) fn unpack_gz(from: &[u8], strip: bool, to: &Path) -> Result<()> {
    gzip::whole(from, LONGEST, "the module", |tar| unpack(tar, strip, to))
}

/// Unpacks regular files below `to`, which must be empty. With `strip`, the first folder of each name goes:
/// a release has everything in one that is named after it.
///
/// # Errors
/// For names that leave the folder, links, devices and archives that are too large; then `to` holds rubbish.
pub(crate) fn unpack(from: impl Read, strip: bool, to: &Path) -> Result<()> {
    let mut left = LARGEST;
    // a tar's reader keeps long names in memory, however long they are
    let mut archive = tar::Archive::new(from.take(LONGEST));
    let entries = archive.entries().doing("cannot read the module's archive")?;
    for (number, entry) in entries.enumerate() {
        let mut entry = entry.doing("cannot read the module's archive")?;
        let kind = entry.header().entry_type();
        // git puts the commit's id there
        if kind == EntryType::XGlobalHeader {
            continue;
        }
        // also of what is left out: it costs the same to read over
        left = left.checked_sub(entry.size()).filter(|_| number < MOST).ok_or_else(|| {
            let message = format!("the module has over {MOST} files or {}", ByteSize(LARGEST));
            Error::new(Kind::Refused, message)
        })?;
        let bytes = entry.path_bytes().into_owned();
        let full = String::from_utf8_lossy(&bytes);
        let name = match strip {
            true => full.split_once('/').map_or("", |(_, below)| below),
            false => &full,
        };
        let name = name.trim_end_matches('/');
        // what no machine converges from may be odd: repositories have links among their tests
        let top = name.split('/').next().unwrap_or_default();
        if kind == EntryType::Directory
            || is_left_out(top)
            || top.starts_with('.') && !top.starts_with("..")
        {
            continue;
        }
        if full.starts_with('/') || full.starts_with("../") {
            return Err(path::refused(&full, "it is absolute or climbs out"));
        }
        path::check(name)?;
        if matches!(full, Cow::Owned(_)) {
            return Err(path::refused(name, "it is not UTF-8"));
        }
        if kind != EntryType::Regular {
            return Err(path::refused(name, "it is no regular file"));
        }
        // a pax record may give another: two readers would see two archives
        if entry.header().size().doing("cannot read the module's archive")? != entry.size() {
            return Err(path::refused(name, "its header has another size"));
        }
        let executable =
            entry.header().mode().doing("cannot read the module's archive")? & 0o100 != 0;
        write(&mut entry, executable, &to.join(name))?;
    }
    Ok(())
}

fn write(from: &mut impl Read, executable: bool, to: &Path) -> Result<()> {
    let folder = to.parent().unwrap_or(to);
    fs::create_dir_all(folder).at("cannot create the folder", folder)?;
    let mode = if executable { 0o755 } else { 0o644 };
    // create_new: a name that comes twice is refused, not overwritten
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(to);
    let mut file = file.at("cannot create", to)?;
    std::io::copy(from, &mut file).at("cannot unpack", to)?;
    Ok(())
}

#[cfg(test)]
mod hostile;
