//! From an archive to a pack in the cache: done once for each bundle.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use super::held::held;
use crate::bundle::Bundle;
use crate::bundle::form::archive;
use crate::bundle::form::manifest::FileRecord;
use crate::error::{Context, Error, Kind, Result};
use crate::lock;
use crate::pack::{ALIGN, Pack, PackWriter};
use crate::units::{Digest, Hasher};
use crate::whole::Work;

/// The pack's name in the bundle's cache folder.
const PACK: &str = "files.pack";
/// Held while one is made.
const LOCK: &str = ".lock";
/// What a pack's digest begins with.
const DOMAIN: &[u8] = b"slipway unpacked bundle 1\n";

/// A bundle's files, proven.
#[derive(Clone, Debug)]
pub struct Unpacked {
    /// Their bytes.
    pub pack: Arc<Pack>,
    /// Where each of the manifest's files starts in the pack, in bytes, in the manifest's order.
    pub offsets: Vec<u64>,
}

/// Proves the archive and keeps its files as a pack; a second time they are read from the cache, and proven by the
/// manifest again. Nothing in the cache says what is in it: whoever may write there could say it too.
///
/// A hostile or damaged archive leaves nothing: the folder gets its name when all is proven.
pub fn unpack(bundle: &Bundle, cache: &Path) -> Result<Unpacked> {
    let home = cache.join("unpacked");
    let folder = home.join(bundle.digest.to_string());
    // without the lock first: a cache that may only be read serves as well
    if let Some(found) = cached(&folder, &bundle.manifest.files) {
        return Ok(found);
    }
    fs::create_dir_all(&home).at("cannot create the cache", &home)?;
    // one at a time: it takes milliseconds, and whoever waited finds it done
    let _lock = lock::wait(&home.join(LOCK))?;
    if let Some(found) = cached(&folder, &bundle.manifest.files) {
        return Ok(found);
    }
    held(bundle)?;
    let work = Work::new_in(&home)?;
    write(bundle, work.path())?;
    // what has the name is damaged
    remove(&folder)?;
    work.keep(&folder)?;
    // proven while it was written: it is not read once more
    let pack = Pack::open(folder.join(PACK), digest(&bundle.manifest.files))?;
    Ok(Unpacked { pack, offsets: offsets(&bundle.manifest.files) })
}

/// Where the files lie: each on a block boundary, one behind the other.
fn offsets(files: &[FileRecord]) -> Vec<u64> {
    let next = |end: &mut u64, file: &FileRecord| {
        let start = *end;
        *end += file.size.next_multiple_of(ALIGN);
        Some(start)
    };
    files.iter().scan(0, next).collect()
}

/// The digest that stands for the pack's bytes. They follow from the files' sizes and digests, which are signed; the
/// digest of the bytes themselves would have to be worked out a second time whenever the files are proven.
fn digest(files: &[FileRecord]) -> Digest {
    let mut hasher = Hasher::default();
    hasher.update(DOMAIN);
    for file in files {
        hasher.update(file.size.to_le_bytes());
        hasher.update(file.sha256.as_bytes());
    }
    hasher.finish()
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        done => done.at("cannot remove", folder),
    }
}

fn write(bundle: &Bundle, folder: &Path) -> Result<()> {
    let mut pack = PackWriter::create(folder.join(PACK))?;
    let file = File::open(&bundle.path).at("cannot open the bundle", &bundle.path)?;
    let manifest = archive::read(file, bundle.size, archive::LIMITS, &mut |_, content| {
        pack.add(content).map(|_| ())
    })?;
    if manifest != bundle.manifest {
        return Err(
            Error::new(Kind::Damaged, "the bundle changed while it was read").at(&bundle.path)
        );
    }
    pack.finish()?;
    Ok(())
}

/// What is in the cache, if every file of it is the manifest's; anything else is made anew.
fn cached(folder: &Path, files: &[FileRecord]) -> Option<Unpacked> {
    let pack = Pack::open(folder.join(PACK), digest(files)).ok()?;
    let mut reader = BufReader::with_capacity(1 << 18, pack.file());
    holds(&mut reader, files).ok().filter(|whole| *whole)?;
    Some(Unpacked { pack: pack.clone(), offsets: offsets(files) })
}

/// Whether these are the files' bytes, each with the digest that the manifest lists, with zeros between them and
/// nothing behind.
fn holds(reader: &mut impl Read, files: &[FileRecord]) -> std::io::Result<bool> {
    for file in files {
        let found = Digest::of_reader(reader.by_ref().take(file.size))?;
        let mut padding = [0; ALIGN as usize];
        let padding = &mut padding[..(file.size.next_multiple_of(ALIGN) - file.size) as usize];
        reader.read_exact(padding)?;
        if found != (file.sha256, file.size) || padding.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
    }
    Ok(reader.read(&mut [0])? == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(content: &[u8]) -> FileRecord {
        let (sha256, size) = (Digest::of(content), content.len() as u64);
        FileRecord { path: "x".into(), sha256, size, mode: 0o644 }
    }

    #[test]
    fn files_lie_where_their_sizes_say_and_any_other_bytes_are_not_theirs() {
        let folder = tempfile::tempdir().unwrap();
        let contents = [&b"one"[..], b"", &[7; 4096], &[8; 5000]];
        let files = contents.map(record);
        let mut writer = PackWriter::create(folder.path().join(PACK)).unwrap();
        let placed = contents.map(|content| writer.add(content).unwrap().0);
        writer.finish().unwrap();
        assert_eq!(offsets(&files), placed);
        let whole = fs::read(folder.path().join(PACK)).unwrap();
        assert!(holds(&mut &whole[..], &files).unwrap());
        for at in (0..whole.len()).step_by(97).chain([2, 3, 4095, 4096, whole.len() - 1]) {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(!holds(&mut &changed[..], &files).unwrap(), "byte {at}");
        }
        assert!(holds(&mut &whole[..whole.len() - 1], &files).is_err());
        assert!(!holds(&mut &[&whole[..], b"x"].concat()[..], &files).unwrap());
        let [a, b, c, d] = files;
        let swapped = [a, b, d, c];
        assert_ne!(digest(&swapped), digest(&contents.map(record)));
        assert!(!holds(&mut &whole[..], &swapped).unwrap_or(false));
    }
}
