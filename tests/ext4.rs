//! The ext4 writer, judged by programs and libraries that we did not write.

#![allow(clippy::unwrap_used)]

use std::os::unix::fs::FileExt;
use std::process::Command;

use slipway::disk::Extent;
use slipway::disk::ext4::{self, Params};
use slipway::tree::Tree;
use slipway::units::{GIB, MIB, Timestamp};

fn params(size: u64) -> Params {
    Params {
        size,
        uuid: *b"0123456789abcdef",
        hash_seed: *b"fedcba9876543210",
        time: Timestamp::from_seconds(1_790_000_000),
        label: "root".into(),
    }
}

fn write_image(extents: &[Extent], size: u64) -> tempfile::NamedTempFile {
    let image = tempfile::NamedTempFile::new().unwrap();
    image.as_file().set_len(size).unwrap();
    for extent in extents {
        let mut buffer = vec![0; extent.data.length() as usize];
        extent.data.read_at(&mut buffer, 0).unwrap();
        image.as_file().write_all_at(&buffer, extent.offset).unwrap();
    }
    image
}

fn assert_clean(image: &tempfile::NamedTempFile) {
    let out = Command::new("e2fsck").arg("-fn").arg(image.path()).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{text}\n{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn an_empty_tree_is_an_empty_filesystem() {
    for size in [16 * MIB, 100 * MIB, GIB, 8 * GIB, 40 * GIB] {
        let extents = ext4::build(&Tree::new(), &[], &params(size)).unwrap();
        assert_clean(&write_image(&extents, size));
    }
}

#[test]
fn a_small_tree() {
    let mut tree = Tree::new();
    let t = Timestamp { seconds: 1_700_000_000, nanos: 123_456_789 };
    for i in 0..3000 {
        tree.put_file(&format!("/etc/many/file-number-{i}"), 0o644, t, format!("{i}")).unwrap();
    }
    tree.put_file("/big", 0o4755, t, vec![7; 5_000_000]).unwrap();
    tree.put_symlink("/l", "etc", t).unwrap();
    tree.put_symlink("/ll", &"x".repeat(100), t).unwrap();
    let size = GIB;
    let extents = ext4::build(&tree, &[], &params(size)).unwrap();
    assert_clean(&write_image(&extents, size));
}
