//! From a tree to a pax archive.

use std::io::Write;

use super::header::{BLOCK, Header, NAME_MAX, OCTAL7_MAX, OCTAL11_MAX};
use super::pax::{self, XATTR};
use crate::error::{Context, Error, Kind, Result};
use crate::tree::{Entry, Meta, Node, Tree, TreePath};

/// Name of every extended header: extractors that do not know them create a file of this name.
const EXTENSION_NAME: &[u8] = b"PaxHeaders/x";

/// Writes all entries in order, hard links last (their targets must come before them), and the end
/// mark.
///
/// # Errors
/// A socket has no form in tar.
pub fn write(tree: &Tree, mut out: impl Write) -> Result<()> {
    let is_link = |entry: &Entry| matches!(entry.node, Node::HardLink(_));
    for (path, entry) in tree.iter().filter(|(_, e)| !is_link(e)) {
        member(path, entry, &mut out)?;
    }
    for (path, entry) in tree.iter().filter(|(_, e)| is_link(e)) {
        member(path, entry, &mut out)?;
    }
    out.write_all(&[0; 2 * BLOCK as usize]).doing("cannot write the archive")?;
    out.flush().doing("cannot write the archive")
}

fn member(path: &TreePath, entry: &Entry, out: &mut impl Write) -> Result<()> {
    let mut name = b"./".to_vec();
    name.extend_from_slice(path.as_bytes());
    let (kind, link, device) = match &entry.node {
        Node::File(_) => (b'0', Vec::new(), (0, 0)),
        Node::HardLink(target) => (b'1', [b"./", target.as_bytes()].concat(), (0, 0)),
        Node::Symlink(target) => (b'2', target.clone(), (0, 0)),
        Node::CharDevice { major, minor } => (b'3', Vec::new(), (*major, *minor)),
        Node::BlockDevice { major, minor } => (b'4', Vec::new(), (*major, *minor)),
        Node::Directory => (b'5', Vec::new(), (0, 0)),
        Node::Fifo => (b'6', Vec::new(), (0, 0)),
        Node::Socket => {
            return Err(Error::new(Kind::Refused, format!("{path} is a socket: tar has none")));
        }
    };
    if kind == b'5' && !path.is_root() {
        name.push(b'/');
    }
    let size = entry.length();
    let records = records(&name, &link, size, &entry.meta);
    if !records.is_empty() {
        let mut header = Header::new(b'x', EXTENSION_NAME, records.len() as u64);
        header.set_meta(0o644, 0, 0, 0);
        out.write_all(&header.finish()).doing("cannot write the archive")?;
        padded(&records, out)?;
    }
    let mut header = Header::new(kind, &name, size);
    let Meta { mode, uid, gid, mtime, .. } = &entry.meta;
    header.set_meta(*mode, (*uid).into(), (*gid).into(), mtime.seconds.max(0) as u64);
    header.set_link(&link);
    header.set_device(device.0, device.1);
    out.write_all(&header.finish()).doing("cannot write the archive")?;
    if let Node::File(content) = &entry.node {
        content.copy_to(out)?;
        let padding = size.next_multiple_of(BLOCK) - size;
        out.write_all(&vec![0; padding as usize]).doing("cannot write the archive")?;
    }
    Ok(())
}

/// Records for what the header cannot hold.
fn records(name: &[u8], link: &[u8], size: u64, meta: &Meta) -> Vec<u8> {
    let mut out = Vec::new();
    if name.len() > NAME_MAX {
        pax::push(&mut out, b"path", name);
    }
    if link.len() > NAME_MAX {
        pax::push(&mut out, b"linkpath", link);
    }
    if size > OCTAL11_MAX {
        pax::push(&mut out, b"size", size.to_string().as_bytes());
    }
    for (keyword, id) in [(&b"uid"[..], meta.uid), (b"gid", meta.gid)] {
        if u64::from(id) > OCTAL7_MAX {
            pax::push(&mut out, keyword, id.to_string().as_bytes());
        }
    }
    let seconds = meta.mtime.seconds;
    if meta.mtime.nanos != 0 || seconds < 0 || seconds as u64 > OCTAL11_MAX {
        pax::push(&mut out, b"mtime", pax::format_time(meta.mtime).as_bytes());
    }
    for (name, value) in &meta.xattrs {
        pax::push(&mut out, &[XATTR, name].concat(), value);
    }
    out
}

fn padded(bytes: &[u8], out: &mut impl Write) -> Result<()> {
    out.write_all(bytes).doing("cannot write the archive")?;
    let padding = bytes.len().next_multiple_of(BLOCK as usize) - bytes.len();
    out.write_all(&vec![0; padding]).doing("cannot write the archive")
}
