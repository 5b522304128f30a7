//! Whether two images hold the same disk, whatever their formats.

use crate::error::Result;
use crate::inspect::Image;
use crate::progress::Progress;
use crate::units::MIB;

/// Where two disks differ first, in bytes; none where they are equal.
pub(super) fn same_disk(
    one: &Image,
    other: &Image,
    progress: &dyn Progress,
) -> Result<Option<u64>> {
    if one.size() != other.size() {
        return Ok(Some(one.size().min(other.size())));
    }
    let (mut left, mut right) = (vec![0; MIB as usize], vec![0; MIB as usize]);
    let mut offset = 0;
    while offset < one.size() {
        progress.go_on()?;
        let step = (one.size() - offset).min(MIB) as usize;
        one.read_at(&mut left[..step], offset)?;
        other.read_at(&mut right[..step], offset)?;
        if left[..step] != right[..step] {
            let at = left.iter().zip(&right).position(|(left, right)| left != right);
            return Ok(Some(offset + at.unwrap_or_default() as u64));
        }
        progress.advance(step as u64);
        offset += step as u64;
    }
    Ok(None)
}
