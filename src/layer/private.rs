//! Files that only root and Puppet's own user may read.

use crate::error::{Error, Kind, Result};
use crate::tree::{Meta, Tree};
use crate::units::Timestamp;

/// The group that the server runs with, on Debian and Ubuntu.
const GROUP: &str = "puppet";
/// A group's permission bits.
const GROUP_BITS: u16 = 0o070;

/// Owner root, group puppet, with `mode`; on a base without that group there is no server, and only
/// root can read the file.
pub fn meta(tree: &Tree, mode: u16, time: Timestamp) -> Result<Meta> {
    let Some(content) = tree.file("etc/group") else {
        return Ok(Meta::root(mode & !GROUP_BITS, time));
    };
    let bytes = content.read()?;
    let text = String::from_utf8_lossy(&bytes);
    let Some(line) = text.lines().find(|line| line.split(':').next() == Some(GROUP)) else {
        return Ok(Meta::root(mode & !GROUP_BITS, time));
    };
    let number = line.split(':').nth(2).and_then(|number| number.parse().ok());
    let gid = number.ok_or_else(|| {
        Error::new(Kind::Damaged, format!("the group {GROUP} has no number")).at("/etc/group")
    })?;
    Ok(Meta { gid, ..Meta::root(mode, time) })
}
