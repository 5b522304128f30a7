//! From a root to a raw disk.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use slipway::disk::{DiskSpec, compose};
use slipway::profile::Format;

use crate::archive;
use crate::common::disk::must;
use crate::inputs::{DISK, Inputs, name};
use crate::run::{best, remove, shell};
use crate::table::{Figure, Row};

/// The program that makes a filesystem from a tar: e2fsprogs 1.47.1 or newer, with libarchive.
const MKE2FS: &str = "BENCH_MKE2FS";
/// One incremental image of mkosi after a change of one file, as a shell line.
const MKOSI: &str = "BENCH_MKOSI";

/// All rows of this page.
pub fn all(inputs: &Inputs) -> Vec<Row> {
    let mut rows = first_disk(inputs);
    rows.extend(second_disk(inputs));
    rows.extend(whole_program(inputs));
    rows
}

fn first_disk(inputs: &Inputs) -> Vec<Row> {
    let rounds = inputs.scale.rounds;
    let (tar, out) = (&inputs.tar, inputs.path("made.raw"));
    let clear = || remove(&out);
    let ours = best(rounds, clear, || ours_from_tar(inputs));
    let filesystem = inputs.size.bytes();
    let theirs = [
        (
            "`mke2fs -d root.tar` of Debian 13, the filesystem alone",
            0.2,
            best(rounds, clear, || mke2fs(tar, &out, filesystem)),
        ),
        (
            "crate mkext4 fed the same tar, the filesystem alone",
            0.8,
            best(rounds, clear, || {
                archive::mkext4(tar, filesystem, &out);
                shell("sync \"$1\"", &[&out]);
            }),
        ),
        (
            "`cp` of the tar",
            2.0,
            best(rounds, clear, || shell("cp \"$1\" \"$2\"; sync \"$2\"", &[tar, &out])),
        ),
    ];
    remove(&out);
    let work = "root tar -> bootable raw disk, no cache";
    theirs.map(|(against, reach, peer)| row(work, against, ours, peer, reach)).into()
}

fn row(work: &str, against: &str, ours: f64, peer: f64, reach: f64) -> Row {
    let reach = Some(reach);
    let (work, against) = (work.to_owned(), against.to_owned());
    Row { work, against, ours: Figure::Seconds(ours), peer: Figure::Seconds(peer), reach }
}

fn ours_from_tar(inputs: &Inputs) {
    let tree = archive::tree(&inputs.tar);
    let spec = DiskSpec { size: inputs.size, ..inputs.contents.spec.clone() };
    // no pack is placed as a whole: an archive's contents are where no filesystem could leave them
    let disk = compose(&tree, &[], &spec).unwrap();
    inputs.write(&disk, &[Format::Raw], "made", None);
}

fn mke2fs(tar: &Path, out: &Path, size: u64) {
    let program = std::env::var(MKE2FS).unwrap_or_else(|_| "mke2fs".into());
    let line = format!("{program} -q -t ext4 -d \"$1\" \"$2\" {}k; sync \"$2\"", size / 1024);
    shell(&line, &[tar, out]);
}

fn second_disk(inputs: &Inputs) -> [Row; 2] {
    let rounds = inputs.scale.rounds;
    let first = inputs.raw(&inputs.first, "first");
    let (mine, copy) = (inputs.path("second.raw"), inputs.path("copy.raw"));
    let ours = best(
        rounds,
        || remove(&mine),
        || {
            let contents = inputs.project.contents(&name(1));
            let disk = slipway::build::assemble(&contents).unwrap();
            inputs.write(&disk, &[Format::Raw], "second", None);
        },
    );
    let requests = inputs.path("requests");
    std::fs::write(&requests, debugfs_requests(inputs)).unwrap();
    let offset = 66 << 20;
    let line = format!(
        "cp --sparse=always \"$1\" \"$2\"; debugfs -w -f \"$3\" \"$2?offset={offset}\" >/dev/null 2>&1; sync \"$2\""
    );
    let peer = best(rounds, || remove(&copy), || shell(&line, &[&first, &copy, &requests]));
    remove(&copy);
    let work = "second customer's raw disk";
    let against = "`cp --sparse=always` of the first, `debugfs -w` of the customer's files";
    let floor = Row {
        work: work.into(),
        against: "`dd oflag=direct` of as many zeros: the disk alone".into(),
        ours: Figure::Seconds(ours),
        peer: Figure::Seconds(disk_alone(inputs, &first)),
        reach: None,
    };
    [row(work, against, ours, peer, 0.6), floor]
}

/// Seconds to write as many bytes as a file has on the disk, without reading or computing anything.
fn disk_alone(inputs: &Inputs, file: &Path) -> f64 {
    let out = inputs.path("zeros");
    let bytes = file.metadata().unwrap().blocks() * 512;
    let count = bytes.div_ceil(4 << 20);
    let line = format!(
        "dd if=/dev/zero of=\"$1\" bs=4M count={count} oflag=direct status=none; sync \"$1\""
    );
    let seconds = best(inputs.scale.rounds, || remove(&out), || shell(&line, &[&out]));
    remove(&out);
    seconds
}

/// The requests that turn the first customer's filesystem into the second's: files are removed and
/// written anew.
fn debugfs_requests(inputs: &Inputs) -> String {
    let other = inputs.project.contents(&name(1));
    let mut text = String::new();
    for (path, entry) in &other.tree {
        let slipway::tree::Node::File(content) = &entry.node else { continue };
        if inputs.contents.tree.file(path.as_bytes()) == Some(content) {
            continue;
        }
        let file = inputs.path(&format!("file-{}", text.len()));
        std::fs::write(&file, content.read().unwrap()).unwrap();
        text += &format!("rm {path}\nwrite {} {path}\n", file.display());
    }
    text
}

/// A customer's profile to a raw disk by the program itself, against an incremental build of mkosi.
fn whole_program(inputs: &Inputs) -> Option<Row> {
    let mkosi = std::env::var(MKOSI).ok()?;
    let out = inputs.project.root().join("out");
    let ours = best(
        inputs.scale.rounds,
        || remove(&out.join(name(1))),
        || must(&mut inputs.project.command(&["build", &name(1), "--no-digest"])),
    );
    let peer = best(1, || {}, || must(Command::new("sh").args(["-euc", &mkosi])));
    let work = "second customer, profile to raw, whole program";
    Some(row(work, "mkosi 25, incremental, one changed file", ours, peer, 0.03))
}

/// Peak memory of the program that encodes a customer's OVA and qcow2, nothing of it cached, in
/// bytes: the smallest of some runs, because threads are not equally far ahead of each other in all
/// of them.
pub fn peak(inputs: &Inputs, disk: &str) -> f64 {
    let customer = format!("peak-{}", disk.replace(' ', "-").to_lowercase());
    let profile =
        std::fs::read_to_string(inputs.project.root().join(format!("profiles/{}.toml", name(1))));
    let profile = profile.unwrap().replace(DISK, disk);
    let profile = profile.replace("\"raw\"", "\"ova\", \"qcow2\"");
    inputs.project.profile(&customer, &profile);
    let mut least = f64::INFINITY;
    for _ in 0..inputs.scale.rounds.min(3) {
        must(&mut inputs.project.command(&["cache", "prune", "--all"]));
        least = least.min(peak_of(inputs, &inputs.project.command(&["build", &customer])));
    }
    least
}

fn peak_of(inputs: &Inputs, built: &Command) -> f64 {
    let mut timed = Command::new("time");
    timed.args(["--format", "%M", "--output"]).arg(inputs.path("peak"));
    timed.arg(built.get_program()).args(built.get_args()).current_dir(inputs.project.root());
    must(timed.envs(built.get_envs().filter_map(|(name, value)| Some((name, value?)))));
    let text = std::fs::read_to_string(inputs.path("peak")).unwrap();
    text.trim().parse::<f64>().unwrap() * 1024.0
}
