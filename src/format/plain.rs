//! The formats that hold the disk's bytes unencoded: each is a [`HostFile`].

use uuid::Uuid;

use super::host::HostFile;
use super::{Machine, extension, qcow2, raw, vhd, vhdx, vmdk};
use crate::disk::Disk;
use crate::error::Result;
use crate::profile::Format;

/// The file of a disk; none for a format that holds the disk encoded. Without a machine, all places
/// and lengths are the same; only identifiers and names differ.
pub fn layout(format: Format, disk: &Disk, machine: Option<&Machine>) -> Result<Option<HostFile>> {
    let id = |what| machine.map_or(Uuid::nil(), |machine| machine.id(what));
    Ok(Some(match format {
        Format::Raw => raw::layout(disk)?,
        Format::Qcow2Plain => qcow2::plain::layout(disk)?,
        Format::Vhd => vhd::fixed::layout(disk, id("vhd"))?,
        Format::VhdDynamic => vhd::dynamic::layout(disk, id("vhd"))?,
        Format::Vhdx => {
            let ids =
                vhdx::Ids { file: id("vhdx file"), data: id("vhdx data"), disk: id("vhdx disk") };
            vhdx::layout(disk, ids)?
        }
        Format::VmdkSparse => {
            let stem = machine.map_or("", |machine| &machine.name);
            let name = format!("{stem}.{}", extension(format));
            vmdk::sparse::layout(disk, id("vmdk"), &name)?
        }
        Format::RawZst
        | Format::Qcow2
        | Format::Qcow2Zstd
        | Format::Vmdk
        | Format::Ova
        | Format::Gce => return Ok(None),
    }))
}

/// The most space that the file takes, in bytes; zero if it is impossible: then the writing says
/// why.
pub fn needed_bytes(format: Format, disk: &Disk) -> u64 {
    match layout(format, disk, None) {
        Ok(Some(file)) => file.stored(disk),
        Ok(None) | Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_oneof, proptest};

    use super::*;
    use crate::disk::Extent;
    use crate::format::host::PartFrom;
    use crate::units::MIB;

    const FORMATS: [Format; 6] = [
        Format::Raw,
        Format::Qcow2Plain,
        Format::VmdkSparse,
        Format::Vhd,
        Format::VhdDynamic,
        Format::Vhdx,
    ];

    /// Small extents anywhere on disks of up to a TiB: nothing is read, so large disks cost
    /// nothing.
    fn any_disk() -> impl Strategy<Value = Disk> {
        let near = 0..64 * MIB;
        let far = 0..(1u64 << 40) - 64 * MIB;
        let starts = prop::collection::btree_set(prop_oneof![near, far], 0..40);
        (starts, any::<u8>(), 1..9u64).prop_map(|(starts, length, rest)| {
            let mut extents: Vec<Extent> = Vec::new();
            for start in starts {
                if extents.last().is_none_or(|last| last.end() <= start) {
                    extents.push(Extent::bytes(start, vec![1; 1 + usize::from(length) * 100]));
                }
            }
            let end = extents.last().map_or(0, Extent::end);
            Disk::new(end.next_multiple_of(MIB) + rest * MIB, extents).unwrap()
        })
    }

    fn ranges(file: &HostFile) -> Vec<Range<u64>> {
        let mut ranges: Vec<_> = file
            .parts()
            .iter()
            .filter_map(|part| match &part.from {
                PartFrom::Disk(range) => Some(range.clone()),
                PartFrom::Bytes(_) => None,
            })
            .collect();
        ranges.sort_by_key(|range| range.start);
        ranges
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn no_parts_overlap_and_every_byte_of_the_disk_is_there_once(disk in any_disk()) {
            for format in FORMATS {
                let file = layout(format, &disk, None).unwrap().unwrap();
                assert!(file.parts().windows(2).all(|w| w[0].end() <= w[1].at), "{format}");
                assert!(file.parts().last().unwrap().end() <= file.length(), "{format}");
                let ranges = ranges(&file);
                assert!(ranges.windows(2).all(|w| w[0].end <= w[1].start), "{format}");
                assert!(ranges.iter().all(|range| range.end <= disk.size()), "{format}");
                for extent in disk.extents() {
                    let (mut at, end) = (extent.offset, extent.end());
                    for range in &ranges {
                        if range.contains(&at) {
                            at = range.end;
                        }
                    }
                    assert!(at >= end, "{format}: nothing holds byte {at}");
                }
                assert_eq!(needed_bytes(format, &disk), file.stored(&disk));
            }
        }
    }
}
