//! Text files of the base that a layer edits.

use std::sync::Arc;

use crate::error::{Error, Kind, Result};
use crate::tree::{Content, Entry, Meta, Node, Tree};
use crate::units::Timestamp;

/// Replaces the text of a file in the base, keeping its owner and mode. If `change` returns none,
/// the file stays as it is.
pub(super) fn edit(
    tree: &mut Tree,
    path: &str,
    time: Timestamp,
    change: impl FnOnce(&str) -> Result<Option<String>>,
) -> Result<()> {
    let key = path.trim_start_matches('/');
    let (Some(entry), Some(content)) = (tree.get(key), tree.file(key)) else {
        return Err(Error::new(Kind::NotFound, "the base has no such file").at(path));
    };
    let meta = Meta { mtime: time, ..entry.meta.clone() };
    let bytes = content.read()?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|e| Error::new(Kind::Damaged, "the file is not text").at(path).because(e))?;
    match change(text).map_err(|e| e.at(path))? {
        None => Ok(()),
        Some(text) => {
            let content = Content::Bytes(Arc::from(text.into_bytes()));
            tree.put(path, Entry { meta, node: Node::File(content) })
        }
    }
}
