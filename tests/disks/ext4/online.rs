//! A real kernel boots from the filesystem, grows it while it is mounted, and writes to it.
//!
//! The root is a minimal Debian that mmdebstrap makes here, read by the `tar` crate, so that no
//! code under test is also a judge.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use slipway::pack::{Pack, PackWriter};
use slipway::tree::{Content, Entry, Meta, Node, Tree, TreePath};
use slipway::units::{GIB, Timestamp};
use tar::EntryType;

use crate::ext4::image::{Image, TIME, assert_clean, path};

/// Runs as the first process: grows the root to the disk, fills folders and blocks, and switches
/// off.
const SCRIPT: &str = "#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
[ -c /dev/ttyS0 ] || mount -t devtmpfs dev /dev
[ -e /proc/mounts ] || mount -t proc proc /proc
exec >/dev/ttyS0 2>&1
resize2fs /dev/vda
echo \"resize2fs ended with $?\"
mkdir /many
i=0
while [ $i -lt 500 ]; do echo $i > /many/a-file-with-a-longer-name-$i; i=$((i + 1)); done
rm -r /usr/share/doc
dd if=/dev/zero of=/large bs=1M count=300 conv=fsync && echo 'large file written'
mount -o remount,ro / && echo 'root is read-only'
echo o > /proc/sysrq-trigger
sleep 60
";

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn a_kernel_grows_the_mounted_root_to_one_tebibyte_and_it_stays_clean() {
    let work = tempfile::tempdir().unwrap();
    let (mut tree, pack) = debian(work.path());
    tree.put_file("/grow", 0o755, TIME, SCRIPT).unwrap();
    let boot = |name: &str| {
        let link = tree.get(name).unwrap();
        let Node::Symlink(target) = &link.node else { panic!("{name} is not a link") };
        let file = work.path().join(name);
        std::fs::write(&file, tree.file(target).unwrap().read().unwrap()).unwrap();
        file
    };
    let (kernel, initrd) = (boot("vmlinuz"), boot("initrd.img"));
    for size in [100 * GIB, 1024 * GIB] {
        let image = Image::of(&tree, std::slice::from_ref(&pack), 2 * GIB);
        image.assert_clean();
        image.file.as_file().set_len(size).unwrap();
        let log = run(&kernel, &initrd, image.file.path());
        for line in ["resize2fs ended with 0", "large file written", "root is read-only"] {
            assert!(log.contains(line), "no \"{line}\" in:\n{log}");
        }
        assert!(log.contains(&format!("is now {} (4k) blocks long", size / 4096)), "{log}");
        assert_clean(image.file.path());
    }
}

fn run(kernel: &Path, initrd: &Path, disk: &Path) -> String {
    let out = Command::new("timeout")
        .args(["600", "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max"])
        .args(["-smp", "2", "-m", "1024", "-nographic", "-no-reboot", "-nic", "none", "-kernel"])
        .arg(kernel)
        .arg("-initrd")
        .arg(initrd)
        .args(["-append", "root=/dev/vda rw console=ttyS0 init=/grow panic=-1 quiet", "-drive"])
        .arg(format!("file={},format=raw,if=virtio,cache=unsafe", disk.display()))
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{log}{}", String::from_utf8_lossy(&out.stderr));
    log
}

/// A minimal bookworm with a kernel, and the pack with its contents.
fn debian(work: &Path) -> (Tree, Arc<Pack>) {
    let archive = work.join("root.tar");
    let status = Command::new("mmdebstrap")
        .args(["--quiet", "--variant=apt", "bookworm"])
        .arg("--include=linux-image-cloud-amd64,initramfs-tools,e2fsprogs,kmod,mount")
        .arg(&archive)
        .status()
        .unwrap();
    assert!(status.success());
    let mut writer = PackWriter::create(work.join("root.pack")).unwrap();
    let (mut tree, mut files) = (Tree::new(), Vec::new());
    let mut reader = tar::Archive::new(BufReader::new(File::open(&archive).unwrap()));
    for entry in reader.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = path(&entry.path_bytes());
        let meta = meta(entry.header());
        match node(&entry) {
            Some(node) => drop(tree.insert(name, Entry { meta, node })),
            None => files.push((name, meta, writer.add(&mut entry).unwrap())),
        }
    }
    let (digest, _) = writer.finish().unwrap();
    let pack = Pack::open(work.join("root.pack"), digest).unwrap();
    for (name, meta, (offset, length)) in files {
        let content = Content::Packed { pack: pack.clone(), offset, length };
        tree.insert(name, Entry { meta, node: Node::File(content) });
    }
    (tree, pack)
}

fn meta(header: &tar::Header) -> Meta {
    Meta {
        mode: header.mode().unwrap() as u16 & 0o7777,
        uid: header.uid().unwrap() as u32,
        gid: header.gid().unwrap() as u32,
        mtime: Timestamp::from_seconds(header.mtime().unwrap() as i64),
        xattrs: BTreeMap::new(),
    }
}

/// The entry's node, unless it is a file.
fn node(entry: &tar::Entry<'_, impl Read>) -> Option<Node> {
    let header = entry.header();
    let link = || entry.link_name_bytes().unwrap().into_owned();
    let major = || header.device_major().unwrap().unwrap();
    let minor = || header.device_minor().unwrap().unwrap();
    match header.entry_type() {
        EntryType::Directory => Some(Node::Directory),
        EntryType::Symlink => Some(Node::Symlink(link())),
        EntryType::Link => Some(Node::HardLink(TreePath::new(&link()).unwrap())),
        EntryType::Char => Some(Node::CharDevice { major: major(), minor: minor() }),
        EntryType::Block => Some(Node::BlockDevice { major: major(), minor: minor() }),
        EntryType::Fifo => Some(Node::Fifo),
        _ => None,
    }
}
