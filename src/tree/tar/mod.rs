//! Tar archives as trees, and trees as tar archives.
//!
//! Read: POSIX (pax), ustar, GNU and old tar. The headers are scanned first, then the contents are
//! copied into a pack in the tree's order, so that the pack depends on what the tree holds and not
//! on which program wrote the archive. Written: pax, without loss.

mod foreign;
pub mod header;
mod heads;
mod pax;
mod read;
mod scan;
mod write;

pub(crate) use foreign::{Budget, Foreign, Members, Sort, fault_of};
pub(crate) use heads::{Heads, Stream};
pub use read::{Archive, read};
pub use write::write;

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::*;
    use crate::progress::Quiet;
    use crate::tree::{Entry, Meta, Node, Tree, TreePath};
    use crate::units::Timestamp;

    fn sample() -> Tree {
        let long = format!("dir/{}/{}", "n".repeat(150), "m".repeat(150));
        let mut tree = Tree::new();
        let time = Timestamp { seconds: 1_700_000_000, nanos: 123_456_789 };
        tree.put_file("/a", 0o4755, Timestamp { seconds: -2, nanos: 5 }, "one").unwrap();
        tree.put_file("/b", 0o644, time, vec![7; 10_000]).unwrap();
        tree.put_file(&format!("/{long}"), 0o600, time, "long").unwrap();
        tree.put_file("/empty", 0o644, time, "").unwrap();
        tree.put_symlink("/s", &"t/".repeat(100), time).unwrap();
        let mut meta = Meta { uid: 3_000_000_000, gid: 65_534, ..Meta::root(0o640, time) };
        meta.xattrs.insert(b"security.capability".to_vec(), b"\x01\n\0=\n".to_vec());
        meta.xattrs.insert(b"user.empty".to_vec(), Vec::new());
        tree.put("/x", Entry { meta, node: Node::File("attributes".into()) }).unwrap();
        let node = |node| Entry { meta: Meta::root(0o666, time), node };
        tree.put("/dev/null", node(Node::CharDevice { major: 1, minor: 3 })).unwrap();
        tree.put("/dev/sda", node(Node::BlockDevice { major: 8, minor: 0 })).unwrap();
        tree.put("/dev/fifo", node(Node::Fifo)).unwrap();
        let first = TreePath::new(b"a").unwrap();
        let meta = tree.get("a").unwrap().meta.clone();
        tree.put("/a-second", Entry { meta, node: Node::HardLink(first) }).unwrap();
        tree.insert(
            TreePath::new(b"\xff\xfe").unwrap(),
            Entry { meta: Meta::root(0o644, time), node: Node::File("bytes".into()) },
        );
        tree
    }

    /// The tree with all contents in memory, so that trees from different packs can be compared.
    fn loaded(tree: &Tree) -> Tree {
        let mut out = Tree::new();
        for (path, entry) in tree {
            let node = match &entry.node {
                Node::File(content) => Node::File(content.read().unwrap().to_vec().into()),
                node => node.clone(),
            };
            out.insert(path.clone(), Entry { meta: entry.meta.clone(), node });
        }
        out
    }

    fn write_to(tree: &Tree, path: &Path) {
        write(tree, std::fs::File::create(path).unwrap()).unwrap();
    }

    #[test]
    fn a_tree_reads_back_from_its_archive_with_nothing_lost() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("a.tar");
        write_to(&sample(), &archive);
        let tree = read(&archive, &folder.path().join("pack"), &Quiet).unwrap();
        assert_eq!(loaded(&tree), sample());
    }

    #[test]
    fn gnu_tar_lists_what_we_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("a.tar");
        write_to(&sample(), &archive);
        let listed = crate::command::output(
            Command::new("tar").args(["--numeric-owner", "--full-time", "-tvf"]).arg(&archive),
            "tar",
        )
        .unwrap();
        let listed = String::from_utf8_lossy(&listed);
        assert_eq!(listed.lines().count(), sample().len());
        for part in ["3000000000/65534", "123456789", "link to ./a", "1,3", "1969-12-31"] {
            assert!(listed.contains(part), "{part} is not in\n{listed}");
        }
    }

    #[test]
    fn every_format_that_gnu_tar_writes_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        let name = format!("{}/{}", "d".repeat(90), "f".repeat(60));
        std::fs::create_dir_all(root.join("d".repeat(90))).unwrap();
        std::fs::write(root.join(&name), "long").unwrap();
        std::fs::write(root.join("z"), "text").unwrap();
        std::fs::hard_link(root.join("z"), root.join("y")).unwrap();
        std::os::unix::fs::symlink("x".repeat(99), root.join("s")).unwrap();
        for format in ["pax", "gnu", "ustar", "oldgnu"] {
            let archive = folder.path().join(format);
            let mut tar = Command::new("tar");
            tar.args(["--sort=name", "--format", format, "-C"]).arg(&root).arg("-cf").arg(&archive);
            crate::command::output(tar.arg("."), "tar").unwrap();
            let tree = read(&archive, &folder.path().join("pack"), &Quiet).unwrap();
            assert_eq!(&*tree.file("z").unwrap().read().unwrap(), b"text", "{format}");
            assert_eq!(&*tree.file(&name).unwrap().read().unwrap(), b"long", "{format}");
            assert!(matches!(tree.get("z").unwrap().node, Node::HardLink(_)), "{format}");
        }
    }

    #[test]
    fn the_pack_does_not_depend_on_the_archives_order() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        std::fs::create_dir(&root).unwrap();
        for name in ["a", "b", "c"] {
            std::fs::write(root.join(name), name).unwrap();
        }
        std::fs::hard_link(root.join("b"), root.join("0")).unwrap();
        let mut digests = Vec::new();
        for order in [["a", "0", "b", "c"], ["c", "b", "a", "0"]] {
            let archive = folder.path().join("a.tar");
            let mut tar = Command::new("tar");
            tar.arg("-C").arg(&root).arg("-cf").arg(&archive).args(order);
            crate::command::output(&mut tar, "tar").unwrap();
            let pack = folder.path().join("pack");
            let tree = read(&archive, &pack, &Quiet).unwrap();
            assert!(matches!(tree.get("b").unwrap().node, Node::HardLink(_)));
            digests.push(std::fs::read(pack).unwrap());
        }
        assert_eq!(digests[0], digests[1]);
    }

    #[test]
    fn an_archive_that_was_cut_off_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("a.tar");
        write_to(&sample(), &archive);
        let bytes = std::fs::read(&archive).unwrap();
        for cut in [1, 511, 512, 700, bytes.len() / 2, bytes.len() - 1024] {
            std::fs::write(&archive, &bytes[..cut]).unwrap();
            let error = Archive::open(&archive).unwrap_err();
            assert_eq!(error.kind(), crate::error::Kind::Damaged, "{cut}: {error}");
        }
    }

    /// A member without content: type, name, link, and the records of an extended header before it.
    type Bare<'a> = (u8, &'a str, &'a str, &'a [(&'a [u8], &'a [u8])]);

    fn archive(members: &[Bare<'_>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (kind, name, link, records) in members {
            let mut text = Vec::new();
            records.iter().for_each(|(keyword, value)| pax::push(&mut text, keyword, value));
            if !text.is_empty() {
                bytes.extend(header::Header::new(b'x', b"x", text.len() as u64).finish());
                text.resize(text.len().next_multiple_of(512), 0);
                bytes.extend(text);
            }
            let mut header = header::Header::new(*kind, name.as_bytes(), 0);
            header.set_link(link.as_bytes());
            bytes.extend(header.finish());
        }
        bytes.resize(bytes.len() + 1024, 0);
        bytes
    }

    fn read_bytes(bytes: &[u8]) -> crate::error::Result<Tree> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        std::fs::write(&path, bytes).unwrap();
        read(&path, &folder.path().join("pack"), &Quiet)
    }

    #[test]
    fn a_name_that_is_given_again_does_not_change_what_other_names_have() {
        let again = [
            (b'0', "a", "", &[][..]),
            (b'1', "z", "a", &[]),
            (b'2', "b", "target", &[]),
            (b'1', "a", "b", &[]),
        ];
        let tree = read_bytes(&archive(&again)).unwrap();
        assert!(matches!(tree.get("a").unwrap().node, Node::Symlink(_)));
        assert!(matches!(tree.get("z").unwrap().node, Node::File(_)));
    }

    #[test]
    fn names_that_no_root_has_are_refused() {
        let long = "d/".repeat(3000);
        let nul = &[(&b"linkpath"[..], &b"a\0b"[..])][..];
        for wrong in [
            (b'0', ".", "", &[][..]),
            (b'5', "x", "", &[(&b"path"[..], long.as_bytes())]),
            (b'2', "s", "", &[]),
            (b'2', "s", "t", nul),
            (b'1', "l", "none", &[]),
        ] {
            let error = read_bytes(&archive(&[wrong])).unwrap_err();
            assert_eq!(error.kind(), crate::error::Kind::Damaged, "{wrong:?}: {error}");
        }
    }

    #[test]
    fn what_cannot_be_taken_is_named() {
        let long = "d/".repeat(3000);
        for wrong in [
            (b'5', "m", "", &[(&b"uid"[..], &b"99999999999"[..])][..]),
            (b'5', "m", "", &[(b"mtime", b"soon")]),
            (b'0', "m", "", &[(b"SCHILY.acl.access", b"user::rw-")]),
            (b'2', "m", "", &[]),
            (b'9', "m", "", &[]),
            (b'1', "m", &long, &[]),
            (b'1', "m", "", &[(b"linkpath", b"none")]),
        ] {
            let error = read_bytes(&archive(&[wrong])).unwrap_err();
            assert!(error.path().is_some_and(|path| path.ends_with("a.tar")), "{error:?}");
            let said = error.to_string();
            assert!(said.contains("the member \"m\"") || said.contains("/m is a hard"), "{said}");
        }
    }

    #[test]
    fn attributes_for_all_members_at_once_are_refused() {
        let mut text = Vec::new();
        pax::push(&mut text, b"SCHILY.xattr.user.a", b"b");
        let mut bytes = header::Header::new(b'g', b"x", text.len() as u64).finish().to_vec();
        text.resize(512, 0);
        bytes.extend(text);
        bytes.extend(archive(&[(b'0', "a", "", &[])]));
        assert_eq!(read_bytes(&bytes).unwrap_err().kind(), crate::error::Kind::Refused);
    }

    #[test]
    fn sparse_files_and_textual_acls_are_refused_with_a_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        std::fs::create_dir(&root).unwrap();
        std::fs::File::create(root.join("hole")).unwrap().set_len(1 << 20).unwrap();
        for format in ["pax", "gnu"] {
            let archive = folder.path().join("a.tar");
            let mut tar = Command::new("tar");
            tar.args(["--sparse", "--format", format, "-C"]).arg(&root).arg("-cf").arg(&archive);
            crate::command::output(tar.arg("."), "tar").unwrap();
            let error = Archive::open(&archive).unwrap_err();
            assert!(error.find_remedy().is_some(), "{format}: {error}");
        }
    }
}
