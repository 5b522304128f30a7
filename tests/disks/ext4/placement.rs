//! Placement: a pack has the same place, undivided, in every image of one size, and keeps its place
//! within clusters in images of other sizes.

use std::slice::from_ref;
use std::sync::Arc;

use slipway::disk::ext4;
use slipway::disk::{Data, Disk, Extent};
use slipway::pack::Pack;
use slipway::tree::{Content, Entry, Meta, Node, Tree};
use slipway::units::{GIB, KIB, MIB};

use crate::ext4::image::{Image, TIME, file, folder, node, pack, params, path};

/// A base of 300 files, as a tree and its pack.
fn base() -> (Tree, Arc<Pack>) {
    let contents: Vec<Vec<u8>> =
        (0..300_usize).map(|i| vec![(i % 251) as u8 + 1; 700 * i + i % 7]).collect();
    let slices: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
    let (pack, offsets) = pack(&slices);
    let mut tree = Tree::new();
    for (i, offset) in offsets.into_iter().enumerate() {
        let length = contents[i].len() as u64;
        let content = Content::Packed { pack: pack.clone(), offset, length };
        tree.insert(path(format!("file-{i}").as_bytes()), node(Node::File(content)));
    }
    (tree, pack)
}

fn runs_of(extents: &[Extent], pack: &Pack) -> Vec<(u64, u64, u64)> {
    let run = |extent: &Extent| match &extent.data {
        Data::Content(Content::Packed { pack: p, offset, length }) if **p == *pack => {
            Some((extent.offset, *offset, *length))
        }
        _ => None,
    };
    extents.iter().filter_map(run).collect()
}

#[test]
fn two_trees_over_one_base_have_equal_bytes_in_its_region() {
    let (tree, base_pack) = base();
    let size = 512 * MIB;
    let mut other = tree.clone();
    for i in (0..300).step_by(3) {
        other.remove(format!("file-{i}"));
    }
    let (layer, offsets) = pack(&[&[0xAA; 200_000]]);
    let content = Content::Packed { pack: layer.clone(), offset: offsets[0], length: 200_000 };
    other.insert(path(b"file-4"), node(Node::File(content)));
    for i in 0..5000 {
        other.insert(path(format!("customer-{i}").as_bytes()), file(format!("{i}")));
    }
    let first = Image::of(&tree, from_ref(&base_pack), size);
    let second = Image::of(&other, &[base_pack.clone(), layer], size);
    for (image, tree) in [(&first, &tree), (&second, &other)] {
        image.assert_clean();
        image.assert_holds(tree);
    }
    let runs = runs_of(&first.extents, &base_pack);
    assert_eq!(runs, runs_of(&second.extents, &base_pack));
    assert_eq!(runs.iter().map(|r| r.2).sum::<u64>(), base_pack.length());
    let last = runs.last().unwrap();
    let region = runs[0].0..last.0 + last.2;
    let read = |image: &Image, run: &(u64, u64, u64)| {
        let disk = Disk::new(size, image.extents.clone()).unwrap();
        let mut bytes = vec![0; run.2 as usize];
        disk.read_at(&mut bytes, run.0).unwrap();
        bytes
    };
    for run in &runs {
        assert!(region.contains(&run.0));
        assert!(read(&first, run) == read(&second, run));
    }
}

#[test]
fn what_a_layer_replaced_is_free_but_its_bytes_stay() {
    let (tree, base_pack) = base();
    let mut other = tree.clone();
    other.remove(b"file-299");
    let whole = Image::of(&tree, from_ref(&base_pack), 512 * MIB);
    let less = Image::of(&other, from_ref(&base_pack), 512 * MIB);
    less.assert_clean();
    let free = |image: &Image| -> u64 {
        let stats = image.debugfs(b"stats -h\n");
        let line = stats.lines().find(|l| l.starts_with("Free blocks:")).unwrap();
        line.split_whitespace().last().unwrap().parse().unwrap()
    };
    let blocks = (700 * 299 + 299 % 7_u64).div_ceil(4096);
    assert_eq!(free(&less), free(&whole) + blocks);
    assert_eq!(runs_of(&less.extents, &base_pack), runs_of(&whole.extents, &base_pack));
}

#[test]
fn a_pack_is_few_runs_and_keeps_its_place_within_clusters_on_any_disk() {
    let (tree, base_pack) = base();
    for size in [200 * MIB, 513 * MIB, 3 * GIB, 20 * GIB] {
        let extents = ext4::build(&tree, from_ref(&base_pack), &params(size)).unwrap();
        let runs = runs_of(&extents, &base_pack);
        assert!(runs.len() <= 2, "{} runs of {} bytes", runs.len(), base_pack.length());
        for (at, offset, _) in runs {
            assert_eq!(at % (64 * KIB), offset % (64 * KIB));
        }
    }
}

#[test]
fn a_pack_that_no_file_uses_is_laid_all_the_same() {
    let (_, base_pack) = base();
    let image = Image::of(&Tree::new(), from_ref(&base_pack), 512 * MIB);
    image.assert_clean();
    let laid: u64 = runs_of(&image.extents, &base_pack).iter().map(|run| run.2).sum();
    assert_eq!(laid, base_pack.length());
}

#[test]
fn packs_lie_in_the_order_given_and_before_what_is_in_memory() {
    let (mut tree, base_pack) = base();
    tree.insert(path(b"0-first"), file(vec![1; 9000]));
    tree.insert(path(b"folder"), folder());
    let (layer, _) = pack(&[&[3; 100_000]]);
    let packs = [base_pack.clone(), layer.clone()];
    let extents = ext4::build(&tree, &packs, &params(512 * MIB)).unwrap();
    let (base_runs, layer_runs) = (runs_of(&extents, &base_pack), runs_of(&extents, &layer));
    assert!(base_runs.last().unwrap().0 < layer_runs[0].0);
    let in_memory = extents.iter().find(|e| e.data.length() == 9000).unwrap();
    assert!(layer_runs.last().unwrap().0 < in_memory.offset);
}

#[test]
fn of_a_pack_that_is_not_laid_only_what_is_in_use_is_on_the_disk() {
    let (mut tree, base_pack) = base();
    for i in (0..300).step_by(2) {
        tree.remove(format!("file-{i}"));
    }
    let image = Image::of(&tree, &[], 512 * MIB);
    image.assert_clean();
    image.assert_holds(&tree);
    let on_disk: u64 = runs_of(&image.extents, &base_pack).iter().map(|run| run.2).sum();
    let in_use: u64 = tree.iter().map(|(_, entry)| entry.length()).sum();
    assert_eq!(on_disk, in_use);
}

/// The image of a customer holds what its base has at the same places, under the same numbers: only what is around the
/// customer's own file differs. That file has the image's time, as all that is added to a base.
#[test]
fn a_file_more_of_one_customer_leaves_the_bases_inodes_and_folders_as_they_are() {
    let (mut tree, base_pack) = base();
    for folder_number in 0..40 {
        let name = format!("folder-{folder_number}");
        tree.insert(path(name.as_bytes()), folder());
        for link in 0..50 {
            let link = format!("{name}/link-{link}");
            tree.insert(path(link.as_bytes()), node(Node::Symlink(b"target".to_vec())));
        }
    }
    let size = 64 * MIB;
    let mut other = tree.clone();
    let meta = Meta::root(0o644, TIME);
    other.insert(path(b"a-file"), Entry { meta, ..file(vec![7; 30_000]) });
    let images = [(&tree, size), (&other, size)].map(|(tree, size)| {
        let image = Image::of(tree, from_ref(&base_pack), size);
        image.assert_clean();
        image.assert_holds(tree);
        std::fs::read(image.file.path()).unwrap()
    });
    let [one, two] = images;
    let blocks = one.chunks(4096).zip(two.chunks(4096));
    let differ = blocks.filter(|(one, two)| one != two).count();
    // the file's own 8; its inode's, the root folder's and the bitmaps', and what sums them up
    assert!((9..32).contains(&differ), "{differ} blocks differ");
}
