//! `slipway inspect`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use super::summary;
use super::terminal::{self, clean};
use crate::error::{Context, Kind, Result};
use crate::inspect::{self, EfiFile, Image, Report, damage};
use crate::manifest::ImageRecord;
use crate::project::Surroundings;

/// The exit code for an image that is not as it was made.
const DAMAGED: u8 = 3;

/// How many names of a program's certificates are shown: the first is who issued the signer's.
const SIGNERS: usize = 2;

/// Arguments of `slipway inspect`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 nothing is damaged; 1 the image cannot be read; 3 the image was read, but something in
it is damaged: a member of the package, a part of the file, a copy of the partition table.")]
pub struct Args {
    /// The image, in any format that slipway writes
    image: PathBuf,
    /// Print everything as JSON, including every package
    #[arg(long, conflicts_with = "file")]
    json: bool,
    /// Print one file of the image's root filesystem, as in /etc/fstab
    #[arg(long, value_name = "PATH")]
    file: Option<String>,
}

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, _: &Surroundings) -> Result<u8> {
    let image = Arc::new(Image::open(&args.image)?);
    let mut damage = damage::of_file(&image)?;
    match show(args, &image, &mut damage) {
        Ok(()) => Ok(if damage.is_empty() { 0 } else { DAMAGED }),
        // what is known of the damage says why
        Err(error) if error.kind() == Kind::Damaged && !damage.is_empty() => {
            damage.iter().for_each(|line| terminal::complain(&clean(line)));
            let output = if args.json { super::Output::Json } else { super::Output::Text };
            super::report(&error, output);
            Ok(DAMAGED)
        }
        Err(error) => Err(error),
    }
}

fn show(args: &Args, image: &Arc<Image>, damage: &mut Vec<String>) -> Result<()> {
    if let Some(path) = &args.file {
        let mut out = std::io::stdout().lock();
        inspect::copy_file_of(image, path, &mut out)?;
        out.flush().doing("cannot print")?;
        damage.iter().for_each(|line| terminal::complain(&clean(line)));
        return Ok(());
    }
    let report = inspect::report(image)?;
    damage.extend(damage::of_table(&report.table));
    if args.json {
        return terminal::print_json(&Shown { damage, report: &report });
    }
    terminal::print(people(&report, damage).trim_end())
}

/// What was found, and first what is damaged.
#[derive(serde::Serialize)]
struct Shown<'a> {
    damage: &'a [String],
    #[serde(flatten)]
    report: &'a Report,
}

/// Label and value, aligned.
struct Lines(String);

impl Lines {
    fn add(&mut self, label: &str, value: impl std::fmt::Display) {
        // writing to a string does not fail
        let _ = writeln!(self.0, "{label:<13} {value}");
    }
}

fn people(report: &Report, damage: &[String]) -> String {
    let mut lines = Lines(String::new());
    for line in damage {
        lines.add("DAMAGED", clean(line));
    }
    let format = report.format;
    lines.add("image", format!("{format}, a disk of {} in {}", report.disk, report.file));
    match &report.record {
        Some(record) => add_record(&mut lines, record),
        None => lines.add("record", "none: slipway did not build this image"),
    }
    add_disk(&mut lines, report);
    lines.0
}

fn add_record(lines: &mut Lines, record: &ImageRecord) {
    let ports = summary::probed(&record.profile.probes);
    for group in summary::of(&record.profile, None, &ports) {
        group.rows.into_iter().for_each(|(name, value)| lines.add(&name, value));
    }
    lines.add("release", format!("{}, site {}", record.bundle.release, record.bundle.site));
    lines.add("bundle", record.bundle.digest);
    lines.add("base", format!("{}, {}", record.base.name, record.base.digest.short()));
    lines.add("packages", format!("{} (--json names them)", record.packages.len()));
    lines.add("plan", record.plan);
    lines.add("time", record.time);
    lines.add("builder", format!("slipway {}", record.builder));
}

fn add_disk(lines: &mut Lines, report: &Report) {
    let root = &report.root;
    lines.add("system", clean(root.system.as_deref().unwrap_or("unknown")));
    lines.add("kernel", clean(root.boots.as_deref().unwrap_or("none")));
    for kernel in &root.kernels {
        lines.add("", clean(kernel));
    }
    lines.add("root", format!("ext4 {} {}", root.uuid, clean(&root.label)));
    let table =
        if report.table.both_copies { "both copies are whole" } else { "one copy is broken" };
    lines.add("table", format!("GPT {}, {table}", report.table.disk_guid));
    for part in &report.table.partitions {
        let (size, start) =
            (part.size.to_string(), crate::units::ByteSize(part.offset).to_string());
        let name = clean(&part.name);
        lines.add("", format!("{}  {name:<10} {size:>10} at {start:>8}  {}", part.slot, part.guid));
    }
    lines.add("BIOS", if report.boot.bios { "GRUB" } else { "does not boot" });
    for (i, file) in report.boot.efi.iter().enumerate() {
        lines.add(if i == 0 { "UEFI" } else { "" }, efi_file(file));
    }
    if report.boot.efi.is_empty() {
        lines.add("UEFI", "does not boot");
    }
}

fn efi_file(file: &EfiFile) -> String {
    let signed = match &file.signers {
        None => String::new(),
        Some(names) if names.is_empty() => "not signed".to_owned(),
        Some(names) if names.len() <= SIGNERS => format!("signed: {}", clean(&names.join(", "))),
        Some(names) => {
            let more = names.len() - SIGNERS;
            format!("signed: {} and {more} more", clean(&names[..SIGNERS].join(", ")))
        }
    };
    let line = format!("{:<22} {:>10}  {signed}", clean(&file.path), file.size.to_string());
    line.trim_end().to_owned()
}
