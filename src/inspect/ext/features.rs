//! Features that the ext4-view crate does not read, in words
//! (Documentation/filesystems/ext4/super.rst, s_feature_incompat).

/// The features that it does read: file types, a journal to recover, extents, 64 bits, flexible
/// groups, a seed of checksums, encrypted files (which it refuses one by one).
const READ: u32 = 0x2 | 0x4 | 0x40 | 0x80 | 0x200 | 0x2000 | 0x1_0000;
/// The others, by their names in mke2fs.
const OTHERS: [(u32, &str); 9] = [
    (0x1, "compressed files"),
    (0x8, "its journal on another device (journal_dev)"),
    (0x10, "its groups' descriptors in many places (meta_bg)"),
    (0x100, "a guard against two hosts (mmp)"),
    (0x400, "attributes in inodes of their own (ea_inode)"),
    (0x1000, "data in its folders (dirdata)"),
    (0x4000, "large folders (large_dir)"),
    (0x8000, "small files inside inodes (inline_data)"),
    (0x2_0000, "names in any case (casefold)"),
];

/// The first of the features that is not read.
pub fn refused(incompatible: u32) -> Option<&'static str> {
    let named = OTHERS.iter().find(|(bit, _)| incompatible & bit != 0);
    match named {
        Some((_, name)) => Some(name),
        None if incompatible & !READ != 0 => {
            Some("features that nobody knew when this was written")
        }
        None => None,
    }
}
