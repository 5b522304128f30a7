//! From an archive to a pack and an index in the cache: done once for each bundle.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Bundle, archive};
use crate::error::{Context, Error, Kind, Result};
use crate::lock;
use crate::pack::{Pack, PackWriter};
use crate::units::Digest;

/// The pack's name in the bundle's cache folder.
const PACK: &str = "files.pack";
/// The index's name in the bundle's cache folder.
const INDEX: &str = "index.json";
/// Held while one is made.
const LOCK: &str = ".lock";
/// The folder's name while it is being made.
const NEW: &str = ".new";

/// A bundle's files, proven.
#[derive(Clone, Debug)]
pub struct Unpacked {
    /// Their bytes.
    pub pack: Arc<Pack>,
    /// Where each of the manifest's files starts in the pack, in bytes, in the manifest's order.
    pub offsets: Vec<u64>,
}

#[derive(Serialize, Deserialize)]
struct Index {
    pack: Digest,
    offsets: Vec<u64>,
}

/// Proves the archive and keeps its files as a pack; a second time it is read from the cache.
///
/// A hostile or damaged archive leaves nothing: the folder gets its name when all is proven.
pub fn unpack(bundle: &Bundle, cache: &Path) -> Result<Unpacked> {
    let home = cache.join("unpacked");
    fs::create_dir_all(&home).at("cannot create the cache", &home)?;
    // one at a time: it takes milliseconds, and whoever waited finds it done
    let _lock = lock::wait(&home.join(LOCK))?;
    let folder = home.join(bundle.digest.to_string());
    if let Some(found) = cached(&folder, bundle.manifest.files.len()) {
        return Ok(found);
    }
    // what is there of either name is damaged, or left by a process that was killed
    let new = home.join(NEW);
    remove(&folder)?;
    remove(&new)?;
    fs::create_dir(&new).at("cannot create the folder", &new)?;
    let index = match write(bundle, &new) {
        Ok(index) => index,
        Err(e) => {
            remove(&new)?;
            return Err(e);
        }
    };
    fs::rename(&new, &folder).at("cannot keep in the cache", &folder)?;
    // hashed while it was written: it is not read once more
    let pack = Pack::open(folder.join(PACK), index.pack)?;
    Ok(Unpacked { pack, offsets: index.offsets })
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        done => done.at("cannot remove", folder),
    }
}

fn write(bundle: &Bundle, folder: &Path) -> Result<Index> {
    let mut pack = PackWriter::create(folder.join(PACK))?;
    let mut offsets = Vec::with_capacity(bundle.manifest.files.len());
    let file = File::open(&bundle.path).at("cannot open the bundle", &bundle.path)?;
    let manifest = archive::read(file, bundle.size, archive::LIMITS, &mut |_, content| {
        offsets.push(pack.add(content)?.0);
        Ok(())
    })?;
    if manifest != bundle.manifest {
        return Err(
            Error::new(Kind::Damaged, "the bundle changed while it was read").at(&bundle.path)
        );
    }
    let (digest, _) = pack.finish()?;
    let index = Index { pack: digest, offsets };
    let text = serde_json::to_vec(&index)
        .map_err(|e| Error::new(Kind::Io, "cannot write the index").because(e))?;
    let path = folder.join(INDEX);
    fs::write(&path, text).at("cannot write", &path)?;
    File::open(&path).and_then(|f| f.sync_all()).at("cannot flush", &path)?;
    Ok(index)
}

/// What is in the cache, if it is whole; anything else is made anew.
fn cached(folder: &Path, files: usize) -> Option<Unpacked> {
    let index: Index = serde_json::from_slice(&fs::read(folder.join(INDEX)).ok()?).ok()?;
    let path = folder.join(PACK);
    let (digest, _) = Digest::of_reader(File::open(&path).ok()?).ok()?;
    if digest != index.pack || index.offsets.len() != files {
        return None;
    }
    let pack = Pack::open(&path, digest).ok()?;
    Some(Unpacked { pack, offsets: index.offsets })
}
