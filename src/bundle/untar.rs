//! Unpacks a module's tarball, which somebody else made, into a folder of ours.

use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use tar::EntryType;

use super::module::is_left_out;
use super::path;
use crate::error::{Context, Error, Kind, Result};
use crate::units::{ByteSize, MIB};

/// The most that a module may unpack to.
const LARGEST: u64 = 256 * MIB;
/// The most entries that a module may have.
const MOST: usize = 20_000;

/// Unpacks regular files below `to`, which must be empty. With `strip`, the first folder of each name goes:
/// a release has everything in one that is named after it.
///
/// # Errors
/// For names that leave the folder, links, devices and archives that are too large; then `to` holds rubbish.
pub(super) fn unpack(from: impl Read, strip: bool, to: &Path) -> Result<()> {
    let mut left = LARGEST;
    let mut archive = tar::Archive::new(from);
    let entries = archive.entries().doing("cannot read the module's archive")?;
    for (number, entry) in entries.enumerate() {
        let mut entry = entry.doing("cannot read the module's archive")?;
        let kind = entry.header().entry_type();
        // git puts the commit's id there
        if kind == EntryType::XGlobalHeader {
            continue;
        }
        let full = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = match strip {
            true => full.split_once('/').map_or("", |(_, below)| below),
            false => full.as_str(),
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
        path::check(name)?;
        if kind != EntryType::Regular {
            return Err(path::refused(name, "it is no regular file"));
        }
        left = left.checked_sub(entry.size()).filter(|_| number < MOST).ok_or_else(|| {
            let message = format!("the module has over {MOST} files or {}", ByteSize(LARGEST));
            Error::new(Kind::Refused, message)
        })?;
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
mod tests {
    use super::*;

    fn archive(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, kind, content) in entries {
            let mut header = tar::Header::new_ustar();
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_mode(0o644);
            header.set_size(content.len() as u64);
            header.set_entry_type(*kind);
            header.set_cksum();
            bytes.extend_from_slice(header.as_bytes());
            bytes.extend_from_slice(content);
            bytes.resize(bytes.len().next_multiple_of(512), 0);
        }
        bytes.resize(bytes.len() + 1024, 0);
        bytes
    }

    fn unpacked(entries: &[(&str, EntryType, &[u8])]) -> Result<tempfile::TempDir> {
        let folder = tempfile::tempdir().unwrap();
        unpack(&*archive(entries), true, folder.path())?;
        Ok(folder)
    }

    #[test]
    fn a_release_is_unpacked_without_its_own_folder() {
        let folder = unpacked(&[
            ("a-x-1.0.0/", EntryType::Directory, b""),
            ("a-x-1.0.0/manifests/init.pp", EntryType::Regular, b"class x {}"),
            ("a-x-1.0.0/spec/fixtures/link", EntryType::Symlink, b""),
        ])
        .unwrap();
        assert_eq!(fs::read(folder.path().join("manifests/init.pp")).unwrap(), b"class x {}");
        assert!(!folder.path().join("spec").exists());
    }

    #[test]
    fn what_could_leave_the_folder_is_refused() {
        for (name, kind) in [
            ("m/../../x", EntryType::Regular),
            ("m//x", EntryType::Regular),
            ("m/..", EntryType::Regular),
            ("m/files/x", EntryType::Symlink),
            ("m/files/x", EntryType::Link),
            ("m/files/x", EntryType::Char),
            ("alone", EntryType::Regular),
        ] {
            assert!(unpacked(&[(name, kind, b"")]).is_err(), "{name}");
        }
        let twice = ("m/x", EntryType::Regular, &b""[..]);
        assert!(unpacked(&[twice, twice]).is_err());
    }
}
