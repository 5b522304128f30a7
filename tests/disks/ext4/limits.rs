//! Anything impossible is refused before anything is written, with the path and a remedy.

use std::path::Path;
use std::slice::from_ref;

use slipway::disk::ext4;
use slipway::error::{Error, Kind};
use slipway::tree::{Content, Entry, Node, Tree};
use slipway::units::{GIB, MIB, Timestamp};

use crate::ext4::image::{Image, file, folder, node, pack, params, path};

fn refused(entries: impl IntoIterator<Item = (Vec<u8>, Entry)>) -> Error {
    let mut tree = Tree::new();
    for (name, entry) in entries {
        tree.insert(path(&name), entry);
    }
    ext4::build(&tree, &[], &params(256 * MIB)).unwrap_err()
}

#[test]
fn a_tree_that_ext4_cannot_keep_is_refused_with_the_path_and_a_remedy() {
    let with = |name: &str, value: &[u8]| {
        let mut entry = file("");
        entry.meta.xattrs.insert(name.into(), value.into());
        entry
    };
    let mut ancient = file("");
    ancient.meta.mtime = Timestamp::from_seconds(-3_000_000_000);
    let long = vec![b'n'; 256];
    let mut distant = file("");
    distant.meta.mtime = Timestamp::from_seconds(0x3_8000_0000);
    let cases: [(&[u8], Entry, &str); 12] = [
        (&long, file(""), "the name has 256 bytes, ext4 has 255"),
        (b"a/b", file(""), "the folder above it is not in the tree"),
        (b"l", node(Node::HardLink(path(b"none"))), "/none, which it is a hard link to, is not"),
        (b"l", node(Node::HardLink(path(b""))), "/, which it is a hard link to, is a folder"),
        (b"s", node(Node::Symlink(Vec::new())), "a symbolic link to 0 bytes is refused"),
        (b"s", node(Node::Symlink(vec![b'x'; 4096])), "a symbolic link to 4096 bytes is refused"),
        (b"c", node(Node::CharDevice { major: 4096, minor: 0 }), "no device number 4096:0"),
        (
            b"x",
            with("user.a", &[0; 5000]),
            "the extended attributes take 5020 bytes, ext4 has 4060",
        ),
        (b"x", with("system.other", b""), "ext4 has no extended attribute \"system.other\""),
        (b"x", with("system.posix_acl_access", b"?"), "the access control list is malformed"),
        (b"t", ancient, "ext4 cannot keep the time 1874-12-07T"),
        (b"t", distant, "ext4 cannot keep the time 2446-05-10T22:38:56Z"),
    ];
    for (name, entry, message) in cases {
        let error = refused([(name.to_vec(), entry)]);
        assert!(error.to_string().contains(message), "{error}");
        assert_eq!(error.kind(), Kind::Input);
        let shown = Path::new("/").join(std::str::from_utf8(name).unwrap());
        assert_eq!(error.path(), Some(&*shown));
        assert!(error.find_remedy().is_some(), "{error}");
    }
}

#[test]
fn what_lies_below_a_file_is_refused() {
    let error = refused([(b"a".to_vec(), file("")), (b"a/b".to_vec(), file(""))]);
    assert_eq!(error.to_string(), "/a/b: what is above it is not a folder");
    let error = refused([(b"lost+found".to_vec(), file(""))]);
    assert_eq!(error.to_string(), "/lost+found: it is not a folder");
}

#[test]
fn more_hard_links_than_ext4_counts_are_refused() {
    let mut tree = Tree::new();
    tree.insert(path(b"file"), file(""));
    for i in 0..65_000 {
        tree.insert(path(format!("{i}").as_bytes()), node(Node::HardLink(path(b"file"))));
    }
    let error = ext4::build(&tree, &[], &params(GIB)).unwrap_err();
    assert!(error.to_string().contains("/file has more than 65000 hard links"), "{error}");
}

#[test]
fn content_beyond_its_packs_end_is_refused() {
    let (pack, _) = pack(&[b"x"]);
    let mut tree = Tree::new();
    let content = Content::Packed { pack: pack.clone(), offset: 0, length: 9000 };
    tree.insert(path(b"file"), node(Node::File(content)));
    for laid in [&[][..], from_ref(&pack)] {
        let error = ext4::build(&tree, laid, &params(GIB)).unwrap_err();
        assert!(error.to_string().contains("beyond the end of the pack"), "{error}");
    }
}

#[test]
fn a_disk_that_is_too_small_is_refused_with_the_size_that_would_do() {
    let mut many = Tree::new();
    many.insert(path(b"d"), folder());
    for i in 0..20_000 {
        many.insert(path(format!("d/{i}").as_bytes()), node(Node::Fifo));
    }
    let mut large = Tree::new();
    large.insert(path(b"large"), file(vec![1; 150_000_000]));
    let mut folders = Tree::new();
    for i in 0..9000 {
        folders.insert(path(format!("{i}").as_bytes()), folder());
    }
    for tree in [Tree::new(), many, large, folders] {
        let needed = ext4::needed(&tree, &[], &params(0)).unwrap();
        Image::of(&tree, &[], needed).assert_clean();
        for size in [0, 4 * MIB, needed - MIB] {
            let error = ext4::build(&tree, &[], &params(size)).unwrap_err();
            assert_eq!(error.kind(), Kind::NoSpace);
            let message = format!("needs {} MiB, the disk", needed / MIB);
            assert!(error.to_string().contains(&message), "{error}");
            assert!(error.find_remedy().is_some());
        }
    }
}

#[test]
fn every_size_from_the_smallest_on_is_clean() {
    let mut tree = Tree::new();
    tree.insert(path(b"file"), file(vec![5; 3_000_000]));
    let smallest = ext4::needed(&tree, &[], &params(0)).unwrap();
    let sizes = (0..40).map(|i| smallest + i * 7 * MIB + i * 4096 * 17 + i * 512);
    // just over a whole group, where the last group may be too small to keep
    let edges = (0..12).map(|i| 256 * MIB + i * 128 * 1024);
    for size in sizes.chain(edges) {
        Image::of(&tree, &[], size).assert_clean();
    }
}

#[test]
fn parameters_that_the_superblock_cannot_hold_are_refused() {
    let mut wrong = [params(GIB), params(GIB), params(GIB), params(GIB), params(1 << 60)];
    wrong[0].label = "seventeen letters".into();
    wrong[1].label = "zero\0".into();
    wrong[2].time = Timestamp::from_seconds(-1);
    wrong[3].time = Timestamp::from_seconds(1 << 35);
    for params in wrong {
        let error = ext4::build(&Tree::new(), &[], &params).unwrap_err();
        assert_eq!(error.kind(), Kind::Input);
        assert!(error.find_remedy().is_some(), "{error}");
    }
}
