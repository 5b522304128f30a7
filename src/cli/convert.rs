//! `slipway convert`: an image in another format.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use super::terminal::{self, Terminal};
use crate::convert::{self, stem};
use crate::error::{Context, Error, Kind, Result};
use crate::format::{self, Machine, Wanted};
use crate::inspect::{Image, begins_a_disk, damage};
use crate::profile::Format;
use crate::progress::Progress;
use crate::project::Surroundings;
use crate::units::ByteSize;

/// Arguments of `slipway convert`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The image, in any format that slipway writes
    image: PathBuf,
    /// The new format: raw, raw-zst, qcow2, qcow2-zstd, qcow2-plain, vmdk, vmdk-sparse, ova, vhd,
    /// vhd-dynamic, vhdx, gce
    #[arg(long, value_name = "FORMAT", value_parser = parse_format)]
    to: Format,
    /// Where the new image goes [default: beside the image, with the format's file extension]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace an existing file
    #[arg(long)]
    force: bool,
    /// The machine's name in an OVA [default: what the image's record says, or the file's name]
    #[arg(long)]
    name: Option<String>,
    /// The machine's memory in an OVA, as in "4 GiB"
    #[arg(long, value_name = "SIZE")]
    memory: Option<ByteSize>,
    /// The machine's processors in an OVA
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    vcpus: Option<u32>,
    /// Do not compute the new image's SHA-256
    #[arg(long)]
    no_digest: bool,
    /// How many threads encode [default: as many as this machine has]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Print what was written as JSON on stdout
    #[arg(long)]
    json: bool,
}

/// What an interrupted conversion leaves.
const STAYS: &str = "what was at the target has not changed; the next image that is written there removes the unfinished file";

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let image = Arc::new(Image::open(&args.image)?);
    let wanted = Wanted { format: args.to, path: target(args, image.format()) };
    if !args.force {
        refuse_taken(&wanted.path)?;
    }
    damage::refuse_changed(&image)?;
    let machine = machine(args, convert::machine(&image));
    let progress = Terminal::stoppable(STAYS)?;
    if image.format() == Format::Raw && !begins_a_disk(&image)? {
        progress.note(
            "the image begins with neither a partition table nor a filesystem: it is copied as it is, and may \
             not be a disk",
        );
    }
    let threads = args.threads.unwrap_or_else(|| surroundings.threads());
    let how = convert::How { digests: !args.no_digest, threads };
    let written = convert::convert(&image, &machine, &wanted, how, &progress)?;
    progress.done();
    let (size, path) = (ByteSize(written.size), written.path.display());
    if args.json {
        let value = json!({
            "from": image.format(), "format": written.format, "file": written.path,
            "disk": ByteSize(image.size()), "size": size, "sha256": written.digest,
        });
        terminal::print_json(&value)?;
        return Ok(0);
    }
    let digest = written.digest.map(|d| format!("  sha256:{d}")).unwrap_or_default();
    terminal::print(format!("{path}  {size}{digest}"))?;
    Ok(0)
}

/// Whatever has the name counts, a link that leads nowhere too.
fn refuse_taken(path: &Path) -> Result<()> {
    match path.symlink_metadata() {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e).at("cannot look at", path),
        Ok(_) => Err(Error::new(Kind::Refused, "there is a file already")
            .at(path)
            .remedy("replace it with --force, or give another path with --out")),
    }
}

fn target(args: &Args, from: Format) -> PathBuf {
    let beside = || {
        let name = format!("{}.{}", stem(&args.image, from), format::extension(args.to));
        args.image.parent().unwrap_or(Path::new("")).join(name)
    };
    args.out.clone().unwrap_or_else(beside)
}

/// What the user says counts more than what the image says.
fn machine(args: &Args, own: Machine) -> Machine {
    Machine {
        title: args.name.clone().unwrap_or(own.title),
        name: args.name.clone().unwrap_or(own.name),
        vcpus: args.vcpus.unwrap_or(own.vcpus),
        memory: args.memory.unwrap_or(own.memory),
        ..own
    }
}

pub(super) fn parse_format(text: &str) -> Result<Format, String> {
    Format::ALL.into_iter().find(|format| format.name() == text).ok_or_else(|| {
        let names: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
        format!("the formats are {}", names.join(", "))
    })
}
