//! The contents of a disk: partition table, EFI partition, root filesystem.

use std::sync::{Arc, Once};

use super::choice;
use super::memory::Memory;
use super::mend;
use crate::disk::layout::Region;
use crate::inspect::root::Root;
use crate::inspect::walk::Walk;
use crate::inspect::{Image, boot, system, table as partitions};
use crate::progress::Quiet;
use crate::units::MIB;

/// A raw disk, without a container that could stop the reader; none when it looks like another
/// format.
fn raw(file: &Memory) -> Option<(Arc<Image>, Region)> {
    let image = Arc::new(Image::open(file.path()).ok()?);
    let whole = Region { offset: 0, length: image.size() };
    Some((image, whole))
}

/// The GUID partition table, with corrected checksums.
pub fn table(data: &[u8]) {
    let (choice, data) = choice(data);
    let file = Memory::sparse(data, 8 * MIB);
    if choice & 1 == 0 {
        mend::table(&file);
    }
    let Some((image, _)) = raw(&file) else { return };
    let Ok(table) = partitions::read(&image) else { return };
    for partition in &table.partitions {
        let region = partition.region();
        assert!(region.end() <= image.size(), "a partition lies on the disk");
        // none of it needs to exist
        let _ = boot::bios(&image, region);
    }
}

/// An EFI partition; one of FAT32 begins at 33 MiB.
pub fn fat(data: &[u8]) {
    expect_panics_of_fatfs();
    let Some((image, region)) = raw(&Memory::sparse(data, 40 * MIB)) else { return };
    let Ok(files) = boot::efi_files(&image, region) else { return };
    assert!(files.is_sorted_by(|a, b| a.path <= b.path), "files are sorted");
}

/// The fatfs crate panics at numbers that make no sense. The reader treats that as damage, but a
/// fuzzer would stop. Any other panic is a real one.
fn expect_panics_of_fatfs() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let place = info.location().map_or("", |place| place.file());
            if !place.contains("/fatfs-") {
                report(info);
            }
        }));
    });
}

/// A root filesystem.
pub fn ext4(data: &[u8]) {
    let Some((image, region)) = raw(&Memory::sparse(data, 8 * MIB)) else { return };
    let Ok(root) = Root::open(&image, region) else { return };
    // each reports damage on its own
    let _ = root.facts();
    let _ = root.record();
    let _ = system::look(&root);
    // a file may be longer than its disk, with holes in it
    let _ = root.copy("/etc/hostname", &mut &mut vec![0; MIB as usize][..]);
    walk(&image, region);
}

/// All of it, by our own reader.
fn walk(image: &Arc<Image>, region: Region) {
    let Ok(walk) = Walk::of_root(image, region, &Quiet) else { return };
    let paths: Vec<&str> = walk.entries().iter().map(|entry| entry.path.as_str()).collect();
    assert!(paths.is_sorted(), "names are sorted");
    for path in paths {
        if let Ok(Some(bytes)) = walk.bytes(path, MIB) {
            assert!(bytes.len() as u64 <= MIB, "a file is not longer than its limit");
        }
    }
}

/// A signed EFI program.
pub fn pe(data: &[u8]) {
    let names = crate::inspect::pe::signers(data);
    assert!(names.iter().all(|name| !name.contains(char::is_control)), "names can be shown");
}
