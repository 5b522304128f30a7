//! Folders of every size: one block, an index of one level, of two.

use slipway::tree::Tree;
use slipway::units::{GIB, MIB};

use crate::ext4::image::{Image, file, folder, path};

fn holding(names: impl Iterator<Item = String>) -> Tree {
    let mut tree = Tree::new();
    tree.insert(path(b""), folder());
    tree.insert(path(b"d"), folder());
    for name in names {
        tree.insert(path(format!("d/{name}").as_bytes()), file(""));
    }
    tree
}

#[test]
fn a_folder_has_an_index_from_its_second_block_on() {
    // each name of 12 bytes takes 20; the dots take 24 of the block's 4084
    for (count, indexed) in [(203, false), (204, true), (5000, true)] {
        let tree = holding((0..count).map(|i| format!("name-{i:07}")));
        let image = Image::of(&tree, &[], 256 * MIB);
        image.assert_clean();
        image.assert_holds(&tree);
        assert_eq!(image.stat(b"d").contains("Flags: 0x81000"), indexed, "{count} names");
    }
}

#[test]
fn names_are_found_by_the_hash_that_debugfs_computes() {
    let tree =
        holding((0..1000).map(|i| format!("a-name-of-some-length-{}-{i}", "é".repeat(i % 40))));
    let image = Image::of(&tree, &[], 256 * MIB);
    image.assert_clean();
    image.assert_holds(&tree);
    let dump = image.debugfs(b"htree_dump /d\n");
    assert!(dump.contains("Hash Version: 1") && dump.contains("Indirect levels: 0"), "{dump}");
}

#[test]
fn a_large_folder_has_an_index_of_two_levels() {
    // ext4-view looks up each name in the index; long names fill it sooner
    let tree = holding((0..12_000).map(|i| format!("{i:0>200}")));
    let image = Image::of(&tree, &[], 256 * MIB);
    image.assert_clean();
    image.assert_holds(&tree);
    assert!(image.debugfs(b"htree_dump /d\n").contains("Indirect levels: 1"));
}

#[test]
fn a_folder_of_a_hundred_thousand_names_is_clean() {
    let tree = holding((0..100_000).map(|i| format!("a-rather-longer-name-{i}")));
    let image = Image::of(&tree, &[], 2 * GIB);
    image.assert_clean();
    assert!(image.stat(b"d/a-rather-longer-name-99999").contains("Type: regular"));
}

#[test]
fn a_folder_with_too_many_subfolders_to_count_has_one_link() {
    let mut tree = holding(std::iter::empty());
    for i in 0..64_998 {
        tree.insert(path(format!("d/{i}").as_bytes()), folder());
    }
    let links = |tree: &Tree| {
        let image = Image::of(tree, &[], 2 * GIB);
        image.assert_clean();
        image.stat(b"d").lines().find(|l| l.starts_with("Links: ")).unwrap().to_owned()
    };
    assert!(links(&tree).starts_with("Links: 65000 "));
    tree.insert(path(b"d/one-more"), folder());
    assert!(links(&tree).starts_with("Links: 1 "));
}

#[test]
fn lost_and_found_is_made_or_kept() {
    let image = Image::of(&Tree::new(), &[], 256 * MIB);
    let stat = image.stat(b"lost+found");
    assert!(stat.contains("Mode:  0700") && stat.contains("Size: 16384"), "{stat}");
    let mut tree = Tree::new();
    tree.insert(path(b"lost+found"), folder());
    tree.insert(path(b"lost+found/#12"), file("found"));
    let image = Image::of(&tree, &[], 256 * MIB);
    image.assert_clean();
    image.assert_holds(&tree);
    let stat = image.stat(b"lost+found");
    assert!(stat.contains("Inode: 11 ") && stat.contains("Mode:  0640"), "{stat}");
}
