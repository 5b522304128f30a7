//! Writes the inputs that fuzzing starts with: small real files, written by this program and by
//! others. Run once for a new target or format, then let `scripts/fuzz --minimize` choose:
//!
//!     cargo test --lib seeds -- --ignored

mod disks;
mod vendor;

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::memory::Memory;
use crate::bundle::FileRecord;
use crate::disk::{Disk, Extent};
use crate::format::{self, About, GuestOs, Job, Machine, Wanted};
use crate::pack::PackWriter;
use crate::profile::Format;
use crate::progress::Quiet;
use crate::tree::{Content, Entry, Layer, Meta, Node, Tree, TreePath, index, tar};
use crate::units::{ByteSize, Digest, GIB, KIB, Timestamp};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn put(target: &str, choice: Option<u8>, name: &str, bytes: &[u8]) {
    let folder = Path::new(ROOT).join("fuzz/corpus").join(target);
    fs::create_dir_all(&folder).unwrap();
    let input = choice.into_iter().chain(bytes.iter().copied()).collect::<Vec<u8>>();
    fs::write(folder.join(name), input).unwrap();
}

fn run(program: &str, args: &[&str]) {
    let path = format!("/usr/sbin:/sbin:{}", std::env::var("PATH").unwrap());
    crate::command::output(Command::new(program).args(args).env("PATH", path), program).unwrap();
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn read(path: impl AsRef<Path>) -> Vec<u8> {
    fs::read(path.as_ref()).unwrap()
}

fn tree() -> Tree {
    let time = Timestamp { seconds: 1_700_000_000, nanos: 5 };
    let mut tree = Tree::new();
    tree.put_file("/etc/hostname", 0o644, time, "acme\n").unwrap();
    tree.put_file("/a", 0o4755, Timestamp { seconds: -2, nanos: 5 }, "one").unwrap();
    tree.put_symlink("/s", &"t/".repeat(60), time).unwrap();
    let mut meta = Meta { uid: 3_000_000_000, ..Meta::root(0o640, time) };
    meta.xattrs.insert(b"security.capability".to_vec(), b"\x01\n\0=\n".to_vec());
    tree.put("/x", Entry { meta, node: Node::File("attributes".into()) }).unwrap();
    let node = |node| Entry { meta: Meta::root(0o666, time), node };
    tree.put("/dev/null", node(Node::CharDevice { major: 1, minor: 3 })).unwrap();
    tree.put("/dev/fifo", node(Node::Fifo)).unwrap();
    let meta = tree.get("a").unwrap().meta.clone();
    let link = Node::HardLink(TreePath::new(b"a").unwrap());
    tree.put("/b", Entry { meta, node: link }).unwrap();
    tree
}

/// A folder with files, links and a hole.
fn folder(at: &Path) -> PathBuf {
    let root = at.join("root");
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::create_dir_all(root.join("boot")).unwrap();
    fs::write(root.join("etc/hostname"), "acme\n").unwrap();
    fs::write(root.join("etc/os-release"), "PRETTY_NAME=\"Debian\"\n").unwrap();
    fs::write(root.join("etc/fstab"), "UUID=1 / ext4\n").unwrap();
    fs::write(root.join("boot/vmlinuz-6"), "k").unwrap();
    fs::hard_link(root.join("boot/vmlinuz-6"), root.join("boot/z")).unwrap();
    std::os::unix::fs::symlink("boot/vmlinuz-6", root.join("vmlinuz")).unwrap();
    root
}

/// A nearly empty disk.
fn disk(size: u64) -> Disk {
    let noise = |seed: u8| (0..3000u32).map(|i| ((i * i) >> 3) as u8 ^ seed).collect::<Vec<u8>>();
    Disk::new(size, vec![Extent::bytes(512, noise(1)), Extent::bytes(size - 8192, noise(2))])
        .unwrap()
}

fn written(format: Format, size: u64, at: &Path) -> Vec<u8> {
    let machine = Machine {
        plan: Digest::of("a plan"),
        time: Timestamp::from_seconds(1_700_000_000),
        name: "demo".into(),
        title: "demo".into(),
        product: "Demo".into(),
        version: "1.0.0".into(),
        full_version: "demo-1.0.0".into(),
        about: About::default(),
        os: GuestOs::Debian,
        vcpus: 2,
        memory: ByteSize(2 * GIB),
        settings: None,
    };
    let disk = disk(size);
    let job = Job {
        disk: &disk,
        machine: &machine,
        cache: None,
        digests: false,
        threads: NonZeroUsize::MIN,
    };
    let path = at.join(format!("disk.{}", format::extension(format)));
    format::write(&job, &[Wanted { format, path: path.clone() }], &Quiet).unwrap();
    read(path)
}

#[test]
#[ignore = "writes fuzz/corpus"]
fn seeds_are_written() {
    let temporary = tempfile::tempdir().unwrap();
    let at = temporary.path();
    let root = folder(at);
    archives(at, &root);
    caches(at);
    bundles();
    images(at);
    disks::streams(at);
    disks::disks(at, &root);
    disks::programs();
    texts();
    vendor::vendor(at);
}

fn archives(at: &Path, root: &Path) {
    let mut ours = Vec::new();
    tar::write(&tree(), &mut ours).unwrap();
    put("tar", Some(0), "ours", &ours);
    for format in ["pax", "gnu", "ustar", "oldgnu", "v7"] {
        let archive = at.join(format);
        let options = ["--sort=name", "-b1", "--format", format, "-C", text(root), "-cf"];
        run("tar", &[&options[..], &[text(&archive), "."]].concat());
        put("tar", Some(0), format, &read(archive));
    }
}

fn caches(at: &Path) {
    let mut writer = PackWriter::create(at.join("pack")).unwrap();
    writer.add(&[7; 4096][..]).unwrap();
    writer.finish().unwrap();
    let pack = crate::pack::Pack::open(at.join("pack"), Digest::of("a pack")).unwrap();
    let mut tree = tree();
    let content = Content::Packed { pack, offset: 0, length: 9 };
    tree.put_file("/packed", 0o644, Timestamp::default(), content).unwrap();
    let put_entries = tree.iter().map(|(path, entry)| (path.clone(), entry.clone())).collect();
    let removed = [TreePath::new(b"x/y").unwrap(), TreePath::new(b"x/z").unwrap()].into();
    put("cache", Some(0), "tree", &index::encode(&Layer { put: put_entries, removed }));

    let mut entry = b"SLIPENC\n\x01\0\0\0\x02\0\0\0".to_vec();
    entry.extend(Digest::of("a key").as_bytes());
    entry.extend(600u64.to_le_bytes());
    entry.extend([0; 32]);
    for (index, form, offset, length) in [(0u16, 0u16, 0u32, 500u32), (3, 1, 512, 88)] {
        entry.extend([index.to_le_bytes(), form.to_le_bytes()].concat());
        entry.extend([offset.to_le_bytes(), length.to_le_bytes(), [1; 4]].concat());
    }
    entry.resize(4096, 0);
    entry.extend([9; 600]);
    put("cache", Some(1), "encoded", &entry);

    let record =
        crate::base::entry::Record::new("debian-12", Digest::of("k"), Timestamp::default());
    put("cache", Some(2), "record", &serde_json::to_vec(&record.sealed().unwrap()).unwrap());
}

fn bundles() {
    let facts = "{\n  \"slipway::apps\": {},\n  \"slipway::release\": \"demo-1.4.0+b17\"\n}\n";
    let environment = "config_version = /bin/cat $codedir/environments/$environment/RELEASE_ID\n";
    let files = [
        ("RELEASE_ID", "demo-1.4.0+b17\n"),
        ("data/slipway.yaml", facts),
        ("environment.conf", environment),
        ("manifests/site.pp", "node default {}\n"),
    ];
    let records = files.map(|(path, text)| FileRecord {
        path: path.to_owned(),
        sha256: Digest::of(text),
        size: text.len() as u64,
        mode: 0o644,
    });
    let manifest = serde_json::json!({
        "format": 1, "site": "demo", "version": "1.4.0+b17", "release": "demo-1.4.0+b17",
        "commit": "abc-dirty", "created": "2026-11-23T15:00:00Z", "min_builder": "0.1.0",
        "needs": { "os": ["debian-12"], "puppet": ">= 7", "packages": ["nginx"],
                   "files": [{ "path": "/etc/x", "content": "y" }] },
        "health": [{ "path": "/health", "port": 80, "status": 200, "text": "ok" }],
        "modules": [{ "name": "ntp", "version": "1.0.0", "package": "p=1", "digest": Digest::of("m") }],
        "apps": [], "files": records,
    });
    let manifest = crate::bundle::Manifest::parse(&serde_json::to_vec(&manifest).unwrap()).unwrap();
    put("records", Some(0), "manifest", &serde_json::to_vec(&manifest).unwrap());
    let mut packed = Vec::new();
    crate::bundle::form::archive::write(&mut packed, &manifest, |file| {
        Ok(files.iter().find(|(path, _)| *path == file.path).unwrap().1.as_bytes())
    })
    .unwrap();
    put("bundle", Some(1), "packed", &packed);
    let mut plain = Vec::new();
    std::io::copy(&mut flate2::read::GzDecoder::new(&packed[..]), &mut plain).unwrap();
    put("bundle", Some(0), "plain", &plain);

    let record = serde_json::json!({
        "format": 1, "site": "demo", "version": "1.4.0+b17", "release": "demo-1.4.0+b17",
        "blob": "bundles/demo/demo-1.4.0+b17.tgz", "size": 7, "sha256": Digest::of("b"),
        "channel": "stable", "seq": 3, "issued": "2026-11-23T15:00:00Z",
    });
    for (choice, name) in [(1, "pointer"), (2, "record"), (3, "list")] {
        put("records", Some(choice), name, &serde_json::to_vec(&record).unwrap());
    }
    let image = serde_json::json!({
        "format": 1, "builder": "0.1.0", "plan": Digest::of("p"), "time": { "seconds": 9, "nanos": 0 },
        "profile": { "customer": { "id": "acme", "name": "Acme" }, "base": "debian-12", "site": "demo",
                     "channel": "stable", "store": "file:///srv/store" },
        "base": { "name": "debian-12", "digest": Digest::of("b") },
        "bundle": { "site": "demo", "release": "demo-1.0.0+b1", "digest": Digest::of("b") },
        "packages": [{ "name": "zsh", "version": "5.9-4", "architecture": "amd64" }],
    });
    put("records", Some(4), "image", &serde_json::to_vec(&image).unwrap());
}

fn images(at: &Path) {
    let sparse = |bytes: &[u8]| Memory::sparse_input(bytes);
    for (format, target, choice) in [
        (Format::Qcow2, "qcow2", None),
        (Format::Qcow2Zstd, "qcow2", None),
        (Format::Qcow2Plain, "qcow2", None),
        (Format::Vmdk, "vmdk", None),
        (Format::VmdkSparse, "vmdk", None),
        (Format::Vhd, "vhd", Some(0)),
        (Format::VhdDynamic, "vhd", Some(0)),
        (Format::Vhdx, "vhd", Some(1)),
    ] {
        let bytes = written(format, 2048 * KIB, at);
        put(target, choice, &format!("ours-{format}"), &sparse(&bytes));
    }
    put("ova", Some(0), "ours", &sparse(&written(Format::Ova, 1024 * KIB, at)));
    by_qemu(at);
    package_texts();
}

fn by_qemu(at: &Path) {
    let raw = at.join("disk.raw");
    fs::write(&raw, written(Format::Raw, 256 * KIB, at)).unwrap();
    let variants: [(&str, Option<u8>, &str, &[&str]); 9] = [
        ("qcow2", None, "qcow2", &["-o", "cluster_size=512"]),
        ("qcow2", None, "qcow2", &["-c", "-o", "cluster_size=4k"]),
        ("qcow2", None, "qcow2", &["-c", "-o", "cluster_size=4k,compression_type=zstd"]),
        ("qcow2", None, "qcow2", &["-o", "compat=0.10,cluster_size=512"]),
        ("vmdk", None, "vmdk", &[]),
        ("vmdk", None, "vmdk", &["-o", "subformat=streamOptimized"]),
        ("vhd", Some(0), "vpc", &[]),
        ("vhd", Some(0), "vpc", &["-o", "subformat=fixed"]),
        ("vhd", Some(1), "vhdx", &[]),
    ];
    for (i, (target, choice, driver, options)) in variants.iter().enumerate() {
        let image = at.join("image");
        let convert = ["convert", "-f", "raw", "-O", driver];
        run("qemu-img", &[&convert[..], options, &[text(&raw), text(&image)]].concat());
        put(target, *choice, &format!("qemu-{i}"), &Memory::sparse_input(&read(image)));
    }
}

fn package_texts() {
    let ovf = r#"<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"><References><File ovf:href="a.vmdk"/></References><VirtualSystem><VirtualSystemType>vmx-14 vmx-13</VirtualSystemType><Item><ResourceType>10</ResourceType><ResourceSubType>E1000</ResourceSubType></Item><Item><ResourceType>6</ResourceType></Item></VirtualSystem></Envelope>"#;
    let manifest = format!("SHA256(a.vmdk)= {}\nSHA1(b)= {}\n", "0".repeat(64), "1".repeat(40));
    put("ova", Some(2), "texts", format!("{ovf}\0{manifest}").as_bytes());
}

fn texts() {
    let root = Path::new(ROOT);
    let files = |folder: &str, target: &str, choice| {
        for file in fs::read_dir(root.join(folder)).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|e| e == "toml") {
                put(target, choice, path.file_stem().unwrap().to_str().unwrap(), &read(&path));
            }
        }
    };
    files("profiles", "profile", None);
    files("images", "base", Some(0));
    let status = "Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:1.2\n\n\
                  Package: old\nStatus: deinstall ok config-files\nVersion: 1\n";
    put("base", Some(1), "status", status.as_bytes());
    put("base", Some(2), "date", b"Origin: x\nDate: Sat, 21 Nov 2026  0:53:02 UTC\n");
    let list = [
        &[2, 0, 0, 0][..],
        &[1, 0, 6, 0, 0xFF, 0xFF, 0xFF, 0xFF],
        &[2, 0, 4, 0, 0xE8, 3, 0, 0],
        &[0x20, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF],
    ];
    put("base", Some(3), "access", &list.concat());
    let log = "I: installing essential packages...\nW: no\x1b[2J\ndpkg: error: x\n\
               E: Failed to fetch x  Could not resolve 'x'\nE: setup failed\n";
    put("base", Some(6), "log", log.as_bytes());
    let vendor = root.join("examples/demo-vendor");
    for (choice, name) in [(0, "SITE.toml"), (1, "package.json"), (2, "metadata.json")] {
        let found = Command::new("find").arg(&vendor).args(["-name", name]).output().unwrap();
        let found = String::from_utf8(found.stdout).unwrap();
        if let Some(path) = found.lines().next() {
            put("site", Some(choice), name, &read(path));
        }
    }
    let ready = r#"{"slipway":1,"seq":9,"boot":"b","nonce":"n1","release":"demo-1.0.0+b1","state":"FAILED","failed":["a\u001b[2Jb"],"attempt":1,"uptime":197.2}"#;
    let (begin, end) = ready.split_at(40);
    let probes = "{\"slipway\":1,\"nonce\":\"n1\",\"probe\":2,\"ok\":false}\n{\"slipway\":1,\"nonce\":\"n1\",\"probes\":\"done\"}\n";
    let console = format!(
        "\x1b[2J{ready}\r\n{begin}[  93.123456] random: x\n{end}\n{probes}Kernel panic - not syncing: no\n"
    );
    put("smoke", Some(0), "console", console.as_bytes());
    put("smoke", Some(1), "http", b"HTTP/1.1 503 Later\r\nA: b\r\n\r\n{\"state\":\"CA\"}");
    put("smoke", Some(2), "screen", b"P6\n2 1\n255\nabcdef");
    let monitor = "{\"QMP\": {}}\r\n{\"return\": {}}\r\n{\"error\": {\"desc\": \"no\"}}\n\
                   {\"event\": \"SHUTDOWN\", \"data\": {\"reason\": \"guest-reset\"}}\n";
    put("smoke", Some(5), "monitor", monitor.as_bytes());
}
