//! Unpacks a module's tarball, which somebody else made, into a folder of ours.

use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::left_out::stays_out;
use crate::bundle::form::path;
use crate::error::{Context, Error, Kind, Result};
use crate::gzip;
use crate::tree::tar::{Budget, Members, Sort};
use crate::units::{ByteSize, MIB};

/// The most that a module may unpack to.
const LARGEST: u64 = 256 * MIB;
/// The most bytes of an archive, headers included.
const LONGEST: u64 = LARGEST + 64 * MIB;
/// The most files and folders that a module may have.
const MOST: usize = 20_000;

/// What an archive has around the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Around {
    /// Nothing: its members are the module's.
    Nothing,
    /// One folder, as in a release of the forge; it goes.
    Folder,
}

/// Unpacks a .tar.gz as [`unpack`] does a .tar.
pub(super) fn unpack_gz(from: &[u8], around: Around, to: &Path) -> Result<()> {
    gzip::whole(from, LONGEST, "the module", |tar| unpack(tar, around, to))
}

/// Unpacks regular files below `to`, which must be empty.
///
/// # Errors
/// For names that leave the folder, links, devices and archives that are too large or have no end; then `to`
/// holds rubbish.
pub(crate) fn unpack(from: impl Read, around: Around, to: &Path) -> Result<()> {
    // a limit also for long names and records, which are kept in memory
    let mut members = Members::new(from.take(LONGEST));
    let mut budget = Budget::new(MOST, LARGEST);
    let mut outer: Option<String> = None;
    while let Some(member) = members.next_member()? {
        // also of what is left out: it costs the same to read over
        if !budget.take(&member) {
            let size = ByteSize(LARGEST);
            let message = format!("the module has over {MOST} files and folders, or over {size}");
            return Err(Error::new(Kind::Refused, message));
        }
        let (folder, name) = match around {
            Around::Nothing => ("", member.name.as_str()),
            Around::Folder => member.name.split_once('/').unwrap_or((&member.name, "")),
        };
        if around == Around::Folder && outer.get_or_insert_with(|| folder.to_owned()) != folder {
            return Err(path::refused(&member.name, "it lies outside of the release's one folder"));
        }
        // what no machine converges from may be odd: repositories have links among their tests
        if member.sort == Sort::Folder || stays_out(name) {
            continue;
        }
        path::check(name)?;
        if member.sort != Sort::File {
            return Err(path::refused(name, "it is no regular file"));
        }
        write(&mut (&mut members).take(member.size), member.mode & 0o100 != 0, &to.join(name))?;
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
