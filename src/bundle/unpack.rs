//! From an archive to a pack and an index in the cache: done once for each bundle.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Bundle, archive};
use crate::error::{Context, Error, Kind, Result};
use crate::pack::{Pack, PackWriter};
use crate::units::Digest;

/// The pack's name in the bundle's cache folder.
const PACK: &str = "files.pack";
/// The index's name in the bundle's cache folder.
const INDEX: &str = "index.json";

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
    let folder = home.join(bundle.digest.to_string());
    if let Some(found) = cached(&folder, bundle.manifest.files.len()) {
        return Ok(found);
    }
    fs::create_dir_all(&home).at("cannot create the cache", &home)?;
    let work = tempfile::tempdir_in(&home).at("cannot create a folder in", &home)?;
    let index = write(bundle, work.path())?;
    if folder.exists() {
        // damaged, or another process was faster: either way ours is as good
        fs::remove_dir_all(&folder).at("cannot replace", &folder)?;
    }
    let work = work.keep();
    if let Err(e) = fs::rename(&work, &folder).at("cannot keep in the cache", &folder) {
        // what cannot be removed is a nameless leftover, the first failure is what counts
        let _ = fs::remove_dir_all(&work);
        return Err(e);
    }
    Ok(Unpacked { pack: Pack::open(folder.join(PACK), index.pack)?, offsets: index.offsets })
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
