//! Two customers of one base: their disks differ only outside the base's region.

use std::collections::HashSet;
use std::sync::Arc;

use crate::common::{artifact, bootable};
use proptest::prelude::{Just, ProptestConfig, Strategy, prop, prop_oneof, proptest};
use slipway::disk::{Data, Disk, DiskSpec, bootloader, compose};
use slipway::format::encode::DEFAULT_LIMIT;
use slipway::format::{self, Cache, Job, Wanted, Written, extension};
use slipway::pack::{Pack, PackWriter};
use slipway::profile::Format;
use slipway::progress::Quiet;
use slipway::release::pieces::{self, Form, Piece};
use slipway::tree::{Content, Entry, Meta, Node, Tree};
use slipway::units::{ByteSize, Digest, GIB, MIB, Timestamp};

const TIME: Timestamp = Timestamp { seconds: 1_760_000_000, nanos: 0 };

/// Files of these lengths, as a pack and as entries of a tree.
fn add(tree: &mut Tree, folder: &str, lengths: &[usize]) -> Arc<Pack> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut writer = PackWriter::create(file.path()).unwrap();
    let content = |(i, length): (usize, &usize)| vec![(i % 255) as u8 + 1; *length];
    let places: Vec<_> = lengths
        .iter()
        .enumerate()
        .map(|file| writer.add(content(file).as_slice()).unwrap())
        .collect();
    let pack = Pack::open(file.path(), writer.finish().unwrap().0).unwrap();
    tree.put_directory(folder, 0o755, TIME).unwrap();
    for (i, (offset, length)) in places.into_iter().enumerate() {
        let content = Content::Packed { pack: pack.clone(), offset, length };
        let entry = Entry { meta: Meta::root(0o644, TIME), node: Node::File(content) };
        tree.put(&format!("{folder}/{i}"), entry).unwrap();
    }
    pack
}

/// What distinguishes one customer from another.
#[derive(Clone, Debug)]
struct Customer {
    host: String,
    /// Lengths of a layer's files, in a separate pack.
    layer: Vec<usize>,
    /// The number of additional small files, which need inodes.
    inodes: usize,
    /// The base's file that is removed.
    without: usize,
}

fn disk(base: &(Tree, Arc<Pack>), customer: &Customer, size: u64) -> Disk {
    let spec = DiskSpec {
        size: ByteSize(size),
        plan: Digest::of(&customer.host),
        time: TIME,
        command_line: vec![],
    };
    let mut tree = base.0.clone();
    tree.remove(format!("usr/share/base/{}", customer.without));
    let layer = add(&mut tree, "/opt", &customer.layer);
    tree.put_file("/etc/hostname", 0o644, TIME, customer.host.clone().into_bytes()).unwrap();
    for i in 0..customer.inodes {
        tree.put_file(&format!("/etc/{i}"), 0o600, TIME, format!("{i}").into_bytes()).unwrap();
    }
    bootloader::configure(&mut tree, &spec).unwrap();
    compose(&tree, &[base.1.clone(), layer], &spec).unwrap()
}

/// The places of the base's bytes: on the disk, in the pack, and how many.
fn runs(disk: &Disk, base: &Pack) -> Vec<(u64, u64, u64)> {
    let run = |extent: &slipway::disk::Extent| match &extent.data {
        Data::Content(Content::Packed { pack, offset, length }) if **pack == *base => {
            Some((extent.offset, *offset, *length))
        }
        _ => None,
    };
    disk.extents().iter().filter_map(run).collect()
}

fn customer(host: &'static str) -> impl Strategy<Value = Customer> {
    let layer = prop::collection::vec(prop_oneof![0..5000usize, 0..400_000usize], 0..20);
    (layer, 0..3000usize, 0..40usize).prop_map(move |(layer, inodes, without)| Customer {
        host: host.into(),
        layer,
        inodes,
        without,
    })
}

fn sizes() -> impl Strategy<Value = u64> {
    prop_oneof![Just(256 * MIB), Just(333 * MIB), Just(2 * GIB), Just(16 * GIB)]
}

fn bytes_at(raw: &std::fs::File, at: u64, length: u64) -> Vec<u8> {
    let mut bytes = vec![0; length as usize];
    std::os::unix::fs::FileExt::read_exact_at(raw, &mut bytes, at).unwrap();
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, ..ProptestConfig::default() })]

    #[test]
    fn two_customers_of_one_base_differ_only_outside_the_bases_region(
        lengths in prop::collection::vec(prop_oneof![0..3000usize, 0..300_000usize], 40..80),
        one in customer("one"),
        other in customer("other"),
        size in sizes(),
    ) {
        let mut tree = bootable::tree(TIME);
        let pack = add(&mut tree, "/usr/share/base", &lengths);
        let base = (tree, pack);
        let folder = tempfile::tempdir().unwrap();
        let raws = [&one, &other].map(|customer| {
            let disk = disk(&base, customer, size);
            let path = folder.path().join(&customer.host);
            artifact::undigested(Format::Raw, &disk, &path);
            (runs(&disk, &base.1), std::fs::File::open(path).unwrap())
        });
        let [(runs, raw), (other_runs, other_raw)] = raws;
        assert_eq!(runs, other_runs);
        let laid: u64 = runs.iter().map(|(_, _, length)| length).sum();
        assert_eq!(laid, base.1.length());
        for (at, offset, length) in runs {
            let mut expected = vec![0; length as usize];
            base.1.read_at(&mut expected, offset).unwrap();
            assert!(bytes_at(&raw, at, length) == expected);
            assert!(bytes_at(&other_raw, at, length) == expected);
        }
    }
}

/// A base of files that do not get shorter, and a customer's disk with it.
fn noisy_base() -> (Tree, Arc<Pack>) {
    let mut tree = bootable::tree(TIME);
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut writer = PackWriter::create(file.path()).unwrap();
    let noise = |n: u64| {
        let mut bytes = vec![0; 300_000];
        blake3::Hasher::new().update(&n.to_le_bytes()).finalize_xof().fill(&mut bytes);
        bytes
    };
    let places: Vec<_> = (0..60).map(|n| writer.add(noise(n).as_slice()).unwrap()).collect();
    let pack = Pack::open(file.path(), writer.finish().unwrap().0).unwrap();
    tree.put_directory("/usr/share/base", 0o755, TIME).unwrap();
    for (i, (offset, length)) in places.into_iter().enumerate() {
        let content = Content::Packed { pack: pack.clone(), offset, length };
        let entry = Entry { meta: Meta::root(0o644, TIME), node: Node::File(content) };
        tree.put(&format!("/usr/share/base/{i}"), entry).unwrap();
    }
    (tree, pack)
}

/// The pieces of an image, each with the bytes that it takes in a store.
fn pieces_of(written: &Written) -> Vec<(Digest, u64)> {
    let file = std::fs::File::open(&written.path).unwrap();
    let form = Form::of(written.format);
    let list = pieces::list(&file, &written.path, written.size, &written.cuts, form, &Quiet);
    let stored = |piece: &Piece| {
        let spans = piece.at.iter().flat_map(|span| bytes_at(&file, span.at, span.length));
        (piece.sha256, form.pack(spans.collect()).unwrap().len() as u64)
    };
    list.unwrap().pieces.iter().map(stored).collect()
}

#[test]
fn in_every_format_the_second_customer_has_few_pieces_of_its_own() {
    let base = noisy_base();
    let customer = |host: &str, layer: usize| Customer {
        host: host.into(),
        layer: vec![layer, 7, 12_345],
        inodes: 20 + layer / 1000,
        without: 1,
    };
    let customers = [customer("one", 100_000), customer("other", 140_000)];
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::new(folder.path().join("cache"), DEFAULT_LIMIT);
    let write = |customer: &Customer, cache: Option<&Cache>| {
        let disk = disk(&base, customer, 256 * MIB);
        let path = |format| folder.path().join(&customer.host).with_extension(extension(format));
        let wanted = |format| Wanted { format, path: path(format) };
        let (wanted, machine) = (Format::ALL.map(wanted), artifact::machine());
        let threads = artifact::THREADS;
        let job = Job { disk: &disk, machine: &machine, cache, digests: true, threads };
        format::write(&job, &wanted, &Quiet).unwrap()
    };
    let [first, second] = customers.each_ref().map(|customer| write(customer, Some(&cache)));
    assert_eq!(second, write(&customers[1], None));
    for (first, second) in first.iter().zip(&second) {
        let (format, cuts) = (second.format, &second.cuts);
        assert!(cuts.windows(2).all(|pair| pair[0] < pair[1]), "{format}");
        assert!(cuts.last().is_none_or(|last| *last < second.size), "{format}");
        let [first, second] = [first, second].map(pieces_of);
        let known: HashSet<Digest> = first.iter().map(|(digest, _)| *digest).collect();
        let own: u64 = second.iter().filter(|(d, _)| !known.contains(d)).map(|(_, n)| n).sum();
        let all: u64 = second.iter().map(|(_, length)| length).sum();
        println!("{format}: {own} of {all} bytes in {} pieces", second.len());
        // in a base as small as this one, metadata and the boot loader are much of an image
        assert!(own * 100 < all * 15, "{format}: {own} of {all}");
    }
}
