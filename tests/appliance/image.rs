//! The demo's own image: no judge finds anything wrong, and everything that went in is in it.
//! `cargo test --test appliance image:: -- --ignored`

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::common::contents;
use crate::common::disk::{GuestDisk, must};
use crate::common::evidence;
use crate::common::project::Project;
use slipway::build::Contents;
use slipway::tree::{Entry, Node, Tree};

struct Demo {
    image: PathBuf,
    disk: GuestDisk,
    contents: Contents,
    _project: Project,
}

/// The image as `slipway build` writes it, and the tree that the library says goes into it.
fn demo() -> &'static Demo {
    static DEMO: OnceLock<Demo> = OnceLock::new();
    DEMO.get_or_init(|| {
        let project = Project::new();
        project.publish("demo");
        let image = project.build("demo");
        Demo {
            disk: GuestDisk::open(&image),
            contents: project.contents("demo"),
            image,
            _project: project,
        }
    })
}

/// The name in the tree and the file's own entry, hard links followed.
fn entries(tree: &Tree) -> impl Iterator<Item = (String, &Entry)> {
    tree.iter().map(|(path, entry)| {
        let own = match &entry.node {
            Node::HardLink(target) => tree.get(target).unwrap(),
            _ => entry,
        };
        (format!("/{}", std::str::from_utf8(path.as_bytes()).unwrap()), own)
    })
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn sgdisk_qemu_img_fsck_vfat_and_e2fsck_find_nothing() {
    let demo = demo();
    must(Command::new("qemu-img").arg("check").arg(&demo.image));
    let table = must(Command::new("sgdisk").arg("-v").arg(demo.disk.raw()));
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(table.contains("No problems found"), "{table}");
    must(Command::new("fsck.vfat").arg("-nv").arg(demo.disk.esp()));
    demo.disk.assert_clean();
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn every_entry_has_its_content_mode_owner_and_time_and_there_is_no_other() {
    let demo = demo();
    assert!(demo.contents.tree.len() > 20_000, "{} entries", demo.contents.tree.len());
    let file = std::fs::File::open(demo.disk.raw()).unwrap();
    contents::assert_holds(&contents::reader(file, demo.disk.root_offset()), &demo.contents.tree);
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn every_entry_has_its_attributes_links_and_device_numbers_and_no_other() {
    let demo = demo();
    let tree = &demo.contents.tree;
    let mut links: BTreeMap<&[u8], u32> = BTreeMap::new();
    for (path, entry) in tree {
        let own = match &entry.node {
            Node::HardLink(target) => target,
            _ => path,
        };
        *links.entry(own.as_bytes()).or_default() += 1;
    }
    let requests = entries(tree).fold(String::new(), |mut text, (path, _)| {
        assert!(!path.contains(['"', '\n']), "debugfs cannot be asked for {path:?}");
        writeln!(text, "stat \"{path}\"").unwrap();
        text
    });
    let said = demo.disk.debugfs(&requests);
    // every answer begins with the request, which debugfs repeats
    let answers: Vec<&str> = said.split("debugfs: stat ").skip(1).collect();
    assert_eq!(answers.len(), tree.len());
    for ((path, entry), answer) in entries(tree).zip(answers) {
        let own = match &tree.get(&path.as_bytes()[1..]).unwrap().node {
            Node::HardLink(target) => target.as_bytes(),
            _ => &path.as_bytes()[1..],
        };
        if !matches!(entry.node, Node::Directory) {
            let count = format!("Links: {} ", links[own]);
            assert!(answer.contains(&count), "{path}: no {count}in {answer}");
        }
        if let Node::CharDevice { major, minor } | Node::BlockDevice { major, minor } = entry.node {
            let numbers = format!("{major:02}:{minor:02}");
            assert!(answer.contains(&numbers), "{path}: no {numbers} in {answer}");
        }
        assert_eq!(attributes(answer), names_and_sizes(entry), "{path}: {answer}");
    }
}

/// The attributes that debugfs lists: their names and the bytes of their values.
fn attributes(answer: &str) -> BTreeSet<(String, usize)> {
    let Some((_, list)) = answer.split_once("Extended attributes:\n") else {
        return BTreeSet::new();
    };
    list.lines()
        .take_while(|line| line.starts_with("  "))
        .map(|line| {
            let (name, rest) = line.trim_start().split_once(" (").unwrap();
            (name.to_owned(), rest.split_once(')').unwrap().0.parse().unwrap())
        })
        .collect()
}

/// What ext4 should keep. POSIX ACLs have another form there: a header of 4 bytes, 4 bytes for an
/// entry without an id, and 8 for one with an id.
fn names_and_sizes(entry: &Entry) -> BTreeSet<(String, usize)> {
    let size = |name: &[u8], value: &[u8]| match name.starts_with(b"system.posix_acl_") {
        true => {
            4 + value[4..]
                .chunks(8)
                .map(|e| if matches!(e[0], 2 | 8) { 8 } else { 4 })
                .sum::<usize>()
        }
        false => value.len(),
    };
    let pairs = entry.meta.xattrs.iter();
    pairs
        .map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), size(name, value)))
        .collect()
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn capabilities_have_their_values() {
    let demo = demo();
    let mut seen = 0;
    for (path, entry) in entries(&demo.contents.tree) {
        for (name, value) in &entry.meta.xattrs {
            let name = std::str::from_utf8(name).unwrap();
            if name.starts_with("system.posix_acl_") {
                continue;
            }
            let out = tempfile::NamedTempFile::new().unwrap();
            let out = out.path();
            demo.disk.debugfs(&format!("ea_get -f {} \"{path}\" {name}\n", out.display()));
            assert_eq!(&std::fs::read(out).unwrap(), value, "{path}: {name}");
            seen += 1;
        }
    }
    assert!(seen > 0, "the base has no file with a capability");
}

/// dpkg's own list of the same root says which packages must be there.
#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn both_lists_of_components_are_accepted_by_others_and_hold_all_that_is_in_the_image() {
    let demo = demo();
    let folder = tempfile::tempdir().unwrap();
    let image = demo.image.to_str().unwrap();
    let listed = ["spdx", "cyclonedx"].map(|format| {
        let file = folder.path().join(format!("{format}.json"));
        let path = file.to_str().unwrap();
        demo._project.run(&["sbom", image, "--format", format, "--output", path]);
        evidence::accepted(format, &[&file])
    });
    assert_eq!(listed[0], listed[1]);
    let purls: BTreeSet<&str> = listed[0].iter().map(String::as_str).collect();
    let packages = purls.iter().filter(|purl| purl.starts_with("pkg:deb/debian/")).count();
    assert_eq!(packages, demo.contents.record.packages.len());
}
