//! Any tree: the image is clean, keeps everything, and has the same bytes when it is built again.

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof};
use proptest::{collection, prop_assert_eq, proptest};
use slipway::disk::ext4;
use slipway::tree::{Content, Entry, Meta, Node, Tree};
use slipway::units::{MIB, Timestamp};

use crate::ext4::image::{Image, pack, params, path};

/// Names without the bytes that a name cannot contain.
fn name() -> impl Strategy<Value = Vec<u8>> {
    let byte = any::<u8>().prop_map(|b| if b == 0 || b == b'/' { b'_' } else { b });
    collection::vec(byte, 1..40).prop_map(|name| match &name[..] {
        b"." | b".." => b"dots".to_vec(),
        _ => name,
    })
}

fn kind() -> impl Strategy<Value = Node> {
    prop_oneof![
        3 => Just(Node::Directory),
        4 => collection::vec(any::<u8>(), 0..20_000).prop_map(|b| Node::File(b.into())),
        1 => collection::vec(b'a'..=b'z', 1..200).prop_map(Node::Symlink),
        1 => (0..4096_u32, 0..1_u32 << 20)
            .prop_map(|(major, minor)| Node::CharDevice { major, minor }),
        1 => Just(Node::Fifo),
        1 => Just(Node::Socket),
    ]
}

fn meta() -> impl Strategy<Value = Meta> {
    let attributes = collection::btree_map(
        collection::vec(b'a'..=b'z', 1..12).prop_map(|n| [&b"user."[..], &n].concat()),
        collection::vec(any::<u8>(), 0..120),
        0..4,
    );
    (0..0o10000_u16, any::<u32>(), any::<u32>(), 0..1_i64 << 31, 0..1_000_000_000_u32, attributes)
        .prop_map(|(mode, uid, gid, seconds, nanos, xattrs)| Meta {
            mode,
            uid,
            gid,
            mtime: Timestamp { seconds, nanos },
            xattrs,
        })
}

/// Puts each entry into one of the folders before it; every fifth file has a second name.
fn tree(entries: Vec<(Vec<u8>, Entry, usize)>) -> Tree {
    let mut tree = Tree::new();
    let mut folders = vec![Vec::new()];
    for (i, (name, entry, place)) in entries.into_iter().enumerate() {
        let folder = &folders[place % folders.len()];
        let full = path(&[folder, &b"/"[..], &name].concat());
        if tree.get(&full).is_some() {
            continue;
        }
        match entry.node {
            Node::Directory => folders.push(full.as_bytes().to_vec()),
            Node::File(_) if i % 5 == 0 => {
                let link = Entry { meta: entry.meta.clone(), node: Node::HardLink(full.clone()) };
                tree.insert(path(format!("link-{i}-of-many").as_bytes()), link);
            }
            _ => {}
        }
        tree.insert(full, entry);
    }
    tree
}

/// Moves every other file's content to a pack.
fn packed(tree: &mut Tree) -> std::sync::Arc<slipway::pack::Pack> {
    let files: Vec<_> = tree
        .iter()
        .filter_map(|(path, entry)| match &entry.node {
            Node::File(content) => Some((path.clone(), entry.clone(), content.read().unwrap())),
            _ => None,
        })
        .step_by(2)
        .collect();
    let slices: Vec<&[u8]> = files.iter().map(|(_, _, bytes)| &bytes[..]).collect();
    let (pack, offsets) = pack(&slices);
    for ((path, mut entry, bytes), offset) in files.into_iter().zip(offsets) {
        let length = bytes.len() as u64;
        entry.node = Node::File(Content::Packed { pack: pack.clone(), offset, length });
        tree.insert(path, entry);
    }
    pack
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_is_clean_kept_and_the_same_again(
        entries in collection::vec(
            (name(), (meta(), kind()).prop_map(|(meta, node)| Entry { meta, node }), any::<usize>()),
            0..400,
        ),
        mib in 60..400_u64,
    ) {
        let mut tree = tree(entries);
        let packs = [packed(&mut tree)];
        let size = mib * MIB;
        let image = Image::of(&tree, &packs, size);
        image.assert_clean();
        image.assert_holds(&tree);
        prop_assert_eq!(&ext4::build(&tree, &packs, &params(size)).unwrap(), &image.extents);
    }
}
