//! The configuration bundle in the image.

use std::path::Path;
use std::sync::Arc;

use crate::bundle::{self, Bundle};
use crate::error::Result;
use crate::layer::private;
use crate::pack::Pack;
use crate::tree::{Content, Entry, Node, Tree};
use crate::units::Timestamp;

/// Where Debian's and Ubuntu's packages keep Puppet's code.
pub const CODE: &str = "/etc/puppet/code";

/// Puts a bundle below `code` (as in [`CODE`]): its files at `releases/<id>`, and
/// `environments/production` as a link to it.
///
/// Code is readable by all and writable by root: the server reads it as the user puppet. The site's
/// data, in the folder that Puppet has for it, may be confidential. The files' bytes are in the
/// packs that are returned, which are kept in `cache` by the bundle's digest.
pub fn add(
    tree: &mut Tree,
    bundle: &Bundle,
    code: &str,
    cache: &Path,
    time: Timestamp,
) -> Result<Vec<Arc<Pack>>> {
    let unpacked = bundle::unpack(bundle, cache)?;
    let release = format!("{code}/releases/{}", bundle.manifest.release);
    tree.put_directory(&release, 0o755, time)?;
    let data = format!("{release}/data");
    let meta = private::meta(tree, 0o750, time)?;
    if bundle.manifest.files.iter().any(|file| file.path.starts_with("data/")) {
        tree.put(&data, Entry { meta, node: Node::Directory })?;
    }
    for (file, offset) in bundle.manifest.files.iter().zip(&unpacked.offsets) {
        let pack = unpacked.pack.clone();
        let content = match file.size {
            0 => Content::Bytes(Arc::default()),
            length => Content::Packed { pack, offset: *offset, length },
        };
        tree.put_file(&format!("{release}/{}", file.path), file.mode, time, content)?;
    }
    let production = format!("{code}/environments/production");
    // a package may have left a folder with an example here
    tree.remove_all(&crate::tree::TreePath::new(production.as_bytes())?);
    tree.put_symlink(&production, &format!("../releases/{}", bundle.manifest.release), time)?;
    Ok(vec![unpacked.pack])
}
