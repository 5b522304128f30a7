//! The filesystem grows to any size that an appliance's disk may reach.

use std::process::Command;

use slipway::tree::Tree;
use slipway::units::{GIB, MIB};

use crate::ext4::image::{Image, assert_clean, file, folder, path};

fn tree() -> Tree {
    let mut tree = Tree::new();
    for i in 0..50 {
        tree.insert(path(format!("d{i}").as_bytes()), folder());
        tree.insert(path(format!("d{i}/file").as_bytes()), file(vec![i; 30_000]));
    }
    tree
}

#[test]
fn it_grows_offline_to_one_tebibyte_and_stays_whole() {
    for from in [64 * MIB, 300 * MIB, 5 * GIB] {
        let image = Image::of(&tree(), &[], from);
        for to in [20 * GIB, 100 * GIB, 1024 * GIB] {
            image.file.as_file().set_len(to).unwrap();
            let out = Command::new("resize2fs").arg("-f").arg(image.file.path()).output().unwrap();
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
            assert_clean(image.file.path());
        }
        image.assert_holds(&tree());
    }
}
