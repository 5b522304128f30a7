//! An older image: what it holds need not travel. Every range of it is proven before it is used.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use serde::Deserialize;

use super::{Source, partial};
use crate::blob;
use crate::build::Artifact;
use crate::error::{Context, Kind, Result};
use crate::file;
use crate::progress::Progress;
use crate::release::pieces::{self, LONGEST_LIST, List, Piece, Span, list_key};
use crate::release::record::RECORD;
use crate::release::store;
use crate::units::{Digest, MIB};

/// The longest record of an image, in bytes.
const LONGEST_RECORD: u64 = 64 * MIB;

/// The image, and where its pieces are.
#[derive(Debug)]
pub struct Have {
    file: File,
    size: u64,
    places: HashMap<Digest, Vec<Span>>,
}

/// What a build's record and a release's say alike.
#[derive(Deserialize)]
struct Record {
    artifacts: Vec<Artifact>,
}

impl Have {
    /// Finds out which pieces an image has: by the list that the store has of it, else by the cuts in the record beside
    /// it. With neither, its bytes may still lie where the new image has them.
    pub fn open(
        path: &Path,
        source: &Source<'_>,
        wanted: &List,
        progress: &dyn Progress,
    ) -> Result<Self> {
        let file = file::open(path).at("cannot open", path)?;
        let size = file.metadata().at("cannot look at", path)?.len();
        let record = recorded(path, size);
        let digest = match record.as_ref().and_then(|artifact| artifact.sha256) {
            // not proven, but neither is the list that it leads to
            Some(digest) => digest,
            None => {
                progress.step(&format!("reading {}", path.display()), Some(size));
                partial::digest(&file, path, progress)?
            }
        };
        let cuts = record.as_ref().map_or(&[][..], |artifact| &artifact.cuts);
        let list = match listed(digest, size, source, progress)? {
            None if !cuts.is_empty() => {
                progress.step(&format!("reading {}", path.display()), Some(size));
                Some(pieces::list(&file, path, size, cuts, wanted.form, progress)?)
            }
            listed => listed,
        };
        let pieces = match list {
            Some(list) => list.pieces,
            None => {
                progress.note(&format!(
                    "nothing says how {} is cut: it may help little",
                    path.display()
                ));
                wanted.pieces.clone()
            }
        };
        let places = pieces.into_iter().map(|piece| (piece.sha256, piece.at)).collect();
        Ok(Self { file, size, places })
    }

    /// A piece's bytes, if they are what they should be; whatever keeps them from being read, they can travel.
    pub fn piece(&self, wanted: &Piece) -> Option<Vec<u8>> {
        let at = self.places.get(&wanted.sha256)?;
        let piece = Piece { sha256: wanted.sha256, at: at.clone() };
        let is_within =
            |span: &Span| span.at.checked_add(span.length).is_some_and(|end| end <= self.size);
        if piece.length() != wanted.length() || !piece.at.iter().all(is_within) {
            return None;
        }
        let bytes = store::read(&self.file, &piece).ok()?;
        (Digest::of(&bytes) == wanted.sha256).then_some(bytes)
    }
}

/// What a record beside the image says of it. A record that cannot be read is none: nothing depends on it.
fn recorded(path: &Path, size: u64) -> Option<Artifact> {
    let name = path.file_name()?.to_str()?;
    let ends = name.match_indices('.').map(|(end, _)| format!("{}.json", &name[..end]));
    let records = std::iter::once(RECORD.to_owned()).chain(ends);
    records.into_iter().find_map(|record| {
        let bytes = file::read(&path.with_file_name(record), LONGEST_RECORD, "cannot read").ok()?;
        let record: Record = serde_json::from_slice(&bytes).ok()?;
        let is_it = |artifact: &Artifact| artifact.file == name && artifact.size.bytes() == size;
        record.artifacts.into_iter().find(is_it)
    })
}

/// The list that the store has of an image with this digest.
fn listed(
    digest: Digest,
    size: u64,
    source: &Source<'_>,
    progress: &dyn Progress,
) -> Result<Option<List>> {
    let key = list_key(digest)?;
    match blob::read_checked(
        source.store,
        &key,
        LONGEST_LIST,
        &|bytes| List::parse(&bytes),
        progress,
    ) {
        Ok(list) if list.size == size => Ok(Some(list)),
        Ok(_) => Ok(None),
        Err(e) if matches!(e.kind(), Kind::NotFound | Kind::Damaged | Kind::Refused) => Ok(None),
        Err(e) => Err(e),
    }
}
